"""What a live run does once: it begins with a look at the machine, and ends with nothing left on it.

Under xdist that is in the controller; where tests run is :mod:`pytest_iqm.live.per_test`. Without xdist both are in one
process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pytest

from iqm_fakes.environment import set_variables, show
from iqm_fakes.printed import printable
from iqm_fakes.words import several
from pytest_iqm.client_interception import ClientInterception
from pytest_iqm.departures import Departures
from pytest_iqm.job_details import JobsOfTests, jobs_of, times
from pytest_iqm.live import cleanup
from pytest_iqm.live.calibration_drift import calibration_drift
from pytest_iqm.live.interruption import heed_signals, watch
from pytest_iqm.live.per_test import LIVE, RECORDABLE, UNSEEN, LiveTests
from pytest_iqm.live.preflight import Preflight, preflight
from pytest_iqm.live.recorder import Recorder
from pytest_iqm.live.submissions import CONTROLLER, UNAVAILABLE, Submission, Submissions
from pytest_iqm.live.transport import LiveTransport, refuse_uncounted
from pytest_iqm.machines import MACHINES
from pytest_iqm.settings import COMPUTER, CREDENTIALS, Settings, lists_only

SUBMISSIONS = "iqm_ledger"
"""Key of a worker's input: path of the account of submissions."""

SHOWN = 3
"""Tests without a job that are named."""


def begin(session: pytest.Session, settings: Settings) -> None:
    """Register what a live run needs in this process, and look at the machine before anything is collected."""
    config = session.config
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is None:
        submissions, end = Submissions.create()
    else:
        submissions = Submissions(Path(worker[SUBMISSIONS]))
        end = submissions.keep_alive(worker["workerid"])
    named = {COMPUTER: settings.real_machine.computer.value}  # programs under test read it
    config.add_cleanup(set_variables(named))
    transport = LiveTransport(settings, submissions, CONTROLLER if worker is None else worker["workerid"])
    config.add_cleanup(ClientInterception(transport).lift)
    config.add_cleanup(Departures(refuse_uncounted).lift)
    config.add_cleanup(partial(show, CREDENTIALS))
    config.pluginmanager.register(LiveTests(settings, transport, config.stash[MACHINES]), "iqm-live-tests")
    if worker is None:
        live = LiveSession(settings, transport)
        config.add_cleanup(live.forget)
        config.add_cleanup(end)
        config.pluginmanager.register(live, "iqm-live-session")
        if lists_only(config):
            return
        live.begin(config)
    else:
        config.add_cleanup(end)
    config.add_cleanup(heed_signals(transport.interrupt))
    if worker is not None:
        config.add_cleanup(watch(submissions, CONTROLLER))


class LiveSession:
    """Where the session is reported: it begins with a look at the machine, and ends with nothing left on it.

    Args:
        settings: Those of the run.
        transport: What the requests of this process go through.

    """

    def __init__(self, settings: Settings, transport: LiveTransport) -> None:
        self._settings = settings
        self._machine = settings.real_machine
        self._transport = transport
        self._submissions = transport.submissions
        self._recorder = Recorder(settings) if settings.record.value != "off" else None
        self._ran = 0
        self._unseen: list[str] = []
        self._idle: list[str] = []
        self._left: Sequence[Submission] = ()
        self._named: Sequence[Submission] = ()

    @cached_property
    def preflight(self) -> Preflight:
        """What the machine said, asked once."""
        answer = preflight(self._machine, self._transport)
        if answer.unavailable is not None:
            self._submissions.note(UNAVAILABLE, answer.unavailable)
        return answer

    def begin(self, config: pytest.Config) -> None:
        """Look at the machine, and tidy up after runs that were killed."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and reporter.verbosity >= 0:
            limit = self._machine.rules.preflight.value
            reporter.write_line(f"iqm: asking {self._machine.computer} at {self._machine.url}, for {limit:g} s at most")
        _ = self.preflight
        if reporter is not None:  # else nobody would hear of them
            for line in cleanup.after_dead_sessions(self._transport):
                reporter.write_line(printable(line), yellow=True)

    def forget(self) -> None:
        """Remove the account, unless it has what nobody was told of; the next run tells."""
        if set(self._submissions.pending()) <= set(self._named):
            self._submissions.remove()

    def pytest_report_header(self, config: pytest.Config) -> list[str]:
        """Say what the machine is, and how it differs from the device files."""
        if lists_only(config):
            return []
        computer = self._machine.computer.value
        if self.preflight.unavailable is not None:
            return [printable(f"iqm: {computer} can't be used now: {self.preflight.unavailable}")]
        lines = [f"iqm: calibration set {self.preflight.calibration_set}"]
        if self._machine.is_mock:
            lines.append(f"iqm: {computer} answers with random bits: claims about counts mean nothing")
        if self._settings.device_files:
            lines += calibration_drift(self._machine, self._settings.device_files)
        return list(map(printable, lines))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell an xdist worker where the account of submissions is."""
        node.workerinput[SUBMISSIONS] = str(self._submissions.path)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Cancel what a worker left on the machine, perhaps because it was killed."""
        cleanup.after_worker(self._transport, node.gateway.id)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count the tests that used the machine, and record their jobs."""
        self._ran += getattr(report, LIVE, False)
        if hasattr(report, UNSEEN):
            (self._unseen if getattr(report, UNSEEN) else self._idle).append(report.nodeid)
        if self._recorder is not None and hasattr(report, RECORDABLE):
            self._recorder.keep(report.nodeid, getattr(report, RECORDABLE))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Cancel what is left, and record what waited for that."""
        self._left = cleanup.after_session(self._transport)
        if self._recorder is not None:
            self._recorder.finish()

    def problems(self) -> list[str]:
        """Return why a run in which no test failed fails nevertheless."""
        skipped = self._submissions.noted(UNAVAILABLE) is not None and self._machine.rules.skip_if_unavailable.value
        problems = [f"this may still be on the machine, so the run fails: {submission}" for submission in self._left]
        if not self._ran and not skipped:
            problems.append("--iqm-live: no test ran on the real machine, so the run fails")
        if self._recorder is not None:
            problems += [f"not recorded, so the run fails: {problem}" for problem in self._recorder.problems]
        return problems

    def summary(self, tests: JobsOfTests) -> Iterator[tuple[str, dict[str, bool]]]:
        """Yield the lines of the terminal summary, with their colours."""
        computer = self._machine.computer.value
        jobs, shots = self._submissions.spent()
        yield (
            f"{computer}: {several(jobs, 'job')}, {several(shots, 'shot')} submitted; {self._settings.budget}; "
            f"{times(tests)}",
            {},
        )
        if self._machine.is_mock:
            yield (
                f"{computer} answered with random bits: what passed on counts is inconclusive",
                {"yellow": True},
            )
        unavailable = self._submissions.noted(UNAVAILABLE)
        if unavailable is not None:
            yield f"{computer} could not be used: {unavailable} (--iqm-unavailable)", {"yellow": True}
        errors = {job["id"]: job.get("error") for _, job in jobs_of(tests)}
        for submission in self._submissions.all():
            if submission.status in ("failed", "cancelled"):
                error = f": {errors[submission.job]}" if errors.get(submission.job) else ""
                line = f"{submission.status}: job {submission.job} of {submission.test or 'no test'}{error}"
                yield line, {"yellow": True}
        for test in self._unseen:
            yield (
                f"passed, but no job of it was seen: {test}; jobs of child processes, and of clients that are not the "
                "vendor's, are in no budget and are not cancelled",
                {"yellow": True},
            )
        if self._idle:
            some = ", ".join([*self._idle[:SHOWN], *(["..."] if self._idle[SHOWN:] else [])])
            yield f"passed without a job that was seen, which is fine if none was meant: {len(self._idle)} ({some})", {}
        if self._recorder is not None:
            yield f"recordings: {len(self._recorder.recorded)} recorded", {}
        for problem in self.problems():
            yield problem, {"red": True}
        self._named = self._left
