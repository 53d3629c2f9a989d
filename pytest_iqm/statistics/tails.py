"""p-values that hold for every number of shots: exact binomial tails, union bounds and McDiarmid's inequality.

The null hypothesis about N independent shots of a device with the unknown distribution p is TVD(p, q) ≤ δ, where
TVD(p, q) = ½ Σ|p−q| is the largest difference that two distributions make to the probability of any event.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

Array: TypeAlias = NDArray[np.float64]

FAMILIES = 3
"""Ways to refute a distribution that are tried, each at a third of the error."""


def at_least(count: ArrayLike, shots: ArrayLike, probability: ArrayLike) -> Array:
    """Return P[Bin(shots, probability) ≥ count], exactly, by the regularised incomplete beta function."""
    k, n = np.asarray(count, float), np.asarray(shots, float)
    inside = np.clip(k, 1, n)
    tail = betainc(inside, n - inside + 1, np.clip(probability, 0.0, 1.0))
    return np.where(k <= 0, 1.0, np.where(k > n, 0.0, tail))


def at_most(count: float, shots: int, probability: float) -> float:
    """Return P[Bin(shots, probability) ≤ count], exactly."""
    return float(at_least(shots - count, shots, 1.0 - probability))


def total_variation(p: Array, q: Array) -> float:
    """Return ½ Σ|p−q|."""
    return float(np.abs(p - q).sum() / 2)


def refutes_distribution(counts: Array, q: Array, delta: float) -> float:
    r"""Return a p-value of TVD(p, q) ≤ δ.

    Under the null hypothesis an event A has p(A) ≤ q(A) + δ. Three families of tests share the error:

    1. single outcomes and their complements, 2k exact binomial tests with a union bound;
    2. all :math:`2^k - 2` events with a union bound; those that can be extreme are the level sets of the ratio of
       what was observed and declared, so only these are looked at;
    3. the distance T between observed and declared itself. Its expectation is at most
       :math:`\delta + \frac12\sqrt{(k-1)/N}`, one shot changes it by at most 1/N, so by McDiarmid's inequality (Surveys
       in Combinatorics, 1989) :math:`P[T \ge E[T] + t] \le e^{-2Nt^2}`. It is the one for many outcomes.

    Args:
        counts: Shots by outcome, of shape (k,).
        q: Declared probabilities of the same outcomes, which sum to 1; what is not declared is one outcome with 0.
        delta: The tolerance.

    """
    shots, cells = int(counts.sum()), len(q)
    more, fewer = at_least(counts, shots, q + delta), at_least(shots - counts, shots, 1 - q + delta)
    single = 2 * cells * float(min(more.min(), fewer.min()))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(q > 0, counts / q, np.where(counts > 0, np.inf, 0.0))
    order = np.argsort(-ratio, kind="stable")
    tails = at_least(np.cumsum(counts[order])[:-1], shots, np.cumsum(q[order])[:-1] + delta)
    events = (2.0**cells - 2) * float(tails.min(initial=1.0)) if cells < 1000 else 1.0
    excess = total_variation(counts / shots, q) - delta - math.sqrt((cells - 1) / shots) / 2
    distance = math.exp(-2 * shots * excess**2) if excess > 0 else 1.0
    return min(1.0, FAMILIES * min(single, events, distance))


def refutes_equality(one: Array, other: Array, delta: float) -> float:
    """Return a p-value of TVD(p₁, p₂) ≤ δ for two samples.

    One half of both samples chooses the event that tells them apart best; the other half, which is independent of the
    choice, tests it. For the unknown θ = p₂(A) and under the null hypothesis, P[Bin(N₁, θ+δ) ≥ x₁] and
    P[Bin(N₂, θ) ≤ x₂] are independent and at least uniform, so for their product f, f·(1 − ln f) is a p-value (Fisher's
    combination); the largest over θ is one that does not need θ.

    Args:
        one: Shots by outcome, of shape (k,).
        other: The same of the other sample.
        delta: The tolerance.

    """
    chosen_by, tested = zip(*(_halves(sample) for sample in (one, other)), strict=True)
    event = chosen_by[0] / max(chosen_by[0].sum(), 1) > chosen_by[1] / max(chosen_by[1].sum(), 1)
    (n1, n2), (x1, x2) = (int(half.sum()) for half in tested), (int(half[event].sum()) for half in tested)
    low, high, product = 0.0, 1.0, -math.inf
    for _ in range(5):  # both tails are log-concave in θ, so their product has one maximum
        thetas = np.linspace(low, high, 65)
        with np.errstate(divide="ignore"):
            logarithms = np.log(at_least(x1, n1, thetas + delta)) + np.log(at_least(n2 - x2, n2, 1 - thetas))
        best = int(np.argmax(logarithms))
        product = float(logarithms[best])
        low, high = float(thetas[max(best - 1, 0)]), float(thetas[min(best + 1, 64)])
    return 0.0 if product == -math.inf else min(1.0, math.exp(product) * (1.0 - product))


def _halves(counts: Array) -> tuple[Array, Array]:
    """Split a sample at random; the same one always in the same way."""
    whole = counts.astype(np.int64)
    dice = np.random.default_rng([int(whole.sum()), len(whole)])
    half = dice.multivariate_hypergeometric(whole, int(whole.sum()) // 2)
    return half.astype(float), (whole - half).astype(float)


def interval(count: int, shots: int, confidence: float = 0.99) -> tuple[float, float]:
    """Return Clopper and Pearson's interval of a probability (Biometrika 26, 404 (1934))."""
    from scipy.special import betaincinv

    error = (1 - confidence) / 2
    low = 0.0 if count == 0 else float(betaincinv(count, shots - count + 1, error))
    high = 1.0 if count == shots else float(betaincinv(count + 1, shots - count, 1 - error))
    return low, high
