"""The queue that jobs wait in: first come, first served; it moves them through their states.

Without HTTP and without a simulator. A test may hold it and step it, or give it a pace.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple, Protocol

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


MOMENT = 0.05
"""Seconds that a request waits for what is due."""


class Machine(Protocol):
    """What a queue needs of the quantum computers behind it."""

    def compile(self, job: Job) -> Any:
        """Return what :meth:`execute` needs. A :class:`JobFailure` ends the job."""

    def execute(self, job: Job, program: Any) -> Any:
        """Return the results.

        A :class:`JobFailure` or :class:`Cancelled` ends the job, :class:`NeverEnds` leaves it processing.
        """


class _Due(NamedTuple):
    """When a job starts and ends, in a queue that has a pace."""

    job: Job
    start: datetime
    end: datetime


class JobQueue:
    """First come, first served, at each quantum computer by itself.

    In the foreground a job is finished before its submission returns, so nobody ever waits. In the background every
    computer has a thread, which runs its jobs one after another. :meth:`held` stops the queue, and the job at the head
    is then moved step by step.

    Args:
        machine: What compiles and executes.
        background: Run jobs in the background.
        clock: The time for timelines, and for :meth:`takes`.
        ended: Is called with each job that has ended.

    """

    def __init__(
        self,
        machine: Machine,
        *,
        background: bool = False,
        clock: Clock | None = None,
        ended: Callable[[Job], None] = lambda job: None,
    ) -> None:
        self._machine = machine
        self._ended = ended
        self._clock = clock or Clock()
        self._pace: tuple[timedelta, timedelta] | None = None
        self._due: defaultdict[str, deque[_Due]] = defaultdict(deque)
        self._moments: dict[tuple[int, Job], datetime] = {}  # by thread: another one may take the job's next step
        self._background = background
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._is_open = True
        self._lock = threading.RLock()
        self._waiting: deque[Job] = deque()
        self._processing: dict[Job, Any] = {}
        self._holds = 0
        self._unended: defaultdict[str, dict[Job, None]] = defaultdict(dict)

    def submit(self, job: Job) -> None:
        """Append a job; unless the queue is held, it is run now or as soon as its computer is free.

        A queue that was closed cancels it.
        """
        with self._lock:
            self._stamp(job, SERVER, "created")
            self._waiting.append(job)
            self._unended[job.computer][job] = None
            if not self._is_open:
                self.discard(job)
                return
            now = not self._holds and self._pace is None
            if self._pace is not None:
                waiting, processing = self._pace
                due = self._due[job.computer]
                free = due[-1].end if due else self._clock.now()
                start = max(self._clock.now() + waiting, free)
                due.append(_Due(job, start, start + processing))
        if now:
            self._run_in_turn([job])

    def takes(self, *, waiting: float = 0.0, processing: float = 0.0) -> None:
        """Let every job from now on wait, and then be processed, for so many seconds of the server's clock.

        A job starts when it has waited and its predecessor on the same computer is done. Nothing happens by itself:
        :meth:`tick` does what is due, whenever a client asks.

        Raises:
            ValueError: A time is negative.
            RuntimeError: Jobs are in the queue.

        """
        if waiting < 0 or processing < 0:
            raise ValueError(f"a job takes no negative time, got {waiting} and {processing} seconds")
        with self._lock:
            if self._waiting or self._processing:
                raise RuntimeError("set the pace of the queue before jobs are submitted")
            self._pace = timedelta(seconds=waiting), timedelta(seconds=processing)

    @property
    def pace(self) -> tuple[float, float] | None:
        """The seconds that jobs wait and are processed, as :meth:`takes` was told; None if it was not."""
        return None if self._pace is None else (self._pace[0].total_seconds(), self._pace[1].total_seconds())

    def tick(self) -> None:
        """Start and complete the jobs whose time has come, as of that time; in the background, begin to."""
        with self._lock:
            computers = [computer for computer in self._due if self._next_due(computer)]
            if self._background:
                begun = [self._thread(computer).submit(self._run_due, computer) for computer in computers]
        if self._background:
            wait(begun, MOMENT)
        else:
            for computer in computers:
                self._run_due(computer)

    def _run_due(self, computer: str) -> None:
        while due := self._next_due(computer):
            waits = due.job.status is JobStatus.WAITING
            step = threading.get_ident(), due.job
            self._moments[step] = due.start if waits else due.end
            try:
                if waits:
                    self._start(due.job)
                else:
                    self._finish(due.job)
            finally:
                del self._moments[step]

    def _next_due(self, computer: str) -> _Due | None:
        """Return the job of a computer that is to be started or completed now."""
        with self._lock:
            due = self._due[computer]
            while due and due[0].job.status.terminal and not self._holds:
                due.popleft()
            if not due or self._holds:
                return None
            job, start, end = due[0]
            if job in self._waiting:
                return due[0] if start <= self._clock.now() else None
            return due[0] if job in self._processing and end <= self._clock.now() else None

    def position(self, job: Job) -> int | None:
        """Return the number of jobs ahead of a waiting job, otherwise None; also of one that is about to be taken."""
        with self._lock:
            waits = self._holds or self._pace is not None or len(self._unended[job.computer]) > 1
            if not waits or job not in self._waiting:
                return None
            ahead = islice(self._waiting, self._waiting.index(job))
            return sum(other.computer == job.computer for other in ahead)

    def cancel(self, job: Job) -> None:
        """End a waiting or processing job.

        Raises:
            ServerError: ``illegal_job_status``, the job has already ended.

        """
        with self._lock:
            if job.status.terminal:
                raise ServerError(ErrorCode.ILLEGAL_JOB_STATUS, f"Illegal job status: the job is {job.status.value}")
            self._leave(job)
            self._end(job, JobStatus.CANCELLED)

    def discard(self, job: Job) -> None:
        """Forget a job, ending it first if it has not ended."""
        with self._lock:
            if not job.status.terminal:
                self.cancel(job)

    def wait(self, job: Job, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for a job to end; return whether it has. On an owned clock nobody waits."""
        deadline = time.monotonic() + timeout
        while True:
            self.tick()
            left = deadline - time.monotonic()
            if job.status.terminal or left <= 0 or (self._pace and self._clock.is_owned):
                return job.status.terminal
            job.ended.wait(min(left, MOMENT) if self._pace else left)

    def __len__(self) -> int:
        """Return the number of jobs that have not ended."""
        with self._lock:
            return sum(map(len, self._unended.values()))

    def length(self, computer: str) -> int:
        """Return the number of jobs of a computer that have not ended."""
        with self._lock:
            return len(self._unended[computer])

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
        with self._lock:
            self._holds += 1

    def release(self) -> None:
        """Undo one :meth:`hold`; after the last, whatever still waits is run."""
        with self._lock:
            self._holds -= 1
            resume = [] if self._holds else list(self._waiting)
        if self._pace is not None:
            self.tick()
        elif not self._holds:
            self._finish_all()
            self._run_in_turn(resume)

    def start_next(self) -> Job | None:
        """Move the job at the head from waiting to processing and return it; None if nothing waits."""
        return self._start(next(iter(self._waiting.copy()), None))

    def finish_next(self) -> Job | None:
        """Complete the job that has been processing longest and return it; None if nothing is processing."""
        return self._finish(next(iter(self._processing.copy()), None))

    def _start(self, job: Job | None) -> Job | None:
        """Compile a job, if it still waits."""
        with self._lock:
            if job is None or job not in self._waiting:
                return None
            self._waiting.remove(job)
            job.status = JobStatus.PROCESSING
            for status in RECEIVED:
                self._stamp(job, STATION, status)
        with self._failures(job):
            program = self._machine.compile(job)
            with self._lock:
                if not job.status.terminal:
                    job.compiled = True
                    for status in COMPILED:
                        self._stamp(job, STATION, status)
                    self._processing[job] = program
        return job

    def _finish(self, job: Job | None) -> Job | None:
        """Execute a job, if it is compiled and nobody else does."""
        with self._lock:
            if job is None or job not in self._processing:
                return None
            program = self._processing.pop(job)
        with self._failures(job):
            results = self._machine.execute(job, program)
            with self._lock:
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
        """Stop the threads; what has not ended is cancelled, and so is what comes later."""
        with self._lock:
            self._is_open = False
            for job in [job for jobs in self._unended.values() for job in jobs]:
                self.discard(job)
        for thread in self._threads.values():
            thread.shutdown(cancel_futures=True)

    def _thread(self, computer: str) -> ThreadPoolExecutor:
        with self._lock:
            if computer not in self._threads:
                self._threads[computer] = ThreadPoolExecutor(1, thread_name_prefix=f"iqm-fake-{computer}")
            return self._threads[computer]

    def _run_in_turn(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            if not self._background:
                self._run(job)
                continue
            with self._lock:
                if not job.status.terminal:  # the threads may have been stopped since it was
                    self._thread(job.computer).submit(self._run, job)

    def _run(self, job: Job) -> None:
        if not self._holds and self._start(job):
            self._finish(job)

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
            pass  # until somebody cancels it
        except Cancelled:
            self.discard(job)
        except Exception as error:
            logger.exception("job %s", job.id)
            self._fail(job, ErrorCode.INTERNAL_ERROR, f"{type(error).__name__}: {error}")
        except BaseException:  # Ctrl-C, or the timeout of a test: nobody waits for it any more
            self.discard(job)
            raise

    def _fail(self, job: Job, code: str, message: str) -> None:
        with self._lock:
            if not job.status.terminal:
                job.errors.append((STATION, code, message))
                self._end(job, JobStatus.FAILED)

    def _leave(self, job: Job) -> None:
        if job in self._waiting:
            self._waiting.remove(job)
        self._processing.pop(job, None)

    def _end(self, job: Job, status: JobStatus) -> None:
        self._stamp(job, SERVER, status.value)
        job.status, job.request = status, None  # a server may hold very many jobs
        del self._unended[job.computer][job]
        job.ended.set()
        self._ended(job)

    def _stamp(self, job: Job, source: str, status: str) -> None:
        moment = self._moments.get((threading.get_ident(), job)) or self._clock.now()
        job.timeline.append((source, status, moment))
