"""When operations happen: the schedule that the vendor's compiler makes of a circuit, by the published durations.

Every instruction becomes a box that takes some time and blocks what it needs: components, probe lines, and the path by
which a measured bit reaches a conditional gate. Boxes are played in their order, each as soon as all that it blocks is
free. Three rules make the rest (they are those of iqm-pulla 15, and tests hold them against it):

- A measurement after which nothing happens to its qubits is final. The final readout probes the whole chip, so it waits
  for everybody.
- A measurement is put off until something needs what it needs, and joined with those that were put off before it: they
  are read out together.
- A conditional gate comes a control delay after the measurement that decides about it, and takes its time whether it is
  applied or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

from iqm_fakes.device.error_rates import Noise
from iqm_fakes.device.station import Station
from iqm_fakes.simulator.circuit import CheckedInstruction, Instruction


class Span(NamedTuple):
    """When something happens, in seconds since the start of the circuit."""

    start: float
    end: float


@dataclass(slots=True)
class _Box:
    """Something that is played as one.

    Attributes:
        needs: Components and probe lines that it acts on.
        blocks: What nothing else may use meanwhile: these, and paths of feedback.
        awaits: What has to be free when it starts, but may be used meanwhile.
        duration: In seconds.
        members: Indices of the instructions that are played in it; none for what the compiler adds.
        qubits: What it reads out, if it is a measurement.

    """

    needs: set[object]
    blocks: set[object]
    duration: float
    members: list[int] = field(default_factory=list)
    qubits: set[str] = field(default_factory=set)
    awaits: Set[object] = frozenset()

    def join(self, other: _Box) -> None:
        """Read out what another measurement reads, too."""
        self.needs |= other.needs
        self.blocks |= other.blocks
        self.duration = max(self.duration, other.duration)
        self.members += other.members
        self.qubits |= other.qubits


class Schedule:
    """The times of a circuit.

    Args:
        circuit: Its instructions, checked.
        noise: Says how long operations take.
        station: What the control electronics impose.
        measurable: The qubits that are probed in the end.
        final_name: The operation that final measurements are: ``measure_fidelity``, or ``measure`` with active reset.

    Attributes:
        spans: When each instruction is played, in the order of the instructions.
        final: Indices of the measurements after which nothing happens to their qubits.
        duration: Seconds until everything has ended, the final readout included.

    """

    def __init__(
        self,
        circuit: Sequence[CheckedInstruction],
        noise: Noise,
        station: Station,
        measurable: Sequence[str],
        final_name: str = "measure_fidelity",
    ) -> None:
        self.final = final_measurements(circuit)
        read = {qubit for index in self.final for qubit in circuit[index].instruction.locus}
        boxes = _Boxes(circuit, noise, station)
        played: list[_Box] = []
        for index, checked in enumerate(circuit):
            if index in self.final and final_name != checked.instruction.name:
                key = checked.instruction.args.get("feedback_key")
                played.append(boxes.readout(final_name, checked.instruction.locus, [index], key))
            else:
                played += boxes.of(index)
        if probed := [qubit for qubit in measurable if qubit not in read]:
            played.append(boxes.readout(final_name, probed, []))
        self.spans, self.duration = _as_soon_as_possible(_read_together(played), len(circuit))


def final_measurements(circuit: Sequence[CheckedInstruction]) -> frozenset[int]:
    """Return the indices of measurements none of whose qubits are used afterwards; a barrier uses its qubits."""
    used: set[str] = set()
    final = set()
    for index in reversed(range(len(circuit))):
        instruction = circuit[index].instruction
        if instruction.name == "measure" and used.isdisjoint(instruction.locus):
            final.add(index)
        used.update(instruction.locus)
    return frozenset(final)


class _Boxes:
    """Makes boxes of the instructions of a circuit."""

    def __init__(self, circuit: Sequence[CheckedInstruction], noise: Noise, station: Station) -> None:
        self._circuit = circuit
        self._noise = noise
        self._station = station
        self._line = station.line_of()
        self._paths: dict[tuple[str, str], set[object]] = {}  # (qubit, feedback key) → paths of its bit
        for checked in circuit:
            if checked.instruction.name == "cc_prx":
                source, key, target = _path(checked.instruction)
                self._paths.setdefault((source, key), set()).add((source, key, target))

    def of(self, index: int) -> list[_Box]:
        """Return the boxes of an instruction: a conditional gate is preceded by the control delay."""
        checked = self._circuit[index]
        name, locus = checked.instruction.name, checked.instruction.locus
        if name in _MADE_BY:
            return _MADE_BY[name](self, index, checked)
        seconds = 0.0
        if name == "delay":
            seconds = rounded_up(checked.parameters[0], self._station.grid)
        elif name != "barrier":
            seconds = max(
                (self._noise.duration(name, *factor, checked.parameters) for factor in checked.factors), default=0.0
            )
        return [_Box(set(locus), set(locus), seconds, [index])]

    def readout(self, name: str, qubits: Sequence[str], members: list[int], key: str | None = None) -> _Box:
        """Return a measurement by the default implementation of ``name``; ``key`` is that of feedback."""
        needs: set[object] = {*qubits, *(self._line[qubit] for qubit in qubits if qubit in self._line)}
        paths = set().union(*(self._paths.get((qubit, key), ()) for qubit in qubits)) if key is not None else set()
        seconds = max((self._noise.duration(name, (qubit,), None, ()) for qubit in qubits), default=0.0)
        return _Box(needs, needs | paths, seconds, members, set(qubits))

    def _measure(self, index: int, checked: CheckedInstruction) -> list[_Box]:
        name, locus = checked.instruction.name, checked.instruction.locus
        box = self.readout(name, locus, [index], checked.instruction.args.get("feedback_key"))
        box.duration = max((self._noise.duration(name, *factor, ()) for factor in checked.factors), default=0.0)
        return [box]

    def _conditional(self, index: int, checked: CheckedInstruction) -> list[_Box]:
        path, locus = _path(checked.instruction), checked.instruction.locus
        seconds = max(self._noise.duration("cc_prx", *factor, checked.parameters) for factor in checked.factors)
        wait = _Box(set(), {path}, self._station.control_delay)
        return [wait, _Box(set(locus), {path, *locus}, seconds, [index])]

    def _reset(self, index: int, checked: CheckedInstruction) -> list[_Box]:
        locus = checked.instruction.locus
        needs: set[object] = {*locus, *(self._line[qubit] for qubit in locus if qubit in self._line)}
        measurement = max((self._noise.duration("measure", (qubit,), None, ()) for qubit in locus), default=0.0)
        flip = max((self._noise.duration("prx", (qubit,), None, FLIP) for qubit in locus), default=0.0)
        return [_Box(needs, needs, measurement + self._station.control_delay + flip, [index])]

    def _reset_wait(self, index: int, checked: CheckedInstruction) -> list[_Box]:
        locus = checked.instruction.locus
        lines = {self._line[qubit] for qubit in locus if qubit in self._line}
        seconds = max(self._noise.duration("reset_wait", *factor, ()) for factor in checked.factors)
        blocked = lines if len(locus) == 1 else set()
        return [_Box(set(locus), {*locus, *blocked}, seconds, [index], awaits=lines)]


_MADE_BY: Mapping[str, Callable[[_Boxes, int, CheckedInstruction], list[_Box]]] = {
    "measure": _Boxes._measure,
    "measure_fidelity": _Boxes._measure,
    "cc_prx": _Boxes._conditional,
    "reset": _Boxes._reset,
    "reset_wait": _Boxes._reset_wait,
}
"""Operation → what makes its boxes; of all others a box is their locus and their time."""

FLIP = (3.141592653589793, 0.0)
"""Angle and phase of the flip in a reset."""


def _path(instruction: Instruction) -> tuple[str, str, str]:
    """Return the path of the bit that decides about a conditional gate: from where, under which key, to where."""
    args = instruction.args
    return args["feedback_qubit"], args["feedback_key"], instruction.locus[0]


def rounded_up(seconds: float, grid: float) -> float:
    """Return what a delay takes: the next multiple of the grid, at least one unless it is 0."""
    return max(1, ceil(round(seconds / grid, 6))) * grid if seconds > 0 else 0.0


def _read_together(boxes: Sequence[_Box]) -> list[_Box]:
    """Put measurements off until something needs what they need, and join those that are put off together."""
    played: list[_Box] = []
    waiting: _Box | None = None
    for box in boxes:
        if box.qubits:
            if waiting is None:
                waiting = box
            elif waiting.qubits & box.qubits:
                played.append(waiting)
                waiting = box
            else:
                waiting.join(box)
        elif waiting is not None and (waiting.needs & box.needs or (not box.needs and waiting.blocks & box.blocks)):
            played += [waiting, box]
            waiting = None
        else:
            played.append(box)
    return played if waiting is None else [*played, waiting]


def _as_soon_as_possible(boxes: Sequence[_Box], instructions: int) -> tuple[list[Span], float]:
    free: dict[object, float] = {}
    spans = [Span(0.0, 0.0)] * instructions
    for box in boxes:
        start = max((free.get(thing, 0.0) for thing in (*box.blocks, *box.awaits)), default=0.0)
        span = Span(start, start + box.duration)
        free.update(dict.fromkeys(box.blocks, span.end))
        for index in box.members:
            spans[index] = span
    return spans, max(free.values(), default=0.0)


def waits(circuit: Sequence[CheckedInstruction], schedule: Schedule) -> list[Mapping[str, float]]:
    """Return for each instruction how many seconds each of its components has waited since it was last used."""
    used: dict[str, float] = {}
    waited: list[Mapping[str, float]] = []
    for checked, span in zip(circuit, schedule.spans, strict=True):
        locus = checked.instruction.locus
        if checked.instruction.name == "barrier":
            waited.append({})
            continue
        waited.append({component: span.start - used.get(component, span.start) for component in locus})
        used.update(dict.fromkeys(locus, span.end))
    return waited
