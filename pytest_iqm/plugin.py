"""The pytest plugin: hooks only. Loading it imports nothing but pytest and the standard library."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import Any

import pytest

from iqm_fakes.startup import quick_imports
from pytest_iqm.fixtures import MACHINES, _iqm_machine, iqm_backend, iqm_client, iqm_http, iqm_server, iqm_url
from pytest_iqm.live.drift import drift
from pytest_iqm.live.guard import Guard
from pytest_iqm.live.recorder import Recorder
from pytest_iqm.machines import Machines
from pytest_iqm.settings import MODES, Settings

__all__ = ["_iqm_machine", "iqm_backend", "iqm_client", "iqm_http", "iqm_server", "iqm_url"]

REPLAYED = "iqm_replayed"
"""Key of a worker's output: ids of the recordings that it used."""

GUARD: pytest.StashKey[Guard] = pytest.StashKey()

LIVE = "iqm_live"
"""Attribute of the reports of tests that ran on a real machine."""

JOBS = "iqm_jobs"
"""Attribute of the reports of tests that passed on a real machine: ids of their jobs."""

MARKER = (
    "iqm(device=..., seed=..., noise=..., replay=...): run on this fake device (name or file), with this seed, without "
    "noise, or on recordings"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare options and ini keys."""
    group = parser.getgroup("iqm", "IQM quantum computers")
    group.addoption(
        "--iqm-live",
        action="store_true",
        help="run on the real machine that IQM_SERVER_URL, IQM_QUANTUM_COMPUTER and IQM_TOKEN or IQM_TOKENS_FILE name",
    )
    group.addoption(
        "--iqm-device",
        action="append",
        default=[],
        metavar="NAME|FILE",
        help="fake device to run on: a bundled one or a device file; given again, tests run on each (default: garnet). "
        "With --iqm-live: a device file to compare the real machine with",
    )
    group.addoption("--iqm-computer", metavar="ALIAS", help="real machine to run on; overrides IQM_QUANTUM_COMPUTER")
    group.addoption(
        "--iqm-seed",
        metavar="N",
        help="seed of the fake; each test's own is derived from it and its id; 'random' draws one (default: 0)",
    )
    group.addoption(
        "--iqm-record",
        choices=MODES,
        help="replay: answer submissions by recordings, not by a simulation. With --iqm-live, record the jobs of tests "
        "that pass: those not recorded yet (missing), or all, instead of former ones (rewrite)",
    )
    parser.addini("iqm_record", "'replay' answers submissions by recordings, like --iqm-record", default="")
    parser.addini("iqm_recordings", "folder of recordings (default: iqm_recordings beside the ini file)", default="")
    parser.addini("iqm_record_metadata", "record the metadata of circuits, too", type="bool", default=False)
    parser.addini(
        "iqm_recording_max_age", "days from which on recordings that are used are reported as old", default=""
    )
    parser.addini("iqm_device", "fake devices to run on, like --iqm-device", type="args", default=[])
    parser.addini("iqm_seed", "seed of the fake, like --iqm-seed", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Resolve the settings, guard real machines unless the run is live, and let the vendor be imported quickly."""
    config.addinivalue_line("markers", MARKER)
    session = ExitStack()
    session.enter_context(quick_imports())
    config.add_cleanup(session.close)
    settings = Settings.resolve(config)
    config.stash[MACHINES] = Machines(settings)
    worker = hasattr(config, "workerinput")
    if not settings.live:
        config.stash[GUARD] = Guard()
    elif not worker:
        config.pluginmanager.register(_LiveRun(settings), "iqm-live-run")
    if not settings.live and not worker:
        config.pluginmanager.register(_Replays(), "iqm-replays")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop servers and give back what the guard took."""
    if MACHINES in config.stash:
        config.stash[MACHINES].close()
    if GUARD in config.stash:
        config.stash[GUARD].lift()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what tests run on and why, and how a real machine differs from the device files."""
    settings = config.stash[MACHINES].settings
    lines = [settings.header()]
    if settings.live and settings.device_files and not config.option.collectonly:
        lines += drift(settings.live, settings.device_files)
    return lines


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand a drawn seed to an xdist worker."""
    node.workerinput["iqm_seed"] = node.config.stash[MACHINES].settings.seed.value


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on each device that options or its marker name."""
    if "_iqm_machine" not in metafunc.fixturenames:
        return
    machines = metafunc.config.stash[MACHINES]
    specs = machines.specs(metafunc.definition)
    if specs != [machines.default]:
        metafunc.parametrize("_iqm_machine", specs, ids=str, indirect=True, scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Reset the machines before a test that uses them."""
    if _uses_machine(item):
        item.config.stash[MACHINES].start(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that passed although a fault that it planned never happened."""
    yield
    unfired = item.config.stash[MACHINES].unfired() if _uses_machine(item) else []
    if unfired:
        pytest.fail("planned faults did not happen, so this tested nothing:\n  " + "\n  ".join(unfired), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Mark the report of a test that ran on a real machine; xdist carries the mark to the controller."""
    report = yield
    machines = item.config.stash[MACHINES]
    if report.when == "call" and machines.settings.live and _uses_machine(item):
        vars(report)[LIVE] = not report.skipped
        if report.passed:
            vars(report)[JOBS] = machines.jobs()
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the controller which recordings a worker used."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[REPLAYED] = sorted(session.config.stash[MACHINES].replayed())


class _LiveRun:
    """The rules of live runs: one in which no live test ran is not green, and what passed is recorded if asked for."""

    def __init__(self, settings: Settings) -> None:
        self._ran = 0
        self._recorder = Recorder(settings) if settings.record.value != "off" else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._ran += getattr(report, LIVE, False)
        if self._recorder is not None and hasattr(report, JOBS):
            self._recorder.keep(report.nodeid, getattr(report, JOBS))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._recorder is not None:
            self._recorder.finish()
        untested = not self._ran and not session.config.option.collectonly
        unrecorded = self._recorder is not None and bool(self._recorder.problems)
        green = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if green and (untested or unrecorded):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        lines = []
        if not self._ran and not config.option.collectonly:
            lines.append("--iqm-live: no test ran on the real machine, so the run fails")
        if self._recorder is not None:
            lines += [f"not recorded, so the run fails: {problem}" for problem in self._recorder.problems]
            lines.append(f"recordings: {len(self._recorder.recorded)} recorded")
        if lines:
            terminalreporter.section("iqm", red=len(lines) > 1 or not self._ran)
            for line in lines:
                terminalreporter.line(line)


class _Replays:
    """What was used of the recordings, in this process and in xdist's workers."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._used |= set(getattr(node, "workeroutput", {}).get(REPLAYED, ()))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        machines = config.stash[MACHINES]
        used = self._used | machines.replayed()
        if not used and machines.settings.record.value != "replay":
            return
        from iqm_fakes.recordings import RecordingError, Recordings

        recordings = Recordings(machines.settings.recordings.value)
        unused = [job for job in recordings.ids() if job not in used]
        terminalreporter.section("iqm")
        terminalreporter.line(f"recordings: {len(used)} replayed, {len(unused)} unused")
        if machines.settings.recording_max_age is not None:
            try:
                old = recordings.older_than(machines.settings.recording_max_age, used)
            except RecordingError as error:
                old = [str(error)]
            for line in old:
                terminalreporter.line(f"older than iqm_recording_max_age: {line}", yellow=True)


def _uses_machine(item: pytest.Item) -> bool:
    return "_iqm_machine" in getattr(item, "fixturenames", ())
