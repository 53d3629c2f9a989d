r"""How far the errors of a machine may be from those that a calibration published some days ago.

Between two days single errors of a real machine moved by factors whose logarithms have the standard deviations of
:data:`TWO_DAYS` (Emerald's published errors of 29 and 31 January 2026, 54 qubits). What other ages do is assumed: like
a random walk, :math:`\sqrt{t / 2\,\mathrm{d}}` times as far, up to twice as far from eight days on. By then an error is
about as uncertain as another locus's of the same chip (standard deviations of ln over a chip: .79 for cz, .55 for
readout, .61 for prx; that of the ratio of two of them is √2 larger). How relaxation times and qndness move is not
published; they stay.
"""

from __future__ import annotations

import math

import numpy as np

from iqm_fakes.device.device import Calibration
from iqm_fakes.device.scaled_errors import READOUT, Figure, scaled

TWO_DAYS = {"cz": 0.58, "move": 0.58, READOUT: 0.55, "prx": 0.33}
"""Kind of error → standard deviation of ln(error) between two days; that of MOVE is assumed to be that of cz."""

UNKNOWN_AGE = 2.0
"""Days that are assumed where nothing says how old a calibration was."""

_MOST_DAYS = 8.0

_STAY = ("qndness_0", "qndness_1", "repeatability")
"""What a measurement does to the state; how that moves is not known."""


def spread(age: float) -> float:
    """Return how far errors move in so many days, in units of what they do in two."""
    return math.sqrt(min(age, _MOST_DAYS) / 2)


def drifted(calibration: Calibration, age: float | None, seed: int, number: int) -> Calibration:
    """Return what a calibration may have become; the same number gives the same random walk at every age.

    Args:
        calibration: As published.
        age: Days since then; None if it is not known.
        seed: Determines the result, together with the calibration's id and the number.
        number: Which of the draws.

    """
    identifier = int.from_bytes(calibration.id.encode(), "big")
    random, walks = np.random.default_rng([seed, identifier, number]), {}
    far = spread(UNKNOWN_AGE if age is None else age)

    def factor(figure: Figure) -> float:
        if figure.kind not in TWO_DAYS or figure.field in _STAY:
            return 1.0
        if figure not in walks:
            walks[figure] = random.standard_normal()
        return math.exp(TWO_DAYS[figure.kind] * far * walks[figure])

    return scaled(calibration, factor)
