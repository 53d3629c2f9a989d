"""What every request of a live run goes through: jobs are counted before they are sent, and tests end in time."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import requests

from iqm_fakes.vendor.layout import OVERLOADED
from pytest_iqm.departures import Departure, supervised
from pytest_iqm.errors import BudgetExceeded, LiveAccessRefused, LiveTimeout, SessionOver, hide_frames
from pytest_iqm.live import retries
from pytest_iqm.live.submissions import FINAL, Submission, Submissions
from pytest_iqm.settings import Setting, Settings

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from pytest_iqm.executions import Executions

_PATH = re.compile(r"/jobs/(?P<first>[^/]+)(?:/(?P<second>[^/]+))?(?:/[^/]+)?$")


__tracebackhide__ = hide_frames


class LiveTransport:
    """The transport of a live session, and what it knows of the test that is running in this process.

    Args:
        settings: Have the budget and the machine.
        submissions: The account of the session.
        worker: Name of this process, as xdist has it.

    Attributes:
        jobs: Ids of the jobs that the current test submitted or asked for, with the query that submitted them.
        begins: Is called when a test first sends something.
        is_wider: Whether a fixture whose scope is wider than the test is being set up or torn down.
        heard: Is called with ``submitted`` or ``finished``, a job, and what is known of it.
        wider_scope_jobs: The same as ``jobs``, of what such fixtures have submitted in this session.
        results_read: Whether the current test has got results.
        interrupted: Whether the session is to end now. The vendor's client before 36 takes Ctrl-C for the wish to stop
            waiting, and goes on; its next request interrupts it again.
        refusals: Why submissions of the current test were not sent.
        trouble: What the machine answered the current test that says it can't be used now.

    """

    def __init__(self, settings: Settings, submissions: Submissions, worker: str) -> None:
        self._settings = settings
        self._machine = settings.real_machine
        self.submissions = submissions
        self.worker = worker
        self._test = ""
        self._begun = True
        self._finished: set[str] = set()
        self._deadline: float | None = None
        self._limit: Setting[Any] = self._machine.rules.timeout
        self.begins: Callable[[], None] = lambda: None
        self.is_wider: Callable[[], bool] = lambda: False
        self.heard: Callable[[str, str, dict[str, Any]], None] = lambda event, job, what: None
        self.wider_scope_jobs: dict[str, Mapping[str, str]] = {}
        self.jobs: dict[str, Mapping[str, str]] = {}
        self.results_read = False
        self.interrupted = False
        self._submitting = False
        self.refusals: list[str] = []
        self.trouble: str | None = None

    def begin(self, test: str) -> None:
        """Begin a test."""
        self._test = test
        self._deadline = None
        self._begun = False
        self.trouble = None
        self.results_read = False
        self.refusals.clear()
        self.jobs.clear()

    @contextmanager
    def within(self, limit: Setting[float]) -> Iterator[None]:
        """Give up what is asked inside the ``with`` block after some seconds.

        Raises:
            LiveTimeout: They are over.

        """
        self._deadline, self._limit = time.monotonic() + limit.value, limit
        try:
            yield
        finally:
            self._deadline = None

    def end(self) -> None:
        """End a test: what is sent now belongs to none, and may take its time."""
        self._deadline = None
        self._begun = True
        self._test = ""

    def reaches(self, url: str) -> bool:
        """Whether an address is one of the machine's server."""
        return f"{url}/".startswith(f"{self._machine.url.value.rstrip('/')}/")

    @cached_property
    def client(self) -> IQMClient:
        """A client of the session's own."""
        return self._machine.connect()

    @cached_property
    def executions(self) -> Executions:
        """The circuits that the machine has run."""
        from pytest_iqm.executions import Executions

        return Executions(self.client)

    def interrupt(self) -> None:
        """End the session now; but a submission under way first hears which job it made, unless asked twice.

        Raises:
            KeyboardInterrupt: At once, or when the submission is answered.

        """
        twice, self.interrupted = self.interrupted, True
        if twice or not self._submitting:
            raise KeyboardInterrupt

    def request(self, call: Callable[..., requests.Response], url: str, **arguments: Any) -> requests.Response:
        """Make a call of the vendor's client; what is answered without leaving the process is nobody's business.

        Raises:
            BudgetExceeded: It would submit more than the session may.
            LiveTimeout: The test has used up its time.
            KeyboardInterrupt: The session is to end.

        """
        __tracebackhide__ = True
        method = call.__name__.upper()
        path = _PATH.search(urlsplit(url).path)
        if path is not None and method == "POST" and path["second"] not in (None, "cancel"):
            return self._submit(call, url, arguments)
        left, response = self._send(call, url, arguments, lambda: None)
        job = _job_id(path["first"]) if path is not None else None
        if left and response.ok and path is not None and job is not None:
            self.jobs.setdefault(job, self.wider_scope_jobs.get(job, {}))
            self.results_read |= path["second"] == "artifacts"
            if method == "DELETE":
                self._update(job, "deleted")
            elif path["second"] in (None, "cancel"):
                self._update(job, response.json()["status"])
        return response

    def _begin_once(self) -> None:
        """Let a test wait for its turn when it first uses the machine; from then on its time counts."""
        if not self._begun:
            self._begun = True
            self.begins()
            self._limit = self._machine.rules.timeout
            if self._limit.value is not None:
                self._deadline = time.monotonic() + self._limit.value

    def _update(self, job: str, status: str) -> None:
        """Enter what became of a job."""
        self.submissions.update(job, status)
        if status in FINAL and job not in self._finished:
            self._finished.add(job)
            self.heard("finished", job, {"status": status})

    def _submit(self, call: Callable[..., requests.Response], url: str, arguments: dict[str, Any]) -> requests.Response:
        __tracebackhide__ = True
        entered: list[tuple[int, Submission]] = []

        def reserve() -> None:
            """Enter it in the account, once, before anything of it has left."""
            if entered:
                return
            self._submitting = True
            try:
                circuits, shots = _circuits_and_shots(arguments.get("data"))
                submission = Submission(self.worker, self._test, url, circuits, shots)
                number = self.submissions.reserve(self._settings.budget, submission, wider_scope=self.is_wider())
            except (BudgetExceeded, SessionOver) as error:
                self.refusals.append(str(error))
                raise
            entered.append((number, submission))

        try:
            _, response = self._send(call, url, arguments, reserve)
            if entered:
                self._enter_answer(*entered[0], response, arguments.get("params") or {})
        except BaseException:
            if entered:
                self.submissions.unanswered(entered[0][0])
            raise
        finally:
            self._submitting = False
        if self.interrupted:
            raise KeyboardInterrupt
        return response

    def _enter_answer(
        self, number: int, submission: Submission, response: requests.Response, params: Mapping[str, str]
    ) -> None:
        """Enter what the server said of a submission."""
        if not response.ok:
            self.submissions.refused(number)
            return
        try:
            document = response.json()
            job = str(UUID(document["id"]))
        except (ValueError, KeyError, TypeError):
            self.submissions.unanswered(number)
        else:
            self.submissions.answered(number, job, document["status"])
            self.jobs[job] = params
            if self.is_wider():
                self.wider_scope_jobs[job] = params
            self.heard("submitted", job, {"circuits": submission.circuits, "shots": submission.shots})

    def _send(
        self,
        call: Callable[..., requests.Response],
        url: str,
        arguments: dict[str, Any],
        leaves: Callable[[], None],
    ) -> tuple[bool, requests.Response]:
        """Make a call; returns whether anything left the process, and the response.

        Args:
            call: What the vendor calls.
            url: Its address.
            arguments: Its other arguments.
            leaves: Is called before anything leaves.

        """
        __tracebackhide__ = True
        left = False

        def leave() -> None:
            nonlocal left
            left = True
            if self.interrupted:
                raise KeyboardInterrupt
            self._begin_once()
            self._check_time()
            leaves()

        what = f"{call.__name__.upper()} {urlsplit(url).path}"
        try:
            with supervised(leave):
                response = retries.send(call, url, deadline=self._deadline_of_next, **arguments)
        except requests.RequestException as error:
            if left:
                self._check_time()
                self.trouble = f"{what}: {type(error).__name__}"
            raise
        if left and response.status_code in OVERLOADED:
            self.trouble = f"{what} answered {response.status_code}: {_message(response)}"
        return left, response

    @property
    def _deadline_of_next(self) -> float | None:
        """When the next request is given up, also if it is the test's first, from which on its time counts."""
        limit = self._machine.rules.timeout.value
        return self._deadline if self._begun or limit is None else time.monotonic() + limit

    def _check_time(self) -> None:
        __tracebackhide__ = True
        if self._deadline is not None and time.monotonic() > self._deadline:
            source = "the default" if self._limit.source == "default" else self._limit.source
            used = f"{self._limit.value:g} s, which is all that {source} allows"
            if self._test:
                raise LiveTimeout(f"the test has used the machine for {used}; its jobs are cancelled")
            raise LiveTimeout(f"the machine did not answer within {used}")


def refuse_uncounted(departure: Departure) -> None:
    """Let nothing of the vendor's leave that is not supervised, such as by a module that was loaded again.

    Raises:
        LiveAccessRefused: It is that.

    """
    if departure.is_vendors:
        raise LiveAccessRefused(
            f"a client of the vendor's calls {departure.url} in a way that no budget sees: its module was loaded again,"
            " or it calls from another thread than it was called in, or it is another client than IQMClient"
        )


def _circuits_and_shots(body: Any) -> tuple[int, int]:
    """Return the number of circuits of a submission, and of shots of all of them."""
    try:
        document = json.loads(body)
        circuits = len(document["circuits"])
        return circuits, circuits * int(document.get("shots", 1))
    except (ValueError, TypeError, KeyError):
        raise BudgetExceeded(
            "this job was not submitted: how many shots it takes can't be told, because it is not a circuit job"
        ) from None


def _job_id(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _message(response: requests.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return str(response.reason)
