"""The fixtures.

They are session-scoped, so that ``@given`` and fixtures of any scope can use them, and what they return is reset
before each test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_iqm.machines import MACHINES, FakeMachine, Machine, MachineSpec

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from iqm_fakes import FakeIQMServer
    from pytest_iqm.backend import IQMBackend


@pytest.fixture(scope="session")
def _iqm_machine(request: pytest.FixtureRequest) -> Machine:
    machines = request.config.stash[MACHINES]
    spec: MachineSpec = getattr(request, "param", machines.default)
    settings = machines.settings
    computers = [*settings.devices.value, *([settings.live.computer.value] if settings.live else [])]
    if settings.live_or_plan and not spec.noise:
        pytest.skip(f"noise=False exists on the fake only, and this run is {settings.live_or_plan}")
    if settings.live_or_plan and spec.device not in computers:
        pytest.skip(f"marked for the device '{spec.device}', and {settings.live_or_plan} runs on '{computers[-1]}'")
    return machines.get(spec)


@pytest.fixture(scope="session")
def iqm_client(_iqm_machine: Machine) -> IQMClient:
    """The vendor's IQMClient: a FakeIQMClient offline, connected to the real machine with --iqm-live."""
    return _iqm_machine.client


@pytest.fixture(scope="session")
def iqm_backend(_iqm_machine: Machine) -> IQMBackend:
    """An IQMBackend: on the fake offline, on the real machine with --iqm-live."""
    return _iqm_machine.backend


@pytest.fixture(scope="session")
def iqm_server(request: pytest.FixtureRequest, _iqm_machine: Machine) -> FakeIQMServer:
    """The fake server behind iqm_client: its jobs, its queue, its documents. Skips with --iqm-live."""
    return _fake(request, _iqm_machine).server


@pytest.fixture(scope="session")
def iqm_shots(request: pytest.FixtureRequest) -> int:
    """How many shots tests take of a circuit: the ini key iqm_shots, 1000 by default."""
    return request.config.stash[MACHINES].settings.shots.value


@pytest.fixture(scope="session")
def iqm_url(request: pytest.FixtureRequest, _iqm_machine: Machine) -> str:
    """URL of the fake server on a loopback socket, for code that connects by itself. Skips with --iqm-live."""
    return _fake(request, _iqm_machine).url


@pytest.fixture
def iqm_http(request: pytest.FixtureRequest, _iqm_machine: Machine) -> Iterator[FakeIQMServer]:
    """The fake server behind every IQM URL that ``requests`` is asked for, for code that makes its own client.

    Other addresses are untouched. Skips with --iqm-live.
    """
    from iqm_fakes import intercepted

    with intercepted(_fake(request, _iqm_machine).server) as server:
        yield server


def _fake(request: pytest.FixtureRequest, machine: Machine) -> FakeMachine:
    live_or_plan = request.config.stash[MACHINES].settings.live_or_plan
    if live_or_plan or not isinstance(machine, FakeMachine):
        pytest.skip(f"iqm_server, iqm_url and iqm_http steer the fake, and this run is {live_or_plan}")
    return machine
