"""What a client submits: the body of a circuit job, checked and brought into one dialect.

The server accepts every dialect that circuit-level clients speak: ``locus`` or ``qubits``, angles in radians or
``*_t`` in full turns, current or former option names, a qubit mapping or physical names. What is refused here is what
the vendor's published JSON schema (of ``PostJobsRequest``) refuses; the rest is accepted, and may fail as a job. Behind
this module there is one dialect: :class:`~iqm_fakes.simulator.circuit.Circuit` on physical component names, angles in
radians.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Container, Mapping
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
)

from iqm_fakes.simulator.circuit import Circuit, Decoupling, GateSequence, Instruction, Options, Refused, during

FORMER_NAMES = {"phased_rx": "prx", "measurement": "measure"}
"""Operation names of API versions before iqm-client 33, and today's names for them."""

FULL_TURNS = {"angle_t": "angle", "phase_t": "phase"}
"""Arguments of the former dialect, in full turns, and their names in radians."""


class InvalidPayload(ValueError):
    """The body is not a circuit job; the message names each place and what is wrong there."""


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


def _whole(value: Any) -> Any:
    """Return 20 for 20.0, which is an integer for JSON schemas."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole: TypeAlias = Annotated[StrictInt, BeforeValidator(_whole)]
Number: TypeAlias = Annotated[float, Field(strict=True)]


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("names are repeated")
    return names


class WireInstruction(_Wire):
    """One instruction as sent."""

    name: StrictStr
    locus: tuple[StrictStr, ...]
    args: dict[StrictStr, Any] = Field(default_factory=dict)
    implementation: StrictStr | None = None

    def current(self, physical: Mapping[str, str] | None) -> Instruction:
        """Return the instruction in the current dialect, on physical names."""
        args = {key: value for key, value in self.args.items() if key not in FULL_TURNS}
        for turns, radians in FULL_TURNS.items():
            if turns in self.args:
                args[radians] = _in_radians(self.args[turns])
        return Instruction(
            name=FORMER_NAMES.get(self.name, self.name),
            locus=self.locus if physical is None else tuple(_mapped(name, physical) for name in self.locus),
            args=args,
            implementation=self.implementation,
        )


class FormerInstruction(WireInstruction):
    """One instruction in the former dialect."""

    locus: tuple[StrictStr, ...] = Field((), validation_alias="qubits")


def _in_radians(turns: Any) -> Any:
    """Return an angle; what is no number is left to the checks of a circuit, as the API does."""
    if not isinstance(turns, int | float) or isinstance(turns, bool) or abs(turns) > sys.float_info.max:
        return turns
    return turns * math.tau


def _mapped(name: str, physical: Mapping[str, str]) -> str:
    if name not in physical:
        known = ", ".join(physical)
        raise Refused(f"Logical qubit '{name}' does not map to a physical qubit.", f"the qubit mapping has {known}")
    return physical[name]


class WireCircuit(_Wire):
    """One circuit as sent."""

    name: StrictStr
    instructions: tuple[WireInstruction, ...]
    metadata: dict[str, Any] | None = None


class FormerCircuit(WireCircuit):
    """One circuit in the former dialect: some instruction has no ``locus``, and none of those that have counts."""

    instructions: tuple[FormerInstruction, ...] = ()


class MappedQubit(_Wire):
    """One pair of a qubit mapping."""

    model_config = ConfigDict(extra="forbid")
    logical_name: StrictStr
    physical_name: StrictStr


class DDStrategy(_Wire):
    """A strategy of dynamical decoupling."""

    merge_contiguous_waits: StrictBool = True
    target_qubits: Annotated[tuple[StrictStr, ...], AfterValidator(_unique)] | None = None
    skip_leading_wait: StrictBool = True
    skip_trailing_wait: StrictBool = True
    gate_sequences: tuple[tuple[Whole, StrictStr | tuple[tuple[Number, Number], ...], StrictStr], ...] = ()


class CircuitJobPayload(_Wire):
    """The body of ``POST jobs/{qc}/circuit``."""

    circuits: tuple[Annotated[WireCircuit | FormerCircuit | StrictStr, Field(union_mode="left_to_right")], ...]
    shots: Annotated[Whole, Field(gt=0)] = 1
    calibration_set_id: Annotated[UUID | StrictStr | None, Field(union_mode="left_to_right")] = None
    qubit_mapping: tuple[MappedQubit, ...] | None = None
    max_circuit_duration_over_t2: Number | None = None
    heralding_mode: Literal["none", "zeros"] = "none"
    move_gate_validation: Literal["strict", "allow_prx", "none"] = Field(
        "strict", validation_alias=AliasChoices("move_gate_validation", "move_validation_mode")
    )
    move_gate_frame_tracking: Literal["full", "no_detuning_correction", "none"] = Field(
        "full", validation_alias=AliasChoices("move_gate_frame_tracking", "move_gate_frame_tracking_mode")
    )
    active_reset_cycles: Whole | None = None
    dd_mode: Literal["disabled", "enabled"] = "disabled"
    dd_strategy: DDStrategy | None = None

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
        """Return what the job says about its execution.

        Raises:
            Refused: It can't be executed like that.

        """
        if self.move_gate_frame_tracking == "full" and self.move_gate_validation == "none":
            with during("validate_settings"):
                raise Refused(
                    "Full MOVE gate frame tracking requires MOVE gate validation to be turned on.",
                    "with move_gate_validation none, choose another move_gate_frame_tracking",
                )
        return Options(
            heralding=self.heralding_mode == "zeros",
            move_validation=self.move_gate_validation,
            move_tracking=self.move_gate_frame_tracking,
            max_circuit_duration_over_t2=self.max_circuit_duration_over_t2,
            active_reset_cycles=self.active_reset_cycles,
            decoupling=self._decoupling() if self.dd_mode == "enabled" else None,
        )

    def _decoupling(self) -> Decoupling:
        strategy = self.dd_strategy
        if strategy is None:
            return Decoupling()
        return Decoupling(
            tuple(GateSequence(*sequence) for sequence in strategy.gate_sequences),
            strategy.target_qubits,
            strategy.merge_contiguous_waits,
            strategy.skip_leading_wait,
            strategy.skip_trailing_wait,
        )

    def circuit(self, index: int, components: Container[str] | None = None) -> Circuit:
        """Return one circuit in the current dialect, on physical names.

        Args:
            index: Which.
            components: Those of the machine, if the mapping is to be checked.

        Raises:
            Refused: It uses a logical name that is not in the mapping.
            NotImplementedError: It is a QIR program.

        """
        circuit = self.circuits[index]
        if isinstance(circuit, str):
            raise NotImplementedError("QIR programs are not supported; submit the circuit as a list of instructions")
        mapping = {pair.logical_name: pair.physical_name for pair in self.qubit_mapping or ()} or None
        with during("map_components"):
            if mapping and components is not None:
                _check_mapping(circuit, mapping, components)
            return Circuit(circuit.name, tuple(instruction.current(mapping) for instruction in circuit.instructions))


def _check_mapping(circuit: WireCircuit, mapping: Mapping[str, str], components: Container[str]) -> None:
    for name in (name for instruction in circuit.instructions for name in instruction.locus):
        physical = _mapped(name, mapping)
        if physical not in components:
            raise Refused(
                f"The logical qubit '{name}' maps to the physical qubit '{physical}'. However, this physical qubit "
                "does not appear on the QPU.",
                "correct the qubit mapping",
            )


def _explained(error: ValidationError) -> str:
    """One line for the first few mistakes, each with its place in the body."""
    mistakes = [
        f"{'.'.join(str(part) for part in mistake['loc']) or 'body'}: {mistake['msg'].removeprefix('Value error, ')}"
        for mistake in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    more = f" (and {len(mistakes) - 5} more)" if len(mistakes) > 5 else ""
    return "; ".join(mistakes[:5]) + more
