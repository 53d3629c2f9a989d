"""FakeIQMServer: a thin face on what a fake IQM Server is made of; no HTTP.

Everything a client can ask is a method that returns a JSON-ready document or raises
:class:`~iqm_fakes.wire.error_codes.ServerError`. :mod:`iqm_fakes.web.api` gives these methods paths. The pieces:
:mod:`.publications` (owns the list of computers, and what they publish), :mod:`.limits`, :mod:`.seeds`, :mod:`.queue`
with its :mod:`.job`, :mod:`.quantum_computer` (compiles and executes), :mod:`.replay`, :mod:`.faults`, :mod:`.clock`.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID
from weakref import WeakSet

from iqm_fakes.device.device import Calibration, Device
from iqm_fakes.device.error_rates import warn_of_missing_metrics
from iqm_fakes.device.health import Health, HealthShape, check_shape
from iqm_fakes.recordings.folder import Recordings
from iqm_fakes.server.clock import Clock, timestamp
from iqm_fakes.server.faults import Faults
from iqm_fakes.server.job import Job
from iqm_fakes.server.limits import Limits
from iqm_fakes.server.publications import Document, Publications
from iqm_fakes.server.quantum_computer import SimulatedComputers
from iqm_fakes.server.queue import JobQueue
from iqm_fakes.server.replay import Replay
from iqm_fakes.server.seeds import Submitter
from iqm_fakes.simulator.methods import Method, check_method
from iqm_fakes.simulator.shots import Bits
from iqm_fakes.simulator.slow_simulations import TIME_LIMIT
from iqm_fakes.wire import results
from iqm_fakes.wire.error_codes import ErrorCode, ServerError
from iqm_fakes.wire.payload import CircuitJobPayload, InvalidPayload
from iqm_fakes.wire.status import JobStatus

HOUR = timedelta(hours=1)


class FakeIQMServer:
    """An IQM Server whose quantum computers are simulated.

    Args:
        devices: Names of bundled devices, device files or :class:`Device` objects; each is served under its alias, and
            as ``<alias>:mock``, which answers with random bits. That one is listed only if it is given itself
            (``"garnet:mock"``).
            None, together with ``recordings``, replays: the computers are those of the recorded jobs, and a submission
            is answered by the recording of the same one.
        seed: Makes everything reproducible: results are determined by device, circuit, shots, this seed and the number
            of jobs submitted before. ``None`` draws one; :attr:`seed` says which. Ids of jobs are reproducible, too,
            but no two servers give the same.
        noise: False simulates perfect gates, components and readout.
        idle: False switches off the relaxation of components while they wait for others; a ``delay`` still relaxes.
        method: The method for all circuits: ``density_matrix``, ``statevector``, ``stabilizer``, ``pauli``, ``batched``
            or ``matrix_product_state``. ``auto`` takes the fastest that can do a circuit; the distribution of results
            is the same. ``jobs[i].simulation`` says what was taken.
        executor: Runs the circuits of a job: :class:`Workers`, a process pool or a cluster's; the results are the same.
            The server does not shut it down.
        time_limit: Seconds that the simulation of a job may take, by estimate; a job that takes longer fails at once,
            and says what would help. None is no limit. From 10 s on there is a ``SlowSimulationWarning``.
        background: Run jobs in the background: those of a computer one after another, as on a real machine. By
            default, for clients in the same process, each job is finished before its submission is answered.
        keep: How many jobs that have ended can be retrieved; older ones are forgotten. None keeps all.
        recordings: Folder of recorded jobs, which can be retrieved by their ids.
        limits: What a job may have at most, and a user at a time; the default is no limit.
        health: How health is sent: as in production today (``operational_status``), in August 2026 (``operational``),
            or ``flat``, as installations on premises do.

    Attributes:
        faults: What goes wrong on purpose.
        clock: The server's time, which a test may own.
        queue: The jobs that have not ended; a test may hold and step it.
        maintenance: While it is true, the machines are unhealthy and take no jobs.
        timeslot_booked: While it is true, jobs may ask for a booked timeslot (``use_timeslot``).
        settings: How it simulates: ``noise``, ``idle`` and ``method``.
        process: Id of the process that it lives in. What a forked process has is a copy, until it is reset there.
        at_close: What ends with the server.
        listeners: Are called with ``"submitted"`` and a job when it was accepted, with ``"ended"`` when it has ended.

    Raises:
        DeviceError: A device is unknown or its file is broken.
        RecordingNotFound: There are neither devices nor recordings.
        ValueError: No device, two with one alias, a negative seed, or an unknown method or shape of health.

    """

    def __init__(
        self,
        *devices: str | os.PathLike[str] | Device,
        seed: int | None = None,
        noise: bool = True,
        idle: bool = True,
        method: Method | Literal["auto"] = "auto",
        executor: Executor | None = None,
        time_limit: float | None = TIME_LIMIT,
        background: bool = False,
        keep: int | None = None,
        recordings: str | os.PathLike[str] | None = None,
        limits: Limits | None = None,
        health: HealthShape = "operational_status",
    ) -> None:
        check_method(method)
        check_shape(health)
        if keep is not None and keep < 1:
            raise ValueError(f"a server keeps at least one job that has ended, got {keep}")
        self._health_shape = health
        self._limits = limits or Limits()
        self.faults = Faults(self.recalibrate)
        self.clock = Clock()
        self.recordings = None if recordings is None else Recordings(recordings)
        self.replays = self.recordings is not None and not devices
        self._replay = Replay(self.recordings)
        loaded = [Device.load(device) for device in devices]
        self._publications = Publications(self._replay.devices() if self.replays else loaded)
        if noise and not self.replays:
            warn_of_missing_metrics(loaded)
        self.settings: Mapping[str, Any] = {"noise": noise, "idle": idle, "method": method}
        self._computers = SimulatedComputers(self._publications.calibration, self.settings, executor, time_limit)
        self._background = background
        self._keep = keep
        self._ended: dict[Job, None] = {}  # in the order in which they ended, if not all are kept
        self._lock = threading.RLock()
        self._by_id: dict[UUID, Job] = {}
        self._deleted: set[UUID] = set()
        self.at_close = ExitStack()
        self.listeners: list[Callable[[Literal["submitted", "ended"], Job], None]] = []
        self._others: WeakSet[Submitter] = WeakSet()
        self._start(seed)

    def reset(self, *, seed: int | None = None, test: str | None = None) -> None:
        """Start again as if newly made with this seed: no jobs, an open queue, the devices as they were given.

        Jobs from before have ended, and those who hold their ids can still retrieve them; new ids depend on the test.
        In a replay, recordings of this test answer before others, and the default calibrations are those it was
        recorded with.
        """
        self.queue.close()
        self._start(seed, test)
        self._replay.reset(test)
        if self.replays:
            for computer, calibration_set in self._replay.calibrations():
                self._publications.use_calibration(computer, calibration_set)

    def _start(self, seed: int | None, test: str | None = None) -> None:
        self.process = os.getpid()
        self._submitter = Submitter("", seed, test)
        self._publications.reset()
        self.maintenance = False
        self.timeslot_booked = False
        self.faults.clear()
        self.queue = JobQueue(self._computers, background=self._background, clock=self.clock, ended=self._end)

    @property
    def seed(self) -> int:
        """What jobs that are submitted now depend on, besides their number."""
        return self._submitter.seeds.seed

    @contextmanager
    def used_by(self, submitter: Submitter) -> Iterator[None]:
        """Give the jobs that are submitted inside the ``with`` block to somebody; afterwards go on as before it.

        They are numbered from where he left off, so they get the results that they have with his seed whatever else is
        submitted. :attr:`jobs` are his meanwhile, and :meth:`jobs_of` tells them later, as long as he lives. A reset
        inside the block ends his use.
        """
        self._others.add(submitter)
        before, self._submitter = self._submitter, submitter
        try:
            yield
        finally:
            if self._submitter is submitter:
                self._submitter = before

    def close(self) -> None:
        """Stop the workers, and close the socket, if one was opened for other processes."""
        self.queue.close()
        self.at_close.close()

    # -- quantum computers ---------------------------------------------------------------------------------------

    @property
    def devices(self) -> dict[str, Device]:
        """Alias → what the quantum computer publishes now."""
        return self._publications.devices

    def device(self, computer: str) -> Device:
        """Return the device with this alias or id, perhaps the mock of one (:attr:`Device.is_mock`)."""
        return self._publications.device(computer)

    def quantum_computers(self) -> Document:
        """List the quantum computers."""
        return {"quantum_computers": [self._publications.listed(alias) for alias in self.devices]}

    def quantum_computer(self, computer: str) -> Document:
        """Describe one quantum computer in full."""
        return self._publications.described(computer) | {
            "operational_status": self._health(computer).operational,
            "limits": self.limits(computer),
            "health": self._health(computer).document("flat"),
            "queue_length": self.queue_length(computer),
        }

    def health(self, computer: str) -> Document:
        """Say whether the quantum computer works."""
        return self._health(computer).document(self._health_shape)

    def _health(self, computer: str) -> Health:
        health = Health.read(self.device(computer).health)
        return replace(health, healthy=False, operational="maintenance") if self.maintenance else health

    def queue_length(self, computer: str) -> int:
        """Return the number of jobs at the quantum computer that have not ended."""
        return self.queue.length(self.device(computer).alias)

    def limits(self, computer: str) -> Document:
        """Return the limits of jobs."""
        self.device(computer)
        return self._limits.document()

    def timeslots(self, computer: str) -> Document:
        """Return the timeslots that may be booked: none; and those that are, see :attr:`timeslot_booked`."""
        self.device(computer)
        start = self.clock.now().replace(minute=0, second=0, microsecond=0)
        slot = {"start": timestamp(start), "end": timestamp(start + HOUR), "price": "0.00", "reference": "fake"}
        return {
            "available_slots": [],
            "booked_slots": [slot] if self.timeslot_booked else [],
            "queue_length": 0,
        }

    def artifact(self, computer: str, kind: str) -> Any:
        """Return what is published beside calibrations: a JSON document, or bytes that are a protobuf message."""
        return self._publications.artifact(computer, kind)

    def calibration(self, computer: str, calibration_set: str = "default") -> Calibration:
        """Return a calibration by id, or the current one for ``default``."""
        return self._publications.calibration(computer, calibration_set)

    def quality_metric_set(self, computer: str, calibration_set: str = "default") -> Mapping[str, Any]:
        """Return the quality metrics of a calibration."""
        return self._publications.quality_metric_set(computer, calibration_set)

    def recalibrate(
        self,
        *,
        seed: int = 0,
        drift: float | None = None,
        lost: Iterable[str | tuple[str, ...]] = (),
        computer: str | None = None,
    ) -> Calibration:
        """Publish a new default calibration, as a machine does every few hours; former ones stay available by id.

        Backends made before keep their calibration and warn that the default one has changed. :meth:`reset` undoes it.

        Args:
            seed: Determines, together with the former calibration, the new one and its id.
            drift: About the relative change of each error and relaxation time (standard deviation of the logarithm).
                By default they move as on a real machine in two days: 0.58 of a cz, 0.55 of a readout error, 0.33 of a
                prx (IQM Emerald, 29 and 31 January 2026); for relaxation times 0.2 is assumed.
            lost: Components (``"QB3"``) and loci (``("QB1", "QB2")``) that no longer work.
            computer: Which quantum computer, if there are several.

        Returns:
            The new calibration.

        Raises:
            ValueError: There is nothing of that name to lose, or it is not clear which computer is meant.

        """
        return self._publications.recalibrate(seed=seed, drift=drift, lost=lost, computer=computer)

    # -- jobs ----------------------------------------------------------------------------------------------------

    @property
    def jobs(self) -> list[Job]:
        """The jobs that were submitted since the last reset, in this order; of a test, those that it submitted."""
        return list(self._submitter.jobs)

    def jobs_of(self, name: str) -> list[Job]:
        """Return the jobs of another submitter, such as a fixture that lives longer than a test, by its name.

        Raises:
            ValueError: There is none of this name.

        """
        named = [other for other in self._others if other.name == name]
        if not named:
            known = ", ".join(sorted({other.name for other in self._others})) or "nobody"
            raise ValueError(f"nobody called {name!r} uses this server besides its own user; these do: {known}")
        return [job for other in named for job in other.jobs]

    @property
    def replayed(self) -> Iterable[str]:
        """Ids of the recordings that answered a submission or were retrieved."""
        return self._replay.used

    def submit(
        self,
        computer: str,
        body: bytes,
        *,
        tag: str | None = None,
        client: str | None = None,
        use_timeslot: bool = False,
    ) -> Job:
        """Accept a circuit job.

        Args:
            computer: Alias or id of the quantum computer.
            body: What was sent.
            tag: What the user calls it.
            client: Who sent it.
            use_timeslot: Run it in a booked timeslot, if one is.

        Raises:
            ServerError: ``invalid_job_payload``, ``no_booked_timeslots``, ``qc_not_found`` or
                ``calibration_set_not_found``.
            RecordingNotFound: In a replay, it was not recorded.
            RecordingError: In a replay, its recording is broken.

        """
        device = self.device(computer)
        if self.maintenance:
            raise ServerError(ErrorCode.SERVICE_UNAVAILABLE, f"Quantum computer '{device.alias}' is in maintenance.")
        if use_timeslot and not self.timeslot_booked:
            raise ServerError(ErrorCode.NO_BOOKED_TIMESLOTS, ErrorCode.NO_BOOKED_TIMESLOTS.usual)
        self._limits.check_body(body)
        try:
            request = CircuitJobPayload.parse(body)
        except InvalidPayload as error:
            raise ServerError(ErrorCode.INVALID_JOB_PAYLOAD, f"Job payload is not valid: {error}") from None
        self._limits.check(request, len(self.queue))
        named = request.calibration_set_id
        calibration_set = named if isinstance(named, str) else self.calibration(computer, str(named or "default")).id
        if self.replays:
            job = self._replay.answer(body, device.alias)
            with self._lock:
                self._enter(job)
            self._tell("submitted", job)
            self._tell("ended", job)
            return job
        with self._lock:
            identifier, index = self._submitter.seeds.next(device.alias)
            job = Job(
                id=identifier,
                index=index,
                seed=self.seed,
                computer=device.alias,
                body=body,
                request=request,
                calibration_set_id=calibration_set,
                tag=tag,
                client=client,
                fault=self.faults.meet_job(),
            )
            self._enter(job)
        self._tell("submitted", job)
        self.queue.submit(job)
        return job

    def job(self, job_id: str) -> Job:
        """Return a job by its id, perhaps a recorded one.

        Raises:
            ServerError: ``invalid_input`` (it is no id of a job) or ``job_not_found``.
            RecordingError: Its recording is broken.

        """
        self.queue.tick()
        try:
            identifier = UUID(job_id)
        except ValueError:
            raise ServerError(ErrorCode.INVALID_INPUT, f"'{job_id}' is no id of a job: it has to be a UUID.") from None
        if identifier in self._by_id:
            return self._by_id[identifier]
        recorded = None if identifier in self._deleted else self._replay.retrieve(identifier)
        if recorded is not None:
            return self._by_id.setdefault(identifier, recorded)
        raise ServerError(ErrorCode.JOB_NOT_FOUND, f"Job '{job_id}' not found.")

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
        if job.recorded is not None:
            self._deleted.add(job.id)
        self._forget(job)

    def job_document(self, job: Job) -> Document:
        """Describe a job as the API does."""
        return job.document(self.queue.position(job))

    def runtime_estimates(self, job_id: str) -> bytes:
        """Return how long the execution was estimated to take, as JSON; the vendor's form of it is not published."""
        job = self.job(job_id)
        compilation = self.job_document(job).get("compilation") or {}
        name = "execution_runtime_estimate_ms"
        if compilation.get(name) is None:
            raise ServerError(ErrorCode.JOB_ARTIFACT_NOT_FOUND, f"Job '{job.id}' has no runtime estimates.")
        return json.dumps({name: compilation[name]}).encode()

    def measurements(self, job_id: str) -> bytes:
        """Return every shot, as JSON: per circuit, key → one list of bits a shot."""
        return results.measurements(self._results(job_id))

    def measurement_counts(self, job_id: str) -> bytes:
        """Return histograms, as JSON: per circuit, the keys and how often each bit string was seen."""
        return results.measurement_counts(self._results(job_id))

    def _enter(self, job: Job) -> None:
        self._submitter.jobs.append(job)
        self._by_id[job.id] = job

    def _forget(self, job: Job) -> None:
        with self._lock:
            self._by_id.pop(job.id, None)
            self._ended.pop(job, None)
            for submitter in (self._submitter, *self._others):
                if job in submitter.jobs:
                    submitter.jobs.remove(job)

    def _end(self, job: Job) -> None:
        self._tell("ended", job)
        if self._keep is None:
            return
        with self._lock:
            self._ended[job] = None
            while len(self._ended) > self._keep:
                self._forget(next(iter(self._ended)))

    def _tell(self, event: Literal["submitted", "ended"], job: Job) -> None:
        for listener in self.listeners:
            listener(event, job)

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
