"""How many shots it takes to see a defect."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pytest_iqm import claim_hooks
from pytest_iqm.statistics.tail_bounds import level_of_one_outcome, upper_tail

__tracebackhide__ = claim_hooks.hide_frames

Numbers: TypeAlias = NDArray[np.int64]

MOST_SHOTS = 2**27
"""Shots beyond which nobody wants to know."""

WINDOW = 64
"""Critical counts in a row that have to suffice; the power is not quite monotonous in them."""


def shots_for(
    *,
    detect: float | None = None,
    rarest: float | None = None,
    within: float = 0.0,
    alpha: float | None = None,
    power: float = 0.99,
    outcomes: int | None = None,
) -> int:
    """Return the number of shots with which a claim refutes a device that is wrong by ``detect``.

    An event that has at most the probability ``within`` if the claim is true, and the probability ``detect`` on the
    broken device, is told by an exact binomial test: of ``support(..., leak=within)``, or of an outcome that
    ``distribution(..., within=within)`` does not declare.

    Args:
        detect: Probability of the event on a device that the claim has to refute; 0.5 for a Bell pair without its CX.
        rarest: Instead, the probability of the rarest outcome whose absence a claim has to see: a device that never has
            it is refuted.
        within: The tolerance of the claim.
        alpha: How often a true claim may fail; None is the session's (``iqm_alpha``, 1e-6).
        power: How often a broken device has to be caught.
        outcomes: Number of outcomes that a distribution declares; its union bound takes a few more shots. None is
            for claims about one event.

    Returns:
        The smallest number from which on the power suffices.

    Raises:
        ValueError: What has to be seen is not larger than ``within``, or something is no probability.

    """
    if (detect is None) == (rarest is None):
        raise ValueError("say what has to be seen: detect, or rarest")
    alpha, within, power = claim_hooks.alpha(alpha), float(within), float(power)
    if rarest is not None:
        if not within < float(rarest) < 1:
            raise ValueError(f"rarest is a probability above within={within}, got {rarest!r}")
        detect, within = 1.0, 1 - float(rarest) + within  # of all other outcomes
    detect = float(detect or 0.0)
    for name, value in (("detect", detect), ("within", within)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is a probability, got {value!r}")
    if detect <= within:
        raise ValueError(
            f"what is within the tolerance can't be detected: detect={detect} has to exceed within={within}"
        )
    if not 0 < power < 1:
        raise ValueError(f"power lies between 0 and 1, got {power!r}")
    if outcomes is not None and outcomes < 1:
        raise ValueError(f"a distribution declares at least one outcome, got outcomes={outcomes!r}")
    each = alpha if outcomes is None else level_of_one_outcome(alpha, outcomes + 1)

    def enough(counts: Numbers) -> NDArray[np.bool_]:
        """Whether the power suffices at the first number of shots of which these counts refute ``within``.

        From there on it grows, until it takes one more.
        """
        return upper_tail(counts, _fewest_shots_by_count(counts, within, each), detect) >= power

    too_many = f"more than {MOST_SHOTS} shots: detect={detect} is too close to within={within}"
    low, high = 0, 1
    while not enough(np.arange(high, high + WINDOW)).all():
        low, high = high, 2 * high
        if high > MOST_SHOTS:
            raise ValueError(too_many)
    while high - low > WINDOW:
        middle = (low + high) // 2
        if enough(np.arange(middle, middle + WINDOW)).all():
            high = middle
        else:
            low = middle
    counts = np.arange(max(low - WINDOW, 1), high + 1)
    last = int(counts[np.flatnonzero(~enough(counts))[-1]])
    first, end = (int(n) for n in _fewest_shots_by_count(np.array([last, last + 1]), within, each))
    shots = bisect_left(range(end), True, key=lambda n: bool(upper_tail(last, n, detect) >= power), lo=first)
    if shots > MOST_SHOTS:
        raise ValueError(too_many)
    return shots


def refutes(count: int, *, shots: int, within: float, level: float) -> bool:
    """Return whether so many of the shots refute that an event has at most the probability ``within``."""
    return bool(upper_tail(count, shots, within) < level)


def fewest_shots_that_can_refute(probability: float, level: float) -> int:
    """Return the number of shots with which an event of this probability, below 1, is refuted if all show it."""
    if probability <= 0:
        return 1
    shots = max(1, math.ceil(math.log(level) / math.log(probability)))
    return shots if upper_tail(shots, shots, probability) < level else shots + 1


def _fewest_shots_by_count(counts: Numbers, within: float, level: float) -> Numbers:
    """Return for each count the smallest number of shots of which it takes as many as that to refute ``within``."""
    low, high = counts - 2, np.full(len(counts), 2 * MOST_SHOTS)  # fewer never refute, and nobody wants to know more
    while (high - low > 1).any():
        middle = (low + high) // 2
        enough = upper_tail(counts - 1, middle, within) >= level
        high[enough], low[~enough] = middle[enough], middle[~enough]
    return high
