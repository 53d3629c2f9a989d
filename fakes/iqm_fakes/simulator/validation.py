"""What the vendor's compiler (iqm-pulla 15) checks before anything is scheduled, pass by pass, in its words.

A pass goes through the whole circuit before the next one starts, so it is the first pass that refuses, and in it the
first instruction, that users hear of. docs/compiler.md has the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from iqm_fakes.device.metrics import Locus
from iqm_fakes.device.station import Station
from iqm_fakes.simulator.circuit import (
    CheckedInstruction,
    Circuit,
    CircuitError,
    Instruction,
    Options,
    Refused,
    during,
)
from iqm_fakes.simulator.loci import Loci
from iqm_fakes.simulator.moves import MoveChecker, check_pairs
from iqm_fakes.simulator.operations import (
    DEFAULT_KEY,
    MEASUREMENTS,
    check_args,
    check_names,
    check_simulated,
    operation_type,
)
from iqm_fakes.simulator.schedule import final_measurements

RESERVED_KEYS = ("__HERALD", "__ONLY_PROBE", "__ADDITIONAL_SUBSCRIPTION")
"""Measurement keys that no measure may have."""

OWN_KEYS = (*RESERVED_KEYS, "__reset")
"""Measurement keys that the control software uses itself."""

RESET_FEEDBACK = "__default_feedback"
"""The feedback key of the measurement in a reset."""

MAX_KEY = 64
"""From this length on, the compiler replaces the key of a measure by a short one."""

FINAL = "measure_fidelity"
"""What final measurements are, unless active reset is on: calibrated for fidelity, not for what it leaves behind."""


class Checked(NamedTuple):
    """A circuit that the compiler accepts, but for its times.

    Attributes:
        written: Its instructions as they were written, with the loci and numbers of what is played.
        played: Its instructions as they are played: final measurements converted.
        final: The operation that final measurements are.
        active: The components that it names, in their order.
        measurable: The qubits that are measured in the end, and before the circuit if they are active.

    """

    written: list[CheckedInstruction]
    played: list[CheckedInstruction]
    final: str
    active: tuple[str, ...]
    measurable: tuple[str, ...]

    @property
    def read(self) -> tuple[str, ...]:
        """The qubits that heralding measures and active reset resets."""
        return tuple(filter(set(self.measurable).__contains__, self.active))

    def heralded(self, options: Options) -> tuple[str, ...]:
        """Return the qubits that have to be 0 before the circuit."""
        return self.read if options.heralding else ()


def check(circuit: Circuit, options: Options, loci: Loci, station: Station) -> Checked:
    """Return a circuit as it is played.

    Raises:
        Refused: The compiler refuses it.
        CircuitError: The compiler accepts it, and it can't be simulated.

    """
    written = circuit.instructions
    final = FINAL if options.converts_final_measurements and loci.has(FINAL) else "measure"
    measurable = loci.readable(final)
    with during("subscribe_and_probe"):
        _check_keys(written)
    ends = final_measurements([CheckedInstruction(instruction, (), ()) for instruction in written])
    converted = ends if final == FINAL else frozenset()
    read = {qubit for index in ends for qubit in written[index].locus}
    probe = Instruction(final, tuple(qubit for qubit in measurable if qubit not in read), {})
    played = [
        replace(instruction, name=FINAL, implementation=None) if index in converted else instruction
        for index, instruction in enumerate(written)
    ]
    with during("validate_circuits"):
        _validate(played, probe, options, loci)
    with during("resolve_circuits"):
        resolved = _resolve(played, loci, station)
    active = tuple(dict.fromkeys(component for instruction in written for component in instruction.locus))
    _check_timeboxes(active, measurable, options, loci)
    _check_simulated(resolved)
    return Checked(
        [
            checked._replace(instruction=replace(checked.instruction, name="measure"))
            if index in converted
            else checked
            for index, checked in enumerate(resolved)
        ],
        resolved,
        final,
        active,
        measurable,
    )


def check_phases(circuit: Circuit, options: Options) -> None:
    """Check what the compiler needs to correct the phases of MOVEs, when all is scheduled.

    Raises:
        Refused: It can't.

    """
    if options.move_tracking != "none":
        with during("apply_move_gate_phase_corrections"):
            check_pairs(circuit.instructions)


@contextmanager
def _each(instructions: Sequence[Instruction]) -> Iterator[Iterator[Instruction]]:
    """Say of what is refused inside the ``with`` block, which goes through instructions, which of them it is."""
    index = -1

    def counted() -> Iterator[Instruction]:
        nonlocal index
        for index, instruction in enumerate(instructions):  # noqa: B007  # for the except clause
            yield instruction

    try:
        yield counted()
    except Refused as refusal:
        raise refusal.at(place(index, instructions[index])) from None


def place(index: int, instruction: Instruction) -> str:
    """Return which instruction of a circuit one is, for messages."""
    return f"instruction {index} ('{instruction.name}' on {', '.join(instruction.locus)})"


def _check_keys(instructions: Sequence[Instruction]) -> None:
    for index in reversed(range(len(instructions))):
        instruction = instructions[index]
        if instruction.name == "measure":
            key = instruction.args.get("key")
            if not isinstance(key, str):
                what = f"argument 'key' has to be a string, got {key!r:.40}" if key is not None else "it has no key"
                raise Refused(what, what, breaks=True).at(place(index, instruction))
            if key in RESERVED_KEYS:
                raise Refused(
                    f"Measurement keys {list(RESERVED_KEYS)} are reserved for internal use.", "choose another key"
                ).at(place(index, instruction))


def _validate(instructions: list[Instruction], probe: Instruction, options: Options, loci: Loci) -> None:
    with _each(instructions) as each:
        for instruction in each:
            operation_type(instruction.name)
            loci.pick(instruction.name, instruction.locus, instruction.implementation)
    if any(instruction.name == "move" for instruction in instructions):
        moves = MoveChecker(options.move_validation)
        with _each([*instructions, probe]) as each:
            for instruction in each:
                moves.check(instruction)
        moves.check_end()


def _resolve(instructions: list[Instruction], loci: Loci, station: Station) -> list[CheckedInstruction]:
    resolved = []
    with _each(instructions) as each:
        for instruction in each:
            name, args = instruction.name, instruction.args
            factors = loci.factors(name, instruction.locus, instruction.implementation)
            check_names(name, args)
            loci.check_members(name, factors)
            parameters = check_args(name, args)
            if name == "cc_prx" and args["feedback_qubit"] not in loci.qubits:
                qubits = ", ".join(loci.qubits)
                unknown = f"feedback_qubit {args['feedback_qubit']!r:.40} is not one of the qubits {qubits}"
                raise Refused(f"{args['feedback_qubit']!r:.40}", f"{unknown} (no mapping applies to it)", breaks=True)
            if name == "delay" and not instruction.locus and parameters[0]:
                raise Refused("", "a delay needs at least one qubit", breaks=True)
            if name == "delay" and parameters[0] < 0:
                parameters = (station.grid,)  # the shortest there is
            resolved.append(CheckedInstruction(_plain(instruction), factors, parameters))
    return resolved


def _check_timeboxes(active: tuple[str, ...], measurable: tuple[str, ...], options: Options, loci: Loci) -> None:
    """Check the calibration of what precedes each shot."""
    read = tuple(qubit for qubit in active if qubit in measurable)
    if options.heralding:
        with during("prepend_heralding", breaks=True):
            _check_shot("heralding", "measure", read, loci)
            loci.factors("measure", measurable)
    cycles = options.active_reset_cycles
    if cycles is None and loci.has("reset_wait"):
        with during("prepend_reset", breaks=True):
            _check_shot("the reset between shots", "reset_wait", active, loci)
    elif cycles is not None and cycles > 0 and loci.has("reset_wait"):
        with during("prepend_reset", breaks=True):
            _check_shot("active reset", "reset", read, loci)


def _check_shot(what: str, name: str, components: Locus, loci: Loci) -> None:
    try:
        loci.check_members(name, loci.factors(name, components))
    except Refused as refusal:
        raise refusal.at(f"{what} of all the components that the circuit uses") from None


def _check_simulated(instructions: Iterable[CheckedInstruction]) -> None:
    for index, (instruction, _, parameters) in enumerate(instructions):
        try:
            check_simulated(instruction.name, parameters)
            if instruction.name in MEASUREMENTS and key_of(instruction) in OWN_KEYS:
                raise CircuitError(f"key '{key_of(instruction)}' is the machine's own; choose another one")
        except CircuitError as error:
            raise CircuitError(f"{place(index, instruction)}: {error}") from None


def _plain(instruction: Instruction) -> Instruction:
    """Return the same with keys as texts; an empty feedback key is none."""
    args = instruction.args
    if "feedback_key" not in args or (isinstance(args["feedback_key"], str) and args["feedback_key"]):
        return instruction
    plain = {name: value for name, value in args.items() if name != "feedback_key"}
    if args["feedback_key"] or instruction.name == "cc_prx":
        plain["feedback_key"] = str(args["feedback_key"])
    return replace(instruction, args=plain)


def key_of(instruction: Instruction) -> str:
    """Return the key under which a measurement records its bits."""
    return str(instruction.args.get("key", "")) or DEFAULT_KEY


def unreadable(instructions: Iterable[Instruction]) -> str:
    """Return why the machine, having measured, can't make results of it; empty if it can.

    It tells bits by labels of qubit and key, and takes a label to pieces where it has two underscores or more.
    """
    seen = set()
    for index, instruction in enumerate(instructions):
        if instruction.name not in MEASUREMENTS:
            continue
        key = key_of(instruction)
        replaced = instruction.name == "measure" and len(key) >= MAX_KEY
        for qubit in instruction.locus:
            if len(re.split("__+", f"{qubit}__{key}")) != 2 and not replaced:
                what = f"the machine can't read results with two underscores inside the key '{key}'"
                return f"{place(index, instruction)}: {what}"
            if (qubit, key) in seen:
                what = f"{qubit} is measured twice with the key '{key}'; choose another one"
                return f"{place(index, instruction)}: {what}"
            seen.add((qubit, key))
    return ""
