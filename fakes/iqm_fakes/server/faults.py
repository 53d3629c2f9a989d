"""Faults: what goes wrong on purpose, said in sentences and counted, not left to luck.

::

    server.faults.on("submit").answers("rate_limit_exceeded", times=2, retry_after=1)
    server.faults.on("status", after=3).answers(503)
    server.faults.on("results").breaks_off()
    server.faults.job().fails("the chip is warm")

A fault acts on the calls that its sentence names, as often as it says, and is used up. :meth:`Faults.unfired` says
which never acted: a test whose fault did not happen has tested nothing.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from iqm_fakes.wire.error_codes import ErrorCode


class Operation(StrEnum):
    """What a client may ask for; ``anything`` is each of them."""

    SUBMIT = "submit"
    STATUS = "status"
    PAYLOAD = "payload"
    RESULTS = "results"
    CANCEL = "cancel"
    DELETE = "delete"
    CALIBRATION = "calibration"
    ARCHITECTURE = "architecture"
    HEALTH = "health"
    COMPUTERS = "computers"


_NOT_ANSWERED = {
    ErrorCode.NOT_FOUND,
    ErrorCode.METHOD_NOT_ALLOWED,
    ErrorCode.QC_ARTIFACT_NOT_FOUND,
    ErrorCode.RECORDING_NOT_FOUND,
    ErrorCode.BAD_REQUEST,
    ErrorCode.FORBIDDEN,
}
"""Codes that say that a request was wrong in itself: a right one never meets them."""

ERRORS = {str(code): code for code in ErrorCode if code not in _NOT_ANSWERED}
"""What a call may be answered on purpose, by code."""

BY_STATUS = {
    400: ErrorCode.INVALID_INPUT,
    401: ErrorCode.UNAUTHORIZED,
    403: ErrorCode.NOT_ENOUGH_CREDITS,
    404: ErrorCode.JOB_NOT_FOUND,
    409: ErrorCode.CONFLICT,
    413: ErrorCode.REQUEST_PAYLOAD_TOO_LARGE,
    429: ErrorCode.RATE_LIMIT_EXCEEDED,
    500: ErrorCode.INTERNAL_ERROR,
    502: ErrorCode.BAD_GATEWAY,
    503: ErrorCode.SERVICE_UNAVAILABLE,
    504: ErrorCode.GATEWAY_TIMEOUT,
}
"""The code that a status is short for."""


@dataclass(frozen=True)
class Answer:
    """An error response instead of the one that was due."""

    code: ErrorCode
    message: str
    retry_after: int | None = None


@dataclass(frozen=True)
class Broken:
    """What happens to the connection: ``refused``, ``reset``, ``timeout``, ``slow``, ``truncated`` or ``garbled``."""

    how: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Event:
    """Something happens on the server, and the request is answered as usual."""

    act: Callable[[], object]


Effect = Answer | Broken | Event


@dataclass(frozen=True)
class JobFault:
    """How a job ends otherwise than it would: for the machine, and for people."""

    how: str
    words: str
    message: str = ""
    code: str = ""
    fraction: float = 0.0


@dataclass
class _Planned:
    """A fault that acts on some of the calls that it counts."""

    sentence: str
    effect: Any
    matches: Callable[[Operation | None, str | None], bool]
    after: int
    times: int
    seen: int = 0
    fired: int = 0

    def meets(self, operation: Operation | None, job: str | None) -> bool:
        """Count a call, and return whether the fault acts on it."""
        if self.fired == self.times or not self.matches(operation, job):
            return False
        self.seen += 1
        if self.seen <= self.after:
            return False
        self.fired += 1
        return True


@dataclass
class On:
    """The beginning of a sentence; what follows says what happens to the calls it names."""

    _faults: Faults
    _operations: frozenset[str]
    _after: int
    _job: str | None
    _words: str

    def answers(
        self, error: str | int, *, times: int = 1, message: str | None = None, retry_after: int | None = None
    ) -> None:
        """Answer an error.

        Args:
            error: A documented error code, such as ``rate_limit_exceeded``, or a status, such as 503.
            times: To how many calls.
            message: What it says instead of the usual.
            retry_after: Seconds for the header ``Retry-After``.

        Raises:
            ValueError: There is no such error.

        """
        code = _code(error)
        self._plan(Answer(code, message or code.usual, retry_after), f"answers {error!r}", times)

    def refuses(self, *, times: int = 1) -> None:
        """Refuse the connection."""
        self._plan(Broken("refused"), "refuses", times)

    def resets(self, *, times: int = 1) -> None:
        """Reset the connection instead of answering; what was asked for has happened nevertheless."""
        self._plan(Broken("reset"), "resets", times)

    def times_out(self, *, times: int = 1, seconds: float = 300.0) -> None:
        """Never answer: in the process at once a time-out, on a socket silence for up to so many seconds."""
        self._plan(Broken("timeout", seconds), "times_out", times)

    def delays(self, seconds: float, *, times: int = 1) -> None:
        """Answer late by so many seconds.

        Raises:
            ValueError: They are negative.

        """
        if seconds < 0:
            raise ValueError(f"an answer is late by no negative time, got {seconds} seconds")
        self._plan(Broken("slow", seconds), f"delays {seconds}", times)

    def breaks_off(self, *, times: int = 1) -> None:
        """Send half of the answer, then close the connection."""
        self._plan(Broken("truncated"), "breaks_off", times)

    def garbles(self, *, times: int = 1) -> None:
        """Answer something that is not JSON, such as a gateway's page."""
        self._plan(Broken("garbled"), "garbles", times)

    def recalibrates(self, *, times: int = 1, **how: Any) -> None:
        """Publish a new default calibration just before answering; see :meth:`FakeIQMServer.recalibrate`."""
        self._plan(Event(lambda: self._faults.recalibrate(**how)), "recalibrates", times)

    def _plan(self, effect: Effect, verb: str, times: int) -> None:
        def matches(operation: Operation | None, job: str | None) -> bool:
            return operation in self._operations and self._job in (None, job)

        self._faults.plan(_Planned(f"{self._words}.{verb}", effect, matches, self._after, _positive(times)))


@dataclass
class OnJob:
    """The beginning of a sentence about a job; what follows says how it ends."""

    _faults: Faults
    _after: int
    _times: int

    def fails(self, message: str = "Execution failed.", *, code: str = "circuit_error") -> None:
        """Let it fail while it is executed."""
        self._plan(JobFault("execution", "it fails while it is executed", message, code), f"fails {message!r}")

    def fails_to_compile(self, message: str = "Compilation failed.", *, code: str = "circuit_error") -> None:
        """Let it fail while it is compiled."""
        self._plan(
            JobFault("compilation", "it fails while it is compiled", message, code), f"fails_to_compile {message!r}"
        )

    def is_cancelled(self) -> None:
        """Let an operator cancel it."""
        self._plan(JobFault("cancelled", "an operator cancels it"), "is_cancelled")

    def never_ends(self) -> None:
        """Let it be processed for ever, until somebody cancels it."""
        self._plan(JobFault("never", "it never ends"), "never_ends")

    def loses_shots(self, fraction: float) -> None:
        """Let so many of its shots be missing in the results, as heralding does.

        Raises:
            ValueError: The fraction is not between 0 and 1.

        """
        if not 0 < fraction < 1:
            raise ValueError(f"a job loses a fraction of its shots between 0 and 1, got {fraction}")
        self._plan(JobFault("shots", "some of its shots are lost", fraction=fraction), f"loses_shots {fraction}")

    def _plan(self, fault: JobFault, verb: str) -> None:
        words = f"job(after={self._after}, times={self._times}).{verb}"
        self._faults.plan_job(_Planned(words, fault, lambda operation, job: True, self._after, self._times))


class Faults:
    """The faults of a server; they act in the order in which they were said, each call meets at most one.

    Args:
        recalibrate: Publishes a new calibration.

    """

    def __init__(self, recalibrate: Callable[..., object]) -> None:
        self.recalibrate = recalibrate
        self._lock = threading.Lock()
        self._calls: list[_Planned] = []
        self._jobs: list[_Planned] = []
        self._random: _Random | None = None

    def on(self, *operations: str, after: int = 0, job: str | UUID | None = None) -> On:
        """Begin a sentence about calls.

        Args:
            operations: ``submit``, ``status``, ``payload``, ``results``, ``cancel``, ``delete``, ``calibration``,
                ``architecture``, ``health``, ``computers``; or ``anything``.
            after: How many such calls are left in peace first.
            job: Only calls about this job.

        Raises:
            ValueError: There is no such operation, or a number is negative.

        """
        for operation in operations or ("",):
            if operation not in (*Operation, "anything"):
                raise ValueError(f"there is no operation '{operation}'; choose {', '.join(Operation)}, anything")
        chosen = frozenset(Operation if "anything" in operations else operations)
        if after < 0:
            raise ValueError(f"a number of calls is not negative, got {after}")
        try:
            about = None if job is None else str(UUID(str(job)))
        except ValueError:
            raise ValueError(f"'{job}' is no id of a job: it has to be a UUID") from None
        words = f"on({', '.join(map(repr, operations))}{f', after={after}' if after else ''})"
        return On(self, chosen, after, about, words)

    def job(self, *, after: int = 0, times: int = 1) -> OnJob:
        """Begin a sentence about the next job, or the next ones after some.

        Raises:
            ValueError: A number is negative, or ``times`` is 0.

        """
        if after < 0:
            raise ValueError(f"a number of jobs is not negative, got {after}")
        return OnJob(self, after, _positive(times))

    def randomly(self, rate: float, *, seed: int, errors: Iterable[str | int] = (429, 502, 503)) -> None:
        """Let calls meet an error by chance, for soak tests: a fraction ``rate`` of all calls.

        Raises:
            ValueError: The rate is not between 0 and 1, or there is no such error.

        """
        if not 0 <= rate <= 1:
            raise ValueError(f"a rate is between 0 and 1, got {rate}")
        codes = [_code(error) for error in errors]
        self._random = _Random(rate, random.Random(seed), codes)  # noqa: S311  # has to be reproducible, not secret

    def unfired(self) -> list[str]:
        """Return the sentences that have not come true, or not as often as they say."""
        with self._lock:
            planned = [*self._calls, *self._jobs]
        return [
            f"{fault.sentence}: acted {fault.fired} of {fault.times} times"
            for fault in planned
            if fault.fired < fault.times
        ]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._calls.clear()
            self._jobs.clear()
            self._random = None

    def plan(self, fault: _Planned) -> None:
        """Add a fault of calls."""
        with self._lock:
            self._calls.append(fault)

    def plan_job(self, fault: _Planned) -> None:
        """Add a fault of jobs."""
        with self._lock:
            self._jobs.append(fault)

    def meet(self, operation: Operation | None, job: str | None) -> Effect | None:
        """Return what happens to a call: the first fault that acts on it."""
        with self._lock:
            for fault in self._calls:
                if fault.meets(operation, job):
                    effect: Effect = fault.effect
                    return effect
            return self._random.meet() if self._random else None

    def meet_job(self) -> JobFault | None:
        """Return what happens to a new job."""
        with self._lock:
            fault: JobFault
            for planned in self._jobs:
                if planned.meets(None, None):
                    fault = planned.effect
                    return fault
        return None


@dataclass
class _Random:
    rate: float
    dice: random.Random
    codes: list[ErrorCode] = field(default_factory=list)

    def meet(self) -> Answer | None:
        if self.dice.random() >= self.rate:
            return None
        code = self.dice.choice(self.codes)
        return Answer(code, code.usual)


def _code(error: str | int) -> ErrorCode:
    """Return the error code that a code or a status means."""
    code = BY_STATUS.get(error) if isinstance(error, int) else ERRORS.get(error)
    if code is None:
        known = ", ".join([*map(str, BY_STATUS), *ERRORS])
        raise ValueError(f"there is no error {error!r}; the server answers {known}")
    return code


def _positive(times: int) -> int:
    if times < 1:
        raise ValueError(f"a fault acts at least once, got times={times}")
    return times
