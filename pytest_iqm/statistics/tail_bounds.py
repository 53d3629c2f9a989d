"""p-values that hold for every number of shots: exact binomial tails and union bounds.

The null hypothesis about N independent shots of a device with the unknown distribution p is TVD(p, q) ≤ δ, where
TVD(p, q) = ½ Σ|p−q| is the largest difference that two distributions make to the probability of any event.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, rel_entr

from pytest_iqm.statistics.betting import one_sample_bet, two_sample_bet
from pytest_iqm.statistics.likelihood_ratio import one_sample_p_value, two_sample_p_value

Array: TypeAlias = NDArray[np.float64]

FAMILIES = 3
"""Ways to refute a distribution that are tried, each at a third of the error."""

MOST_EVENTS = 1000
"""Outcomes from which on there are more events than a union bound can count; long before, it is of no use."""


def upper_tail(count: ArrayLike, shots: ArrayLike, probability: ArrayLike) -> Array:
    """Return P[Bin(shots, probability) ≥ count], exactly, by the regularised incomplete beta function."""
    k, n = np.asarray(count, float), np.asarray(shots, float)
    inside = np.clip(k, 1, n)
    tail = betainc(inside, n - inside + 1, np.clip(probability, 0.0, 1.0))
    return np.where(k <= 0, 1.0, np.where(k > n, 0.0, tail))


def lower_tail(count: float, shots: int, probability: float) -> float:
    """Return P[Bin(shots, probability) ≤ count], exactly."""
    return float(upper_tail(shots - count, shots, 1.0 - probability))


def level_of_one_outcome(alpha: float, cells: int) -> float:
    """Return the error that the test of one outcome may make in a claim of this α about so many."""
    return alpha / (FAMILIES * _single_events(cells))


def _single_events(cells: float) -> float:
    """Return how many events one outcome, or all but one, are; of two outcomes, each is all but the other."""
    return 2 * cells if cells > 2 else 2


def total_variation(p: Array, q: Array) -> float:
    """Return ½ Σ|p−q|."""
    return float(np.abs(p - q).sum() / 2)


def distribution_p_value(counts: Array, q: Array, delta: float) -> float:
    r"""Return a p-value of TVD(p, q) ≤ δ.

    Under the null hypothesis an event A has p(A) ≤ q(A) + δ. Three families of tests share the error:

    1. single outcomes and their complements, exact binomial tests with a union bound;
    2. all :math:`2^k - 2` events with a union bound; those that can be extreme are the level sets of the ratio of
       what was observed and declared, so only these are looked at;
    3. without a tolerance, the likelihood ratio over all outcomes (:mod:`.likelihood_ratio`); with one, bets on events
       that the shots before choose (:mod:`.betting`). It is the one for many outcomes.

    Args:
        counts: Shots by outcome, of shape (k,).
        q: Declared probabilities of the same outcomes, which sum to 1; what is not declared is one outcome with 0.
        delta: The tolerance.

    """
    shots, cells = int(counts.sum()), len(q)
    more, fewer = counts > shots * (q + delta), counts < shots * (q - delta)  # all other tails are at least 1/4
    tails = (
        upper_tail(counts[more], shots, q[more] + delta),
        upper_tail(shots - counts[fewer], shots, 1 - q[fewer] + delta),
    )
    single = _single_events(cells) * float(min(tail.min(initial=1.0) for tail in tails))
    events = math.inf
    if cells < MOST_EVENTS:
        order = _by_ratio(counts, q)
        several = upper_tail(np.cumsum(counts[order])[:-1], shots, np.cumsum(q[order])[:-1] + delta)
        events = (2.0**cells - 2) * float(several.min(initial=1.0))
    together = 0.0
    if single > 0:
        together = one_sample_bet(counts, q, delta) if delta else one_sample_p_value(counts[q > 0], q[q > 0])
    return min(1.0, FAMILIES * min(single, events, together))


def equality_p_value(one: Array, other: Array, delta: float, outcomes: float) -> float:
    """Return a p-value of TVD(p₁, p₂) ≤ δ for two samples.

    Under the null hypothesis an event A has p₁(A) ≤ p₂(A) + δ. Three families of tests share the error, as in
    :func:`distribution_p_value`; the union bound over single outcomes counts all that there could be.

    Args:
        one: Shots by outcome, of shape (k,).
        other: The same of the other sample.
        delta: The tolerance.
        outcomes: How many there could be, seen or not: a number that does not depend on the samples.

    """
    n1, n2 = float(one.sum()), float(other.sum())
    each, rest = np.append(one, n1 - one), np.append(other, n2 - other)
    single = _single_events(outcomes) * _event_p_value(each, n1, rest, n2, delta)
    events = math.inf
    if outcomes < MOST_EVENTS:
        order = _by_ratio(one, other)
        cumulated = np.cumsum(one[order]), n1, np.cumsum(other[order]), n2
        events = (2.0 ** int(outcomes) - 2) * _event_p_value(*cumulated, delta)
    together = 0.0
    if single > 0:
        together = two_sample_bet(one, other, delta) if delta else two_sample_p_value(one, other)
    return min(1.0, FAMILIES * min(single, events, together))


def _event_p_value(x1: Array, n1: float, x2: Array, n2: float, delta: float) -> float:
    """Return the smallest p-value of p₁(A) ≤ p₂(A) + δ for events A that x₁ of n₁ and x₂ of n₂ shots were; 1 at most.

    For the unknown θ = p₂(A) and under the null hypothesis, P[Bin(n₁, θ+δ) ≥ x₁] and P[Bin(n₂, θ) ≤ x₂] are independent
    and at least uniform, so for their product f, f·(1 − ln f) is a p-value (Fisher's combination); the largest over θ
    is one that does not need θ. Both tails are log-concave in θ, so their product has one maximum; it is not further
    than 5/√n outside of x₂/n₂ and x₁/n₁ − δ, where by Hoeffding's inequality one tail is 1 but for e⁻⁵⁰, and the other
    falls.
    """
    suspicious = x1 / n1 - delta > x2 / n2
    x1, x2 = x1[suspicious], x2[suspicious]
    low, high = np.maximum(x2 / n2 - 5 / math.sqrt(n2), 0.0), np.minimum(x1 / n1 - delta + 5 / math.sqrt(n1), 1.0)
    product = np.zeros(len(x1))
    for _ in range(math.ceil(math.log(1e4 * max(n1, n2), 8))):  # eight times closer each, to 10⁻⁴ of a shot
        thetas = np.linspace(low, high, 17)
        logarithms = _log_upper_tail(x1, n1, thetas + delta) + _log_upper_tail(n2 - x2, n2, 1 - thetas)
        best, product = np.argmax(logarithms, axis=0), np.max(logarithms, axis=0)
        low, high = (np.take_along_axis(thetas, np.clip(best + step, 0, 16)[None], 0)[0] for step in (-1, 1))
    smallest = float(product.min(initial=0.0))
    return math.exp(smallest) * (1 - smallest) if smallest > -math.inf else 0.0


def _log_upper_tail(count: Array, shots: float, probability: Array) -> Array:
    """Return ln P[Bin(shots, probability) ≥ count]; where that is too small for a number, Chernoff's bound of it."""
    tail = upper_tail(count, shots, probability)
    share, p = count / shots, np.clip(probability, 0.0, 1.0)
    chernoff = -shots * (rel_entr(share, p) + rel_entr(1 - share, 1 - p))
    return np.where(tail > 0, np.log(np.where(tail > 0, tail, 1.0)), chernoff)


def _by_ratio(one: Array, other: Array) -> NDArray[np.intp]:
    """Return the order of outcomes from those that ``one`` has more of than ``other`` to those it has less of."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(other > 0, one / other, np.where(one > 0, np.inf, 0.0))
    return np.argsort(-ratio, kind="stable")


def confidence_interval(count: int, shots: int, confidence: float = 0.99) -> tuple[float, float]:
    """Return Clopper and Pearson's interval of a probability (Biometrika 26, 404 (1934))."""
    from scipy.special import betaincinv

    error = (1 - confidence) / 2
    low = 0.0 if count == 0 else float(betaincinv(count, shots - count + 1, error))
    high = 1.0 if count == shots else float(betaincinv(count + 1, shots - count, 1 - error))
    return low, high
