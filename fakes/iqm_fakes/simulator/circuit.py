"""Circuits as clients write them, and the programs that the simulator runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from iqm_fakes.device.metrics import Locus


class CircuitError(Exception):
    """A circuit that the machine can't execute; the message names the instruction and says what is wrong with it."""


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


@dataclass(frozen=True, slots=True)
class Options:
    """What a job says about the execution of its circuits.

    Attributes:
        heralding: Keep only the shots in which a measurement before the circuit found every active component in 0.
        move_validation: How MOVE sandwiches are checked.
        max_circuit_duration_over_t2: Refuse circuits longer than this multiple of the smallest T2 of the components
            they use; ``None`` and 0 are no limit.
        active_reset_cycles: Without effect: every shot starts with all components in 0, however they are brought there.

    """

    heralding: bool = False
    move_validation: Literal["strict", "allow_prx", "none"] = "strict"
    max_circuit_duration_over_t2: float | None = None
    active_reset_cycles: int | None = None


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

    """

    components: tuple[str, ...]
    operations: tuple[Operation, ...]
    keys: tuple[tuple[str, int], ...]
    heralded: tuple[str, ...] = ()
    duration: float = field(default=0.0, compare=False)

    @property
    def bits(self) -> int:
        """The number of recorded bits."""
        return sum(width for _, width in self.keys)

    @property
    def feedback_bits(self) -> frozenset[int]:
        """The recorded bits by which a cc_prx decides."""
        return frozenset(op.bit for op in self.operations if op.name == "cc_prx" and op.bit is not None)
