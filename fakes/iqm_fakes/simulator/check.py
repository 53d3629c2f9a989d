"""Everything that the real server's compiler refuses, and the program that it would make of the rest."""

from __future__ import annotations

from collections.abc import Mapping

from iqm_fakes.device.error_rates import Noise
from iqm_fakes.simulator.circuit import Circuit, CircuitError, Instruction, Operation, Options, Program
from iqm_fakes.simulator.loci import Loci
from iqm_fakes.simulator.moves import Sandwiches
from iqm_fakes.simulator.operations import MEASUREMENTS, check_args, operation_type
from iqm_fakes.simulator.schedule import Step, Timeline

RESERVED_KEYS = ("__HERALD", "__ONLY_PROBE", "__ADDITIONAL_SUBSCRIPTION")
"""Measurement keys that the control software uses itself."""

_WITHOUT_EFFECT = ("barrier", "lru")
"""Operations that change neither state nor record: a barrier orders, lru empties levels that are not simulated."""

SIMULTANEOUS = 1e-12
"""Times that differ by less, in seconds, are the same but for rounding."""


def check(circuit: Circuit, options: Options, loci: Loci, noise: Noise, *, idle: bool) -> Program:
    """Return the program of a circuit.

    Args:
        circuit: What to execute.
        options: How to execute it.
        loci: What the machine can execute where.
        noise: Says how long operations take.
        idle: Whether components that wait for others do something worth simulating: a ``delay`` is put in.

    Raises:
        CircuitError: The machine can't execute the circuit.

    """
    if not circuit.instructions:
        raise CircuitError(f"circuit '{circuit.name}' has no instructions")
    draft = _Draft(loci)
    sandwiches = Sandwiches(options.move_validation, loci.resonators)
    timeline = Timeline(noise)
    for index, instruction in enumerate(circuit.instructions):
        try:
            operation_type(instruction.name)
            step = Step(instruction, loci.factors(instruction), check_args(instruction.name, instruction.args))
            sandwiches.follow(instruction)
            draft.check(step)
        except CircuitError as error:
            locus = ", ".join(instruction.locus)
            raise CircuitError(f"instruction {index} ('{instruction.name}' on {locus}): {error}") from None
        waited = timeline.place(step)
        if idle:
            draft.wait(waited)
        draft.add(step)
    sandwiches.close()
    if not draft.keys:
        raise CircuitError(f"circuit '{circuit.name}' measures nothing; add a measure instruction")
    if options.max_circuit_duration_over_t2:
        timeline.check(options.max_circuit_duration_over_t2)
    return draft.program(heralding=options.heralding, duration=timeline.duration)


class _Draft:
    """A program while the steps of its circuit are being read."""

    def __init__(self, loci: Loci) -> None:
        self.keys: dict[str, int] = {}
        self._loci = loci
        self._indices: dict[str, int] = {}
        self._operations: list[Operation] = []
        self._bits = 0
        self._feedback: dict[tuple[str, str], int] = {}  # (component, feedback key) → the latest bit

    def check(self, step: Step) -> None:
        name, args = step.instruction.name, step.instruction.args
        if name == "cc_prx":
            self._condition(step.instruction)
        if name in MEASUREMENTS:
            self._check_key(args["key"])

    def wait(self, waited: Mapping[str, float]) -> None:
        for component, seconds in waited.items():
            if seconds > SIMULTANEOUS:
                index = self._indices[component]
                self._operations.append(Operation("delay", (index,), "wait", (round(seconds, 15),)))

    def add(self, step: Step) -> None:
        name, args = step.instruction.name, step.instruction.args
        bit = self._condition(step.instruction) if name == "cc_prx" else None
        if name in MEASUREMENTS:
            self.keys[args["key"]] = len(step.factors)
        for locus, implementation in step.factors if name != "barrier" else ():
            targets = tuple(self._indices.setdefault(component, len(self._indices)) for component in locus)
            if name in MEASUREMENTS:
                bit, self._bits = self._bits, self._bits + 1
                if "feedback_key" in args:
                    self._feedback[locus[0], args["feedback_key"]] = bit
            if name not in _WITHOUT_EFFECT:
                self._operations.append(Operation(name, targets, implementation, step.parameters, bit))

    def _check_key(self, key: str) -> None:
        if key in RESERVED_KEYS:
            raise CircuitError(f"measurement key '{key}' is reserved; choose another one")
        if key in self.keys:
            raise CircuitError(f"measurement key '{key}' is already used in this circuit; choose another one")

    def _condition(self, instruction: Instruction) -> int:
        qubit, key = instruction.args["feedback_qubit"], instruction.args["feedback_key"]
        self._loci.check_component(qubit)
        if (qubit, key) not in self._feedback:
            raise CircuitError(f"no earlier measure of {qubit} has the feedback_key '{key}'; add the key to one")
        return self._feedback[qubit, key]

    def program(self, *, heralding: bool, duration: float) -> Program:
        measurable = (index for name, index in self._indices.items() if self._loci.measurable(name))
        return Program(
            components=tuple(self._indices),
            operations=tuple(self._operations),
            keys=tuple(self.keys.items()),
            heralded=tuple(measurable) if heralding else (),
            duration=duration,
        )
