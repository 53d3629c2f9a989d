"""The rules of a live run, as two plugins: one where tests run, one where the session is reported.

Without xdist both are in one process.
"""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pytest_iqm.fixtures import uses_machine
from pytest_iqm.live.drift import drift
from pytest_iqm.live.ledger import BudgetExceeded, Ledger, SessionOver, Submission, turn
from pytest_iqm.live.preflight import Preflight, is_mock, preflight, why_away
from pytest_iqm.live.recorder import Recorder
from pytest_iqm.live.seam import Seam
from pytest_iqm.live.secret import redacted, redacted_text
from pytest_iqm.live.supervisor import Supervisor
from pytest_iqm.report.summary import Tests, jobs_of, times
from pytest_iqm.settings import Settings

if TYPE_CHECKING:
    from pytest_iqm.twin import Execution

LIVE = "iqm_live"
"""Attribute of the reports of tests that used a real machine."""

RECORDABLE = "iqm_recordable"
"""Attribute of the reports of tests that passed on a real machine: ids of their jobs."""

RANDOM = "iqm_random"
"""Attribute of the reports of tests that passed on random bits."""

LEDGER = "iqm_ledger"
"""Key of a worker's input: path of the ledger."""


def begin(config: pytest.Config, settings: Settings) -> None:
    """Register what a live run needs in this process."""
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is None:
        folder = tempfile.TemporaryDirectory(prefix="pytest-iqm-")
        config.add_cleanup(folder.cleanup)
        ledger = Ledger.create(Path(folder.name))
    else:
        ledger = Ledger(Path(worker[LEDGER]))
    supervisor = Supervisor(settings, ledger, "main" if worker is None else worker["workerid"])
    seam = Seam(supervisor)
    config.add_cleanup(seam.lift)
    if worker is None:
        config.pluginmanager.register(LiveSession(settings, ledger, supervisor), "iqm-live-session")
    config.pluginmanager.register(LiveTests(settings, ledger, supervisor), "iqm-live-tests")


class LiveTests:
    """Where tests run: one at a time, within the budget, and leaving nothing on the machine.

    Args:
        settings: Those of the run.
        ledger: The account of the session.
        supervisor: What the requests of this process go through.

    """

    def __init__(self, settings: Settings, ledger: Ledger, supervisor: Supervisor) -> None:
        self._live = settings.machine
        self._ledger = ledger
        self.supervisor = supervisor
        self._suspicious = False
        self._detailed = bool(settings.report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Let one worker at a time use the machine."""
        alone: AbstractContextManager[None] = nullcontext()
        if uses_machine(item) and not self._live.parallel and hasattr(item.config, "workerinput"):
            alone = turn(self._ledger)
        with alone:
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Begin a test."""
        self.supervisor.begin(item.nodeid)
        with self._verdict():
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        """Fail a test whose submissions were refused, even if it did not notice."""
        with self._verdict():
            yield
        if self.supervisor.refusals:
            pytest.fail("\n".join(self.supervisor.refusals), pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        """Cancel what a test leaves on the machine."""
        try:
            yield
        finally:
            self._suspicious |= self.supervisor.trouble is not None
            self.supervisor.end()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Note which jobs belong to fixtures that live longer than the test."""
        before = self.supervisor.longer
        self.supervisor.longer |= fixturedef.scope != "function"
        try:
            return (yield)
        finally:
            self.supervisor.longer = before

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Mark the report of a test that used the machine, and keep credentials out of it."""
        report = yield
        supervisor = self.supervisor
        if report.when == "call" and (uses_machine(item) or supervisor.jobs):
            vars(report)[LIVE] = not report.skipped
            if report.passed:
                vars(report)[RECORDABLE] = list(supervisor.jobs)
                vars(report)[RANDOM] = is_mock(self._live) and supervisor.results_read
        return redacted(item.config, report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Keep credentials out of reports of modules that can't be imported."""
        report = yield
        if report.failed and redacted_text(report.longreprtext) != report.longreprtext:
            report.longrepr = redacted_text(report.longreprtext)
        return report

    def facts(self) -> list[dict[str, Any]]:
        """Return what is known of the jobs of the test that has ended."""
        jobs = list(self.supervisor.jobs)
        if not jobs:
            return []
        if self.supervisor.trouble is not None:  # asking would take long, and say nothing
            return [{"id": job, "status": "unknown", "circuits": 0, "shots": 0} for job in jobs]
        from pytest_iqm.report.facts import Collector

        collector = Collector(self.supervisor.client, self.supervisor.twins, lengths=False, detailed=self._detailed)
        return collector.facts(jobs)

    def execution(self, counts: dict[str, int]) -> Execution | None:
        """Return the circuit of the current test, or of a fixture that lives longer, that counts are of."""
        jobs = dict.fromkeys([*self.supervisor.lasting, *self.supervisor.jobs])
        return self.supervisor.twins.execution(jobs, counts)

    @property
    def repeats(self) -> bool:
        """Whether suspicious circuits run once more; random bits mean nothing."""
        return not is_mock(self._live)

    def again(self, execution: Execution) -> Execution:
        """Run a circuit once more, in the queue that its job was in.

        Raises:
            BudgetExceeded: The budget does not allow it; the test does not fail for that.
            SessionOver: The same.

        """
        try:
            return execution.again(self.supervisor.jobs[execution.job])
        except (BudgetExceeded, SessionOver):
            self.supervisor.refusals.pop()
            raise

    def check_presence(self) -> None:
        """End a test before it begins if the machine is away; one that was in trouble is asked."""
        from iqm_fakes.vendor.http import VENDOR_ERRORS

        away = self._ledger.noted("away")
        if away is None and self._suspicious:
            try:
                away = why_away(self.supervisor.client)
            except VENDOR_ERRORS as error:
                away = f"it does not answer: {error}"
            self._suspicious = False
            if away is not None:
                self._ledger.note("away", away)
        if away is not None:
            self._end(f"{self._live.computer.value} can't be used now: {away}")

    @contextmanager
    def _verdict(self) -> Iterator[None]:
        """Let ``--iqm-unavailable`` decide about a test that ends because the machine can't be used."""
        from iqm_fakes.vendor.http import OVERLOADED_ERRORS

        errors = (*OVERLOADED_ERRORS, requests.ConnectionError, requests.Timeout)
        try:
            yield
        except Exception as error:
            causes: list[BaseException] = [error]
            while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
                causes.append(cause)
            away = self.supervisor.trouble is not None and any(isinstance(cause, errors) for cause in causes)
            if not away or not self._live.skip_if_unavailable.value:
                raise
        else:
            return
        self._end(f"{self._live.computer.value} could not be used: {self.supervisor.trouble}")

    def _end(self, reason: str) -> None:
        if self._live.skip_if_unavailable.value:
            pytest.skip(f"{reason} ({self._live.skip_if_unavailable.source}: skip)")
        pytest.fail(f"{reason}; with --iqm-unavailable=skip it would be skipped", pytrace=False)


class LiveSession:
    """Where the session is reported: it begins with a look at the machine, and ends with nothing left on it.

    Args:
        settings: Those of the run.
        ledger: The account of the session.
        supervisor: What the requests of this process go through.

    """

    def __init__(self, settings: Settings, ledger: Ledger, supervisor: Supervisor) -> None:
        self._settings = settings
        self._live = settings.machine
        self._ledger = ledger
        self._supervisor = supervisor
        self._recorder = Recorder(settings) if settings.record.value != "off" else None
        self._ran = 0
        self._left: Sequence[Submission] = ()
        self._handlers: dict[int, Any] = {}

    @cached_property
    def preflight(self) -> Preflight:
        """What the machine said, asked once."""
        answer = preflight(self._live)
        if answer.away is not None:
            self._ledger.note("away", answer.away)
        return answer

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Look at the machine before anything is collected; heed Ctrl-C, and SIGTERM like it."""
        if not session.config.option.collectonly:
            _ = self.preflight
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:  # as in the background of a shell
                    self._handlers[number] = signal.signal(number, self._interrupt)

    def pytest_report_header(self, config: pytest.Config) -> list[str]:
        """Say what the machine is, and how it differs from the device files."""
        if config.option.collectonly:
            return []
        if self.preflight.away is not None:
            return [f"iqm: {self._live.computer.value} can't be used now: {self.preflight.away}"]
        lines = [f"iqm: calibration set {self.preflight.calibration_set}"]
        if is_mock(self._live):
            lines.append(f"iqm: {self._live.computer.value} answers with random bits: claims about counts mean nothing")
        if self._settings.device_files:
            lines += drift(self._live, self._settings.device_files)
        return lines

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell an xdist worker where the ledger is."""
        node.workerinput[LEDGER] = str(self._ledger.path)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Cancel what a worker left on the machine, perhaps because it was killed."""
        self._supervisor.cancel(self._ledger.pending(worker=node.gateway.id))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count the tests that used the machine, and record their jobs."""
        self._ran += getattr(report, LIVE, False)
        if self._recorder is not None and hasattr(report, RECORDABLE):
            self._recorder.keep(report.nodeid, getattr(report, RECORDABLE))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Do not count as passed what passed on random bits."""
        if getattr(report, RANDOM, False):
            return "inconclusive", "I", ("INCONCLUSIVE", {"yellow": True})
        return None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Cancel what is left, and record what waited for that."""
        self._left = self._supervisor.finish()
        if self._recorder is not None:
            self._recorder.finish()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _interrupt(self, signum: int, frame: FrameType | None) -> None:
        self._supervisor.interrupt()

    def problems(self) -> list[str]:
        """Return why a run in which no test failed fails nevertheless."""
        skipped = self._ledger.noted("away") is not None and self._live.skip_if_unavailable.value
        problems = [f"this may still be on the machine, so the run fails: {submission}" for submission in self._left]
        if not self._ran and not skipped:
            problems.append("--iqm-live: no test ran on the real machine, so the run fails")
        if self._recorder is not None:
            problems += [f"not recorded, so the run fails: {problem}" for problem in self._recorder.problems]
        return problems

    def summary(self, tests: Tests) -> Iterator[tuple[str, dict[str, bool]]]:
        """Yield the lines of the terminal summary, with their colours."""
        live = self._live
        jobs, shots = self._ledger.spent()
        yield (
            f"{live.computer.value}: {jobs} jobs, {shots} shots submitted; {self._settings.budget}; {times(tests)}",
            {},
        )
        if is_mock(live):
            yield (
                f"{live.computer.value} answered with random bits: what passed on counts is inconclusive",
                {"yellow": True},
            )
        away = self._ledger.noted("away")
        if away is not None:
            yield f"{live.computer.value} could not be used: {away} (--iqm-unavailable)", {"yellow": True}
        errors = {job["id"]: job.get("error") for _, job in jobs_of(tests)}
        for submission in self._ledger.submissions():
            if submission.status in ("failed", "cancelled"):
                error = f": {errors[submission.job]}" if errors.get(submission.job) else ""
                line = f"{submission.status}: job {submission.job} of {submission.test or 'no test'}{error}"
                yield line, {"yellow": True}
        if self._recorder is not None:
            yield f"recordings: {len(self._recorder.recorded)} recorded", {}
        for problem in self.problems():
            yield problem, {"red": True}
