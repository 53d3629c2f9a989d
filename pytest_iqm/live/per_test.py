"""What a live run does where tests run: one at a time, within the budget, and leaving nothing on the machine."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import requests

from iqm_fakes.environment import hide, show
from pytest_iqm.errors import BudgetExceeded, SessionOver
from pytest_iqm.job_details import JobDetails, JobDetailsCollector
from pytest_iqm.live import cleanup
from pytest_iqm.live.preflight import why_unavailable
from pytest_iqm.live.submissions import CONTROLLER, UNAVAILABLE
from pytest_iqm.live.transport import LiveTransport
from pytest_iqm.live.turns import turn
from pytest_iqm.machines import Machines, fail, skip
from pytest_iqm.settings import CREDENTIALS, Settings

if TYPE_CHECKING:
    from pytest_iqm.executions import Execution

LIVE = "iqm_live"
"""Attribute of the reports of tests that used a real machine."""

UNSEEN = "iqm_unseen"
"""Attribute of the same reports, if no job was seen: whether the test has a program that makes its own client."""

RECORDABLE = "iqm_recordable"
"""Attribute of the reports of tests that passed on a real machine: ids of their jobs."""


class LiveTests:
    """Where tests run: one at a time, within the budget, and leaving nothing on the machine.

    Args:
        settings: Those of the run.
        transport: What the requests of this process go through.
        machines: Those of this process.

    """

    def __init__(self, settings: Settings, transport: LiveTransport, machines: Machines) -> None:
        self._machine = settings.real_machine
        self._machines = machines
        self.transport = transport
        machines.address_asked = partial(show, CREDENTIALS)
        transport.begins = self._take_turn
        transport.is_wider = lambda: machines.requester.fixture is not None
        transport.heard = self._tell
        self._turn = ExitStack()
        self._worker = transport.worker != CONTROLLER
        self._had_trouble = False
        self._detailed = bool(settings.report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Let others use the machine when a test has ended; child processes get no credentials until a test asks."""
        __tracebackhide__ = True
        hide(CREDENTIALS)
        with self._turn:
            return (yield)

    def pytest_collectstart(self) -> None:
        """Let child processes that modules start have no credentials.

        xdist's controller, which collects nothing, starts workers that need them.
        """
        hide(CREDENTIALS)

    def _take_turn(self) -> None:
        """Wait until no other worker uses the machine."""
        if self._worker and not self._machine.rules.parallel:
            self._turn.enter_context(turn(self.transport.submissions.path.parent))

    def _tell(self, event: str, job: str, what: dict[str, Any]) -> None:
        """Tell conftest files of a job."""
        hook = getattr(self._machines.hook, f"pytest_iqm_job_{event}")
        hook(nodeid=self._machines.test, job_id=job, **what)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Begin a test."""
        __tracebackhide__ = True
        self.transport.begin(item.nodeid)
        with self._skip_or_fail_if_unavailable():
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        """Fail a test whose submissions were refused, even if it did not notice."""
        __tracebackhide__ = True
        with self._skip_or_fail_if_unavailable():
            yield
        if self.transport.refusals:
            pytest.fail("\n".join(self.transport.refusals), pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        """Cancel what a test leaves on the machine."""
        __tracebackhide__ = True
        try:
            yield
        finally:
            self._had_trouble |= self.transport.trouble is not None
            cleanup.after_test(self.transport, item.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Mark the report of a test that used the machine."""
        report = yield
        transport = self.transport
        if report.when == "call" and (self._machines.asked or transport.jobs):
            vars(report)[LIVE] = not report.skipped
            if report.passed:
                vars(report)[RECORDABLE] = list(transport.jobs)
                if not transport.jobs and not transport.submissions.of(item.nodeid):
                    vars(report)[UNSEEN] = self._machines.has_programs
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Cancel what is left if there is no controller any more that would."""
        if self._worker:
            cleanup.after_controller(self.transport)

    def job_details(self) -> list[JobDetails]:
        """Return what is known of the jobs of the test that has ended."""
        jobs = list(self.transport.jobs)
        if not jobs:
            return []
        if self.transport.trouble is not None:  # asking would take long, and say nothing
            return [{"id": job, "status": "unknown", "circuits": 0, "shots": 0} for job in jobs]
        predictors = self.transport.executions.predictors
        collector = JobDetailsCollector(predictors, lengths=False, detailed=self._detailed)
        return [collector.of(job) for job in jobs]

    def execution(self, counts: dict[str, int]) -> Execution | None:
        """Return the circuit of the current test, or of a fixture of wider scope, that counts are of."""
        jobs = dict.fromkeys([*self.transport.wider_scope_jobs, *self.transport.jobs])
        return self.transport.executions.find(jobs, counts)

    @property
    def random_bits(self) -> bool:
        """Whether counts mean nothing."""
        return self._machine.is_mock

    @property
    def inconclusive(self) -> bool:
        """Whether the test has read random bits, so that it says nothing if it passes."""
        return self._machine.is_mock and self.transport.results_read

    @property
    def repeats(self) -> bool:
        """Whether suspicious circuits are repeated: not of random bits, which mean nothing."""
        return not self._machine.is_mock

    def repeat(self, execution: Execution) -> Execution:
        """Run a circuit once more, in the queue that its job was in.

        Raises:
            BudgetExceeded: The budget does not allow it; the test does not fail for that.
            SessionOver: The same.

        """
        try:
            return execution.repeat(self.transport.jobs[execution.job])
        except (BudgetExceeded, SessionOver):
            self.transport.refusals.pop()
            raise

    def check_availability(self) -> None:
        """End a test before it begins if the machine can't be used; after trouble, the machine is asked."""
        from iqm_fakes.vendor.http import VENDOR_ERRORS

        unavailable = self.transport.submissions.noted(UNAVAILABLE)
        if unavailable is None and self._had_trouble:
            try:
                unavailable = why_unavailable(self.transport.client)
            except VENDOR_ERRORS as error:
                unavailable = f"it does not answer: {error}"
            self._had_trouble = False
            if unavailable is not None:
                self.transport.submissions.note(UNAVAILABLE, unavailable)
        if unavailable is not None:
            self._skip_or_fail(f"{self._machine.computer.value} can't be used now: {unavailable}")

    @contextmanager
    def _skip_or_fail_if_unavailable(self) -> Iterator[None]:
        """Let ``--iqm-unavailable`` decide about a test that ends because the machine can't be used."""
        from iqm_fakes.vendor.http import OVERLOADED_ERRORS

        errors = (*OVERLOADED_ERRORS, requests.ConnectionError, requests.Timeout)
        try:
            yield
        except Exception as error:
            causes: list[BaseException] = [error]
            while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
                causes.append(cause)
            unavailable = self.transport.trouble is not None and any(isinstance(cause, errors) for cause in causes)
            if not unavailable or not self._machine.rules.skip_if_unavailable.value:
                raise
        else:
            return
        self._skip_or_fail(f"{self._machine.computer.value} could not be used: {self.transport.trouble}")

    def _skip_or_fail(self, reason: str) -> None:
        __tracebackhide__ = True
        if self._machine.rules.skip_if_unavailable.value:
            skip(f"{reason} ({self._machine.rules.skip_if_unavailable.source}: skip)")
        fail(f"{reason}; with --iqm-unavailable=skip it would be skipped")
