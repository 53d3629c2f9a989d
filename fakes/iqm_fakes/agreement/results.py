"""What a comparison finds, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from iqm_fakes.agreement.observed import LeftOut
from iqm_fakes.agreement.suspects import Suspect
from iqm_fakes.wire.qiskit_order import OutcomeOrder
from iqm_fakes.words import several

HEAD = ("job", "circuit", "night", "shots", "age", "distance", "chance", "p", "p drift", "ideal", "allowed")

LEGEND = (
    "distance: total variation distance between what was measured and the fake's exact distribution;",
    "chance: what it is in the mean if the fake is right; p: how likely counts so unlikely are then, as",
    "published, and with errors that drifted since the calibration; ideal: distance to the circuit without",
    'noise; allowed: by within="calibration".',
)

SHOWN = 16
"""Outcomes of a circuit that are shown."""

NIGHT_HEAD = ("machine", "night", "circuits", "shots", "age", "distance", "chance", "p", "p drift")


class Outcome(NamedTuple):
    """An outcome, how often it was measured, and how often the fake expects it, in the mean."""

    bits: str
    measured: int
    expected: float


@dataclass(frozen=True)
class CircuitComparison:
    """A circuit: what the fake's exact distribution has to do with what was measured.

    Attributes:
        computer: Alias of the quantum computer.
        job: Id of the job; empty if it is not known.
        index: Place of the circuit in its job.
        name: Its name.
        submitted_at: When the job was submitted; empty if it is not known.
        age: How many days old the calibration was then; None if it is not known.
        shots: How many were measured; heralding may have kept fewer than were asked for.
        distance: Total variation distance between measured frequencies and the fake's distribution.
        by_chance: What it would be in the mean if the fake were right: so many shots are never closer.
        p_value: How likely counts that are at least as unlikely are, if the fake is right.
        p_value_with_drift: The same if errors have drifted since the calibration; None if that would take too long.
        from_ideal: Distance between measured frequencies and the distribution without noise; None if that can't be
            computed.
        tolerance: How far from the ideal ``within="calibration"`` lets the circuit be.
        outcomes: The most frequent ones.
        order: The order of their bits: Qiskit's, or that of the measurement keys, if they are not Qiskit's.

    """

    computer: str
    job: str
    index: int
    name: str
    submitted_at: str
    age: float | None
    shots: int
    distance: float
    by_chance: float
    p_value: float
    p_value_with_drift: float | None
    from_ideal: float | None
    tolerance: float
    outcomes: tuple[Outcome, ...]
    order: OutcomeOrder

    @property
    def largest(self) -> float:
        """The largest number of its outcomes."""
        return max((max(outcome.measured, outcome.expected) for outcome in self.outcomes), default=0.0) or 1.0

    @property
    def night(self) -> str:
        """The day of its submission, UTC; empty if it is not known."""
        return self.submitted_at[:10]


@dataclass(frozen=True)
class Night:
    """All circuits of a machine in one night.

    Attributes:
        computer: Alias of the quantum computer.
        night: The day; empty if it is not known.
        circuits: How many circuits.
        shots: Of all circuits.
        age: Mean age of their calibrations, in days; None if it is not known.
        distance: Mean distance.
        by_chance: Mean distance by chance.
        p_value: Of all circuits together.
        p_value_with_drift: The same with drift, of those circuits that have one.

    """

    computer: str
    night: str
    circuits: int
    shots: int
    age: float | None
    distance: float
    by_chance: float
    p_value: float
    p_value_with_drift: float | None


@dataclass(frozen=True)
class Comparison:
    """How well the fake predicts.

    Attributes:
        circuits: Each circuit, in the order of their submission.
        nights: Each night of each machine.
        suspects: Qubits and couplers that explain the excess, worst first.
        left_out: What is not compared, and why.

    """

    circuits: tuple[CircuitComparison, ...]
    nights: tuple[Night, ...]
    suspects: tuple[Suspect, ...]
    left_out: tuple[LeftOut, ...] = ()

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(comparison: Comparison) -> Iterator[str]:
    """Yield the lines of a comparison: circuits, nights, suspects, and what was left out."""
    for computer in dict.fromkeys(circuit.computer for circuit in comparison.circuits):
        own = [circuit for circuit in comparison.circuits if circuit.computer == computer]
        yield f"{computer}: {several(len(own), 'circuit')}"
        yield from _table(HEAD, [row(circuit) for circuit in own])
        yield ""
    if comparison.circuits:
        yield from LEGEND
        yield ""
        yield "nights"
        yield from _table(NIGHT_HEAD, nights(comparison))
        yield ""
        yield from suspicion(comparison)
    for left_out in comparison.left_out:
        yield f"left out: {left_out}"
    if not (comparison.circuits or comparison.left_out):
        yield "there are no recordings to compare"


def row(circuit: CircuitComparison) -> list[str]:
    """Return the cells of a circuit."""
    return [
        f"{circuit.job[:8] or '-'}/{circuit.index + 1}",
        _short(circuit.name or str(circuit.index)),
        circuit.night or "-",
        str(circuit.shots),
        _days(circuit.age),
        f"{circuit.distance:.3f}",
        f"{circuit.by_chance:.3f}",
        f"{circuit.p_value:.3f}",
        "-" if circuit.p_value_with_drift is None else f"{circuit.p_value_with_drift:.2f}",
        "-" if circuit.from_ideal is None else f"{circuit.from_ideal:.3f}",
        f"{circuit.tolerance:.3f}",
    ]


def nights(comparison: Comparison) -> list[list[str]]:
    """Return the cells of all nights."""
    return [
        [
            night.computer,
            night.night or "-",
            str(night.circuits),
            str(night.shots),
            _days(night.age),
            f"{night.distance:.3f}",
            f"{night.by_chance:.3f}",
            f"{night.p_value:.3f}",
            "-" if night.p_value_with_drift is None else f"{night.p_value_with_drift:.2f}",
        ]
        for night in comparison.nights
    ]


def suspicion(comparison: Comparison) -> Iterator[str]:
    """Yield who explains the excess."""
    if not comparison.suspects:
        yield "no qubit or coupler explains more than chance does"
        return
    yield "what explains it, worst first: errors that are not those published"
    several = len({suspect.computer for suspect in comparison.suspects}) > 1
    for suspect in comparison.suspects:
        yield f"  {f'{suspect.computer} ' if several else ''}{suspect}"


def _days(age: float | None) -> str:
    """Return an age."""
    return "-" if age is None else f"{age:.1f} d" if age < 10 else f"{age:.0f} d"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield aligned lines."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for cells in (head, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _short(text: str) -> str:
    return text if len(text) <= 12 else f"{text[:11]}…"
