"""What a client submits: the body of a circuit job, checked and brought into one dialect.

The server accepts every dialect that circuit-level clients speak: ``locus`` or ``qubits``, angles in radians or
``*_t`` in full turns, current or former option names, a qubit mapping or physical names. Behind this module
there is one: :class:`~iqm_fakes.simulator.circuit.Circuit` on physical component names, angles in radians.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)

from iqm_fakes.simulator.circuit import Circuit, Instruction, Options

FORMER_NAMES = {"phased_rx": "prx", "measurement": "measure"}
"""Operation names of API versions before iqm-client 33, and today's names for them."""

FULL_TURNS = {"angle_t": "angle", "phase_t": "phase"}
"""Arguments of the former dialect, in full turns, and their names in radians."""


class InvalidPayload(ValueError):
    """The body is not a circuit job; the message names each place and what is wrong there."""


class UnmappedQubit(ValueError):
    """A circuit uses a logical name that the job's qubit mapping does not have."""


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class WireInstruction(_Wire):
    """One instruction as sent."""

    name: StrictStr
    locus: tuple[StrictStr, ...] | None = None
    qubits: tuple[StrictStr, ...] | None = None
    args: dict[StrictStr, Any] = Field(default_factory=dict)
    implementation: StrictStr | None = None

    @model_validator(mode="after")
    def _one_dialect(self) -> WireInstruction:
        if (self.locus is None) == (self.qubits is None):
            raise ValueError("needs either 'locus' or, in the former dialect, 'qubits'")
        for turns, radians in FULL_TURNS.items():
            if turns in self.args and radians in self.args:
                raise ValueError(f"has both '{radians}' (radians) and '{turns}' (full turns): send one of them")
            if turns in self.args and not _is_angle(self.args[turns]):
                raise ValueError(f"'{turns}' is not a finite number")
        return self

    def current(self, physical: Mapping[str, str] | None) -> Instruction:
        """Return the instruction in the current dialect, on physical names."""
        names = self.locus if self.locus is not None else self.qubits or ()
        args = {
            FULL_TURNS.get(key, key): value * math.tau if key in FULL_TURNS else value
            for key, value in self.args.items()
        }
        return Instruction(
            name=FORMER_NAMES.get(self.name, self.name),
            locus=names if physical is None else tuple(_mapped(name, physical) for name in names),
            args=args,
            implementation=self.implementation,
        )


def _is_angle(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) < sys.float_info.max


def _mapped(name: str, physical: Mapping[str, str]) -> str:
    if name not in physical:
        raise UnmappedQubit(f"Logical qubit '{name}' does not map to a physical qubit.")
    return physical[name]


class WireCircuit(_Wire):
    """One circuit as sent."""

    name: StrictStr
    instructions: tuple[WireInstruction, ...]
    metadata: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _not_mixed(self) -> WireCircuit:
        if len({instruction.locus is None for instruction in self.instructions}) > 1:
            raise ValueError("mixes instructions with 'locus' and with 'qubits': use one of them throughout")
        return self


class MappedQubit(_Wire):
    """One pair of a qubit mapping."""

    model_config = ConfigDict(extra="forbid")
    logical_name: StrictStr
    physical_name: StrictStr


class DDStrategy(_Wire):
    """A dynamical-decoupling strategy; its sequences are the identity on an ideal machine and have no effect here."""

    merge_contiguous_waits: bool = True
    target_qubits: tuple[StrictStr, ...] | None = None
    skip_leading_wait: bool = True
    skip_trailing_wait: bool = True
    gate_sequences: tuple[
        tuple[int, StrictStr | tuple[tuple[float, float], ...], Literal["asap", "center", "alap"]], ...
    ] = ()


class CircuitJobPayload(_Wire):
    """The body of ``POST jobs/{qc}/circuit``."""

    circuits: tuple[WireCircuit | StrictStr, ...]
    shots: Annotated[StrictInt, Field(gt=0)] = 1
    calibration_set_id: UUID | None = None
    qubit_mapping: tuple[MappedQubit, ...] | None = None
    max_circuit_duration_over_t2: float | None = Field(None, strict=True)
    heralding_mode: Literal["none", "zeros"] = "none"
    move_gate_validation: Literal["strict", "allow_prx", "none"] = Field(
        "strict", validation_alias=AliasChoices("move_gate_validation", "move_validation_mode")
    )
    move_gate_frame_tracking: Literal["full", "no_detuning_correction", "none"] = Field(
        "full", validation_alias=AliasChoices("move_gate_frame_tracking", "move_gate_frame_tracking_mode")
    )
    active_reset_cycles: StrictInt | None = None
    dd_mode: Literal["disabled", "enabled"] = "disabled"
    dd_strategy: DDStrategy | None = None

    @field_validator("circuits")
    @classmethod
    def _not_empty(cls, circuits: tuple[WireCircuit | str, ...]) -> tuple[WireCircuit | str, ...]:
        if not circuits:
            raise ValueError("the list of circuits is empty")
        return circuits

    @model_validator(mode="after")
    def _possible_together(self) -> CircuitJobPayload:
        if self.move_gate_frame_tracking == "full" and self.move_gate_validation == "none":
            raise ValueError("full MOVE gate frame tracking needs MOVE gate validation 'strict' or 'allow_prx'")
        logical = [pair.logical_name for pair in self.qubit_mapping or ()]
        targets = [pair.physical_name for pair in self.qubit_mapping or ()]
        if len(set(logical)) < len(logical) or len(set(targets)) < len(targets):
            raise ValueError("the qubit mapping names a logical or physical qubit twice")
        return self

    @classmethod
    def parse(cls, body: bytes) -> CircuitJobPayload:
        """Check a submitted body.

        Raises:
            InvalidPayload: It is not JSON or not a circuit job.

        """
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            raise InvalidPayload(_explained(error)) from None

    def options(self) -> Options:
        """Return what the job says about its execution."""
        return Options(
            heralding=self.heralding_mode == "zeros",
            move_validation=self.move_gate_validation,
            max_circuit_duration_over_t2=self.max_circuit_duration_over_t2,
            active_reset_cycles=self.active_reset_cycles,
        )

    def circuit(self, index: int) -> Circuit:
        """Return one circuit in the current dialect, on physical names.

        Raises:
            UnmappedQubit: It uses a logical name that is not in the mapping.
            NotImplementedError: It is a QIR program.

        """
        circuit = self.circuits[index]
        if isinstance(circuit, str):
            raise NotImplementedError("QIR programs are not supported; submit the circuit as a list of instructions")
        mapping = {pair.logical_name: pair.physical_name for pair in self.qubit_mapping or ()} or None
        return Circuit(circuit.name, tuple(instruction.current(mapping) for instruction in circuit.instructions))


def _explained(error: ValidationError) -> str:
    """One line for the first few mistakes, each with its place in the body."""
    mistakes = [
        f"{'.'.join(str(part) for part in mistake['loc']) or 'body'}: {mistake['msg'].removeprefix('Value error, ')}"
        for mistake in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    more = f" (and {len(mistakes) - 5} more)" if len(mistakes) > 5 else ""
    return "; ".join(mistakes[:5]) + more
