"""The quantum computers of a test session: made when a fixture first asks, reset before each test."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from pytest_iqm.settings import Live, Settings, device_in

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from iqm_fakes import FakeIQMClient, FakeIQMServer
    from pytest_iqm.backend import IQMBackend
    from pytest_iqm.twin import Execution, Twins


@dataclass(frozen=True)
class Spec:
    """What a test wants to run on."""

    device: str
    noise: bool = True
    replay: bool = False

    def __str__(self) -> str:
        if self.replay:
            return "recorded"
        name = self.device.replace("\\", "/").rpartition("/")[2].removesuffix(".json")
        return name if self.noise else f"{name}-noiseless"


@dataclass(frozen=True)
class Wish:
    """The arguments of ``@pytest.mark.iqm``."""

    device: str | None = None
    seed: int | None = None
    noise: bool | None = None
    replay: bool | None = None

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
    "replay": lambda value: isinstance(value, bool),
}
"""The arguments that the marker takes, and what each has to be."""


def _marker_arguments(node: Any, marker: pytest.Mark) -> dict[str, Any]:
    arguments: dict[str, Any] = dict(marker.kwargs)
    wrong = [f"positional {value!r}" for value in marker.args]
    wrong += [f"{name}={value!r}" for name, value in arguments.items() if name not in _VALID or not _VALID[name](value)]
    if wrong:
        raise pytest.UsageError(
            f"{node.nodeid}: @pytest.mark.iqm takes device='name or file', seed=non-negative integer, noise=True or "
            f"False, and replay=True or False; got {', '.join(wrong)}"
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

    @property
    def name(self) -> str:
        """The alias of the quantum computer."""
        from iqm_fakes.vendor.http import quantum_computer_alias

        return quantum_computer_alias(self.client)

    def architecture(self) -> dict[str, Any]:
        """Return the dynamic quantum architecture, as the server has it."""
        from iqm_fakes.vendor.http import dynamic_quantum_architecture

        return dynamic_quantum_architecture(self.client)

    def reset(self, seed: int, test: str) -> None:
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
        return self._live.connect()


class FakeMachine(Machine):
    """A simulated or replayed machine.

    Args:
        server: Its server.
        computer: Which of the server's computers, if there are several.

    """

    def __init__(self, server: FakeIQMServer, computer: str | None = None) -> None:
        self.server = server
        self._computer = computer
        self._stack = ExitStack()
        self._lasting: list[str] = []

    def __str__(self) -> str:
        name = self._computer or ", ".join(self.server.devices)
        return f"{name}, as recorded" if self.server.replays else f"fake {name}, seed {self.server.seed}"

    @cached_property
    def client(self) -> FakeIQMClient:
        """The client in this process."""
        from iqm_fakes import FakeIQMClient

        return FakeIQMClient(self._computer, server=self.server)

    @cached_property
    def url(self) -> str:
        """The address of the server on a loopback socket."""
        from iqm_fakes import Api, loopback

        return self._stack.enter_context(loopback(Api(self.server)))

    def reset(self, seed: int, test: str) -> None:
        """Undo what the last test did, and start again with its own seed."""
        super().reset(seed, test)
        self.server.reset(seed=seed, test=test)
        if self.server.replays and "backend" in vars(self):
            self._follow_calibration()

    def _follow_calibration(self) -> None:
        """Give the backend, which tests may hold, the calibration that the next test was recorded with."""
        from pytest_iqm.backend import IQMBackend

        attributes = self.backend.__dict__
        attributes.clear()
        attributes.update(vars(IQMBackend(self.client)))
        self._pristine = _state(self.backend)

    @contextmanager
    def lasting(self, seed: int) -> Iterator[None]:
        """Let the jobs that are submitted meanwhile outlive the current test, and have a seed of their own."""
        before = set(self.job_ids)
        with self.server.seeded(seed):
            yield
        self._lasting += [job for job in self.job_ids if job not in before]

    @property
    def job_ids(self) -> list[str]:
        """The ids of the jobs that the current test submitted."""
        return [str(job.id) for job in self.server.jobs]

    @property
    def known_job_ids(self) -> list[str]:
        """The same, after those of fixtures that live longer than a test."""
        return list(dict.fromkeys([*self._lasting, *self.job_ids]))

    @cached_property
    def twins(self) -> Twins:
        """The twins of the machine."""
        from pytest_iqm.twin import Twins

        return Twins(self.client)

    def facts(self, *, detailed: bool) -> list[dict[str, Any]]:
        """Return what is known of the jobs that the current test submitted."""
        if not self.job_ids:
            return []
        from pytest_iqm.report.facts import Collector

        return Collector(self.client, self.twins, lengths=True, detailed=detailed).facts(self.job_ids)

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
    """The machines of this process, by what tests want; and the test that is running."""

    settings: Settings
    seed: int = 0
    test: str = ""
    _spec: Spec | None = None
    _machines: dict[Spec | None, Machine] = field(default_factory=dict)

    def start(self, item: pytest.Item) -> None:
        """Reset everything before a test."""
        wish = Wish.of(item)
        self.test = item.nodeid
        self.seed = derived_seed(self.settings.seed.value, item.nodeid) if wish.seed is None else wish.seed
        self._spec = self.spec(item)
        for machine in self._machines.values():
            machine.reset(self.seed, self.test)

    @contextmanager
    def lasting(self, fixture: str) -> Iterator[None]:
        """Set up a fixture that lives longer than a test.

        What it submits has results that don't depend on the test that needs it first, and claims of later tests may be
        about these jobs.
        """
        with ExitStack() as stack:
            for machine in self._fakes:
                stack.enter_context(machine.lasting(derived_seed(self.settings.seed.value, fixture)))
            yield

    def get(self, spec: Spec) -> Machine:
        """Return the machine for a test; live there is only one."""
        key = None if self.settings.live else spec
        if key not in self._machines:
            self._machines[key] = self._made(key)
            self._machines[key].reset(self.seed, self.test)
        return self._machines[key]

    def _made(self, spec: Spec | None) -> Machine:
        if self.settings.live:
            return LiveMachine(self.settings.live)
        from iqm_fakes import FakeIQMServer

        folder = self.settings.recordings.value
        if spec is None or spec.replay:
            server = FakeIQMServer(seed=self.seed, recordings=folder)
            return FakeMachine(server, self._recorded_computer(server))
        recordings = folder if folder.is_dir() else None  # jobs can be retrieved in simulations, too
        return FakeMachine(FakeIQMServer(spec.device, seed=self.seed, noise=spec.noise, recordings=recordings))

    def _recorded_computer(self, server: FakeIQMServer) -> str:
        """Return the computer whose recordings are replayed: the one asked for, the test's own, or the only one."""
        asked = self.settings.devices.value if self.settings.devices.source == "--iqm-device" else ()
        used = [entry.computer for entry in server.recordings.of_test(self.test)] if server.recordings else []
        candidates = [name for name in (*asked, *reversed(used)) if name in server.devices] or list(server.devices)
        if len(candidates) > 1 and not (asked or used):
            raise pytest.UsageError(
                f"{self.test}: there are recordings of several quantum computers, and none of this test; "
                f"name one with --iqm-device: {', '.join(candidates)}"
            )
        return candidates[0]

    @property
    def _fakes(self) -> list[FakeMachine]:
        return [machine for machine in self._machines.values() if isinstance(machine, FakeMachine)]

    @property
    def _current(self) -> FakeMachine | None:
        """The fake that the current test would use, if any test has used it."""
        machine = None if self._spec is None else self._machines.get(self._spec)
        return machine if isinstance(machine, FakeMachine) else None

    def job_ids(self) -> list[str]:
        """Return the ids of the jobs that the current test submitted to its fake."""
        return [] if self._current is None else self._current.job_ids

    def execution(self, counts: dict[str, int]) -> Execution | None:
        """Return the circuit of the current test, or of a fixture that lives longer, that counts are of."""
        machine = self._current
        return None if machine is None else machine.twins.execution(machine.known_job_ids, counts)

    @property
    def repeats(self) -> bool:
        """Whether suspicious circuits run once more: those of a replay, as they did when they were recorded.

        A simulation that was suspicious is what it is; its shots cost nothing.
        """
        return self._current is not None and self._current.server.replays

    def again(self, execution: Execution) -> Execution:
        """Run a circuit once more."""
        return execution.again({})

    def facts(self) -> list[dict[str, Any]]:
        """Return what is known of the jobs that the current test submitted to its fake."""
        return [] if self._current is None else self._current.facts(detailed=bool(self.settings.report))

    def unfired(self) -> list[str]:
        """Return the faults that the current test planned and that did not happen."""
        return [] if self._current is None else self._current.server.faults.unfired()

    def replayed(self) -> set[str]:
        """Return the ids of the recordings that were used."""
        return {job for machine in self._fakes for job in machine.server.replayed}

    def described(self) -> list[str]:
        """Return lines about where the current test runs, which help to run it again."""
        again = f"rerun     {self.settings.again(self.test)}"
        if self.settings.live:
            return [f"machine   {self.settings.live.computer.value} (LIVE)", again]
        if self._current is None:
            return []
        machine = [f"machine   {self._current}"] if self._current.known_job_ids else []
        return [*machine, again]

    def spec(self, item: Any) -> Spec:
        """Return what a test runs on."""
        callspec = getattr(item, "callspec", None)
        chosen: Spec = callspec.params.get("_iqm_machine", self.default) if callspec else self.default
        return chosen

    def specs(self, node: Any) -> list[Spec]:
        """Return what a test is to run on; more than one parametrises it."""
        wish = Wish.of(node)
        if self.settings.plan:
            wish = replace(wish, replay=False)
        if self.default.replay if wish.replay is None else wish.replay:
            return [Spec(self.default.device, replay=True)]
        devices = (
            self.settings.devices.value if wish.device is None else (device_in(node.config.rootpath, wish.device),)
        )
        return [Spec(device, noise=wish.noise is not False) for device in devices]

    @property
    def default(self) -> Spec:
        """What a test that wishes nothing runs on."""
        return Spec(self.settings.devices.value[0], replay=self.settings.record.value == "replay")

    def close(self) -> None:
        """Stop every server; twice is fine."""
        for machine in self._fakes:
            machine.close()


def derived_seed(seed: int, nodeid: str) -> int:
    """Return the seed of a test: its own, and the same whichever other tests run."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{nodeid}".encode()).digest()[:8], "big")
