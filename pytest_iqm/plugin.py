"""The pytest plugin: hooks only. Loading it imports nothing but pytest and the standard library."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from iqm_fakes.printed import printable
from iqm_fakes.vendor.quick_imports import quick_imports
from pytest_iqm import markers
from pytest_iqm.fixtures import (
    _iqm_machine,
    iqm_backend,
    iqm_client,
    iqm_http,
    iqm_server,
    iqm_shots,
    iqm_url,
)
from pytest_iqm.job_details import JobDetails
from pytest_iqm.machines import MACHINES, Machines, uses_machine
from pytest_iqm.offline_guard import OfflineGuard
from pytest_iqm.report.claim_report import ClaimReport
from pytest_iqm.report.session_report import JOB_DETAILS, REPLAYED, SessionReport
from pytest_iqm.settings import MODES, Settings

if TYPE_CHECKING:
    from pytest_iqm.live.per_session import LiveSession
    from pytest_iqm.live.per_test import LiveTests

__all__ = ["_iqm_machine", "iqm_backend", "iqm_client", "iqm_http", "iqm_server", "iqm_shots", "iqm_url"]

GUARD: pytest.StashKey[OfflineGuard] = pytest.StashKey()
DETAILS: pytest.StashKey[list[JobDetails]] = pytest.StashKey()

SHOWN = 10
"""Jobs that the report of a failed test names, the latest; a property may have had hundreds."""

VENDOR_WARNINGS = (
    # iqm-client 36 parses every payload that is retrieved with its former models, too, and warns of them
    "ignore:`iqm.station_control.interface.models.circuit._:DeprecationWarning",
    # and reads observations with a model that it has just deprecated
    "ignore:Direct instantiation of `ObservationLite`:DeprecationWarning",
)
"""Warnings of the vendor's client about itself, which nobody who uses it can do anything about."""


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
    parser.addini("iqm_max_jobs", "jobs that a live run may submit, like --iqm-max-jobs", default="")
    parser.addini("iqm_max_shots", "shots that a live run may take, like --iqm-max-shots", default="")
    parser.addini("iqm_unavailable", "'fail' or 'skip', like --iqm-unavailable", default="")
    parser.addini("iqm_timeout", "seconds that a live test may use the machine (default: no limit)", default="")
    parser.addini("iqm_parallel", "let xdist's workers use a real machine at the same time", type="bool", default=False)
    parser.addini("iqm_alpha", "how often a true claim about counts may fail (default: 1e-6)", default="")
    parser.addini("iqm_shots", "what the fixture iqm_shots gives (default: 1000)", default="")
    parser.addini("iqm_job_properties", "add job ids to reports, for --junitxml", type="bool", default=False)
    parser.addini("iqm_record", "'replay' answers submissions by recordings, like --iqm-record", default="")
    parser.addini("iqm_recordings", "folder of recordings (default: iqm_recordings beside the ini file)", default="")
    parser.addini("iqm_record_metadata", "record the metadata of circuits, too", type="bool", default=False)
    parser.addini(
        "iqm_simulation_limit", "seconds that the simulation of a job may take, by estimate (default: 900)", default=""
    )
    parser.addini(
        "iqm_recording_max_age", "days from which on recordings that are used are reported as old", default=""
    )
    parser.addini("iqm_device", "fake devices to run on, like --iqm-device", type="args", default=[])
    parser.addini(
        "iqm_device_max_age",
        "days from which on the header says how to renew a device file (default: 14)",
        default="",
    )
    parser.addini("iqm_seed", "seed of the fake, like --iqm-seed", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Resolve the settings, guard real machines unless the run is live, and let the vendor be imported quickly."""
    for declaration in markers.DECLARATIONS:
        config.addinivalue_line("markers", declaration)
    for warning in VENDOR_WARNINGS:
        config.addinivalue_line("filterwarnings", warning)
    session = ExitStack()
    session.enter_context(quick_imports())
    config.add_cleanup(session.close)
    settings = Settings.resolve(config)
    machines = config.stash[MACHINES] = Machines(settings)
    if settings.live:
        from pytest_iqm.live.per_session import begin

        begin(config, settings)
    else:
        config.stash[GUARD] = OfflineGuard()
    config.pluginmanager.register(ClaimReport(config), "iqm-claims")
    if not hasattr(config, "workerinput"):
        live: LiveSession | None = config.pluginmanager.get_plugin("iqm-live-session")
        config.pluginmanager.register(SessionReport(settings, machines, live), "iqm-report")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop servers and give back what the guard took."""
    if MACHINES in config.stash:
        config.stash[MACHINES].close()
    if GUARD in config.stash:
        config.stash[GUARD].lift()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what tests run on and why, and how old it is."""
    settings = config.stash[MACHINES].settings
    ages = [] if settings.record.value == "replay" else settings.device_ages
    return [printable(line) for line in (settings.header(), *ages)]


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
    """Skip a test that can't run here; reset the machines, which a test may also ask for while it runs."""
    machines = item.config.stash[MACHINES]
    settings = machines.settings
    reason = markers.wrong_place(item, live=settings.live_or_plan is not None, replay=machines.spec(item).replay)
    if reason is not None:
        pytest.skip(reason)
    live = _live_tests(item.config)
    if live is not None and uses_machine(item):
        live.check_availability()
    machines.start(item)
    required = markers.requirements(item)
    if required:
        machine = machines.get(machines.spec(item))
        problems = markers.lacking(required, machine.architecture())
        if problems:
            pytest.skip(f"{machine.name} lacks {', '.join(problems)}")


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Give the jobs of wider-scoped fixtures the fixture's seed, whichever test needs it first."""
    if fixturedef.scope == "function":
        return (yield)
    fixture = f"{request.node.nodeid}::{fixturedef.argname}[{getattr(request, 'param_index', 0)}]"
    with request.config.stash[MACHINES].wider_scope(fixture):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that passed although a fault that it planned never happened."""
    yield
    unfired = item.config.stash[MACHINES].unfired()
    if unfired:
        pytest.fail("planned faults did not happen, so this tested nothing:\n  " + "\n  ".join(unfired), pytrace=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Note what is known of a test's jobs, once nothing can happen to them any more; give back the environment."""
    try:
        yield
    finally:
        item.stash[DETAILS] = _job_details(item)
        if uses_machine(item):
            item.config.stash[MACHINES].restore_variables()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put job ids on the reports of tests; xdist carries them to the reporting process."""
    ids = _job_ids(item)
    if call.when == "call" and item.config.stash[MACHINES].settings.job_properties:
        item.user_properties += [("iqm_job", job) for job in ids]
    remarks = item.config.stash[MACHINES].job_remarks() if call.excinfo and ids else {}
    for job in ids[-SHOWN:]:
        for remark in remarks.get(job, ()):
            call.excinfo.value.add_note(printable(f"IQM job {job}: {remark}"))  # type: ignore[union-attr]  # there is one
    report = yield
    if report.failed and ids:
        earlier = [f"and {len(ids) - SHOWN} before"] if len(ids) > SHOWN else []
        lines = ["; ".join([job, *remarks.get(job, ())]) for job in ids[-SHOWN:]]
        report.sections.append(("IQM jobs", "\n".join(map(printable, [*lines, *earlier]))))
    if report.when == "teardown":
        vars(report)[JOB_DETAILS] = item.stash.get(DETAILS, [])
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the controller which recordings a worker used."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[REPLAYED] = sorted(session.config.stash[MACHINES].replayed())


def _job_details(item: pytest.Item) -> list[JobDetails]:
    """Return what is known of the jobs of a test, if that is going to be shown."""
    live = _live_tests(item.config)
    if live is not None:
        return live.job_details()
    machines = item.config.stash[MACHINES]
    return machines.job_details() if machines.settings.plan or machines.settings.report else []


def _job_ids(item: pytest.Item) -> list[str]:
    live = _live_tests(item.config)
    if live is not None:
        return list(live.transport.jobs)
    return item.config.stash[MACHINES].job_ids()


def _live_tests(config: pytest.Config) -> LiveTests | None:
    plugin: LiveTests | None = config.pluginmanager.get_plugin("iqm-live-tests")
    return plugin
