"""Residual ZZ interaction, where a device file states it: the phase that two components get while both are 1.

A rate ζ (Hz) means that |11⟩ gets the phase exp(-2πiζt) in t seconds. The phase of a pair acts at the start of each
operation on either component, for the time since it acted last. A gate on just this pair is calibrated with the
interaction, so its own time does not count.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from iqm_fakes.device.metrics import Locus
from iqm_fakes.simulator.circuit import CheckedInstruction
from iqm_fakes.simulator.schedule import Span


class ResidualZZ:
    """Counts the time of pairs, operation after operation, in the order of their starts.

    Args:
        rates: Pair → Hz.

    """

    def __init__(self, rates: Mapping[Locus, float]) -> None:
        self._rates = rates
        self._until = dict.fromkeys(rates, 0.0)

    def before(self, checked: CheckedInstruction, span: Span) -> Iterator[tuple[Locus, float]]:
        """Yield the pairs that get a phase before the next operation, and the phases in radians."""
        if checked.instruction.name == "barrier":
            return
        for pair, rate in self._rates.items():
            if set(pair).isdisjoint(checked.instruction.locus):
                continue
            seconds = span.start - self._until[pair]
            is_gate_of_pair = any(set(locus) == set(pair) for locus, _ in checked.factors)
            self._until[pair] = span.end if is_gate_of_pair else span.start
            if seconds > 0:
                yield pair, math.tau * rate * seconds
