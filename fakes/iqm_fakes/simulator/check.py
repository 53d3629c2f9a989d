"""Everything that the real server's compiler refuses, and the program that it would make of the rest."""

from __future__ import annotations

from iqm_fakes.noise import Noise
from iqm_fakes.simulator.circuit import Circuit, CircuitError, Instruction, Operation, Options, Program
from iqm_fakes.simulator.loci import Loci
from iqm_fakes.simulator.moves import Sandwiches
from iqm_fakes.simulator.operations import MEASUREMENTS, check_args, operation_type
from iqm_fakes.simulator.schedule import Step, check_duration

RESERVED_KEYS = ("__HERALD", "__ONLY_PROBE", "__ADDITIONAL_SUBSCRIPTION")
"""Measurement keys that the control software uses itself."""

_WITHOUT_EFFECT = ("barrier", "lru")
"""Operations that change neither state nor record: a barrier orders, lru empties levels that are not simulated."""


def check(circuit: Circuit, options: Options, loci: Loci, noise: Noise) -> Program:
    """Return the program of a circuit; ``noise`` says how long operations take.

    Raises:
        CircuitError: The machine can't execute the circuit.

    """
    if not circuit.instructions:
        raise CircuitError(f"circuit '{circuit.name}' has no instructions")
    draft = _Draft(loci)
    sandwiches = Sandwiches(options.move_validation, loci.resonators)
    steps = []
    for index, instruction in enumerate(circuit.instructions):
        try:
            operation_type(instruction.name)
            step = Step(instruction, loci.factors(instruction), check_args(instruction.name, instruction.args))
            sandwiches.follow(instruction)
            draft.add(step)
        except CircuitError as error:
            locus = ", ".join(instruction.locus)
            raise CircuitError(f"instruction {index} ('{instruction.name}' on {locus}): {error}") from None
        steps.append(step)
    sandwiches.close()
    if not draft.keys:
        raise CircuitError(f"circuit '{circuit.name}' measures nothing; add a measure instruction")
    if options.max_circuit_duration_over_t2:
        check_duration(steps, noise, options.max_circuit_duration_over_t2)
    return draft.program(heralding=options.heralding)


class _Draft:
    """A program while the steps of its circuit are being read."""

    def __init__(self, loci: Loci) -> None:
        self.keys: dict[str, int] = {}
        self._loci = loci
        self._indices: dict[str, int] = {}
        self._operations: list[Operation] = []
        self._bits = 0
        self._feedback: dict[tuple[str, str], int] = {}  # (component, feedback key) → the latest bit

    def add(self, step: Step) -> None:
        name, args = step.instruction.name, step.instruction.args
        bit = self._condition(step.instruction) if name == "cc_prx" else None
        if name in MEASUREMENTS:
            self._add_key(args["key"], len(step.factors))
        for locus, implementation in step.factors if name != "barrier" else ():
            targets = tuple(self._indices.setdefault(component, len(self._indices)) for component in locus)
            if name in MEASUREMENTS:
                bit, self._bits = self._bits, self._bits + 1
                if "feedback_key" in args:
                    self._feedback[locus[0], args["feedback_key"]] = bit
            if name not in _WITHOUT_EFFECT:
                self._operations.append(Operation(name, targets, implementation, step.parameters, bit))

    def _add_key(self, key: str, width: int) -> None:
        if key in RESERVED_KEYS:
            raise CircuitError(f"measurement key '{key}' is reserved; choose another one")
        if key in self.keys:
            raise CircuitError(f"measurement key '{key}' is already used in this circuit; choose another one")
        self.keys[key] = width

    def _condition(self, instruction: Instruction) -> int:
        qubit, key = instruction.args["feedback_qubit"], instruction.args["feedback_key"]
        self._loci.check_component(qubit)
        if (qubit, key) not in self._feedback:
            raise CircuitError(f"no earlier measure of {qubit} has the feedback_key '{key}'; add the key to one")
        return self._feedback[qubit, key]

    def program(self, *, heralding: bool) -> Program:
        measurable = (index for name, index in self._indices.items() if self._loci.measurable(name))
        return Program(
            components=tuple(self._indices),
            operations=tuple(self._operations),
            keys=tuple(self.keys.items()),
            heralded=tuple(measurable) if heralding else (),
        )
