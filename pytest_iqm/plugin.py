"""The pytest plugin: hooks only. Loading it imports nothing but pytest and the standard library.

It stays out of sight until a fixture, a marker or an option of its own is used: what surrounds fixtures is registered
when a test first asks for a machine.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from iqm_fakes.printed import printable
from iqm_fakes.recordings.credentials import Secrets
from iqm_fakes.vendor.quick_imports import quick_imports
from pytest_iqm import hookspecs, markers
from pytest_iqm.collection import grouped, names_of, parametrizes, runs_twice
from pytest_iqm.departures import past_proxies
from pytest_iqm.fixture_values import WiderFixtures, take_over
from pytest_iqm.fixtures import (
    _iqm_machine,
    iqm_backend,
    iqm_backend_factory,
    iqm_client,
    iqm_http,
    iqm_server,
    iqm_settings,
    iqm_shots,
    iqm_url,
)
from pytest_iqm.job_details import JobDetails
from pytest_iqm.machine import MACHINE
from pytest_iqm.machines import MACHINES, Machines, fail, skip, uses_machine
from pytest_iqm.offline_guard import OfflineGuard
from pytest_iqm.redaction import Redaction
from pytest_iqm.report.claim_report import ClaimReport
from pytest_iqm.report.session_report import JOB_DETAILS, REPLAYED, USED, SessionReport
from pytest_iqm.settings import MODES, Settings, lists_only
from pytest_iqm.tracebacks import vendor_hidden

if TYPE_CHECKING:
    from pytest_iqm.live.per_session import LiveSession
    from pytest_iqm.live.per_test import LiveTests

__all__ = [
    "_iqm_machine",
    "iqm_backend",
    "iqm_backend_factory",
    "iqm_client",
    "iqm_http",
    "iqm_server",
    "iqm_settings",
    "iqm_shots",
    "iqm_url",
]

GUARD: pytest.StashKey[OfflineGuard] = pytest.StashKey()
DETAILS: pytest.StashKey[list[JobDetails]] = pytest.StashKey()
MISTAKE: pytest.StashKey[str] = pytest.StashKey()

JOB = "iqm_job"
"""The property of tests that holds the id of a job."""

SHOWN = 10
"""Jobs that the report of a failed test names, the latest; a property may have had hundreds."""


INI = {
    "iqm_seed": "seed of the fake, like --iqm-seed",
    "iqm_max_jobs": "jobs that a live run may submit, like --iqm-max-jobs",
    "iqm_max_shots": "shots that a live run may take, like --iqm-max-shots",
    "iqm_unavailable": "'fail' or 'skip', like --iqm-unavailable",
    "iqm_timeout": "seconds, or a time such as 10m, that a live test may use the machine (default: no limit)",
    "iqm_preflight_timeout": "seconds that the look at the machine before a live run may take (default: 20)",
    "iqm_alpha": "how often a true claim about counts may fail (default: 1e-6)",
    "iqm_shots": "what the fixture iqm_shots gives (default: 1000)",
    "iqm_record": "'replay' answers submissions by recordings, like --iqm-record",
    "iqm_recordings": "folder of recordings (default: iqm_recordings beside the ini file)",
    "iqm_recording_max_age": "days from which on recordings that are used are reported as old",
    "iqm_simulation_limit": "seconds that the simulation of a job may take, by estimate (default: 900)",
    "iqm_device_max_age": "days from which on the header says how to renew a device file (default: 14)",
}
"""Keys of the ini file that have text or a number, and what they say."""

FLAGS = {
    "iqm_parallel": "let xdist's workers use a real machine at the same time",
    "iqm_job_properties": "add job ids to reports, for --junitxml",
    "iqm_record_metadata": "record the metadata of circuits, too",
}
"""Keys that are true or false."""


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
        "Write --iqm-device=FILE, or pytest takes the file for a test. "
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
    group.addoption("--iqm-max-jobs", metavar="N", help="jobs that a live run may submit at most (default: no limit)")
    group.addoption("--iqm-max-shots", metavar="N", help="shots that a live run may take at most (default: no limit)")
    group.addoption(
        "--iqm-plan", action="store_true", help="run on the fake, and say what a live run would submit: jobs, shots"
    )
    group.addoption(
        "--iqm-unavailable",
        choices=("fail", "skip"),
        help="what to do with live tests while the machine is in maintenance or overloaded (default: fail)",
    )
    group.addoption(
        "--iqm-report",
        action="append",
        default=[],
        metavar="FILE",
        help="write what was run and what came out to a .json or .html file; may be given for both",
    )
    for name, explanation in INI.items():
        # pytest's own TOML may have numbers where there may be text
        typed = {"type": str | int | float} if pytest.version_tuple >= (9, 2) else {}
        parser.addini(name, explanation, default="", **typed)  # type: ignore[arg-type]  # from pytest 9.2 on
    for name, explanation in FLAGS.items():
        parser.addini(name, explanation, type="bool", default=False)
    parser.addini("iqm_device", "fake devices to run on, like --iqm-device", type="args", default=[])


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare hooks of our own."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Declare markers, and let the vendor be imported quickly."""
    for declaration in markers.DECLARATIONS:
        config.addinivalue_line("markers", declaration)
    session = ExitStack()
    session.enter_context(quick_imports())
    config.add_cleanup(session.close)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Resolve the settings, and guard real machines unless the run is live.

    Not before, because plugins and conftest files put variables into the environment, some of them at this very moment;
    but still before the header is written and xdist's workers are started.
    """
    config = session.config
    try:
        settings = Settings.resolve(config)
    except pytest.UsageError as error:
        if not lists_only(config):
            raise
        config.stash[MISTAKE] = str(error)
        settings = Settings.default(config)
    config.add_cleanup(past_proxies())
    machines = config.stash[MACHINES] = Machines(settings, config.hook)
    wider = WiderFixtures(machines)

    def asking(request: Any) -> None:
        __tracebackhide__ = True
        if not config.pluginmanager.is_registered(wider):
            config.pluginmanager.register(wider, "iqm-wider-fixtures")
            wider.join(request)
        live = _live_tests(config)
        if live is not None and not machines.asked:
            live.check_availability()

    machines.asking = asking
    secrets = Secrets.of_environment()
    redaction = Redaction(config, secrets, settings.report) if secrets or settings.live else None
    if redaction is not None:
        config.add_cleanup(redaction.lift)
    if settings.live:
        from pytest_iqm.live.per_session import begin

        with nullcontext() if redaction is None else redaction.errors():
            begin(session, settings)
    else:
        config.stash[GUARD] = OfflineGuard()
    config.pluginmanager.register(ClaimReport(config), "iqm-claims")
    if not hasattr(config, "workerinput"):
        live: LiveSession | None = config.pluginmanager.get_plugin("iqm-live-session")
        config.pluginmanager.register(SessionReport(settings, machines, live), "iqm-report")
    if redaction is not None:
        config.pluginmanager.register(redaction, "iqm-redaction")  # the last one, and so around the others


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop servers and give back what the guard took."""
    if MACHINES in config.stash:
        config.stash[MACHINES].close()
    if GUARD in config.stash:
        config.stash[GUARD].lift()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what tests run on and why, if that was chosen for this run."""
    if MISTAKE in config.stash:
        return [printable(f"iqm: {config.stash[MISTAKE]}")]
    settings = config.stash[MACHINES].settings
    return _header(config) if settings.chosen else []


def pytest_report_collectionfinish(config: pytest.Config, items: Sequence[pytest.Item]) -> list[str]:
    """Say what tests run on, if nobody chose and some use it."""
    settings = config.stash[MACHINES].settings
    quiet = config.option.verbose < 0
    return _header(config) if not quiet and not settings.chosen and any(map(uses_machine, items)) else []


def _header(config: pytest.Config) -> list[str]:
    settings = config.stash[MACHINES].settings
    lines = [settings.header(), *([] if settings.record.value == "replay" else settings.device_ages)]
    shown = [printable(line) for line in lines]
    if settings.live:  # what costs money should be seen
        live = config.get_terminal_writer().markup("LIVE", red=True, bold=True)
        shown[0] = shown[0].replace("LIVE", live, 1)
    drawn = getattr(config.option, "hypothesisseed", None)
    if drawn:
        shown.append(printable(f"iqm: what @given draws is Hypothesis' own (--hypothesis-seed={drawn})"))
    return shown


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand a drawn seed to an xdist worker."""
    node.workerinput["iqm_seed"] = node.config.stash[MACHINES].settings.seed.value


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """If the run is on several devices, run a test on each of them."""
    devices = metafunc.config.stash[MACHINES].settings.devices.value
    if len(devices) > 1 and parametrizes(metafunc):
        metafunc.parametrize(MACHINE, devices, ids=names_of(devices), indirect=True, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Check markers; run once what is for one device; keep tests on one machine together."""
    settings = config.stash[MACHINES].settings
    unreadable = cache(settings.unreadable)  # a file is read once, however many tests name it
    for item in items:
        for mistake in markers.mistakes(item, unreadable):
            report = pytest.CollectReport(item.nodeid, "failed", mistake, [])
            config.hook.pytest_collectreport(report=report)  # as of a module that can't be imported
    if session.testsfailed:
        return
    twice = runs_twice(items, settings.devices.value)
    if twice:
        config.hook.pytest_deselected(items=twice)
        items[:] = [item for item in items if item not in twice]
    for item in items:
        names: list[str] = getattr(item, "fixturenames", [])
        if MACHINE not in names and item.get_closest_marker("iqm_requires"):
            names.insert(0, MACHINE)
    items[:] = grouped(items)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Let fixtures of ours give everyone who asks what is theirs."""
    if not lists_only(request.config):
        take_over(fixturedef, request, request.config.stash[MACHINES])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that can't run here; reset the machines, which a test may ask for when it likes."""
    __tracebackhide__ = True
    item.user_properties[:] = [each for each in item.user_properties if each[0] != JOB]  # of a former attempt
    machines = item.config.stash[MACHINES]
    live = machines.settings.live_or_plan is not None
    try:
        machines.start(item)
        reason = markers.wrong_place(item, live=live, replay=machines.replays(item))
    except pytest.UsageError as error:  # a marker that was added late; or xdist runs on after it was told
        fail(str(error))
    if reason is not None:
        skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that passed although a fault that it planned never happened."""
    __tracebackhide__ = True
    yield
    unfired = item.config.stash[MACHINES].unfired()
    if unfired:
        pytest.fail("planned faults did not happen, so this tested nothing:\n  " + "\n  ".join(unfired), pytrace=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Note what is known of a test's jobs, once nothing can happen to them any more; give back the environment."""
    __tracebackhide__ = True
    try:
        yield
    finally:
        item.stash[DETAILS] = _job_details(item)
        item.config.stash[MACHINES].end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put job ids on the reports of tests; xdist carries them to the reporting process."""
    ids = _job_ids(item)
    if item.config.stash[MACHINES].settings.job_properties:
        noted = {value for name, value in item.user_properties if name == JOB}
        item.user_properties += [(JOB, job) for job in ids if job not in noted]
    remarks = item.config.stash[MACHINES].job_remarks() if call.excinfo and ids else {}
    for job in ids[-SHOWN:]:
        for remark in remarks.get(job, ()):
            call.excinfo.value.add_note(printable(f"IQM job {job}: {remark}"))  # type: ignore[union-attr]  # there is one
    complete = item.config.getoption("tbstyle", "auto") in ("long", "native")  # the terminal's, which may be off
    error = None if call.excinfo is None or complete else call.excinfo.value
    with nullcontext() if error is None else vendor_hidden(error):
        report = yield
    if report.failed and ids:
        earlier = [f"and {len(ids) - SHOWN} before"] if len(ids) > SHOWN else []
        lines = ["; ".join([job, *remarks.get(job, ())]) for job in ids[-SHOWN:]]
        report.sections.append(("IQM jobs", "\n".join(map(printable, [*lines, *earlier]))))
    if report.when == "teardown":
        vars(report)[JOB_DETAILS] = item.stash.get(DETAILS, [])
        vars(report)[USED] = item.config.stash[MACHINES].asked
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the controller which recordings a worker used."""
    if hasattr(session.config, "workeroutput") and MACHINES in session.config.stash:  # it has begun
        session.config.workeroutput[REPLAYED] = sorted(session.config.stash[MACHINES].replayed())


def _job_details(item: pytest.Item) -> list[JobDetails]:
    """Return what is known of the jobs of a test, if that is going to be shown."""
    if not _has_begun(item):
        return []
    live = _live_tests(item.config)
    if live is not None:
        return live.job_details()
    machines = item.config.stash[MACHINES]
    return machines.job_details() if machines.settings.plan or machines.settings.report else []


def _has_begun(item: pytest.Item) -> bool:
    """Whether a test got as far as to use the machines; a skipped one did not, and they are still the former one's."""
    return item.config.stash[MACHINES].test == item.nodeid


def _job_ids(item: pytest.Item) -> list[str]:
    if not _has_begun(item):
        return []
    live = _live_tests(item.config)
    if live is not None:
        return list(live.transport.jobs)
    return item.config.stash[MACHINES].job_ids()


def _live_tests(config: pytest.Config) -> LiveTests | None:
    plugin: LiveTests | None = config.pluginmanager.get_plugin("iqm-live-tests")
    return plugin
