"""The quantum computers of a test session: made when a fixture first asks, reset before each test."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from pytest_iqm.settings import Live, Settings, device_in

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from iqm_fakes import FakeIQMClient, FakeIQMServer
    from pytest_iqm.backend import IQMBackend


@dataclass(frozen=True)
class Spec:
    """What a test wants to run on."""

    device: str
    noise: bool = True

    def __str__(self) -> str:
        name = self.device.replace("\\", "/").rpartition("/")[2].removesuffix(".json")
        return name if self.noise else f"{name}-noiseless"


@dataclass(frozen=True)
class Wish:
    """The arguments of ``@pytest.mark.iqm``."""

    device: str | None = None
    seed: int | None = None
    noise: bool | None = None

    @classmethod
    def of(cls, node: pytest.Item | Any) -> Wish:
        """Read the closest marker of a test.

        Raises:
            pytest.UsageError: It has arguments that the marker doesn't take.

        """
        wish: dict[str, Any] = {}
        for marker in reversed(list(node.iter_markers("iqm"))):  # the closest comes last, and wins
            wish |= _marker_arguments(node, marker)
        return cls(**wish)


_VALID: dict[str, Callable[[Any], bool]] = {
    "device": lambda value: isinstance(value, str),
    "seed": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    "noise": lambda value: isinstance(value, bool),
}
"""The arguments that the marker takes, and what each has to be."""


def _marker_arguments(node: Any, marker: pytest.Mark) -> dict[str, Any]:
    arguments: dict[str, Any] = dict(marker.kwargs)
    wrong = [f"positional {value!r}" for value in marker.args]
    wrong += [f"{name}={value!r}" for name, value in arguments.items() if name not in _VALID or not _VALID[name](value)]
    if wrong:
        raise pytest.UsageError(
            f"{node.nodeid}: @pytest.mark.iqm takes device='name or file', seed=non-negative integer and "
            f"noise=True or False; got {', '.join(wrong)}"
        )
    return arguments


class Machine:
    """One quantum computer, with the client and the backend that the fixtures hand out."""

    @cached_property
    def client(self) -> IQMClient:
        """The client, connected when it is first needed."""
        raise NotImplementedError

    @cached_property
    def backend(self) -> IQMBackend:
        """The backend, built when it is first needed."""
        from pytest_iqm.backend import IQMBackend

        backend = IQMBackend(self.client)
        self._pristine = _state(backend)
        return backend

    def reset(self, seed: int) -> None:
        """Undo what the last test did: options, a closed client, jobs."""
        if "backend" in vars(self):
            attributes = self.backend.__dict__
            attributes.clear()
            attributes.update(self._pristine)
            self._pristine = _state(self.backend)


class LiveMachine(Machine):
    """The machine that ``--iqm-live`` chose, through the vendor's own client."""

    def __init__(self, live: Live) -> None:
        self._live = live

    @cached_property
    def client(self) -> IQMClient:
        """The vendor's client."""
        from iqm_fakes.client import connect

        return connect(self._live.url.value, quantum_computer=self._live.computer.value)


class FakeMachine(Machine):
    """A simulated machine with a server of its own."""

    def __init__(self, spec: Spec, seed: int) -> None:
        from iqm_fakes import FakeIQMServer

        self.server: FakeIQMServer = FakeIQMServer(spec.device, seed=seed, noise=spec.noise)
        self._stack = ExitStack()

    @cached_property
    def client(self) -> FakeIQMClient:
        """The client in this process."""
        from iqm_fakes import FakeIQMClient

        return FakeIQMClient(server=self.server)

    @cached_property
    def url(self) -> str:
        """The address of the server on a loopback socket."""
        from iqm_fakes import Api, loopback

        return self._stack.enter_context(loopback(Api(self.server)))

    def reset(self, seed: int) -> None:
        """Undo what the last test did, and start again with its own seed."""
        super().reset(seed)
        self.server.reset(seed=seed)

    def close(self) -> None:
        """Stop serving."""
        self._stack.close()
        self.server.close()


def _state(backend: IQMBackend) -> dict[str, Any]:
    """Return the attributes of a backend, with a copy of the options that a test may change in place."""
    from qiskit.providers import Options

    state = dict(vars(backend))
    state["_options"] = Options(**dict(backend.options))
    return state


@dataclass
class Machines:
    """The machines of this process, by what tests want; and the seed of the test that is running."""

    settings: Settings
    seed: int = 0
    _machines: dict[Spec | None, Machine] = field(default_factory=dict)

    def start(self, item: pytest.Item) -> None:
        """Reset everything before a test."""
        wish = Wish.of(item)
        self.seed = derived_seed(self.settings.seed.value, item.nodeid) if wish.seed is None else wish.seed
        for machine in self._machines.values():
            machine.reset(self.seed)

    def get(self, spec: Spec) -> Machine:
        """Return the machine for a test; live there is only one."""
        key = None if self.settings.live else spec
        if key not in self._machines:
            live = self.settings.live
            self._machines[key] = LiveMachine(live) if live else FakeMachine(spec, self.seed)
        return self._machines[key]

    def specs(self, node: Any) -> list[Spec]:
        """Return what a test is to run on; more than one parametrises it."""
        wish = Wish.of(node)
        devices = (
            self.settings.devices.value if wish.device is None else (device_in(node.config.rootpath, wish.device),)
        )
        return [Spec(device, noise=wish.noise is not False) for device in devices]

    @property
    def default(self) -> Spec:
        """What a test that wishes nothing runs on."""
        return Spec(self.settings.devices.value[0])

    def close(self) -> None:
        """Stop every server."""
        for machine in self._machines.values():
            if isinstance(machine, FakeMachine):
                machine.close()


def derived_seed(seed: int, nodeid: str) -> int:
    """Return the seed of a test: its own, and the same whichever other tests run."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{nodeid}".encode()).digest()[:8], "big")
