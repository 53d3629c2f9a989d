r"""How a measurement errs, and what it does to the state, from what ``metrics.ssro`` and ``metrics.qndness`` publish.

``qndness`` is measured twice in a row after each preparation :math:`i`, 4096 times. With :math:`P_i` and :math:`S_i`,
the probabilities that the first and the second outcome are :math:`i`, machines publish

- ``fidelity``: the mean of :math:`P_0` and :math:`P_1`, as for ``ssro``;
- ``qndness_i``: :math:`P_i S_i + (1 - P_i)(1 - S_i)`, so readout errors are in it twice;
- ``repeatability``: the mean over :math:`i` of the probability that the second outcome is :math:`i` if the first was.

In words: how likely a 0 stays a 0, a 1 a 1, and the second outcome agrees with the first (user guide of CSC for Q50,
https://docs.csc.fi). Nobody publishes the formulas; these are the ones by which real numbers are fractions of whole
counts: the repeatability of all 74 qubits of Garnet and Emerald (January 2026), and all four of Garnet's QB1.

A measurement is simulated as a change of the state, a reading of it that may err, and another change. What is recorded
has the errors :math:`e_i` of ``ssro``. The total change, :math:`x_i` from :math:`i`, is the one that gives
:math:`S_i = (1 - x_i)(1 - e_i) + x_i e_{1-i}`. That much of the smaller one of :math:`e_i` and :math:`x_i` is change
before the reading, and so error and change at once, that the repeatability is the published one: on real machines
nearly all of it, because most errors are decay during the readout. Where numbers contradict each other, by noise or
because the errors were others when ``qndness`` was measured, those come first in this order: ``ssro``, that
probabilities are not negative, ``qndness``, ``repeatability``.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Readout(NamedTuple):
    """Probabilities to read 1 where the state is 0, and 0 where it is 1; or that 0 becomes 1, and 1 becomes 0."""

    p_1_given_0: float
    p_0_given_1: float

    def then(self, other: Readout) -> Readout:
        """Return this, followed by another one."""
        zero, one = self
        return Readout(
            zero * (1 - other.p_0_given_1) + (1 - zero) * other.p_1_given_0,
            one * (1 - other.p_1_given_0) + (1 - one) * other.p_0_given_1,
        )

    def after(self, first: Readout) -> Readout:
        """Return what has to follow ``first``, so that both together are this."""
        rest = 1 - first.p_1_given_0 - first.p_0_given_1
        zero, one = self
        return Readout(
            max(zero * (1 - first.p_0_given_1) - (1 - one) * first.p_1_given_0, 0.0) / rest,
            max(one * (1 - first.p_1_given_0) - (1 - zero) * first.p_0_given_1, 0.0) / rest,
        )


PERFECT = Readout(0.0, 0.0)


class Measurement(NamedTuple):
    """A measurement: the state may change, is read, and may change again.

    Attributes:
        before: Changes that are read.
        readout: Errors of the reading.
        after: Changes that are not read.

    """

    before: Readout
    readout: Readout
    after: Readout = PERFECT

    @property
    def recorded(self) -> Readout:
        """Errors of what is recorded, as they are published."""
        return self.before.then(self.readout)

    def probability(self, state: int, recorded: int, left: int) -> float:
        """Return the probability that a state, 0 or 1, is recorded as this, and left as that."""
        return sum(
            _step(self.before, state, read) * _step(self.readout, read, recorded) * _step(self.after, read, left)
            for read in (0, 1)
        )

    @property
    def contradicted(self) -> Readout:
        """Probabilities that the state that is left is not the recorded one, for 0 and 1 before."""
        return Readout(*(self.probability(i, 0, 1) + self.probability(i, 1, 0) for i in (0, 1)))

    @property
    def unheralded(self) -> float:
        """Probability that 1 is left where 0 was recorded of 0."""
        kept = 1 - self.recorded.p_1_given_0
        return self.probability(0, 0, 1) / kept if kept else 0.0

    @property
    def disturbance(self) -> float:
        """Probability that 0 or 1, whichever is worse, is not both recorded and left as it was."""
        return 1 - min(self.probability(i, i, i) for i in (0, 1))

    @property
    def agreement(self) -> float:
        """The mean probability that a second measurement agrees with the first, if that was right."""
        right = self.recorded
        total = 0.0
        for i in (0, 1):
            agree = sum(self.probability(i, i, left) * _step(right, left, i) for left in (0, 1))
            total += agree / _step(right, i, i)
        return total / 2


def _step(readout: Readout, before: int, after: int) -> float:
    return readout[before] if before != after else 1 - readout[before]


class Qndness(NamedTuple):
    """What is published of two measurements in a row; None where nothing is."""

    qndness_0: float
    qndness_1: float
    fidelity: float | None
    repeatability: float | None


def measurement(errors: Readout, qndness: Qndness) -> Measurement:
    """Return the measurement whose record has these errors, and that leaves states as published."""
    change = _change(errors, qndness)
    if sum(errors) >= 1 or sum(change) >= 1 or max(errors) == 1:
        return Measurement(PERFECT, errors)  # nothing can be told from records that say nothing
    both = Readout(*map(min, errors, change))

    def with_share(share: float) -> Measurement:
        before = Readout(share * both.p_1_given_0, share * both.p_0_given_1)
        return Measurement(before, errors.after(before), change.after(before))

    if qndness.repeatability is None:
        return with_share(0.0)
    low, high = 0.0, 1.0
    if with_share(high).agreement <= qndness.repeatability:
        return with_share(high)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if with_share(middle).agreement < qndness.repeatability else (low, middle)
    return with_share(low)


def _change(errors: Readout, qndness: Qndness) -> Readout:
    """Return how the state changes in total, from how it was read twice."""
    published = (qndness.qndness_0, qndness.qndness_1)
    total = sum(errors) if qndness.fidelity is None else 2 * (1 - qndness.fidelity)
    if total >= 1:
        return PERFECT
    most = [(1 - math.sqrt(max(2 * value - 1, 0.0))) / 2 for value in published]  # with a larger error, x is negative
    zero = total * errors.p_1_given_0 / sum(errors) if sum(errors) else total / 2
    zero = min(max(zero, total - most[1], 0.0), most[0], total)  # errors when qndness was measured, most like these
    change = []
    for value, error in zip(published, (zero, total - zero), strict=True):
        second = 0.5 if error == 0.5 else (value - error) / (1 - 2 * error)
        change.append(min(max((1 - error - second) / (1 - total), 0.0), 1.0))
    return Readout(*change)
