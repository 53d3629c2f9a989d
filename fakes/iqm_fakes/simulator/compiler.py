"""The machine's compiler: it refuses circuits that the machine can't execute, and makes programs of the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

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
)
from iqm_fakes.simulator.loci import Loci
from iqm_fakes.simulator.moves import MoveChecker
from iqm_fakes.simulator.operations import MEASUREMENTS, check_args, operation_type
from iqm_fakes.simulator.residual_zz import ResidualZZ
from iqm_fakes.simulator.schedule import Schedule, waits

RESERVED_KEYS = ("__HERALD", "__ONLY_PROBE", "__ADDITIONAL_SUBSCRIPTION")
"""Measurement keys that the control software uses itself."""

_WITHOUT_EFFECT = ("barrier", "lru")
"""Operations that change neither state nor bits: a barrier only orders, lru empties levels that are not simulated."""

FINAL = "measure_fidelity"
"""What final measurements are, unless active reset is on: calibrated for fidelity, not for what it leaves behind."""

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
        CircuitError: The machine can't execute the circuit.

    """
    if not circuit.instructions:
        raise CircuitError(f"circuit '{circuit.name}' has no instructions")
    builder = ProgramBuilder(loci)
    moves = MoveChecker(options.move_validation, loci.resonators)
    instructions: list[CheckedInstruction] = []
    bits: list[list[int]] = []
    for index, instruction in enumerate(circuit.instructions):
        try:
            operation_type(instruction.name)
            factors, parameters = loci.factors(instruction), check_args(instruction.name, instruction.args)
            moves.check(instruction)
            builder.check(instruction)
        except CircuitError as error:
            locus = ", ".join(instruction.locus)
            raise CircuitError(f"instruction {index} ('{instruction.name}' on {locus}): {error}") from None
        instructions.append(CheckedInstruction(instruction, factors, parameters))
        bits.append(builder.bits_of(instructions[-1]))
    moves.check_end()
    if not any(checked.instruction.name in MEASUREMENTS for checked in instructions):
        raise CircuitError(f"circuit '{circuit.name}' measures nothing; add a measure instruction")
    final_name = FINAL if options.active_reset_cycles is None and loci.has(FINAL) else "measure"
    schedule = Schedule(instructions, noise, station, loci.readable(final_name), final_name)
    waited, residual = waits(instructions, schedule), ResidualZZ(noise.zz)
    order = range(len(instructions))
    for index in sorted(order, key=lambda index: schedule.spans[index].start) if noise.zz else order:
        checked = instructions[index]
        if idle:
            builder.add_waiting(waited[index])
            builder.add_phases(residual.before(checked, schedule.spans[index]))
        is_final = index in schedule.final and final_name == FINAL
        builder.add(_as_final(checked, loci) if is_final else checked, bits[index])
    active = dict.fromkeys(component for checked in instructions for component in checked.instruction.locus)
    heralded = tuple(filter(loci.measurable, active)) if options.heralding else ()
    duration = schedule.duration
    if heralded:
        duration += max(noise.duration("measure", (qubit,), None, ()) for qubit in heralded) + AFTER_HERALDING
    if options.max_circuit_duration_over_t2:
        _check_duration(duration, options.max_circuit_duration_over_t2, active, noise)
    return builder.build(heralded=heralded, duration=duration)


def _as_final(checked: CheckedInstruction, loci: Loci) -> CheckedInstruction:
    """Return a measurement as the final one that the machine makes of it, by the default implementation."""
    instruction = replace(checked.instruction, name=FINAL, implementation=None)
    return CheckedInstruction(instruction, loci.factors(instruction), ())


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
        loci: What the machine can execute where.

    Attributes:
        keys: Measurement keys so far, and how many bits each has.

    """

    def __init__(self, loci: Loci) -> None:
        self.keys: dict[str, int] = {}
        self._loci = loci
        self._indices: dict[str, int] = {}  # component → its index in the program
        self._operations: list[Operation] = []
        self._bits = 0
        self._feedback: dict[tuple[str, str], int] = {}  # (component, feedback key) → the latest bit

    def check(self, instruction: Instruction) -> None:
        """Check measurement and feedback keys of the next instruction.

        Raises:
            CircuitError: A measurement key can't be used, or no bit has the feedback key.

        """
        if instruction.name == "cc_prx":
            self._condition(instruction)
        if instruction.name in MEASUREMENTS:
            self._check_key(instruction.args["key"])

    def add_waiting(self, waited: Mapping[str, float]) -> None:
        """Add what components go through before the next instruction, because they wait for others."""
        for component, seconds in waited.items():
            if seconds > ROUNDING:
                index = self._indices[component]
                self._operations.append(Operation("delay", (index,), "wait", (round(seconds, 15),)))

    def add_phases(self, phases: Iterable[tuple[Locus, float]]) -> None:
        """Add what residual ZZ interaction does; to a component that nothing has acted on, and so is 0, nothing."""
        for pair, angle in phases:
            if self._indices.keys() >= set(pair):
                targets = tuple(self._indices[component] for component in pair)
                self._operations.append(Operation("zz", targets, "", (angle,)))

    def bits_of(self, checked: CheckedInstruction) -> list[int]:
        """Return the bits that the next instruction records, one for each qubit, or the one by which it decides."""
        name, locus, args = checked.instruction.name, checked.instruction.locus, checked.instruction.args
        if name == "cc_prx":
            return [self._condition(checked.instruction)]
        if name not in MEASUREMENTS:
            return []
        bits = list(range(self._bits, self._bits + len(locus)))
        self._bits += len(locus)
        self.keys[args["key"]] = len(locus)
        if "feedback_key" in args:
            self._feedback.update({(qubit, args["feedback_key"]): bit for qubit, bit in zip(locus, bits, strict=True)})
        return bits

    def add(self, checked: CheckedInstruction, bits: Sequence[int]) -> None:
        """Add the operations of the next instruction, whose bits are these."""
        name = checked.instruction.name
        for number, (locus, implementation) in enumerate(checked.factors if name not in _WITHOUT_EFFECT else ()):
            targets = tuple(self._indices.setdefault(component, len(self._indices)) for component in locus)
            bit = bits[number] if bits else None
            self._operations.append(Operation(name, targets, implementation, checked.parameters, bit))

    def _check_key(self, key: str) -> None:
        if key in RESERVED_KEYS:
            raise CircuitError(f"measurement key '{key}' is reserved; choose another one")
        if key in self.keys:
            raise CircuitError(f"measurement key '{key}' is already used in this circuit; choose another one")

    def _condition(self, instruction: Instruction) -> int:
        """Return the bit that decides about a conditional gate."""
        qubit, key = instruction.args["feedback_qubit"], instruction.args["feedback_key"]
        self._loci.check_component(qubit)
        if (qubit, key) not in self._feedback:
            raise CircuitError(f"no earlier measure of {qubit} has the feedback_key '{key}'; add the key to one")
        return self._feedback[qubit, key]

    def build(self, *, heralded: tuple[str, ...], duration: float) -> Program:
        """Return the program; ``duration`` is that of its schedule."""
        return Program(
            components=tuple(self._indices),
            operations=tuple(self._operations),
            keys=tuple(self.keys.items()),
            heralded=heralded,
            duration=duration,
        )
