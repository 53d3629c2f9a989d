r"""p-values of the likelihood ratio over many outcomes, that hold for every number of shots; nothing is drawn.

The statistic adds up over the outcomes, :math:`G = \sum_i g_i(x_i)`, and under the null hypothesis the numbers of shots
are independent, given their sum n:

- of one sample from the probabilities q, :math:`x_i` is Poisson with mean :math:`n q_i`;
- of two samples from one distribution, given both together (:math:`s_i` shots of the outcome), the shots of the first
  are binomial: :math:`s_i` times a part :math:`\rho` of all shots.

:math:`g_i` is the logarithm of how much likelier another mean makes :math:`x_i`, so :math:`P(x_i) \le e^{-g_i}`. The
joint distribution of :math:`\sum_i x_i` and G is a convolution over the outcomes, by Fourier transforms; what each adds
is rounded down to steps, which is part of what is tested. So that small p-values are exact, too, all of it is weighted
with :math:`e^{\theta G}`. What leaves the range of a transform comes in again at its other end, and counts as more than
it is. Where that takes too long, G is left out: for every :math:`\theta` from 0 to 1,

.. math:: P[G \ge g] \le e^{-\theta g} \, E\left[e^{\theta G} \mid \textstyle\sum_i x_i = n\right],

which is too large by a factor of 3 to 30.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

Array: TypeAlias = NDArray[np.float64]

THETAS = np.linspace(0.05, 0.9, 18)
"""Values of θ that are tried."""

NEGLIGIBLE = 60.0
"""Terms below the exponential of minus this are not computed: they are bounded by it."""

ERROR = 1e-13
"""What rounding may do to a sum of probabilities of about 1."""

STEPS = 256
"""Into how many steps the statistic is divided."""

MOST_TERMS = 2**26
"""How many numbers may be transformed: about a second."""

SHORTEST = 2**13
"""A transform takes as long as that of so many numbers, at least."""

ROUGH = 0.05
"""Bounds above this are good enough."""


class _Null(NamedTuple):
    """The null hypothesis: what is known beforehand of an outcome says how its shots are distributed.

    Attributes:
        moments: Their mean and variance, and how many there may be.
        terms: What numbers of shots add to the statistic, and the logarithms of their probabilities.
        total: The shots of all outcomes.
        of_total: The logarithm of the probability that these are so many.

    """

    moments: Callable[[float], tuple[float, float, float]]
    terms: Callable[[Array, float], tuple[Array, Array]]
    total: float
    of_total: float


class _Kind(NamedTuple):
    """Outcomes of which the same is known: how many, numbers of shots, what these add, logarithms of probabilities."""

    number: int
    shots: Array
    added: Array
    log_pmf: Array


def one_sample_p_value(counts: Array, q: Array) -> float:
    """Return a p-value of counts being drawn from the probabilities q, which are above 0 and sum to 1."""
    shots = float(counts.sum())

    def terms(x: Array, mean: float) -> tuple[Array, Array]:
        return _added(x, mean), xlogy(x, mean) - mean - gammaln(x + 1)

    of_total = float(terms(np.array(shots), shots)[1])
    return _p_value(
        _added(counts, shots * q), shots * q, _Null(lambda mean: (mean, mean, shots), terms, shots, of_total)
    )


def two_sample_p_value(one: Array, other: Array) -> float:
    """Return a p-value of both samples being drawn from one distribution."""
    n1, n2 = float(one.sum()), float(other.sum())
    share = n1 / (n1 + n2)

    def terms(x: Array, both: float) -> tuple[Array, Array]:
        log_pmf = gammaln(both + 1) - gammaln(x + 1) - gammaln(both - x + 1)
        added = _added(x, both * share) + _added(both - x, both * (1 - share))
        return added, log_pmf + xlogy(x, share) + xlogy(both - x, 1 - share)

    def moments(both: float) -> tuple[float, float, float]:
        return both * share, both * share * (1 - share), both

    sums = one + other
    observed = _added(one, sums * share) + _added(other, sums * (1 - share))
    of_total = float(terms(np.array(n1), n1 + n2)[1])
    return _p_value(observed[sums > 0], sums[sums > 0], _Null(moments, terms, n1, of_total))


def _added(x: Array, mean: Array | float) -> Array:
    """Return x ln(x/mean) − x + mean, what an outcome adds to the statistic."""
    added: Array = xlogy(x, x) - xlogy(x, mean) - x + mean
    return np.maximum(added, 0.0)


def _p_value(observed: Array, outcomes: Array, null: _Null) -> float:
    """Return the p-value; 1 if it would take too long.

    Args:
        observed: What each outcome adds to the statistic.
        outcomes: What is known of each beforehand.
        null: How its shots are distributed.

    """
    known, numbers = np.unique(outcomes, return_counts=True)
    moments = [null.moments(each) for each in known.tolist()]
    spread = float(numbers @ np.array([variance for _, variance, _ in moments]))
    width = 2 ** math.ceil(math.log2(16 * math.sqrt(spread) + 64))
    if len(known) * max(width, SHORTEST) > MOST_TERMS:
        return 1.0
    windows = [_window(*each) for each in moments]
    kinds = [
        _Kind(number, x, *null.terms(x, each))
        for number, x, each in zip(numbers.tolist(), windows, known.tolist(), strict=True)
    ]
    statistic = float(observed.sum())
    logarithms = numbers @ np.array([_logarithms(kind) for kind in kinds])
    theta = float(THETAS[np.argmin(logarithms - THETAS * statistic)])
    total, scale = int(null.total % width), theta * statistic + null.of_total
    weighted, logarithm = _convolved(kinds, theta, width, 1, 0.0)
    bound = (float(_row(weighted, total, 1)[0]) + ERROR) * math.exp(min(logarithm - scale, 700.0))
    if bound > ROUGH or len(kinds) * width * STEPS > MOST_TERMS:
        return min(bound, 1.0)
    step = (statistic + NEGLIGIBLE) / STEPS
    least = int(np.floor(observed / step).sum())
    weighted, logarithm = _convolved(kinds, theta, width, STEPS, step)
    row = np.maximum(_row(weighted, total, STEPS), 0.0)
    tail = float(row[least:] @ np.exp(-theta * step * np.arange(STEPS - least)))
    tail += float(row.sum()) * math.exp(-theta * step * (STEPS - least)) + ERROR
    return min(tail * math.exp(logarithm - theta * step * least - null.of_total), 1.0)


def _convolved(
    kinds: list[_Kind], theta: float, width: int, steps: int, step: float
) -> tuple[NDArray[np.complex128], float]:
    """Return the transform of the weighted distribution of all shots and of the statistic, and what it is divided by.

    Args:
        kinds: The outcomes.
        theta: The statistic's weight.
        width: The range of the sum of shots.
        steps: That of the statistic; 1 leaves it out.
        step: How large a step is; 0 does not round it.

    """
    product, logarithm = np.ones((width, steps // 2 + 1), dtype=np.complex128), 0.0
    for number, shots, added, log_pmf in kinds:
        levels = np.floor(added / step) if step else np.zeros(len(added))
        exponents = theta * (step * levels if step else added) + log_pmf
        largest = float(exponents.max())
        weights = np.exp(exponents - largest)
        places = (shots % width) * steps + levels % steps
        folded = np.bincount(places.astype(np.int64), weights / weights.sum(), width * steps)
        folded += (shots[-1] + 1) * math.exp(-NEGLIGIBLE)
        product *= np.fft.rfft2(folded.reshape(width, steps)) ** number
        logarithm += number * (largest + math.log(weights.sum()))
    return product, logarithm


def _row(transform: NDArray[np.complex128], total: int, steps: int) -> Array:
    """Return the distribution of the statistic where all outcomes have so many shots."""
    width = len(transform)
    phases = np.exp(2j * np.pi * total * np.arange(width) / width) / width
    row: Array = np.fft.irfft(phases @ transform, steps)
    return row


def _logarithms(kind: _Kind) -> Array:
    """Return ln E[exp(θ g)] of one outcome, for all θ."""
    exponents = np.multiply.outer(THETAS, kind.added) + kind.log_pmf
    largest = exponents.max(axis=1)
    logarithms: Array = largest + np.log(np.exp(exponents - largest[:, None]).sum(axis=1))
    return logarithms


def _window(mean: float, variance: float, most: float) -> Array:
    """Return the numbers of shots outside of which terms are negligible for all θ, by Bernstein's inequality."""
    far = NEGLIGIBLE / (1 - THETAS[-1])
    width = far / 3 + math.sqrt(far**2 / 9 + 2 * far * variance)
    return np.arange(max(math.floor(mean - width), 0), min(math.ceil(mean + width), most) + 1)
