"""The queue that jobs wait in: first come, first served; it moves them through their states.

Without HTTP and without a simulator. A test may hold it and step it, or give it a pace.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol

from iqm_fakes.server.clock import Clock
from iqm_fakes.server.job import SERVER, STATION, Cancelled, Job, JobFailure, NeverEnds
from iqm_fakes.wire.error_codes import ErrorCode, ServerError
from iqm_fakes.wire.status import JobStatus

logger = logging.getLogger(__name__)

RECEIVED = (
    "received",
    "validation_started",
    "validation_ended",
    "fetch_calibration_started",
    "fetch_calibration_ended",
    "compilation_started",
)
"""Timeline of the station until the compiler decides."""
COMPILED = (
    "compilation_ended",
    "save_sweep_metadata_started",
    "save_sweep_metadata_ended",
    "pending_execution",
    "execution_started",
)
"""Timeline of the station once the compiler is done, until shots are taken."""
EXECUTED = ("execution_ended", "post_processing_pending", "post_processing_started", "post_processing_ended")
"""Timeline of the station once the shots are taken."""


class Machine(Protocol):
    """What a queue needs of the quantum computer behind it."""

    def compile(self, job: Job) -> Any:
        """Return what :meth:`execute` needs. A :class:`JobFailure` ends the job."""

    def execute(self, job: Job, program: Any) -> Any:
        """Return the results.

        A :class:`JobFailure` or :class:`Cancelled` ends the job, :class:`NeverEnds` leaves it processing.
        """


class JobQueue:
    """First come, first served.

    Without workers a job is finished before its submission returns, so nobody ever waits; with workers it runs in
    the background. :meth:`held` stops the queue, and the job at the head is then moved step by step.

    Args:
        machine: What compiles and executes.
        workers: Number of background threads; 0 runs every job inside its submission.
        clock: The time for timelines, and for :meth:`takes`.
        ended: Is called with each job that has ended.

    """

    def __init__(
        self,
        machine: Machine,
        *,
        workers: int = 0,
        clock: Clock | None = None,
        ended: Callable[[Job], None] = lambda job: None,
    ) -> None:
        self._machine = machine
        self._ended = ended
        self._clock = clock or Clock()
        self._pace: tuple[timedelta, timedelta] | None = None
        self._schedule: deque[tuple[Job, datetime, datetime]] = deque()
        self._moment: datetime | None = None
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="iqm-fake") if workers else None
        self._changed = threading.Condition(threading.RLock())
        self._waiting: deque[Job] = deque()
        self._processing: deque[tuple[Job, Any]] = deque()
        self._endless: list[Job] = []
        self._holds = 0
        self._unended = 0

    def submit(self, job: Job) -> None:
        """Append a job; unless the queue is held, it is run now or as soon as a worker is free."""
        with self._changed:
            self._stamp(job, SERVER, "created")
            self._waiting.append(job)
            self._unended += 1
            now = not self._holds and self._pace is None
            if self._pace is not None:
                waiting, processing = self._pace
                free = self._schedule[-1][2] if self._schedule else self._clock.now()
                start = max(self._clock.now() + waiting, free)
                self._schedule.append((job, start, start + processing))
        if now:
            self._run_in_turn(1)

    def takes(self, *, waiting: float = 0.0, processing: float = 0.0) -> None:
        """Let every job from now on wait, and then be processed, for so many seconds of the server's clock.

        A job starts when it has waited and its predecessor is done. Nothing happens by itself: :meth:`tick` does what
        is due, whenever a client asks.

        Raises:
            ValueError: A time is negative.
            RuntimeError: Jobs are in the queue.

        """
        if waiting < 0 or processing < 0:
            raise ValueError(f"a job takes no negative time, got {waiting} and {processing} seconds")
        with self._changed:
            if self._waiting or self._processing:
                raise RuntimeError("set the pace of the queue before jobs are submitted")
            self._pace = timedelta(seconds=waiting), timedelta(seconds=processing)

    @property
    def pace(self) -> tuple[float, float] | None:
        """The seconds that jobs wait and are processed, as :meth:`takes` was told; None if it was not."""
        return None if self._pace is None else (self._pace[0].total_seconds(), self._pace[1].total_seconds())

    def tick(self) -> None:
        """Start and complete the jobs whose time has come, as of that time."""
        with self._changed:
            now = self._clock.now()
            try:
                while not self._holds and self._schedule:
                    job, start, end = self._schedule[0]
                    if job.status is JobStatus.WAITING and start <= now:
                        self._moment = start
                        self.start_next()
                    if job.status is JobStatus.PROCESSING and end <= now:
                        self._moment = end
                        self.finish_next()
                        self._schedule.popleft()
                    elif job.status.terminal:
                        self._schedule.popleft()
                    else:
                        return
            finally:
                self._moment = None

    def position(self, job: Job) -> int | None:
        """Return the number of jobs ahead of a waiting job, otherwise None; also of one that is about to be taken."""
        with self._changed:
            waits = self._holds or self._pace is not None or self._unended > 1
            return self._waiting.index(job) if waits and job in self._waiting else None

    def cancel(self, job: Job) -> None:
        """End a waiting or processing job.

        Raises:
            ServerError: ``illegal_job_status``, the job has already ended.

        """
        with self._changed:
            if job.status.terminal:
                raise ServerError(ErrorCode.ILLEGAL_JOB_STATUS, f"Illegal job status: the job is {job.status.value}")
            self._leave(job)
            self._end(job, JobStatus.CANCELLED)

    def discard(self, job: Job) -> None:
        """Forget a job, ending it first if it has not ended."""
        with self._changed:
            if not job.status.terminal:
                self.cancel(job)

    def wait(self, job: Job, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for a job to end; return whether it has. On an owned clock nobody waits."""
        deadline = time.monotonic() + timeout
        while True:
            self.tick()
            with self._changed:
                if self._pace is None:
                    return self._changed.wait_for(lambda: job.status.terminal, timeout)
                left = deadline - time.monotonic()
                if job.status.terminal or left <= 0 or self._clock.is_owned:
                    return job.status.terminal
                self._changed.wait(min(left, 0.05))

    def __len__(self) -> int:
        """Return the number of jobs that have not ended."""
        return self._unended

    @property
    def is_held(self) -> bool:
        """Whether jobs stay where they are until they are stepped."""
        return bool(self._holds)

    @contextmanager
    def held(self) -> Iterator[JobQueue]:
        """Keep jobs waiting inside the ``with`` block; on leaving it, whatever still waits is run."""
        self.hold()
        try:
            yield self
        finally:
            self.release()

    def hold(self) -> None:
        """Keep jobs waiting until :meth:`release`."""
        with self._changed:
            self._holds += 1

    def release(self) -> None:
        """Undo one :meth:`hold`; after the last, whatever still waits is run."""
        with self._changed:
            self._holds -= 1
            resume = len(self._waiting) if not self._holds else 0
        if self._pace is not None:
            self.tick()
        elif not self._holds:
            self._finish_all()
            self._run_in_turn(resume)

    def start_next(self) -> Job | None:
        """Move the job at the head from waiting to processing and return it; None if nothing waits."""
        with self._changed:
            if not self._waiting:
                return None
            job = self._waiting.popleft()
            job.status = JobStatus.PROCESSING
            for status in RECEIVED:
                self._stamp(job, STATION, status)
        with self._failures(job):
            program = self._machine.compile(job)
            with self._changed:
                if not job.status.terminal:
                    job.compiled = True
                    for status in COMPILED:
                        self._stamp(job, STATION, status)
                    self._processing.append((job, program))
        return job

    def finish_next(self) -> Job | None:
        """Complete the job that has been processing longest and return it; None if nothing is processing."""
        with self._changed:
            if not self._processing:
                return None
            job, program = self._processing.popleft()
        with self._failures(job):
            results = self._machine.execute(job, program)
            with self._changed:
                if not job.status.terminal:
                    job.results = results
                    for status in EXECUTED:
                        self._stamp(job, STATION, status)
                    self._stamp(job, SERVER, "ready")
                    self._end(job, JobStatus.COMPLETED)
        return job

    def drain(self) -> None:
        """Run every job that waits or is processing."""
        self._finish_all()
        while self.start_next():
            self._finish_all()

    def close(self) -> None:
        """Stop the workers; what still waits is cancelled."""
        with self._changed:
            for job in [*self._waiting, *(job for job, _ in self._processing), *self._endless]:
                self.discard(job)
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def _run_in_turn(self, count: int) -> None:
        for _ in range(count):
            if self._pool:
                self._pool.submit(self._run_next)
            else:
                self._run_next()

    def _run_next(self) -> None:
        if not self._holds and self.start_next():
            self.finish_next()

    def _finish_all(self) -> None:
        while self.finish_next():
            pass

    @contextmanager
    def _failures(self, job: Job) -> Iterator[None]:
        try:
            yield
        except JobFailure as failure:
            if failure.explanation is not None:
                logger.warning("job %s: %s", job.id, failure.explanation)
                job.explanation = failure.explanation
            self._fail(job, failure.code, str(failure))
        except NeverEnds:
            with self._changed:
                self._endless.append(job)
        except Cancelled:
            self.discard(job)
        except Exception as error:
            logger.exception("job %s", job.id)
            self._fail(job, ErrorCode.INTERNAL_ERROR, f"{type(error).__name__}: {error}")
        except BaseException:  # Ctrl-C, or the timeout of a test: nobody waits for it any more
            self.discard(job)
            raise

    def _fail(self, job: Job, code: str, message: str) -> None:
        with self._changed:
            if not job.status.terminal:
                job.errors.append((STATION, code, message))
                self._end(job, JobStatus.FAILED)

    def _leave(self, job: Job) -> None:
        self._waiting = deque(other for other in self._waiting if other is not job)
        self._processing = deque(entry for entry in self._processing if entry[0] is not job)

    def _end(self, job: Job, status: JobStatus) -> None:
        self._stamp(job, SERVER, status.value)
        job.status, job.request = status, None  # a server may hold very many jobs
        self._unended -= 1
        self._changed.notify_all()
        self._ended(job)

    def _stamp(self, job: Job, source: str, status: str) -> None:
        job.timeline.append((source, status, self._moment or self._clock.now()))
