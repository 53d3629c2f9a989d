"""Noise as a mixture of Pauli operators and resets: one of them happens, whatever the state is.

Each event is a word with one letter for each component: a Pauli operator (``I``, ``X``, ``Y``, ``Z``), or ``0`` or
``1`` for a component that is put into that state. Such noise can be drawn before a shot is simulated, and it leaves
stabilizer states stabilizer states.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TypeAlias

from iqm_fakes.device.error_rates import Relaxation
from iqm_fakes.device.readout import Readout

Mixture: TypeAlias = dict[str, float]
"""Events and their probabilities."""

_PAULIS = "IXYZ"
_PRODUCT = {"I": "IXYZ", "X": "XIZY", "Y": "YZIX", "Z": "ZYXI", "0": "0110", "1": "1001"}
"""Letter → what it becomes when I, X, Y or Z follows; phases do not matter."""


def relaxation(times: Relaxation, duration: float) -> Mixture | None:
    """Return the decay of one component for ``duration`` seconds, or None where it is no mixture (T2 > T1).

    With survival s = exp(-t/T1) and coherence c = exp(-t/T2) it is put into 0 with probability 1 - s, and goes through
    Z with probability (s - c)/2.
    """
    if times.t2 > times.t1:
        return None
    survival, coherence = math.exp(-duration / times.t1), math.exp(-duration / times.t2)
    return {"I": (survival + coherence) / 2, "Z": (survival - coherence) / 2, "0": 1 - survival}


def depolarizing(probability: float, components: int) -> Mixture:
    """Return ρ ↦ (1-p) ρ + p I/d on some components: every Pauli word is equally likely."""
    words = ["".join(letters) for letters in product(_PAULIS, repeat=components)]
    mixture = dict.fromkeys(words, probability / len(words))
    mixture[words[0]] += 1 - probability
    return mixture


def measured_reset(readout: Readout) -> Mixture:
    """Return the reset of one component by measurement and a flip where 1 is read, wrongly or not."""
    stays, flips = readout.p_0_given_1, readout.p_1_given_0
    either, rest = min(stays, flips), abs(stays - flips) / 2  # the rest depends on the outcome, so coherence is lost
    kept = "IZ" if stays > flips else "XY"
    return {"0": 1 - max(stays, flips), "1": either, kept[0]: rest, kept[1]: rest}


def readout_error(readout: Readout) -> Mixture:
    """Return the errors of a recorded bit: unchanged (flipped, if it is mostly wrong), forced to 0, or forced to 1."""
    wrong_1, wrong_0 = readout
    if wrong_1 + wrong_0 > 1:
        return {"X": wrong_1 + wrong_0 - 1, "0": 1 - wrong_1, "1": 1 - wrong_0}
    return {"I": max(1 - wrong_1 - wrong_0, 0.0), "0": wrong_0, "1": wrong_1}  # rounding may leave less than nothing


def compose(first: Mixture, second: Mixture) -> Mixture:
    """Return two mixtures on one component, one after the other, as one."""
    mixture: dict[str, float] = {}
    for (one, p), (two, q) in product(first.items(), second.items()):
        event = _PRODUCT[one][_PAULIS.index(two)] if two in _PAULIS else two
        mixture[event] = mixture.get(event, 0.0) + p * q
    return mixture
