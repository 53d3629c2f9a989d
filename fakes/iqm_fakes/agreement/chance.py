r"""What chance does: how far counts are from the distribution that they are drawn from.

Counts :math:`n_x` of :math:`N` shots are held against probabilities :math:`p_x` by the likelihood ratio

.. math:: G = 2 \sum_x n_x \ln \frac{n_x}{N p_x},

of each independent group of bits, added up. Its p-value is a Monte Carlo test's: with :math:`D` draws under the
hypothesis, :math:`(1 + \#\{G_d \ge G\})/(1 + D)`. If the hypothesis is right, it is :math:`u` or less with a
probability of at most :math:`u`, for any number of shots and draws (Barnard 1963; Davison and Hinkley, Bootstrap
Methods, 1997, §4.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from iqm_fakes.simulator.distribution import Distribution

_MOST = 2**22
"""Numbers drawn at once."""

_SPARSE = 4
"""From so many outcomes for each shot on, shots are drawn one by one."""


class Tally(NamedTuple):
    """How often which values of a group of bits were seen.

    Attributes:
        bits: The bits.
        values: Those seen, as indices into the probabilities of a :class:`~.distribution.Factor`.
        counts: How often.

    """

    bits: tuple[int, ...]
    values: NDArray[np.int64]
    counts: NDArray[np.int64]


def tallies(distribution: Distribution, outcomes: NDArray[np.uint8], counts: NDArray[np.int64]) -> tuple[Tally, ...]:
    """Return counts of the independent groups of bits of a distribution."""
    found = []
    for factor in distribution.factors:
        values = outcomes[:, factor.bits].astype(np.int64) @ (1 << np.arange(len(factor.bits)))
        distinct, places = np.unique(values, return_inverse=True)
        found.append(Tally(factor.bits, distinct, np.bincount(places.ravel(), weights=counts).astype(np.int64)))
    return tuple(found)


def divergence(seen: Sequence[Tally], expected: Distribution) -> float:
    """Return G of counts against a distribution with these groups of bits; infinite if it excludes what was seen."""
    total = 0.0
    for tally, factor in zip(seen, expected.factors, strict=True):
        total += float(_g(tally.counts, factor.probabilities[tally.values]))
    return total


def drawn_divergences(
    truth: Distribution, expected: Distribution, shots: int, draws: int, random: Generator
) -> NDArray[np.float64]:
    """Return G of so many draws of counts from ``truth`` against ``expected``, which has the same groups of bits."""
    total = np.zeros(draws)
    for factor in expected.factors:
        probabilities = truth.joint(factor.bits)
        probabilities = probabilities / probabilities.sum()
        if len(probabilities) > _SPARSE * shots:
            edges = np.cumsum(probabilities)
            for draw in range(draws):
                places = np.minimum(np.searchsorted(edges, random.random(shots), "right"), len(edges) - 1)
                values, counts = np.unique(places, return_counts=True)
                total[draw] += _g(counts, factor.probabilities[values])
            continue
        step = max(1, _MOST // len(probabilities))
        for begin in range(0, draws, step):
            rows = random.multinomial(shots, probabilities, size=min(step, draws - begin))
            total[begin : begin + step] += _g(rows, factor.probabilities)
    return total


def _g(counts: NDArray[np.int64], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return G of rows of counts."""
    shots = counts.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(counts > 0, counts * np.log(counts / (shots * probabilities)), 0.0)
    g: NDArray[np.float64] = 2 * terms.sum(axis=-1)
    return g


def p_value(seen: float, drawn: NDArray[np.float64]) -> float:
    """Return the p-value of a statistic that is large where the hypothesis is wrong; at least 1/(1 + draws)."""
    tolerated = seen - 1e-9 * abs(seen) if np.isfinite(seen) else seen  # equal counts may differ by rounding
    return float((1 + np.count_nonzero(drawn >= tolerated)) / (1 + len(drawn)))


def distance(outcomes: NDArray[np.uint8], counts: NDArray[np.int64], expected: Distribution) -> float:
    """Return the total variation distance between frequencies and a distribution of all bits together."""
    frequencies = counts / counts.sum()
    return float(np.maximum(frequencies - expected.probabilities(outcomes), 0).sum())


def distance_by_chance(expected: Distribution, shots: int, draws: int, random: Generator) -> float:
    """Return how far frequencies of so many shots are from their own distribution, in the mean of some draws."""
    distances = []
    for _ in range(draws):
        outcomes, counts = np.unique(expected.draw(shots, random), axis=0, return_counts=True)
        distances.append(distance(outcomes, counts, expected))
    return float(np.mean(distances))
