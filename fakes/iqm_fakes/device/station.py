"""What the control electronics of a quantum computer impose on times, which no machine publishes.

A device file may state it as ``station``; whatever it leaves out is assumed as said here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

QUBITS_A_LINE = 5
"""Assumed: so many qubits, in the order of the architecture, share a probe line."""

GRID = 4e-9
"""Assumed: seconds of the step of delays, which is 8 samples at 2 GHz."""

CONTROL_DELAY = 400e-9
"""Assumed: seconds from the end of a measurement to a conditional gate that depends on it."""

RESET_WAIT = 300e-6
"""Assumed: seconds of ``reset_wait``, where a calibration set has no duration of it."""

AFTER_HERALDING = 320e-9
"""Seconds between the heralding measurement and the circuit, as in the vendor's compiler."""


@dataclass(frozen=True)
class Station:
    """The control electronics, as far as they matter for times.

    Attributes:
        probe_lines: Qubits that are read through the same line: their measurements are simultaneous or one after the
            other, never overlapping in part.
        grid: Seconds; a delay takes the next multiple.
        control_delay: Seconds from the end of a measurement to a conditional gate that depends on it.

    """

    probe_lines: tuple[tuple[str, ...], ...]
    grid: float = GRID
    control_delay: float = CONTROL_DELAY

    @classmethod
    def of(cls, stated: Mapping[str, Any], qubits: Sequence[str]) -> Station:
        """Return what a device file states, and assume the rest."""
        lines = stated.get("probe_lines")
        if lines is None:
            lines = [qubits[start : start + QUBITS_A_LINE] for start in range(0, len(qubits), QUBITS_A_LINE)]
        return cls(tuple(map(tuple, lines)), stated.get("grid", GRID), stated.get("control_delay", CONTROL_DELAY))

    def line_of(self) -> dict[str, str]:
        """Return qubit → name of its probe line."""
        return {qubit: f"PL-{number}" for number, line in enumerate(self.probe_lines, 1) for qubit in line}
