"""The session's report: gathered from test reports, which xdist carries, and shown at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeAlias

import pytest

from iqm_fakes.printed import printable
from iqm_fakes.words import several
from pytest_iqm.job_details import JobDetails, JobsOfTests
from pytest_iqm.machines import Machines
from pytest_iqm.report.claim_report import CLAIMS, RANDOM, summary
from pytest_iqm.report.plan import excess, plan
from pytest_iqm.settings import Settings, lists_only

JOB_DETAILS = "iqm_facts"
"""Attribute of the reports of a test's teardown: what is known of its jobs."""

USED = "iqm_used"
"""Attribute of the same reports: whether the test used a machine."""

REPLAYED = "iqm_replayed"
"""Key of a worker's output: ids of the recordings that it used."""

Line: TypeAlias = tuple[str, dict[str, bool]]
"""A line of the terminal, and pytest's names of its colours."""


class LiveSummary(Protocol):
    """What the report needs of a live session."""

    def problems(self) -> list[str]:
        """Return why a run in which no test failed fails nevertheless."""

    def summary(self, tests: JobsOfTests) -> Iterator[Line]:
        """Yield the lines of the terminal summary."""


class SessionReport:
    """What the reporting process knows of the tests that used a machine.

    Args:
        settings: Those of the run.
        machines: Those of this process.
        live: The live session, if it is one.

    """

    def __init__(self, settings: Settings, machines: Machines, live: LiveSummary | None) -> None:
        self._settings = settings
        self._machines = machines
        self._live = live
        self._tests: dict[str, dict[str, Any]] = {}
        self._jobs: dict[str, list[JobDetails]] = {}
        self._chips: dict[str, Mapping[str, Any]] = {}
        self._claims: list[tuple[str, dict[str, Any]]] = []
        self._replayed: set[str] = set()
        self._unwritten: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what became of a test."""
        test = self._tests.setdefault(report.nodeid, {"seconds": 0.0, "attempts": 0})
        test["seconds"] += report.duration
        if report.when == "setup":  # of another attempt, perhaps: the last one counts
            test["attempts"] += 1
            test["outcome"] = "passed"
            test.pop("message", None)
            test["claims"] = []
        outcome, message = _outcome(report)
        if outcome != "passed":
            test["outcome"] = outcome
            test["message"] = "\n\n".join(filter(None, [test.get("message"), message]))
        claims = getattr(report, CLAIMS, ())
        self._claims += [(report.nodeid, claim) for claim in claims]
        test.setdefault("claims", []).extend(claims)
        test["used"] = getattr(report, USED, False)
        if details := getattr(report, JOB_DETAILS, None):
            for job in details:
                if "chip" in job:
                    self._chips[job["calibration_set"]] = job.pop("chip")
            self._jobs.setdefault(report.nodeid, []).extend(details)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Do not count as passed what passed on random bits."""
        if getattr(report, RANDOM, False):
            return "inconclusive", "I", ("INCONCLUSIVE", {"yellow": True})
        return None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Remember which recordings a worker used."""
        self._replayed |= set(getattr(node, "workeroutput", {}).get(REPLAYED, ()))

    @pytest.hookimpl(wrapper=True, trylast=True)  # within the terminal reporter's, which shows the summary
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Write the report files, and fail a session that has a problem although no test failed."""
        yield  # what others have to say is in the report
        if self._settings.report:
            self._write()
        green = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if green and not lists_only(session.config) and self._problems():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _problems(self) -> list[str]:
        """Return why the run fails although no test did."""
        over = excess(self._jobs, self._settings.budget) if self._settings.plan else []
        return [*over, *(self._live.problems() if self._live is not None else []), *self._unwritten]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """Show the summary."""
        if lists_only(config):
            return
        lines = list(self._lines())
        if lines:
            terminalreporter.section("iqm", red=any("red" in colours for _, colours in lines))
        for line, colours in lines:
            terminalreporter.line(printable(line), **colours)
        for problem in self._problems():  # which the last line counts, so that it is not green
            report = pytest.CollectReport("iqm", "failed", printable(problem), [])
            terminalreporter.stats.setdefault("error", []).append(report)

    def _lines(self) -> Iterator[Line]:
        if self._live is not None:
            yield from self._live.summary(self._jobs)
        if self._settings.plan:
            yield "what --iqm-live would submit:", {}
            for line in plan(self._jobs, self._settings.budget, [claim["shots"] for _, claim in self._claims]):
                yield line, {"red": True} if line.startswith("too much") else {}
        for line in summary(self._claims):
            yield line, {"yellow": True} if line.startswith("near miss") else {}
        yield from self._recordings()
        again = [test for test, what in self._tests.items() if what["attempts"] > 1 and what["used"]]
        if again and self._live is None:
            were = several(len(again), "test was", "tests were")
            yield f"{were} run again: on the fake, with the same seed, hence the same counts", {"yellow": True}
        for line in self._unwritten:
            yield line, {"red": True}

    def _recordings(self) -> Iterator[Line]:
        used = self._replayed | self._machines.replayed()
        if not used and self._settings.record.value != "replay":
            return
        from iqm_fakes.recordings.folder import Recordings
        from iqm_fakes.recordings.recording import RecordingError

        recordings = Recordings(self._settings.recordings.value)
        unused = [job for job in recordings.ids() if job not in used]
        yield f"recordings: {len(used)} replayed, {len(unused)} unused", {}
        if self._settings.recording_max_age is not None:
            try:
                old = recordings.older_than(self._settings.recording_max_age, used)
            except RecordingError as error:
                old = [str(error)]
            for line in old:
                yield f"older than iqm_recording_max_age: {line}", {"yellow": True}

    def _write(self) -> None:
        from pytest_iqm.report.report_files import write

        tests = [
            {"test": test, **what, "jobs": self._jobs.get(test, [])}
            for test, what in self._tests.items()
            if test in self._jobs or what.get("outcome") == "failed"
        ]
        for file in self._settings.report:
            try:
                write(file, self._settings, tests, self._problems(), self._chips)
            except OSError as error:
                self._unwritten.append(f"--iqm-report: {error}")


def _outcome(report: pytest.TestReport) -> tuple[str, str]:
    """Return what a report says became of a test, and why."""
    reason: str | None = getattr(report, "wasxfail", None)
    if reason is not None:
        return {"skipped": "xfailed", "passed": "xpassed"}.get(report.outcome, report.outcome), reason
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.outcome, report.longrepr[2]
    return report.outcome, report.longreprtext
