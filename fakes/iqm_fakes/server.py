"""FakeIQMServer: quantum computers, their documents and their jobs; no HTTP.

Everything a client can ask is a method that returns a JSON-ready document or raises
:class:`~iqm_fakes.errors.ServerError`. :mod:`iqm_fakes.api` gives these methods paths.
"""

from __future__ import annotations

import json
import math
import os
import random
import secrets
import threading
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast
from uuid import NAMESPACE_URL, UUID, uuid5

from numpy.random import SeedSequence

from iqm_fakes import results
from iqm_fakes.clock import Clock
from iqm_fakes.device import Calibration, Device
from iqm_fakes.drift import recalibrated
from iqm_fakes.errors import ErrorCode, JobFailure, NeverEnds, ServerError
from iqm_fakes.faults import Faults
from iqm_fakes.jobs import Job, JobQueue, JobStatus
from iqm_fakes.noise import Noise
from iqm_fakes.payload import CircuitJobPayload, InvalidPayload, UnmappedQubit
from iqm_fakes.recordings.folder import RecordingNotFound, Recordings
from iqm_fakes.recordings.recording import Recording
from iqm_fakes.simulator import Bits, CircuitError, Method, NoShotsLeft, Plan, Program, Simulator, check_method

Document = dict[str, Any]


UNLIMITED = 2**31 - 1

DOCUMENTED = (
    "max_circuits_per_job",
    "max_executions_per_job",
    "max_instructions_per_circuit",
    "max_shots_per_circuit",
    "max_queued_jobs_per_user",
)
"""The limits that the API tells."""


@dataclass(frozen=True)
class Limits:
    """What a job may have at most, and how many jobs may be in the queue; what is not given is unlimited."""

    max_circuits_per_job: int = UNLIMITED
    max_executions_per_job: int = UNLIMITED
    max_instructions_per_circuit: int = UNLIMITED
    max_shots_per_circuit: int = UNLIMITED
    max_queued_jobs_per_user: int = UNLIMITED
    max_payload_bytes: int = UNLIMITED


class _Seeds:
    """What makes jobs reproducible.

    Args:
        seed: Determines all.

    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._ids = random.Random(seed)  # noqa: S311  # ids have to be reproducible, not secret
        self._submitted = 0

    def next(self) -> tuple[UUID, int]:
        """Return the id and the number of the next job; not safe in threads."""
        self._submitted += 1
        return UUID(int=self._ids.getrandbits(128), version=4), self._submitted - 1


class FakeIQMServer:
    """An IQM Server whose quantum computers are simulated.

    Args:
        devices: Names of bundled devices, device files or :class:`Device` objects; each is served under its alias.
            None, together with ``recordings``, replays: the computers are those of the recorded jobs, and a submission
            is answered by the recording of the same one.
        seed: Makes everything reproducible: results are determined by device, circuit, shots, this seed and the number
            of jobs submitted before. ``None`` draws one; :attr:`seed` says which.
        noise: False simulates perfect gates, components and readout.
        idle: False lets components that wait for others keep their state; a ``delay`` relaxes them nevertheless.
        method: Aer's method for all circuits: ``density_matrix``, ``statevector``, ``stabilizer`` or
            ``matrix_product_state``. ``auto`` takes the fastest that can do a circuit; the distribution of results is
            the same. ``jobs[i].simulation`` says what was taken.
        executor: Runs the circuits of a job, for example a process pool or a cluster's; the results are the same. The
            server does not shut it down.
        workers: Background threads that run jobs. 0, for clients in the same process, finishes each job
            before its submission is answered.
        recordings: Folder of recorded jobs, which can be retrieved by their ids.
        limits: What a job may have at most, and a user at a time; the default is no limit.

    Attributes:
        faults: What goes wrong on purpose.
        clock: The server's time, which a test may own.
        maintenance: While it is true, the machines are unhealthy and take no jobs.
        settings: How it simulates: ``noise``, ``idle`` and ``method``.

    Raises:
        DeviceError: A device is unknown or its file is broken.
        RecordingNotFound: There are neither devices nor recordings.
        ValueError: No device, two with one alias, a negative seed, or an unknown method.

    """

    def __init__(
        self,
        *devices: str | os.PathLike[str] | Device,
        seed: int | None = None,
        noise: bool = True,
        idle: bool = True,
        method: Method | Literal["auto"] = "auto",
        executor: Executor | None = None,
        workers: int = 0,
        recordings: str | os.PathLike[str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        check_method(method)
        self._limits = limits or Limits()
        self.faults = Faults(self.recalibrate)
        self.clock = Clock()
        self.recordings = None if recordings is None else Recordings(recordings)
        self.replays = self.recordings is not None and not devices
        loaded = self._recorded_devices() if self.replays else [Device.load(device) for device in devices]
        self._published = {device.alias: device for device in loaded}
        if len(self._published) < len(loaded) or not loaded:
            raise ValueError(f"a server needs devices with different aliases, got {[d.alias for d in loaded]}")
        if noise and not self.replays:
            _warn_of_missing_metrics(loaded)
        self._simulators: dict[tuple[str, str], Simulator] = {}
        self.settings: Mapping[str, Any] = {"noise": noise, "idle": idle, "method": method}
        self._executor = executor
        self._workers = workers
        self._lock = threading.Lock()
        self._by_id: dict[UUID, Job] = {}
        self._deleted: set[UUID] = set()
        self.replayed: dict[str, None] = {}
        """Ids of the recordings that answered a submission or were retrieved."""
        self._start(seed)

    def reset(self, *, seed: int | None = None, test: str | None = None) -> None:
        """Start again as if newly made with this seed: no jobs, an open queue, the devices as they were given.

        Jobs from before have ended, and those who hold their ids can still retrieve them. In a replay, recordings of
        this test answer before others, and the default calibrations are those it was recorded with.
        """
        self.queue.close()
        self._start(seed, test)
        if self.recordings is not None and self.replays and test is not None:
            for entry in reversed(self.recordings.of_test(test)):
                device = self.devices.get(entry.computer)
                if device is not None and entry.calibration_set in device.calibrations:
                    document = {**device.document, "default_calibration_set_id": entry.calibration_set}
                    self.devices[entry.computer] = Device(document)

    def _start(self, seed: int | None, test: str | None = None) -> None:
        if seed is not None and seed < 0:
            raise ValueError(f"a seed is a non-negative integer, got {seed}")
        self._seeds = _Seeds(secrets.randbits(64) if seed is None else seed)
        self.devices: dict[str, Device] = dict(self._published)
        self._jobs: list[Job] = []
        self._test = test
        self.maintenance = False
        self.faults.clear()
        self._answered: Counter[str] = Counter()
        self.queue: JobQueue = JobQueue(self, workers=self._workers, clock=self.clock)

    @property
    def seed(self) -> int:
        """What jobs that are submitted now depend on, besides their number."""
        return self._seeds.seed

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        """Give the jobs that are submitted meanwhile the results that they would have as the first ones with this seed.

        Afterwards it goes on as if they had not been submitted, unless it was reset meanwhile.
        """
        before, self._seeds = self._seeds, (within := _Seeds(seed))
        try:
            yield
        finally:
            if self._seeds is within:
                self._seeds = before

    def close(self) -> None:
        """Stop the workers."""
        self.queue.close()

    # -- quantum computers ---------------------------------------------------------------------------------------

    def device(self, computer: str) -> Device:
        """Return the device with this alias or id."""
        for alias, device in self.devices.items():
            if computer in (alias, computer_id(alias)):
                return device
        raise ServerError(
            ErrorCode.QC_NOT_FOUND,
            f"Quantum computer '{computer}' not found. Available: {', '.join(self.devices)}.",
        )

    def quantum_computers(self) -> Document:
        """List the quantum computers."""
        keys = ("id", "alias", "display_name", "station_control_version", "proxy_path")
        details = [self.quantum_computer(alias) for alias in self.devices]
        return {"quantum_computers": [{key: document[key] for key in keys} for document in details]}

    def quantum_computer(self, computer: str) -> Document:
        """Describe one quantum computer in full."""
        device = self.device(computer)
        return {
            "id": computer_id(device.alias),
            "alias": device.alias,
            "display_name": device.display_name,
            "station_control_version": "fake",
            "proxy_path": None,
            "description": f"Simulated {device.display_name}",
            "backend_type": "simulator",
            "number_of_qubits": len(device.static_quantum_architecture["qubits"]),
            "pulla_enabled": False,
            "operational_status": "maintenance" if self.maintenance else "online",
            "limits": self.limits(computer),
            "health": self.health(computer),
            "queue_length": self.queue_length(),
            "pricing": None,
            "additional_info": {},
        }

    def health(self, computer: str) -> Document:
        """Say whether the quantum computer works."""
        health = dict(self.device(computer).health)
        return health | {"healthy": False} if self.maintenance else health

    def queue_length(self) -> int:
        """Return the number of jobs that have not ended."""
        return len(self.queue)

    def limits(self, computer: str) -> Document:
        """Return the limits of jobs."""
        self.device(computer)
        return {name: limit for name, limit in asdict(self._limits).items() if name in DOCUMENTED}

    def calibration(self, computer: str, calibration_set: str = "default") -> Calibration:
        """Return a calibration by id, or the current one for ``default``."""
        device = self.device(computer)
        try:
            return device.calibration(None if calibration_set == "default" else calibration_set.lower())
        except KeyError:
            raise ServerError(
                ErrorCode.CALIBRATION_SET_NOT_FOUND,
                f"Calibration set '{calibration_set}' of '{device.alias}' not found.",
            ) from None

    def quality_metric_set(self, computer: str, calibration_set: str = "default") -> Mapping[str, Any]:
        """Return the quality metrics of a calibration."""
        calibration = self.calibration(computer, calibration_set)
        if calibration.quality_metric_set is None:
            raise ServerError(
                ErrorCode.QUALITY_METRICS_NOT_FOUND, f"Calibration set '{calibration.id}' has no quality metrics."
            )
        return calibration.quality_metric_set

    def recalibrate(
        self,
        *,
        seed: int = 0,
        drift: float = 0.1,
        lost: Iterable[str | tuple[str, ...]] = (),
        computer: str | None = None,
    ) -> Calibration:
        """Publish a new default calibration, as a machine does every few hours; former ones stay available by id.

        Backends made before keep their calibration and warn that the default one has changed. :meth:`reset` undoes it.

        Args:
            seed: Determines, together with the former calibration, the new one and its id.
            drift: About the relative change of error rates and relaxation times (standard deviation of the logarithm).
            lost: Components (``"QB3"``) and loci (``("QB1", "QB2")``) that no longer work.
            computer: Which quantum computer, if there are several.

        Returns:
            The new calibration.

        Raises:
            ValueError: There is nothing of that name to lose, or it is not clear which computer is meant.

        """
        if computer is None and len(self.devices) > 1:
            raise ValueError(f"the server has several quantum computers, name one: {', '.join(self.devices)}")
        alias = next(iter(self.devices)) if computer is None else self.device(computer).alias
        with self._lock:
            self.devices[alias] = recalibrated(self.devices[alias], seed, drift=drift, lost=lost)
            return self.devices[alias].calibration()

    # -- jobs ----------------------------------------------------------------------------------------------------

    @property
    def jobs(self) -> list[Job]:
        """The jobs on the server, in the order of their submission."""
        return list(self._jobs)

    def submit(self, computer: str, body: bytes, *, tag: str | None = None, client: str | None = None) -> Job:
        """Accept a circuit job.

        Raises:
            ServerError: ``invalid_job_payload``, ``qc_not_found`` or ``calibration_set_not_found``.
            RecordingNotFound: In a replay, it was not recorded.
            RecordingError: In a replay, its recording is broken.

        """
        device = self.device(computer)
        if self.maintenance:
            raise ServerError(ErrorCode.SERVICE_UNAVAILABLE, f"Quantum computer '{device.alias}' is in maintenance.")
        if len(body) > self._limits.max_payload_bytes:
            raise ServerError(
                ErrorCode.REQUEST_PAYLOAD_TOO_LARGE,
                f"The payload has {len(body)} bytes, at most {self._limits.max_payload_bytes} are allowed.",
            )
        try:
            request = CircuitJobPayload.parse(body)
        except InvalidPayload as error:
            raise ServerError(ErrorCode.INVALID_JOB_PAYLOAD, f"Job payload is not valid: {error}") from None
        self._check_limits(request)
        calibration = self.calibration(computer, str(request.calibration_set_id or "default"))
        if self.recordings is not None and self.replays:
            with self._lock:
                recording = self.recordings.answer(json.loads(body), device.alias, self._test, self._answered)
                job = self._recorded(recording)
                self._jobs.append(job)
            return job
        with self._lock:
            identifier, index = self._seeds.next()
            job = Job(
                id=identifier,
                index=index,
                seed=self._seeds.seed,
                computer=device.alias,
                body=body,
                request=request,
                calibration_set_id=calibration.id,
                tag=tag,
                client=client,
                fault=self.faults.meet_job(),
            )
            self._jobs.append(job)
            self._by_id[job.id] = job
        self.queue.submit(job)
        return job

    def _check_limits(self, request: CircuitJobPayload) -> None:
        limits, circuits = self._limits, request.circuits
        longest = max(0 if isinstance(circuit, str) else len(circuit.instructions) for circuit in circuits)
        for what, number, limit in (
            ("circuits", len(circuits), limits.max_circuits_per_job),
            ("shots of a circuit", request.shots, limits.max_shots_per_circuit),
            ("executions (circuits times shots)", request.shots * len(circuits), limits.max_executions_per_job),
            ("instructions of a circuit", longest, limits.max_instructions_per_circuit),
        ):
            if number > limit:
                raise ServerError(
                    ErrorCode.INVALID_JOB_PAYLOAD,
                    f"Job payload is not valid: {number} {what}, at most {limit} are allowed.",
                )
        if self.queue_length() >= limits.max_queued_jobs_per_user:
            raise ServerError(
                ErrorCode.QUOTA_EXCEEDED, f"At most {limits.max_queued_jobs_per_user} jobs may be in the queue."
            )

    def job(self, job_id: str) -> Job:
        """Return a job by its id, perhaps a recorded one.

        Raises:
            ServerError: ``job_not_found``.
            RecordingError: Its recording is broken.

        """
        self.queue.tick()
        try:
            identifier = UUID(job_id)
            if identifier in self._by_id:
                return self._by_id[identifier]
            if self.recordings is not None and identifier not in self._deleted:
                with self._lock:
                    return self._recorded(self.recordings.load(str(identifier)))
        except (KeyError, ValueError):
            pass
        raise ServerError(ErrorCode.JOB_NOT_FOUND, f"Job '{job_id}' not found.")

    def _recorded(self, recording: Recording) -> Job:
        """Return a recorded job; the lock is held."""
        self.replayed[recording.id] = None
        job = Job(
            id=UUID(recording.id),
            index=-1,
            computer=recording.computer,
            body=json.dumps(recording.request, ensure_ascii=False).encode(),
            request=None,
            calibration_set_id=recording.calibration_set,
            status=JobStatus(recording.status),
            results=recording.results,
            recorded=recording.job_document(),
        )
        self._by_id[job.id] = job
        return job

    def _recorded_devices(self) -> list[Device]:
        recordings = cast("Recordings", self.recordings)
        devices = recordings.devices()
        if not devices:
            raise RecordingNotFound(
                f"there are no recordings in {recordings.folder}; record with pytest --iqm-live --iqm-record missing, "
                f"or with iqm-fake recordings fetch JOB_ID"
            )
        return devices

    def cancel(self, job_id: str) -> Job:
        """Cancel a job that has not ended; a recording of a cancelled one is cancelled again."""
        job = self.job(job_id)
        if job.recorded is None or job.status is not JobStatus.CANCELLED:
            self.queue.cancel(job)
        return job

    def delete(self, job_id: str) -> None:
        """Forget a job; one that has not ended is cancelled first."""
        job = self.job(job_id)
        self.queue.discard(job)
        with self._lock:
            self._deleted.add(job.id)
            self._by_id.pop(job.id, None)
            self._jobs = [other for other in self._jobs if other is not job]

    def job_document(self, job: Job) -> Document:
        """Describe a job as the API does."""
        if job.recorded is not None:
            return dict(job.recorded)
        completed = job.status is JobStatus.COMPLETED
        compilation = {"calibration_set_id": job.calibration_set_id} if job.compiled else None
        return {
            "id": str(job.id),
            "type": "circuit",
            "qc": {"id": computer_id(job.computer)},
            "status": job.status.value,
            "queue_position": self.queue.position(job),
            "tag": job.tag,
            "timeline": [{"source": s, "status": status, "timestamp": timestamp(t)} for s, status, t in job.timeline],
            "compilation": compilation,
            "execution": {"progress": {}} if job.compiled else None,
            "artifacts": [{"type": "measurements"}, {"type": "measurement_counts"}] if completed else [],
            "messages": [{"source": source, "message": message} for source, message in job.messages],
            "errors": [{"source": s, "error_code": code, "message": message} for s, code, message in job.errors],
        }

    def measurements(self, job_id: str) -> bytes:
        """Return every shot, as JSON: per circuit, key → one list of bits a shot."""
        return results.measurements(self._results(job_id))

    def measurement_counts(self, job_id: str) -> bytes:
        """Return histograms, as JSON: per circuit, the keys and how often each bit string was seen."""
        return results.measurement_counts(self._results(job_id))

    def _results(self, job_id: str) -> list[Bits]:
        job = self.job(job_id)
        if job.status is not JobStatus.COMPLETED:
            raise ServerError(
                ErrorCode.JOB_ARTIFACT_NOT_FOUND, f"Job '{job.id}' has no results: it is {job.status.value}."
            )
        if job.results is None:
            raise ServerError(ErrorCode.JOB_ARTIFACT_NOT_FOUND, f"Job '{job.id}' was recorded without results.")
        bits: list[Bits] = job.results
        return bits

    # -- the machine behind the queue ----------------------------------------------------------------------------

    def compile(self, job: Job) -> list[Plan]:
        """Check every circuit of a job against its calibration and decide how to run it; called by the queue."""
        if job.fault is not None and job.fault.how == "compilation":
            raise JobFailure(job.fault.message, job.fault.code)
        request: CircuitJobPayload = job.request or CircuitJobPayload.parse(job.body)  # if it was cancelled meanwhile
        options = request.options()
        simulator = self._simulator(job)
        plans = []
        for index in range(len(request.circuits)):
            try:
                program = simulator.check(request.circuit(index), options)
                plans.append(simulator.plan(program, request.shots))
            except (CircuitError, UnmappedQubit, NotImplementedError) as error:
                raise JobFailure(f"Circuit {index}: {error}") from None
        job.simulation = tuple(plan.choices for plan in plans)
        return plans

    def execute(self, job: Job, program: list[Plan]) -> list[Bits]:
        """Take the shots of every circuit; called by the queue."""
        if job.fault is None or job.fault.how == "compilation":
            return self._take(job, program)
        if job.fault.how == "execution":
            raise JobFailure(job.fault.message, job.fault.code)
        if job.fault.how == "never":
            raise NeverEnds
        if job.fault.how == "cancelled":
            self.queue.cancel(job)
            return []
        keep = random.Random(f"{job.seed}:{job.index}")  # noqa: S311  # has to be reproducible, not secret
        return [_fewer(bits, job.fault.fraction, keep) for bits in self._take(job, program)]

    def _take(self, job: Job, program: list[Plan]) -> list[Bits]:
        simulator = self._simulator(job)
        seeds = [SeedSequence([job.seed, job.index, index]) for index in range(len(program))]
        taken: list[Bits] = []
        try:
            if self._executor is None:
                return simulator.run_all(program, seeds)
            futures = [
                self._executor.submit(
                    _run, simulator, [plan.program for plan in program[part]], program[0].shots, seeds[part]
                )
                for part in _spread(program)
            ]
            for future in futures:
                taken += future.result()
        except NoShotsLeft as error:
            index = len(taken) + error.index
            raise JobFailure(f"Execution of circuit {index} with heralding discarded all the shots.") from None
        except CircuitError as error:
            raise JobFailure(str(error)) from None
        return taken

    def _simulator(self, job: Job) -> Simulator:
        key = (job.computer, job.calibration_set_id)
        with self._lock:
            if key not in self._simulators:
                self._simulators[key] = Simulator(self.calibration(*key), **self.settings)
            return self._simulators[key]


WORTH_A_TASK = 0.05
"""Seconds: circuits are sent to an executor in groups that take about so long, because sending has its price."""


def _fewer(bits: Bits, fraction: float, dice: random.Random) -> Bits:
    """Return measurements without a fraction of the shots; at least one stays."""
    shots = len(next(iter(bits.values())))
    kept = sorted(dice.sample(range(shots), max(1, shots - math.ceil(shots * fraction))))
    return {key: outcomes[kept] for key, outcomes in bits.items()}


class MissingMetricsWarning(UserWarning):
    """A device does not publish everything that its noise is derived from."""


def _warn_of_missing_metrics(devices: Iterable[Device]) -> None:
    for device in devices:
        for identifier, calibration in device.calibrations.items():
            if missing := Noise(calibration).missing:
                shown = ", ".join(missing[:20]) + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")
                warnings.warn(
                    f"calibration set {identifier} of '{device.alias}' has no valid value for {shown}; for its noise, "
                    "the median of the same metric on other loci is taken, or else there is none",
                    MissingMetricsWarning,
                    stacklevel=3,
                )


def _spread(plans: list[Plan]) -> list[slice]:
    """Split the circuits of a job into groups for an executor."""
    ends, seconds = [], 0.0
    for end, plan in enumerate(plans, 1):
        seconds += plan.seconds
        if seconds >= WORTH_A_TASK or end == len(plans):
            ends.append(end)
            seconds = 0.0
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def _run(simulator: Simulator, programs: list[Program], shots: int, seeds: list[SeedSequence]) -> list[Bits]:
    """Run some circuits of a job, perhaps on another machine."""
    return simulator.run_all([simulator.plan(program, shots) for program in programs], seeds)


def computer_id(alias: str) -> str:
    """Return the id of the quantum computer with this alias; the same on every server."""
    return str(uuid5(NAMESPACE_URL, f"iqm-fake:{alias}"))


def timestamp(time: datetime) -> str:
    """Return a time as the API writes it: RFC 3339, UTC, microseconds, ``Z``."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
