"""Circuits that were run, and what came out: from recordings, or from bare counts beside a circuit and a device."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iqm_fakes.client import FakeIQMClient
from iqm_fakes.device.calibration_age import measured_at
from iqm_fakes.device.device import Calibration, Device
from iqm_fakes.documents import moment
from iqm_fakes.recordings.folder import Recordings
from iqm_fakes.recordings.recording import Recording, RecordingError
from iqm_fakes.simulator.circuit import CircuitError, Program
from iqm_fakes.simulator.simulator import Simulator
from iqm_fakes.vendor.http import get
from iqm_fakes.wire.payload import CircuitJobPayload
from iqm_fakes.wire.qiskit_order import OutcomeOrder
from iqm_fakes.words import several

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

_UNREADABLE = (ValueError, CircuitError, NotImplementedError, RecordingError)
"""Why a circuit is not compared: it can't be understood, or the machine would refuse it."""


@dataclass(frozen=True, eq=False)
class Observed:
    """A circuit that was run.

    Attributes:
        computer: Alias of the quantum computer.
        job: Id of its job; empty if it is not known.
        index: Its place in the job.
        name: Its name.
        submitted_at: When the job was submitted; empty if it is not known.
        age: How many days old the calibration was then; None if it is not known.
        calibration: The calibration that it ran with.
        program: What the machine made of it.
        outcomes: The different outcomes, shape (outcomes, bits), bits as in the program.
        counts: How often each was seen, shape (outcomes,).

    """

    computer: str
    job: str
    index: int
    name: str
    submitted_at: str
    age: float | None
    calibration: Calibration
    program: Program
    outcomes: NDArray[np.uint8]
    counts: NDArray[np.int64]

    @property
    def shots(self) -> int:
        """How many shots there are; heralding may have kept fewer than were asked for."""
        return int(self.counts.sum())


@dataclass(frozen=True)
class LeftOut:
    """What is not compared, and why.

    Attributes:
        job: Id of the job; empty if it is not known.
        circuit: Its place in the job; None for a whole job.
        reason: Why.

    """

    job: str
    circuit: int | None
    reason: str

    def __str__(self) -> str:
        places = [self.job, "" if self.circuit is None else f"circuit {self.circuit + 1}"]
        return f"{', '.join(filter(None, places))}: {self.reason}"


def recorded(recordings: Recordings) -> tuple[list[Observed], list[LeftOut]]:
    """Return the circuits of a folder, in the order of their submission, and what can't be compared."""
    jobs: list[Recording] = []
    left_out: list[LeftOut] = []
    for job in recordings.ids():
        try:
            jobs.append(recordings.load(job))
        except RecordingError as error:
            left_out.append(LeftOut(job, None, str(error)))
    simulators: dict[str, tuple[Calibration, Simulator]] = {}
    found: list[Observed] = []
    for recording in sorted(jobs, key=lambda job: (job.submitted_at, job.id)):
        try:
            if recording.results is None:
                raise ValueError(f"it {recording.status}, and has no results")
            known = simulators.get(recording.calibration_set)
            if known is None:
                calibration = recordings.calibration(recording.calibration_set)
                known = simulators[recording.calibration_set] = calibration, Simulator(calibration)
            request = CircuitJobPayload.parse(json.dumps(recording.request).encode())
            options = request.options()
        except _UNREADABLE as error:
            left_out.append(LeftOut(recording.id, None, str(error)))
            continue
        for index, results in enumerate(recording.results):
            try:
                circuit = request.circuit(index)
                program = known[1].compile(circuit, options)
                outcomes, counts = _distinct(program, results)
            except _UNREADABLE as error:
                left_out.append(LeftOut(recording.id, index, str(error)))
                continue
            found.append(
                Observed(
                    recording.computer,
                    recording.id,
                    index,
                    circuit.name,
                    recording.submitted_at,
                    _age(known[0], recording.submitted_at),
                    known[0],
                    program,
                    outcomes,
                    counts,
                )
            )
    return found, left_out


def _distinct(
    program: Program, results: Mapping[str, NDArray[np.uint8]]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return different outcomes and how often each was seen.

    Raises:
        ValueError: They are not those of the program.

    """
    if {key: columns.shape[1] for key, columns in results.items()} != dict(program.keys):
        raise ValueError("its results are not those of its circuit")
    bits = np.concatenate([results[key] for key, _ in program.keys], axis=1)
    if not len(bits):
        raise ValueError("it has no shots")
    if bits.max() > 1:
        raise ValueError("it has outcomes other than 0 and 1")
    outcomes, counts = np.unique(bits, axis=0, return_counts=True)
    return outcomes, counts


def _age(calibration: Calibration, submitted_at: str) -> float | None:
    """Return how many days old a calibration was when a job was submitted."""
    measured, submitted = measured_at(calibration), moment(submitted_at)
    if measured is None or submitted is None:
        return None
    return max((submitted - measured) / timedelta(days=1), 0.0)


def counted(
    counts: Sequence[Mapping[str, int]],
    circuits: Sequence[QuantumCircuit],
    device: Device,
    measured: datetime | float | None,
) -> list[Observed]:
    """Return circuits with the counts that a quantum computer gave, as Qiskit has them.

    Args:
        counts: Of each circuit.
        circuits: Transpiled circuits.
        device: The quantum computer, with the calibration that it had.
        measured: When, or how many days after the calibration; None if it is not known.

    Raises:
        ValueError: The counts are not those of the circuits.
        CircuitError: The machine would refuse a circuit.

    """
    if len(counts) != len(circuits):
        given, there = several(len(counts), "circuit"), several(len(circuits), "circuit")
        raise ValueError(f"there are counts of {given}, and {there}")
    calibration = device.calibration()
    simulator = Simulator(calibration)
    request = CircuitJobPayload.parse(json.dumps(_submission(circuits, device)).encode())
    submitted_at, age = "", None
    if isinstance(measured, datetime):
        submitted_at = measured.isoformat()
        age = _age(calibration, submitted_at)
    elif measured is not None:
        age = float(measured)
    found = []
    for index, each in enumerate(counts):
        circuit = request.circuit(index)
        program = simulator.compile(circuit, request.options())
        outcomes, numbers = _read(each, program)
        found.append(
            Observed(
                device.alias,
                "",
                index,
                circuits[index].name,
                submitted_at,
                age,
                calibration,
                program,
                outcomes,
                numbers,
            )
        )
    return found


def _submission(circuits: Sequence[QuantumCircuit], device: Device) -> Any:
    """Return what the vendor's backend submits."""
    from iqm.qiskit_iqm.iqm_provider import IQMBackend  # takes seconds, and only Qiskit's circuits need it

    client = FakeIQMClient(device)
    with client.server.queue.held():
        job = IQMBackend(client).run(list(circuits), shots=1)
        return get(client, f"jobs/{job.job_id()}/payload")


def _read(counts: Mapping[str, int], program: Program) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return Qiskit's counts as outcomes in the program's order of bits, and numbers."""
    order = OutcomeOrder.of_qiskits(key for key, _ in program.keys)
    width = order.width
    seen = {outcome.replace(" ", ""): count for outcome, count in counts.items() if count}
    for outcome, count in seen.items():
        if len(outcome) != width or not set(outcome) <= {"0", "1"}:
            raise ValueError(f"outcome {outcome!r} is not one of the circuit, which has {width} classical bits")
        if count < 0 or count != int(count):
            raise ValueError(f"outcome {outcome!r} can't have been seen {count!r} times")
    if not seen:
        raise ValueError("the counts are empty")
    outcomes = np.array([[int(outcome[place]) for place in order.places] for outcome in seen], dtype=np.uint8)
    return outcomes, np.array(list(seen.values()), dtype=np.int64)
