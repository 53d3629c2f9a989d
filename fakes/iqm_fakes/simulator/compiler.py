"""The machine's compiler: it refuses circuits that the machine can't execute, and makes programs of the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from iqm_fakes.device.error_rates import Noise
from iqm_fakes.device.metrics import Locus
from iqm_fakes.device.station import AFTER_HERALDING, Station
from iqm_fakes.simulator.circuit import (
    CheckedInstruction,
    Circuit,
    CircuitError,
    Instruction,
    Operation,
    Options,
    Program,
    during,
)
from iqm_fakes.simulator.decoupling import check_decoupling
from iqm_fakes.simulator.loci import Loci
from iqm_fakes.simulator.operations import MEASUREMENTS
from iqm_fakes.simulator.residual_zz import ResidualZZ
from iqm_fakes.simulator.schedule import Schedule, waits
from iqm_fakes.simulator.validation import RESET_FEEDBACK, check, check_phases, key_of, place, unreadable

_WITHOUT_EFFECT = ("barrier", "lru")
"""Operations that change neither state nor bits: a barrier only orders, lru empties levels that are not simulated."""

ROUNDING = 1e-12
"""Seconds: a shorter wait is a rounding error of the schedule."""


def compile_circuit(
    circuit: Circuit, options: Options, loci: Loci, noise: Noise, station: Station, *, idle: bool
) -> Program:
    """Return the program that executes a circuit.

    Args:
        circuit: What to execute.
        options: How to execute it.
        loci: What the machine can execute where.
        noise: Says how long operations take.
        station: What the control electronics impose on times.
        idle: True puts in a ``delay`` where a component waits for others, so that it relaxes meanwhile, and the
            phases of residual ZZ interaction.

    Raises:
        Refused: The machine's compiler refuses the circuit.
        CircuitError: It can't be simulated, or takes too long.

    """
    checked = check(circuit, options, loci, station)
    schedule = Schedule(checked.written, noise, station, checked.measurable, checked.final)
    if options.decoupling is not None:
        with during("apply_dd_strategy"):
            check_decoupling(options, checked, schedule, noise, station, loci)
    check_phases(circuit, options)
    heralded = checked.heralded(options)
    duration = schedule.duration
    if heralded:
        duration += max(noise.duration("measure", (qubit,), None, ()) for qubit in heralded) + AFTER_HERALDING
    if options.max_circuit_duration_over_t2 and checked.active:
        _check_duration(duration, options.max_circuit_duration_over_t2, checked.active, noise)
    resets = sum(len(step.instruction.locus) for step in checked.played if step.instruction.name == "reset")
    resets += max(options.active_reset_cycles or 0, 0) * len(checked.read)
    broken = unreadable(circuit.instructions)
    if broken:
        measured = sum(len(step.locus) for step in circuit.instructions if step.name in MEASUREMENTS)
        return Program(checked.active, (), (), heralded, duration, resets + measured, (), broken)
    builder = ProgramBuilder(checked.played)
    bits = [builder.bits_of(index, played) for index, played in enumerate(checked.played)]
    waited, residual = waits(checked.written, schedule), ResidualZZ(noise.zz)
    order = range(len(checked.played))
    for index in sorted(order, key=lambda index: schedule.spans[index].start) if noise.zz else order:
        played, span = checked.played[index], schedule.spans[index]
        if idle:
            builder.add_waiting(waited[index])
            builder.add_phases(residual.before(played, span))
        builder.add(played, bits[index], span.end - span.start)
    return builder.build(heralded=heralded, duration=duration, resets=resets)


def _check_duration(duration: float, over_t2: float, components: Iterable[str], noise: Noise) -> None:
    """Compare the duration of a circuit with the shortest T2 of the components it uses.

    Raises:
        CircuitError: The circuit takes longer than ``over_t2`` times that T2.

    """
    t2, component = min((noise.relaxation(component).t2, component) for component in components)
    if duration > over_t2 * t2:
        raise CircuitError(
            f"the circuit takes {duration * 1e6:.3g} µs, more than max_circuit_duration_over_t2 = {over_t2:g} "
            f"times the T2 of {component} ({t2 * 1e6:.3g} µs); shorten the circuit or raise the limit"
        )


class ProgramBuilder:
    """Makes a program of a circuit's instructions, one after the other: operations on numbered components and bits.

    Args:
        instructions: What is played, all of it.

    """

    def __init__(self, instructions: Iterable[CheckedInstruction]) -> None:
        self._indices: dict[str, int] = {}  # component → its index in the program
        self._operations: list[Operation] = []
        self._keys: dict[str, int] = {}  # measurement key → how many bits it has
        for checked in instructions:
            if checked.instruction.name in MEASUREMENTS:
                key = key_of(checked.instruction)
                self._keys[key] = self._keys.get(key, 0) + len(checked.instruction.locus)
        self._next_bit: dict[str, int] = {}  # measurement key → the next of its bits
        bits = 0
        for key, width in self._keys.items():
            self._next_bit[key] = bits
            bits += width
        self._feedback: dict[tuple[str, str], int] = {}  # (qubit, feedback key) → the latest bit
        self._latest: dict[str, int | None] = {}  # qubit → the latest bit with any feedback key; None was a reset's
        self._remark = ""

    def add_waiting(self, waited: Mapping[str, float]) -> None:
        """Add what components go through before the next instruction, because they wait for others."""
        for component, seconds in waited.items():
            if seconds > ROUNDING:
                self._add_delay(component, seconds)

    def add_phases(self, phases: Iterable[tuple[Locus, float]]) -> None:
        """Add what residual ZZ interaction does; to a component that nothing has acted on, and so is 0, nothing."""
        for pair, angle in phases:
            if self._indices.keys() >= set(pair):
                targets = tuple(self._indices[component] for component in pair)
                self._operations.append(Operation("zz", targets, "", (angle,)))

    def bits_of(self, index: int, checked: CheckedInstruction) -> Sequence[int]:
        """Return the bits that the next instruction of the circuit records, or the one by which it decides, if any.

        Raises:
            CircuitError: Its condition can't be simulated.

        """
        instruction = checked.instruction
        if instruction.name in MEASUREMENTS:
            return self._bits(instruction)
        if instruction.name == "cc_prx":
            condition = self._condition(index, instruction)
            return () if condition is None else (condition,)
        if instruction.name == "reset":
            self._latest.update(dict.fromkeys(instruction.locus))
        return ()

    def add(self, checked: CheckedInstruction, bits: Sequence[int], seconds: float) -> None:
        """Add the operations of the next instruction that is played, which has these bits and takes so long."""
        name = checked.instruction.name
        if name == "cc_prx" and not bits:  # takes its time, and is never applied
            self._add_delay(checked.instruction.locus[0], seconds)
            return
        for number, (locus, implementation) in enumerate(checked.factors if name not in _WITHOUT_EFFECT else ()):
            targets = tuple(map(self._index, locus))
            bit = bits[number] if bits else None
            self._operations.append(Operation(name, targets, implementation, checked.parameters, bit))

    def _index(self, component: str) -> int:
        return self._indices.setdefault(component, len(self._indices))

    def _add_delay(self, component: str, seconds: float) -> None:
        self._operations.append(Operation("delay", (self._index(component),), "wait", (round(seconds, 15),)))

    def _bits(self, instruction: Instruction) -> list[int]:
        """Return the bits that a measurement records, one for each qubit."""
        key, locus = key_of(instruction), instruction.locus
        first = self._next_bit[key]
        self._next_bit[key] += len(locus)
        bits = list(range(first, first + len(locus)))
        if "feedback_key" in instruction.args:
            feedback = instruction.args["feedback_key"]
            self._feedback.update({(qubit, feedback): bit for qubit, bit in zip(locus, bits, strict=True)})
            self._latest.update(zip(locus, bits, strict=True))
        return bits

    def _condition(self, index: int, instruction: Instruction) -> int | None:
        """Return the bit that decides about a conditional gate; None if there is none, so that it is 0."""
        qubit, key = instruction.args["feedback_qubit"], instruction.args["feedback_key"]
        if key == RESET_FEEDBACK and qubit in self._latest:
            raise CircuitError(
                f"{place(index, instruction)}: feedback_key '{key}' is that of resets, whose bits are not simulated; "
                "measure with a feedback_key of your own"
            )
        bit = self._feedback.get((qubit, key))
        if not self._remark and (bit is None or bit != self._latest.get(qubit)):
            counts = "the latest measurement of the qubit with any feedback_key, or by a reset, counts"
            what = f"no earlier measurement of {qubit} has the feedback_key '{key}', so it is never applied"
            if bit is not None:
                what = f"the measurement of {qubit} with the feedback_key '{key}' decides, and not the latest one"
            earlier = f"; with software before iqm-pulla 15 {counts}" if qubit in self._latest else ""
            self._remark = f"{place(index, instruction)}: {what}{earlier}"
        return bit

    def build(self, *, heralded: tuple[str, ...], duration: float, resets: int) -> Program:
        """Return the program; ``duration`` is that of its schedule, ``resets`` the number of bits that they read."""
        return Program(
            components=tuple(self._indices),
            operations=tuple(self._operations),
            keys=tuple(self._keys.items()),
            heralded=heralded,
            duration=duration,
            resets=resets,
            remarks=(self._remark,) if self._remark else (),
        )
