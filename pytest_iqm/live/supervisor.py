"""What every request to a real machine goes through: it counts before it sends, gives up in time, and cleans up."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from pytest_iqm.live.ledger import BudgetExceeded, Ledger, SessionOver, Submission, refused
from pytest_iqm.settings import Settings

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from pytest_iqm.twin import Twins

AWAY = (429, 503)
"""Answers of a machine that can't be used now."""

ANSWERS = 5.0
"""Seconds that the end of a session waits for the answers to submissions."""

_PATH = re.compile(r"/jobs/(?P<first>[^/]+)(?:/(?P<second>[^/]+))?(?:/[^/]+)?$")


__tracebackhide__ = refused


class LiveTimeout(RuntimeError):
    """A test took longer on the machine than ``iqm_timeout`` allows."""


class _Patience(Retry):
    """Retries of requests that change nothing."""

    def get_retry_after(self, response: Any) -> float | None:
        """Return how long the server asks to wait, within reason."""
        seconds = super().get_retry_after(response)
        return None if seconds is None else min(seconds, 30.0)


RETRIES = _Patience(
    total=4, read=1, backoff_factor=0.5, status_forcelist=(*AWAY, 502, 504), allowed_methods=["GET"],
    raise_on_status=False,
)  # fmt: skip


class Supervisor:
    """The transport of a live session, and what it knows of the test that is running in this process.

    Args:
        settings: Have the budget and the machine.
        ledger: The account of the session.
        worker: Name of this process, as xdist has it.

    Attributes:
        jobs: Ids of the jobs that the current test submitted or asked for, with the query that submitted them.
        longer: Whether a fixture that lives longer than the test is being set up.
        lasting: The same as ``jobs``, of what such fixtures have submitted in this session.
        results_read: Whether the current test has got results.
        interrupted: Whether the session is to end now. The vendor's client before 36 takes Ctrl-C for the wish to stop
            waiting, and goes on; its next request interrupts it again.
        refusals: Why submissions of the current test were not sent.
        trouble: What the machine answered the current test that says it can't be used now.

    """

    def __init__(self, settings: Settings, ledger: Ledger, worker: str) -> None:
        self._settings = settings
        self._live = settings.machine
        self._ledger = ledger
        self._worker = worker
        self._test = ""
        self._deadline: float | None = None
        self.longer = False
        self.lasting: dict[str, Mapping[str, str]] = {}
        self.jobs: dict[str, Mapping[str, str]] = {}
        self.results_read = False
        self.interrupted = False
        self._submitting = False
        self.refusals: list[str] = []
        self.trouble: str | None = None

    def begin(self, test: str) -> None:
        """Begin a test."""
        timeout = self._live.timeout.value
        self._test = test
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self.trouble = None
        self.results_read = False
        self.refusals.clear()
        self.jobs.clear()

    def end(self) -> None:
        """End a test: cancel what it left on the machine."""
        self._deadline = None
        self.cancel(self._ledger.pending(test=self._test, worker=self._worker))
        self._test = ""

    def finish(self) -> list[Submission]:
        """End the session: cancel what is left on the machine; returns what could not be cancelled."""
        self._deadline = None
        self.interrupted = False
        self._ledger.close()
        patience = time.monotonic() + ANSWERS
        while any(s.status == "sending" for s in self._ledger.pending()) and time.monotonic() < patience:
            time.sleep(0.1)
        self.cancel(self._ledger.pending())
        return self._ledger.pending()

    def cancel(self, submissions: Iterable[Submission]) -> None:
        """Cancel jobs; the ledger tells which of them could not be."""
        from iqm_fakes.vendor.http import VENDOR_ERRORS, cancel, get

        for submission in submissions:
            if submission.job is None or not submission.url.startswith(self._live.url.value.rstrip("/")):
                continue  # there is nothing to cancel, or no credentials for it
            try:
                cancel(self.client, submission.job)
            except VENDOR_ERRORS:  # perhaps it has ended meanwhile
                try:
                    if get(self.client, f"jobs/{submission.job}", missing=True) is None:
                        self._ledger.seen(submission.job, "deleted")
                except VENDOR_ERRORS:
                    continue  # it stays in the ledger, and the summary names it

    @cached_property
    def client(self) -> IQMClient:
        """A client of the session's own."""
        return self._live.connect()

    @cached_property
    def twins(self) -> Twins:
        """The twins of the machine."""
        from pytest_iqm.twin import Twins

        return Twins(self.client)

    def interrupt(self) -> None:
        """End the session now; but a submission under way first hears which job it made, unless asked twice.

        Raises:
            KeyboardInterrupt: At once, or when the submission is answered.

        """
        again, self.interrupted = self.interrupted, True
        if again or not self._submitting:
            raise KeyboardInterrupt

    def request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        """Send a request of the vendor's client.

        Raises:
            BudgetExceeded: It would submit more than the session may.
            LiveTimeout: The test has used up its time.
            KeyboardInterrupt: The session is to end.

        """
        __tracebackhide__ = True
        if self.interrupted:
            raise KeyboardInterrupt
        self._check_time()
        path = _PATH.search(urlsplit(url).path)
        if path is None:
            return self._send(method, url, arguments)
        if method == "POST" and path["second"] not in (None, "cancel"):
            return self._submit(url, arguments)
        response = self._send(method, url, arguments)
        job = _identifier(path["first"])
        if response.ok and job is not None:
            self.jobs.setdefault(job, self.lasting.get(job, {}))
            self.results_read |= path["second"] == "artifacts"
            if method == "DELETE":
                self._ledger.seen(job, "deleted")
            elif path["second"] in (None, "cancel"):
                self._ledger.seen(job, response.json()["status"])
        return response

    def _submit(self, url: str, arguments: dict[str, Any]) -> requests.Response:
        __tracebackhide__ = True
        try:
            circuits, shots = _size(arguments.get("data"))
            submission = Submission(self._worker, self._test, url, circuits, shots)
            number = self._ledger.reserve(self._settings.budget, submission, longer=self.longer)
        except (BudgetExceeded, SessionOver) as error:
            self.refusals.append(str(error))
            raise
        self._submitting = True
        try:
            response = self._send("POST", url, arguments)
            self._settle(number, response, arguments.get("params") or {})
        except BaseException:
            self._ledger.unanswered(number)
            raise
        finally:
            self._submitting = False
        if self.interrupted:
            raise KeyboardInterrupt
        return response

    def _settle(self, number: int, response: requests.Response, params: Mapping[str, str]) -> None:
        """Enter what the server said of a submission."""
        if not response.ok:
            self._ledger.refused(number)
            return
        try:
            document = response.json()
            job = str(UUID(document["id"]))
        except (ValueError, KeyError, TypeError):
            self._ledger.unanswered(number)
        else:
            self._ledger.answered(number, job, document["status"])
            self.jobs[job] = params
            if self.longer:
                self.lasting[job] = params

    def _send(self, method: str, url: str, arguments: dict[str, Any]) -> requests.Response:
        __tracebackhide__ = True
        if self._deadline is not None:
            left = max(0.1, self._deadline - time.monotonic())
            arguments["timeout"] = min(left, arguments.get("timeout") or left)
        try:
            with requests.Session() as session:
                for scheme in ("https://", "http://"):
                    session.mount(scheme, HTTPAdapter(max_retries=RETRIES))
                response = session.request(method, url, **arguments)
        except requests.RequestException as error:
            self._check_time()
            self.trouble = f"{method} {urlsplit(url).path}: {type(error).__name__}"
            raise
        if response.status_code in AWAY:
            self.trouble = f"{method} {urlsplit(url).path} answered {response.status_code}: {_message(response)}"
        return response

    def _check_time(self) -> None:
        __tracebackhide__ = True
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise LiveTimeout(
                f"the test has used the machine for {self._live.timeout.value:g} s, which is all that "
                f"{self._live.timeout.source} allows; its jobs are cancelled"
            )


def _size(body: Any) -> tuple[int, int]:
    """Return the number of circuits of a submission, and of shots of all of them."""
    try:
        document = json.loads(body)
        circuits = len(document["circuits"])
        return circuits, circuits * int(document.get("shots", 1))
    except (ValueError, TypeError, KeyError):
        raise BudgetExceeded(
            "this job was not submitted: how many shots it takes can't be told, because it is not a circuit job"
        ) from None


def _identifier(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _message(response: requests.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return str(response.reason)
