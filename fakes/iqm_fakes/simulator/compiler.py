"""The machine's compiler: it refuses circuits that the machine can't execute, and makes programs of the others."""

from __future__ import annotations

from collections.abc import Mapping

from iqm_fakes.device.error_rates import Noise
from iqm_fakes.simulator.circuit import Circuit, CircuitError, Instruction, Operation, Options, Program
from iqm_fakes.simulator.loci import Loci
from iqm_fakes.simulator.moves import MoveChecker
from iqm_fakes.simulator.operations import MEASUREMENTS, check_args, operation_type
from iqm_fakes.simulator.schedule import CheckedInstruction, Timeline

RESERVED_KEYS = ("__HERALD", "__ONLY_PROBE", "__ADDITIONAL_SUBSCRIPTION")
"""Measurement keys that the control software uses itself."""

_WITHOUT_EFFECT = ("barrier", "lru")
"""Operations that change neither state nor bits: a barrier only orders, lru empties levels that are not simulated."""

ROUNDING = 1e-12
"""Seconds: a shorter wait is a rounding error of the schedule."""


def compile_circuit(circuit: Circuit, options: Options, loci: Loci, noise: Noise, *, idle: bool) -> Program:
    """Return the program that executes a circuit.

    Args:
        circuit: What to execute.
        options: How to execute it.
        loci: What the machine can execute where.
        noise: Says how long operations take.
        idle: True puts in a ``delay`` where a component waits for others, so that it relaxes meanwhile.

    Raises:
        CircuitError: The machine can't execute the circuit.

    """
    if not circuit.instructions:
        raise CircuitError(f"circuit '{circuit.name}' has no instructions")
    builder = ProgramBuilder(loci)
    moves = MoveChecker(options.move_validation, loci.resonators)
    timeline = Timeline(noise)
    for index, instruction in enumerate(circuit.instructions):
        try:
            operation_type(instruction.name)
            factors, parameters = loci.factors(instruction), check_args(instruction.name, instruction.args)
            moves.check(instruction)
            builder.check(instruction)
        except CircuitError as error:
            locus = ", ".join(instruction.locus)
            raise CircuitError(f"instruction {index} ('{instruction.name}' on {locus}): {error}") from None
        checked = CheckedInstruction(instruction, factors, parameters)
        waited = timeline.place(checked)
        if idle:
            builder.add_waiting(waited)
        builder.add(checked)
    moves.check_end()
    if not builder.keys:
        raise CircuitError(f"circuit '{circuit.name}' measures nothing; add a measure instruction")
    if options.max_circuit_duration_over_t2:
        timeline.check_duration(options.max_circuit_duration_over_t2)
    return builder.build(heralding=options.heralding, duration=timeline.duration)


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

    def add(self, checked: CheckedInstruction) -> None:
        """Add the operations of the next instruction."""
        name, args = checked.instruction.name, checked.instruction.args
        bit = self._condition(checked.instruction) if name == "cc_prx" else None
        if name in MEASUREMENTS:
            self.keys[args["key"]] = len(checked.factors)
        for locus, implementation in checked.factors if name != "barrier" else ():
            targets = tuple(self._indices.setdefault(component, len(self._indices)) for component in locus)
            if name in MEASUREMENTS:
                bit, self._bits = self._bits, self._bits + 1
                if "feedback_key" in args:
                    self._feedback[locus[0], args["feedback_key"]] = bit
            if name not in _WITHOUT_EFFECT:
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

    def build(self, *, heralding: bool, duration: float) -> Program:
        """Return the program; ``duration`` is that of its schedule."""
        measurable = (index for name, index in self._indices.items() if self._loci.measurable(name))
        return Program(
            components=tuple(self._indices),
            operations=tuple(self._operations),
            keys=tuple(self.keys.items()),
            heralded=tuple(measurable) if heralding else (),
            duration=duration,
        )
