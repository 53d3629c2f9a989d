"""A quantum computer that tests run on, and who asks for one: a test, or a fixture that lives longer than one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_iqm.settings import RealMachine

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from iqm_fakes import FakeIQMServer
    from iqm_fakes.server.job import Job
    from iqm_fakes.server.seeds import Submitter
    from pytest_iqm.backend import IQMBackend
    from pytest_iqm.executions import Executions

MACHINE = "_iqm_machine"
"""The fixture that all others of ours stand on."""

_OURS: set[Callable[..., Any]] = set()

T = TypeVar("T", bound=Callable[..., Any])


def ours(function: T) -> T:
    """Mark a function as one that a fixture of the plugin is made of."""
    _OURS.add(function)
    return function


def is_ours(fixturedef: Any) -> bool:
    """Whether a fixture is one of the plugin's, and none that overrides it."""
    return fixturedef.func in _OURS


@dataclass(frozen=True)
class MachineSpec:
    """What a test asks for.

    Attributes:
        devices: The fake's devices, all on one server; of a replay, whose recordings, none if nobody said.
        seed: What the seeds of tests are derived from.
        replay: Whether recordings answer.
        settings: Other arguments of :class:`FakeIQMServer`.

    """

    devices: tuple[str, ...]
    seed: int
    replay: bool = False
    settings: tuple[tuple[str, Any], ...] = ()


class Machine:
    """One quantum computer, which clients can be connected to."""

    def connect(self) -> IQMClient:
        """Return a new client."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The address of its server."""
        raise NotImplementedError

    @cached_property
    def own_client(self) -> IQMClient:
        """The plugin's own client, which no test gets hold of."""
        return self.connect()

    @property
    def name(self) -> str:
        """The alias of the quantum computer."""
        from iqm_fakes.vendor.http import quantum_computer_alias

        return quantum_computer_alias(self.own_client)

    def architecture(self) -> dict[str, Any]:
        """Return the dynamic quantum architecture, as the server has it."""
        from iqm_fakes.vendor.http import dynamic_quantum_architecture

        return dynamic_quantum_architecture(self.own_client)


class LiveMachine(Machine):
    """The machine that ``--iqm-live`` chose, through the vendor's own client."""

    def __init__(self, machine: RealMachine) -> None:
        self._machine = machine

    def connect(self) -> IQMClient:
        """Return the vendor's client."""
        return self._machine.connect()

    @property
    def url(self) -> str:
        """The address of the machine's server."""
        return self._machine.url.value


class FakeMachine(Machine):
    """A simulated or replayed machine.

    Args:
        server: Its server.
        seed: What the seeds of tests and fixtures are derived from.
        computer: Which of the server's computers clients use.
        fixed_seed: Seed of every test and fixture, if they have no own ones.

    """

    def __init__(self, server: FakeIQMServer, seed: int, computer: str, fixed_seed: int | None = None) -> None:
        self.server = server
        self._seed = seed
        self._computer = computer
        self._fixed_seed = fixed_seed

    def __str__(self) -> str:
        return f"{self._computer}, as recorded" if self.server.replays else f"fake {self._computer}"

    def seed_of(self, requester: Requester) -> int:
        """Return the seed of a test or a fixture."""
        return derived_seed(self._seed, requester.name) if self._fixed_seed is None else self._fixed_seed

    def connect(self) -> IQMClient:
        """Return a client in this process."""
        from iqm_fakes import FakeIQMClient

        return FakeIQMClient(self._computer, server=self.server)

    @property
    def url(self) -> str:
        """The address of the server on a loopback socket."""
        from iqm_fakes.web.handle import address

        return address(self.server)

    @cached_property
    def executions(self) -> Executions:
        """The circuits that it has run."""
        from pytest_iqm.executions import Executions

        return Executions(self.own_client)


class Handles:
    """A client and a backend of somebody's own, made when they are first needed.

    Args:
        machine: What they are connected to.

    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @cached_property
    def client(self) -> IQMClient:
        """The client."""
        return self._machine.connect()

    @cached_property
    def backend(self) -> IQMBackend:
        """The backend, on this client."""
        from pytest_iqm.backend import IQMBackend

        return IQMBackend(self.client)


class Requester:
    """Somebody who asks for a machine.

    Args:
        name: What seeds depend on.
        fixture: The name of the fixture; None for a test.

    Attributes:
        jobs: The jobs that were submitted while it ran, or was set up or torn down: id → where, and it.
        submitters: What a fixture is to each server.
        fakes: The machines that were made for it alone.
        at_end: What ends with it.

    """

    def __init__(self, name: str, fixture: str | None = None) -> None:
        self.name = name
        self.fixture = fixture
        self.jobs: dict[str, tuple[FakeMachine, Job]] = {}
        self.submitters: dict[FakeMachine, Submitter] = {}
        self.fakes: list[FakeMachine] = []
        self.at_end = ExitStack()
        self._handles: dict[Machine, Handles] = {}

    def handles(self, machine: Machine) -> Handles:
        """Return its handles on a machine."""
        return self._handles.setdefault(machine, Handles(machine))


def derived_seed(seed: int, name: str) -> int:
    """Return the seed of a test: its own, and the same whichever other tests run."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big")
