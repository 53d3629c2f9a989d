r"""p-values of TVD(p₁, p₂) ≤ δ over many outcomes: what could have been won by betting against it.

Samples are divided into blocks of shots, at random. The blocks before one choose the event A that tells both devices
apart best, and the one bets on it. Of its m₁ shots of the first sample, X were A, of m₂ of the other, Y. For every
θ₁ = θ₂ + δ, and λ that leaves all factors positive, a stake of 1 becomes

.. math:: \left(1+\tfrac{\lambda}{m_1}(1-\theta_1)\right)^{X} \left(1-\tfrac{\lambda}{m_1}\theta_1\right)^{m_1-X}
          \left(1-\tfrac{\lambda}{m_2}(1-\theta_2)\right)^{Y} \left(1+\tfrac{\lambda}{m_2}\theta_2\right)^{m_2-Y}.

If p₁(A) ≤ p₂(A) + δ, it is expected to be at most 1: its expectation is a product of m₁ + m₂ numbers whose mean is
:math:`1 + \lambda\,(p_1(A)-p_2(A)-\delta)/(m_1+m_2)`, and a geometric mean is not larger than that. (If p₂ is known, it
is θ₂, and there are only the first two factors.) So nothing can be won in all blocks together, either, nor on average
over values of λ, over the blocks from which on one bets, and over divisions into blocks. To have won g has a
probability of at most 1/g (Markov's inequality).

Every shot is bet on, but for the first block's, and all but the last's help to choose. (Bets on two samples: Turner, Ly
and Grünwald, J. Stat. Plan. Inference 230, 106116 (2024); on distances: Shekhar and Ramdas, IEEE Trans. Inf. Theory 70,
1178 (2024).)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Array: TypeAlias = NDArray[np.float64]
Numbers: TypeAlias = NDArray[np.int64]

Choice: TypeAlias = Callable[[Numbers], tuple[NDArray[np.bool_], Array]]
"""Takes shots, of shape (samples, divisions, k); returns an event, (divisions, k), and its θ, (samples, divisions)."""

BLOCKS = 16
"""Into how many blocks samples are divided; one may begin to bet after each of the first half."""

STAKES = (0.05, 0.1, 0.2, 0.4)
"""Values of λ, of the largest that could lose all."""

DIVISIONS = 16
"""How many divisions into blocks are tried."""

MOST_NUMBERS = 2**17
"""Of many outcomes there are fewer: their number times this many outcomes is at most this."""


def one_sample_bet(counts: Array, q: Array, delta: float) -> float:
    """Return a p-value of counts being those of a device with TVD(p, q) ≤ δ; q sums to 1."""
    return _p_value(np.array([counts], dtype=np.int64), partial(_event_of_one_sample, q=q, delta=delta))


def two_sample_bet(one: Array, other: Array, delta: float) -> float:
    """Return a p-value of both samples being those of devices with TVD(p₁, p₂) ≤ δ."""
    return _p_value(np.array([one, other], dtype=np.int64), partial(_event_of_two_samples, delta=delta))


def _event_of_one_sample(past: Numbers, q: Array, delta: float) -> tuple[NDArray[np.bool_], Array]:
    event = past[0] > past[0].sum(1, keepdims=True) * q
    return event, (event @ q)[None] + delta


def _event_of_two_samples(past: Numbers, delta: float) -> tuple[NDArray[np.bool_], Array]:
    shots = past.sum(2)
    frequencies = past / np.maximum(shots, 1)[:, :, None]
    event = frequencies[0] > frequencies[1]
    first, second = (frequencies * event).sum(2)
    weights, edge = shots / np.maximum(shots.sum(0), 1), 0.5 / (shots.min(0) + 1)
    theta = np.clip(weights[0] * (first - delta) + weights[1] * second, edge, 1 - delta - edge)
    return event, np.array([theta + delta, theta])


def _p_value(samples: Numbers, choice: Choice) -> float:
    """Return the p-value.

    The samples are the seed of their divisions: the same ones always get the same value. (A seed that all samples share
    would not do: blocks would know of each other.)

    Args:
        samples: Shots of shape (samples, k).
        choice: Chooses events.

    """
    count, cells = samples.shape
    dice = np.random.default_rng(int.from_bytes(hashlib.sha256(samples.astype("<i8").tobytes()).digest(), "little"))
    divisions = min(DIVISIONS, max(MOST_NUMBERS // cells, 1))
    past, won = np.zeros((count, divisions, cells), dtype=np.int64), []
    for now in _blocks(samples, divisions, dice):
        won.append(_won(*choice(past), now))
        past += now
    later = np.cumsum(won[::-1], axis=0)[::-1][1 : 1 + BLOCKS // 2]
    return math.exp(min(math.log(later.size) - float(logsumexp(later)), 0.0))


def _blocks(samples: Numbers, divisions: int, dice: np.random.Generator) -> Iterator[Numbers]:
    """Yield blocks of samples, each of shape (samples, divisions, k): every shot is in any of them, at random."""
    rest = np.tile(samples[:, None], (1, divisions, 1))
    for left in range(BLOCKS, 0, -1):
        block = dice.binomial(rest, 1 / left)
        rest -= block
        yield block


def _won(event: NDArray[np.bool_], theta: Array, now: Numbers) -> Array:
    """Return the logarithm of what stakes become in a block, of shape (λ, divisions).

    Args:
        event: That on which they are, of shape (divisions, k).
        theta: Its θ, of shape (samples, divisions). If one of them is no probability between 0 and 1, nobody bets.
        now: Shots of the block, of shape (samples, divisions, k).

    """
    shots, hits = now.sum(2), (now * event).sum(2)
    bets = ((theta > 0) & (theta < 1) & (shots > 0)).all(0)
    signs = np.array([[1], [-1]])[: len(now)]
    odds = np.where(bets, theta, 0.5)
    most = (shots / np.where(signs > 0, odds, 1 - odds)).min(0)
    per_shot = np.multiply.outer(STAKES, signs * np.where(bets, most, 0.0) / np.maximum(shots, 1))
    won: Array = (hits * np.log1p(per_shot * (1 - odds)) + (shots - hits) * np.log1p(-per_shot * odds)).sum(1)
    return won
