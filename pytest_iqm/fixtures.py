"""The fixtures.

Those that live as long as the session can be used by ``@given`` and by fixtures of any scope. Whoever asks for a client
or a backend gets one of his own (:mod:`pytest_iqm.fixture_values`); what is on the server is reset before each test.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from pytest_iqm.machine import FakeMachine, Machine, ours
from pytest_iqm.machines import MACHINES, skip

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from iqm_fakes import FakeIQMServer
    from pytest_iqm.backend import IQMBackend

BackendFactory: TypeAlias = "Callable[..., IQMBackend]"


@pytest.fixture(scope="session")
@ours
def iqm_settings(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """What the fake is, unless a marker or an option says otherwise; to be overridden.

    A dict of device, computers, seed, noise, idle, method, limits, executor and time_limit. Live runs take no notice.
    """
    return getattr(request, "param", {})


@pytest.fixture(scope="session")
@ours
def _iqm_machine(request: pytest.FixtureRequest, iqm_settings: Mapping[str, Any]) -> Machine:
    return request.config.stash[MACHINES].current


@pytest.fixture(scope="session")
@ours
def iqm_client(_iqm_machine: Machine, request: pytest.FixtureRequest) -> IQMClient:
    """The vendor's IQMClient: a FakeIQMClient offline, connected to the real machine with --iqm-live."""
    return request.config.stash[MACHINES].requester.handles(_iqm_machine).client


@pytest.fixture(scope="session")
@ours
def iqm_backend(_iqm_machine: Machine, request: pytest.FixtureRequest) -> IQMBackend:
    """An IQMBackend: on the fake offline, on the real machine with --iqm-live."""
    return request.config.stash[MACHINES].requester.handles(_iqm_machine).backend


@pytest.fixture(scope="session")
@ours
def iqm_backend_factory(_iqm_machine: Machine, request: pytest.FixtureRequest) -> BackendFactory:
    """A function that makes IQMBackends: on fakes with settings of their own; without any, on the test's machine.

    It takes what iqm_settings gives, and the arguments of IQMBackend, such as use_metrics.
    """
    machines = request.config.stash[MACHINES]

    def make(device: str | os.PathLike[str] | None = None, **arguments: Any) -> IQMBackend:
        __tracebackhide__ = True
        return machines.backend(arguments if device is None else {"device": device, **arguments})

    return make


@pytest.fixture(scope="session")
@ours
def iqm_server(request: pytest.FixtureRequest, _iqm_machine: Machine) -> FakeIQMServer:
    """The fake server behind iqm_client: its jobs, its queue, its documents. Skips with --iqm-live."""
    return _fake(request, _iqm_machine).server


@pytest.fixture(scope="session")
@ours
def iqm_shots(request: pytest.FixtureRequest) -> int:
    """How many shots tests take of a circuit: the ini key iqm_shots, 1000 by default."""
    return getattr(request, "param", request.config.stash[MACHINES].settings.shots.value)


@pytest.fixture(scope="session")
@ours
def iqm_url(request: pytest.FixtureRequest, _iqm_machine: Machine) -> str:
    """URL of the fake server on a loopback socket, or of the real one, for code that connects by itself."""
    request.config.stash[MACHINES].ask_address()
    return _iqm_machine.url


@pytest.fixture
@ours
def iqm_http(request: pytest.FixtureRequest, _iqm_machine: Machine) -> Iterator[FakeIQMServer]:
    """The fake server behind every IQM Server that ``requests`` talks to, for code that makes its own client.

    Other addresses are untouched. With --iqm-live, requests reach the real server, and a test that looks at the fake
    is skipped.
    """
    from iqm_fakes import intercepted

    request.config.stash[MACHINES].ask_address()
    if isinstance(_iqm_machine, FakeMachine):
        with intercepted(_iqm_machine.server) as server:
            yield server
    else:
        yield _NoFake()  # type: ignore[misc]  # it is none


class _NoFake:
    """What there is instead of a fake server in a live run."""

    def __getattr__(self, name: str) -> Any:
        __tracebackhide__ = True
        if name.startswith("__"):
            raise AttributeError(name)
        skip(f"looks at iqm_http.{name}, which is the fake's, and this run is --iqm-live")


def _fake(request: pytest.FixtureRequest, machine: Machine) -> FakeMachine:
    __tracebackhide__ = True
    live_or_plan = request.config.stash[MACHINES].settings.live_or_plan
    if live_or_plan or not isinstance(machine, FakeMachine):
        skip(f"iqm_server steers the fake, and this run is {live_or_plan}")
    return machine
