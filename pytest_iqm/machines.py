"""The quantum computers of a test session: made when a fixture first asks, reset before each test."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from pytest_iqm.job_details import JobDetails, JobDetailsCollector
from pytest_iqm.markers import MarkerArguments
from pytest_iqm.settings import VARIABLES, RealMachine, Settings, device_path

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from iqm_fakes import FakeIQMClient, FakeIQMServer
    from pytest_iqm.backend import IQMBackend
    from pytest_iqm.executions import Execution, Executions


@dataclass(frozen=True)
class MachineSpec:
    """What a test runs on: a device with or without noise, others on the same server, or recordings."""

    device: str
    noise: bool = True
    replay: bool = False
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.replay:
            return "recorded"
        devices = (self.device, *self.others)
        name = "+".join(each.replace("\\", "/").rpartition("/")[2].removesuffix(".json") for each in devices)
        return name if self.noise else f"{name}-noiseless"


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
        self._as_built = _state(backend)
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
            attributes.update(self._as_built)
            self._as_built = _state(self.backend)


class LiveMachine(Machine):
    """The machine that ``--iqm-live`` chose, through the vendor's own client."""

    def __init__(self, machine: RealMachine) -> None:
        self._machine = machine

    @cached_property
    def client(self) -> IQMClient:
        """The vendor's client."""
        return self._machine.connect()


class FakeMachine(Machine):
    """A simulated or replayed machine.

    Args:
        server: Its server.
        computer: Which of the server's computers, if there are several.

    """

    def __init__(self, server: FakeIQMServer, computer: str | None = None) -> None:
        self.server = server
        self._computer = computer
        self._wider_scope_jobs: list[str] = []

    def __str__(self) -> str:
        name = self._computer or ", ".join(self.server.devices)
        return f"{name}, as recorded" if self.server.replays else f"fake {name}, seed {self.server.seed}"

    @cached_property
    def client(self) -> FakeIQMClient:
        """The client in this process."""
        from iqm_fakes import FakeIQMClient

        return FakeIQMClient(self._computer, server=self.server)

    @property
    def url(self) -> str:
        """The address of the server on a loopback socket."""
        from iqm_fakes.web.handle import address

        return address(self.server)

    def reset(self, seed: int, test: str) -> None:
        """Undo what the last test did, and start again with its own seed."""
        super().reset(seed, test)
        self.server.reset(seed=seed, test=test)
        if self.server.replays and "backend" in vars(self):
            self._rebuild_backend()

    def _rebuild_backend(self) -> None:
        """Give the backend, which tests may hold, the calibration that the next test was recorded with."""
        from pytest_iqm.backend import IQMBackend

        attributes = self.backend.__dict__
        attributes.clear()
        attributes.update(vars(IQMBackend(self.client)))
        self._as_built = _state(self.backend)

    @contextmanager
    def wider_scope(self, seed: int) -> Iterator[None]:
        """Set up a fixture whose scope is wider than a test: its jobs get this seed, and later tests know them."""
        before = set(self.job_ids)
        with self.server.seeded(seed):
            yield
        self._wider_scope_jobs += [job for job in self.job_ids if job not in before]

    @property
    def job_ids(self) -> list[str]:
        """The ids of the jobs that the current test submitted."""
        return [str(job.id) for job in self.server.jobs]

    @property
    def job_remarks(self) -> dict[str, list[str]]:
        """What is to be said of the jobs that the current test submitted: why they failed, and their messages."""
        said = {
            str(job.id): [*filter(None, [job.explanation]), *(message for _, message in job.messages)]
            for job in self.server.jobs
        }
        return {job: remarks for job, remarks in said.items() if remarks}

    @property
    def known_job_ids(self) -> list[str]:
        """The same, after those of fixtures whose scope is wider than a test."""
        return list(dict.fromkeys([*self._wider_scope_jobs, *self.job_ids]))

    @cached_property
    def executions(self) -> Executions:
        """The circuits that it has run."""
        from pytest_iqm.executions import Executions

        return Executions(self.client)

    def job_details(self, *, detailed: bool) -> list[JobDetails]:
        """Return what is known of the jobs that the current test submitted."""
        if not self.job_ids:
            return []
        collector = JobDetailsCollector(self.executions.predictors, lengths=True, detailed=detailed)
        return [collector.of(job) for job in self.job_ids]

    def close(self) -> None:
        """Stop serving."""
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
    _spec: MachineSpec | None = None
    _machines: dict[MachineSpec | None, Machine] = field(default_factory=dict)
    _variables: dict[str, str | None] = field(default_factory=dict)

    def start(self, item: pytest.Item) -> None:
        """Reset everything before a test."""
        from iqm_fakes.server.seeds import enter_scope

        marked = MarkerArguments.of(item)
        self.test = item.nodeid
        enter_scope(item.nodeid)
        self.keep_variables()
        self.seed = derived_seed(self.settings.seed.value, item.nodeid) if marked.seed is None else marked.seed
        self._spec = self.spec(item)
        for machine in self._machines.values():
            machine.reset(self.seed, self.test)

    @contextmanager
    def wider_scope(self, fixture: str) -> Iterator[None]:
        """Set up a fixture whose scope is wider than a test.

        Its jobs get the seed of the fixture, so their results don't depend on which test needs it first. Claims of
        later tests may be about these jobs.
        """
        from iqm_fakes.server.seeds import enter_scope

        with ExitStack() as stack:
            stack.callback(enter_scope, enter_scope(fixture))
            for machine in self._fakes:
                stack.enter_context(machine.wider_scope(derived_seed(self.settings.seed.value, fixture)))
            yield
        self.keep_variables()

    def keep_variables(self) -> None:
        """Note the vendor's environment variables, as :meth:`restore_variables` gives them back after a test."""
        self._variables = {name: os.environ.get(name) for name in VARIABLES}

    def restore_variables(self) -> None:
        """Undo what a test did to them."""
        for name, value in self._variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def get(self, spec: MachineSpec) -> Machine:
        """Return the machine for a test; live there is only one."""
        key = None if self.settings.live else spec
        if key not in self._machines:
            self._machines[key] = self._make(key)
            self._machines[key].reset(self.seed, self.test)
        return self._machines[key]

    def _make(self, spec: MachineSpec | None) -> Machine:
        if self.settings.live:
            return LiveMachine(self.settings.live)
        from iqm_fakes import FakeIQMServer

        folder = self.settings.recordings.value
        if spec is None or spec.replay:
            server = FakeIQMServer(seed=self.seed, recordings=folder)
            return FakeMachine(server, self._recorded_computer(server))
        recordings = folder if folder.is_dir() else None  # jobs can be retrieved in simulations, too
        limit = self.settings.simulation_limit
        settings: dict[str, Any] = {} if limit is None else {"time_limit": limit}
        devices = (spec.device, *spec.others)
        server = FakeIQMServer(*devices, seed=self.seed, noise=spec.noise, recordings=recordings, **settings)
        return FakeMachine(server, next(iter(server.devices)))

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

    def job_remarks(self) -> dict[str, list[str]]:
        """Return what is to be said of the jobs that the current test submitted to its fake."""
        return {} if self._current is None else self._current.job_remarks

    def execution(self, counts: dict[str, int]) -> Execution | None:
        """Return the circuit of the current test, or of a fixture of wider scope, that counts are of."""
        machine = self._current
        return None if machine is None else machine.executions.find(machine.known_job_ids, counts)

    @property
    def repeats(self) -> bool:
        """Whether suspicious circuits are repeated: those of a replay, as they were when they were recorded.

        Simulations are not: their seed is fixed.
        """
        return self._current is not None and self._current.server.replays

    def repeat(self, execution: Execution) -> Execution:
        """Run a circuit once more."""
        return execution.repeat({})

    def job_details(self) -> list[JobDetails]:
        """Return what is known of the jobs that the current test submitted to its fake."""
        return [] if self._current is None else self._current.job_details(detailed=bool(self.settings.report))

    def unfired(self) -> list[str]:
        """Return the faults that the current test planned and that did not happen."""
        return [] if self._current is None else self._current.server.faults.unfired()

    def replayed(self) -> set[str]:
        """Return the ids of the recordings that were used."""
        return {job for machine in self._fakes for job in machine.server.replayed}

    def described(self) -> list[str]:
        """Return lines about where the current test runs, which help to run it again."""
        rerun = f"rerun     {self.settings.rerun_command(self.test)}"
        if self.settings.live:
            return [f"machine   {self.settings.live.computer.value} (LIVE)", rerun]
        if self._current is None:
            return []
        machine = [f"machine   {self._current}"] if self._current.known_job_ids else []
        return [*machine, rerun]

    def spec(self, item: Any) -> MachineSpec:
        """Return what a test runs on."""
        callspec = getattr(item, "callspec", None)
        chosen: MachineSpec = callspec.params.get("_iqm_machine", self.default) if callspec else self.default
        return chosen

    def specs(self, node: Any) -> list[MachineSpec]:
        """Return what a test is to run on; more than one parametrises it."""
        marked = MarkerArguments.of(node)
        if self.settings.plan:
            marked = replace(marked, replay=False)
        if self.default.replay if marked.replay is None else marked.replay:
            return [MachineSpec(self.default.device, replay=True)]
        noise = marked.noise is not False
        if marked.devices:
            first, *others = (device_path(node.config.rootpath, device) for device in marked.devices)
            return [MachineSpec(first, noise=noise, others=tuple(others))]
        return [MachineSpec(device, noise=noise) for device in self.settings.devices.value]

    @property
    def default(self) -> MachineSpec:
        """What a test without a marker runs on."""
        return MachineSpec(self.settings.devices.value[0], replay=self.settings.record.value == "replay")

    def close(self) -> None:
        """Stop every server; twice is fine."""
        for machine in self._fakes:
            machine.close()


MACHINES: pytest.StashKey[Machines] = pytest.StashKey()
"""Where the machines of a session are, in pytest's stash."""


def uses_machine(item: pytest.Item) -> bool:
    """Whether a test asks for one of the fixtures, directly or not."""
    return "_iqm_machine" in getattr(item, "fixturenames", ())


def derived_seed(seed: int, nodeid: str) -> int:
    """Return the seed of a test: its own, and the same whichever other tests run."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{nodeid}".encode()).digest()[:8], "big")
