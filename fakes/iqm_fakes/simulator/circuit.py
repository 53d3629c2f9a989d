"""Circuits as clients write them, and the programs that the simulator runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from iqm_fakes.device.metrics import Locus


class CircuitError(Exception):
    """A circuit that can't be run: the machine refuses it, or it can't be simulated; the message says why."""


class Pass(NamedTuple):
    """A pass of the vendor's compiler.

    Attributes:
        stage: The stage that it is part of.
        names_circuit: Whether its messages say which circuit of the job they are about.

    """

    stage: str
    names_circuit: bool = False


PASSES: Mapping[str, Pass] = {
    "validate_settings": Pass("circuit_stage"),
    "map_components": Pass("circuit_stage", names_circuit=True),
    "subscribe_and_probe": Pass("circuit_stage", names_circuit=True),
    "validate_circuits": Pass("circuit_stage", names_circuit=True),
    "resolve_circuits": Pass("circuit_resolution", names_circuit=True),
    "prepend_heralding": Pass("timebox_stage"),
    "prepend_reset": Pass("timebox_stage"),
    "apply_dd_strategy": Pass("dynamical_decoupling"),
    "apply_move_gate_phase_corrections": Pass("schedule_stage"),
    "create_run_definition": Pass("job_creation"),
}
"""The passes of the vendor's compiler that may refuse a job, in their order; each goes through all circuits."""


class Refused(CircuitError):
    """What the vendor's compiler refuses; as a message, in the compiler's words.

    Args:
        text: What the compiler says, without where.
        explanation: What it doesn't say: what is wrong, and what to do.
        breaks: Whether it fails with an error of its own instead of refusing, of which no user is told.

    Attributes:
        compiler_pass: The pass that refuses, once it is known; see :data:`PASSES`.

    """

    def __init__(self, text: str, explanation: str, *, breaks: bool = False) -> None:
        super().__init__(text)
        self.explanation = explanation
        self.breaks = breaks
        self.compiler_pass = ""

    def at(self, place: str) -> Refused:
        """Return the same of a place in the circuit."""
        self.explanation = f"{place}: {self.explanation}"
        return self

    def message(self, index: int) -> str:
        """Return what the machine says if it is the circuit of this index in a job."""
        refusing = PASSES[self.compiler_pass]
        circuit = f"Circuit {index}: " if refusing.names_circuit and not self.breaks else ""
        return f'Error in stage "{refusing.stage}" pass "{self.compiler_pass}": {circuit}{self}'


@contextmanager
def during(compiler_pass: str, *, breaks: bool = False) -> Iterator[None]:
    """Say of what is refused inside the ``with`` block which pass refuses it, and whether it breaks the compiler."""
    try:
        yield
    except Refused as refusal:
        refusal.compiler_pass = compiler_pass
        refusal.breaks |= breaks
        refusal.add_note(refusal.explanation)
        raise


class NoShotsLeft(CircuitError):
    """Heralding discarded every shot of a circuit.

    Attributes:
        index: Which of the circuits that were run together.

    """

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index

    def __str__(self) -> str:
        """Return the message without the index, which depends on what else was run."""
        return "heralding discarded all the shots"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a circuit: angles in radians, durations in seconds, physical component names."""

    name: str
    locus: tuple[str, ...]
    args: Mapping[str, Any]
    implementation: str | None = None


class CheckedInstruction(NamedTuple):
    """An instruction that the machine can execute.

    Attributes:
        instruction: As it was written.
        factors: What is executed as one: loci, and the implementation that runs on each.
        parameters: Numeric arguments, in the order of the operation's definition.

    """

    instruction: Instruction
    factors: tuple[tuple[Locus, str], ...]
    parameters: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Circuit:
    """A named sequence of instructions, not yet checked."""

    name: str
    instructions: tuple[Instruction, ...]


class GateSequence(NamedTuple):
    """A sequence of gates that may fill a wait.

    Attributes:
        ratio: For waits of at least so many prx.
        gates: ``X`` and ``Y``, or angles and phases.
        alignment: Where in the wait it is.

    """

    ratio: int
    gates: str | tuple[tuple[float, float], ...]
    alignment: str


@dataclass(frozen=True, slots=True)
class Decoupling:
    """A strategy of dynamical decoupling, as on the wire; the default is what the vendor's compiler has."""

    sequences: tuple[GateSequence, ...] = (
        GateSequence(9, "XYXYYXYX", "asap"),
        GateSequence(5, "YXYX", "asap"),
        GateSequence(2, "XX", "center"),
    )
    targets: tuple[str, ...] | None = None
    merge_contiguous_waits: bool = True
    skip_leading_wait: bool = True
    skip_trailing_wait: bool = True


@dataclass(frozen=True, slots=True)
class Options:
    """What a job says about the execution of its circuits.

    Attributes:
        heralding: Keep only the shots in which a measurement before the circuit found every active component in 0.
        move_validation: How MOVE sandwiches are checked.
        move_tracking: What is done about the phases of MOVE sandwiches; here only what is refused depends on it.
        max_circuit_duration_over_t2: Refuse circuits longer than this multiple of the smallest T2 of the components
            they use; ``None`` and 0 are no limit.
        active_reset_cycles: Every shot starts with all components in 0, however they are brought there; what is
            refused, and what final measurements are, depends on it.
        decoupling: The strategy of dynamical decoupling; ``None`` is off.

    """

    heralding: bool = False
    move_validation: Literal["strict", "allow_prx", "none"] = "strict"
    move_tracking: Literal["full", "no_detuning_correction", "none"] = "full"
    max_circuit_duration_over_t2: float | None = None
    active_reset_cycles: int | None = None
    decoupling: Decoupling | None = None

    @property
    def converts_final_measurements(self) -> bool:
        """Whether final measurements become ``measure_fidelity``."""
        return self.active_reset_cycles is None


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a program; operations that factorise over their locus are one step for each component.

    Attributes:
        name: The operation, as on the wire; or ``zz``, the phase of residual interaction.
        targets: Indices into :attr:`Program.components`; two for cz, move and zz, otherwise one.
        implementation: The implementation that runs: the one asked for, or else the default for this locus.
        parameters: Numeric arguments, in the order of the operation's definition (radians, seconds).
        bit: The recorded bit that a measurement writes, or by which a cc_prx decides.

    """

    name: str
    targets: tuple[int, ...]
    implementation: str
    parameters: tuple[float, ...] = ()
    bit: int | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """A circuit that passed every check, on the components that it uses.

    Recorded bits are numbered in the order of the measure instructions and of the components in their loci.

    Attributes:
        components: Names of the active components, in the order of their first use.
        operations: Everything that changes the state or records a bit, in order.
        keys: Measurement keys and how many bits each has, in the order of the bits.
        heralded: The qubits that are measured before the circuit; empty without heralding.
        duration: How long the circuit takes, in seconds.
        resets: How many bits resets read, which are no results.
        remarks: What users should know of it.
        unreadable: Why the machine can't make results of what it measured; empty if it can.

    """

    components: tuple[str, ...]
    operations: tuple[Operation, ...]
    keys: tuple[tuple[str, int], ...]
    heralded: tuple[str, ...] = ()
    duration: float = field(default=0.0, compare=False)
    resets: int = field(default=0, compare=False)
    remarks: tuple[str, ...] = field(default=(), compare=False)
    unreadable: str = field(default="", compare=False)

    @property
    def points(self) -> int:
        """The number of bits that the machine reads in each shot."""
        return self.bits + len(self.heralded) + self.resets

    @property
    def bits(self) -> int:
        """The number of recorded bits."""
        return sum(width for _, width in self.keys)

    @property
    def feedback_bits(self) -> frozenset[int]:
        """The recorded bits by which a cc_prx decides."""
        return frozenset(op.bit for op in self.operations if op.name == "cc_prx" and op.bit is not None)

    @property
    def used_again(self) -> frozenset[int]:
        """The indices of operations some of whose components are used afterwards."""
        used: set[int] = set()
        again = set()
        for index in reversed(range(len(self.operations))):
            targets = self.operations[index].targets
            if not used.isdisjoint(targets):
                again.add(index)
            used.update(targets)
        return frozenset(again)

    def light_cone(self, bits: Collection[int] | None = None) -> Program:
        """Return this with nothing but what can influence recorded bits: operations, and heralding.

        Args:
            bits: Which; None is all of them.

        """
        wanted = set(range(self.bits) if bits is None else bits)
        seen: set[int] = set()
        kept = []
        for operation in reversed(self.operations):
            writes = operation.name != "cc_prx" and operation.bit in wanted
            if writes or not seen.isdisjoint(operation.targets):
                seen.update(operation.targets)
                wanted.update(() if operation.bit is None else [operation.bit])
                kept.append(operation)
        names = {self.components[target] for target in seen}
        heralded = tuple(component for component in self.heralded if component in names)
        return replace(self, operations=tuple(reversed(kept)), heralded=heralded)
