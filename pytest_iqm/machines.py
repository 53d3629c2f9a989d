"""The quantum computers of a test session: which one a test runs on, and who is using them.

A machine is chosen when a test first asks for one in whatever way, from what the test says by then. It is made once,
and everything on it is reset before each test.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from iqm_fakes.environment import set_variables
from pytest_iqm import markers
from pytest_iqm.job_details import JobDetails, JobDetailsCollector
from pytest_iqm.machine import MACHINE, FakeMachine, LiveMachine, Machine, MachineSpec, Requester, derived_seed
from pytest_iqm.settings import VARIABLES, Settings

if TYPE_CHECKING:
    from iqm_fakes import FakeIQMServer
    from iqm_fakes.server.job import Job
    from pytest_iqm.backend import IQMBackend
    from pytest_iqm.executions import Execution

INDIRECT = ("iqm_backend", "iqm_backend_factory", "iqm_client", "iqm_server", "iqm_url", "iqm_http")
"""Fixtures whose indirect parameters say what to run on."""


@dataclass(eq=False)
class Machines:
    """The machines of this process, the test that is running, and who is using them in it.

    Attributes:
        settings: Of the run.
        hook: pytest's hooks, which hear of jobs.
        asking: Is called with the request when a test asks for a machine; it may skip or fail the test.
        address_asked: Is called when a test asks for an address, for a program that makes its own client.
        test: Node id of the test.
        requester: The test; or the fixture of wider scope that is being set up or torn down.
        asked: Whether the test has asked for a machine.
        refusal: Why it gets none.
        has_programs: Whether the test asked for such an address.

    """

    settings: Settings
    hook: Any
    asking: Callable[[Any], None] = lambda request: None
    address_asked: Callable[[], None] = lambda: None
    test: str = ""
    requester: Requester = field(default_factory=lambda: Requester(""))
    asked: bool = False
    refusal: BaseException | None = None
    has_programs: bool = False
    _item: Any = None
    _spec: MachineSpec | None = None
    _marked_seed: int | None = None
    _submitted: dict[str, tuple[FakeMachine, Job]] = field(default_factory=dict)
    _interned: dict[MachineSpec, MachineSpec] = field(default_factory=dict)
    _machines: dict[MachineSpec | None, Machine] = field(default_factory=dict)
    _wider: list[Requester] = field(default_factory=list)
    _entered: list[tuple[Requester, ExitStack]] = field(default_factory=list)
    _variables: dict[str, str | None] = field(default_factory=dict)

    # -- tests and fixtures --------------------------------------------------------------------------------------

    def start(self, item: pytest.Item) -> None:
        """Begin a test: reset everything."""
        from iqm_fakes.server.seeds import enter_scope

        self._item = item
        self.test = item.nodeid
        self.asked = self.has_programs = False
        self._spec = None
        self._submitted.clear()
        self.requester = Requester(self.name(item))
        enter_scope(item.nodeid)
        self.keep_variables()
        self._marked_seed = self._said().get("seed")
        for machine in self._fakes:
            self._reset(machine)

    def end(self) -> None:
        """End a test: what it made ends with it, and the vendor's variables are as they were before it."""
        self.requester.at_end.close()
        if self.asked:
            set_variables(self._variables)

    def enter(self, requester: Requester) -> None:
        """Let a fixture of wider scope be who uses the machines, until :meth:`leave`.

        Its jobs get the seed of the fixture, so their results don't depend on which test needs it first. Claims of
        later tests may be about these jobs.
        """
        from iqm_fakes.server.seeds import enter_scope

        if requester not in self._wider:
            self._wider.append(requester)
        self._entered.append((self.requester, ExitStack()))
        self.requester = requester
        self._entered[-1][1].callback(enter_scope, enter_scope(requester.name))
        for machine in self._fakes:
            self._use(machine)

    def leave(self, ended: Requester | None = None) -> None:
        """Let the former one use them again; perhaps because a fixture is torn down."""
        self.requester, uses = self._entered.pop()
        uses.close()
        self.keep_variables()
        if ended is not None:
            self._wider.remove(ended)
            ended.at_end.close()

    @staticmethod
    def name(node: Any) -> str:
        """Return the name of a test, a class, a module or a package, which is the same from wherever pytest is run."""
        path, (file, *rest) = Path(getattr(node, "path", "")), node.nodeid.split("::")
        if not file:
            return ""
        folder = path if path.is_dir() else path.parent
        while (folder / "__init__.py").exists():
            folder = folder.parent
        return "::".join([path.name if path == folder else path.relative_to(folder).as_posix(), *rest])

    @property
    def _test_requester(self) -> Requester:
        return self._entered[0][0] if self._entered else self.requester

    def _reset(self, machine: FakeMachine) -> None:
        """Reset a machine for the test."""
        seed = machine.seed_of(self._test_requester) if self._marked_seed is None else self._marked_seed
        machine.server.reset(seed=seed, test=self.test)

    def _use(self, machine: FakeMachine) -> None:
        """Let the fixture that is using the machines submit to one of them."""
        from iqm_fakes.server.seeds import Submitter

        user = self.requester
        if user.fixture is not None:
            if machine not in user.submitters:
                user.submitters[machine] = Submitter(user.fixture, machine.seed_of(user), scope=user.name)
            self._entered[-1][1].enter_context(machine.server.used_by(user.submitters[machine]))

    def keep_variables(self) -> None:
        """Note the vendor's environment variables, as they are given back after a test."""
        self._variables = {name: os.environ.get(name) for name in VARIABLES}

    def ask_address(self) -> None:
        """Note that the test has a program that makes its own client."""
        self.has_programs = True
        self.address_asked()

    # -- which machine -------------------------------------------------------------------------------------------

    def resolve(self, request: Any) -> MachineSpec:
        """Return what the current test runs on; equal ones are one object.

        Whoever asks for a machine in whatever way comes by here.

        Raises:
            pytest.skip.Exception: The test can't run on this machine.
            pytest.fail.Exception: It asks for what there is not.

        """
        __tracebackhide__ = True
        self.refusal = None
        self.asking(request)
        self.asked = True
        said = self._said()
        if self.settings.live_or_plan:
            self._skip_what_is_no_fake(said)
        if said.get("seed") != self._marked_seed:  # a fixture added the marker
            self._marked_seed = said.get("seed")
            for machine in self._fakes:
                self._reset(machine)
        spec = self._chosen(said, request.getfixturevalue("iqm_settings"))
        self._spec = self._interned.setdefault(spec, spec)
        required = markers.requirements(self._item)
        problems = markers.lacking(required, self.current.architecture()) if required else []
        if problems:
            skip(f"{self.current.name} lacks {', '.join(problems)}")
        return self._spec

    def _said(self) -> dict[str, Any]:
        """Return what the test says by its markers and by indirect parameters of our fixtures."""
        __tracebackhide__ = True
        said = markers.arguments(self._item)
        parameters = parameters_of(self._item)
        definitions = getattr(getattr(self._item, "_fixtureinfo", None), "name2fixturedefs", {})
        for name in INDIRECT:
            if name in parameters and len(definitions.get(name, ())) == 1:  # not overridden
                value = parameters[name]
                asked = {"device": value} if isinstance(value, str | os.PathLike) else value
                problems = markers.problems(asked, markers.MARKER) if isinstance(asked, Mapping) else [repr(value)]
                if problems:
                    fail(f"{name} takes a device or a dict of arguments of the marker iqm: {'; '.join(problems)}")
                said = markers.merged(said, asked)
        return {name: value for name, value in said.items() if name not in markers.CLAIMS}

    def _chosen(self, said: Mapping[str, Any], overridden: Any) -> MachineSpec:
        """Combine what the test says, options, the fixture iqm_settings, and the ini file."""
        __tracebackhide__ = True
        run = self.settings
        problems = markers.problems(overridden, markers.FAKE) if isinstance(overridden, Mapping) else [repr(overridden)]
        if problems:
            fail(f"the fixture iqm_settings gives a dict of {markers.described(markers.FAKE)}; got {problems[0]}")
        asked = dict(overridden)
        seed = run.seed.value if run.seed.is_option else asked.pop("seed", run.seed.value)
        several = len(run.devices.value) > 1
        if run.devices.is_option or not markers.ALTERNATIVES & {*asked}:
            device = parameters_of(self._item).get(MACHINE) if several else run.devices.value[0]
            asked = markers.merged(asked, {"device": device})
        asked = markers.merged(asked, said)
        asked.pop("seed", None)
        if asked.get("device", "") is None:
            fail(
                f"{run.devices.source} names several devices ({', '.join(run.devices.value)}), and this test can't be "
                f"run on each: {_why_not(self._item)}. Name one with @pytest.mark.iqm(device=...), or let a test "
                "function ask for it: @pytest.mark.usefixtures('iqm_backend')."
            )
        device = asked.pop("device", None)
        devices = tuple(run.device(each) for each in asked.pop("computers", None) or [device])
        if asked.pop("replay", run.record.value == "replay") and not run.plan:
            meant = run.devices.is_option or markers.ALTERNATIVES & {*said, *overridden}
            return MachineSpec(devices if meant else (), seed, replay=True)
        return MachineSpec(devices, seed, settings=tuple(sorted(asked.items())))

    def replays(self, item: pytest.Item) -> bool:
        """Whether a test is answered by recordings, as far as its markers and the options say."""
        replay: bool = markers.arguments(item).get("replay", self.settings.record.value == "replay")
        return replay and not self.settings.plan

    def _skip_what_is_no_fake(self, said: Mapping[str, Any]) -> None:
        """Skip what exists on a fake only, or is for another machine."""
        __tracebackhide__ = True
        run = self.settings
        for kind in ("noise", "idle"):
            if said.get(kind) is False:
                skip(f"{kind}=False exists on the fake only, and this run is {run.live_or_plan}")
        computers = [*run.devices.value, *([run.live.computer.value] if run.live else [])]
        device = said.get("device") or next(iter(said.get("computers", ())), None)
        if device is not None and run.device(device) not in computers:
            skip(f"marked for the device '{device}', and {run.live_or_plan} runs on '{computers[-1]}'")

    @property
    def current(self) -> Machine:
        """The machine that the test runs on.

        Raises:
            RuntimeError: It has not asked for one.
            BaseException: What :meth:`resolve` raised.

        """
        __tracebackhide__ = True
        if self.refusal is not None:
            raise self.refusal
        if self._spec is None:
            raise RuntimeError("no test has asked for a machine")
        key = None if self.settings.live else self._spec
        if key not in self._machines:
            if self.settings.live:
                self._machines[key] = LiveMachine(self.settings.live)
            else:
                self._machines[key] = self._take(self._fake(self._spec))
        return self._machines[key]

    def _fake(self, spec: MachineSpec, fixed_seed: int | None = None) -> FakeMachine:
        """Return a fake machine.

        Raises:
            pytest.fail.Exception: There is no such device, or there are no recordings of it.

        """
        from iqm_fakes import DeviceError, FakeIQMServer, RecordingNotFound

        __tracebackhide__ = True
        folder = self.settings.recordings.value
        try:
            if spec.replay:
                server = FakeIQMServer(seed=0, recordings=folder)
                return FakeMachine(server, spec.seed, self._recorded_computer(server, spec.devices))
            recordings = folder if folder.is_dir() else None  # jobs can be retrieved in simulations, too
            limit = self.settings.simulation_limit
            settings: dict[str, Any] = {} if limit is None else {"time_limit": limit}
            settings |= dict(spec.settings)
            server = FakeIQMServer(*spec.devices, seed=0, recordings=recordings, **settings)
            return FakeMachine(server, spec.seed, next(iter(server.devices)), fixed_seed)
        except (DeviceError, RecordingNotFound, ValueError) as error:
            fail(str(error))

    def _take(self, machine: FakeMachine) -> FakeMachine:
        """Bring a new machine to where the test is."""
        self._reset(machine)
        self._use(machine)
        machine.server.listeners.append(partial(self._heard, machine))
        return machine

    def _recorded_computer(self, server: FakeIQMServer, devices: tuple[str, ...]) -> str:
        """Return the computer whose recordings are replayed: the one asked for, the test's own, or the only one."""
        from iqm_fakes import Device, bundled_devices

        __tracebackhide__ = True
        asked = [name if name in {*bundled_devices(), *server.devices} else Device.read(name).alias for name in devices]
        used = [entry.computer for entry in server.recordings.of_test(self.test)] if server.recordings else []
        candidates = [name for name in (*asked, *reversed(used)) if name in server.devices] or list(server.devices)
        if asked and candidates[0] not in asked:
            fail(f"there are no recordings of {asked[0]} to replay, but of {', '.join(server.devices)}")
        if len(candidates) > 1 and not (asked or used):
            fail(
                f"{self.test}: there are recordings of several quantum computers, and none of this test; "
                f"name one with --iqm-device: {', '.join(candidates)}"
            )
        return candidates[0]

    # -- handles -------------------------------------------------------------------------------------------------

    def backend(self, asked: Mapping[str, Any]) -> IQMBackend:
        """Return a backend of the requester's own.

        Args:
            asked: What a fake is to be, on a server of its own that ends with the requester; without that, the backend
                is on the machine of the test. And arguments of :class:`IQMBackend`.

        Raises:
            ValueError: A fake can't be that.

        """
        from pytest_iqm.backend import IQMBackend

        __tracebackhide__ = True
        fake = {name: value for name, value in asked.items() if name in markers.FAKE}
        problems = markers.problems(fake, markers.FAKE)
        if problems:
            raise ValueError(f"iqm_backend_factory takes {markers.described(markers.FAKE)}; got {problems[0]}")
        self._skip_unless_fake(fake)
        machine = self._own_fake(fake) if fake and not self.settings.live else self.current
        return IQMBackend(machine.connect(), **{name: value for name, value in asked.items() if name not in fake})

    def _skip_unless_fake(self, asked: Mapping[str, Any]) -> None:
        __tracebackhide__ = True
        if self.settings.live_or_plan:
            self._skip_what_is_no_fake(asked)
        if self.settings.live and "limits" in asked:
            skip("the limits of a fake are asked for, and this run is --iqm-live")

    def _own_fake(self, asked: Mapping[str, Any]) -> FakeMachine:
        __tracebackhide__ = True
        spec, user = self._spec, self.requester
        assert spec is not None  # noqa: S101  # for type checkers: the test has a machine
        others = {name: value for name, value in asked.items() if name not in {*markers.ALTERNATIVES, "seed"}}
        named = asked.get("computers") or ([asked["device"]] if "device" in asked else None)
        devices = spec.devices if named is None else tuple(self.settings.device(device) for device in named)
        own = MachineSpec(
            devices or self.settings.devices.value[:1],
            derived_seed(spec.seed, f"{user.name} {len(user.fakes)}"),
            settings=tuple({**dict(spec.settings), **others}.items()),
        )
        machine = self._take(self._fake(own, asked.get("seed")))
        user.fakes.append(machine)
        user.at_end.callback(machine.server.close)
        return machine

    # -- jobs ----------------------------------------------------------------------------------------------------

    def _heard(self, machine: FakeMachine, event: str, job: Job) -> None:
        """Note that a job was submitted, or has ended."""
        identifier = str(job.id)
        if event == "submitted":
            self._submitted[identifier] = self.requester.jobs[identifier] = machine, job
            payload = job.payload
            circuits = len(payload["circuits"])
            self.hook.pytest_iqm_job_submitted(
                nodeid=self.test, job_id=identifier, circuits=circuits, shots=circuits * payload.get("shots", 1)
            )
        else:
            self.hook.pytest_iqm_job_finished(nodeid=self.test, job_id=identifier, status=job.status.value)

    def job_ids(self) -> list[str]:
        """Return the ids of the jobs that were submitted to fakes during the test."""
        return list(self._submitted)

    def job_remarks(self) -> dict[str, list[str]]:
        """Return what is to be said of these jobs: why they failed, and their messages."""
        said = {
            identifier: [*filter(None, [job.explanation]), *(message for _, message in job.messages)]
            for identifier, (_, job) in self._submitted.items()
        }
        return {job: remarks for job, remarks in said.items() if remarks}

    def job_details(self) -> list[JobDetails]:
        """Return what is known of these jobs."""
        detailed = bool(self.settings.report)
        collectors: dict[FakeMachine, JobDetailsCollector] = {}
        details = []
        for identifier, (machine, _) in self._submitted.items():
            if machine not in collectors:
                predictors = machine.executions.predictors
                collectors[machine] = JobDetailsCollector(predictors, lengths=True, detailed=detailed)
            details.append(collectors[machine].of(identifier))
        return details

    @property
    def _known_jobs(self) -> dict[str, tuple[FakeMachine, Job]]:
        """The jobs of the test, after those of fixtures of wider scope."""
        known: dict[str, tuple[FakeMachine, Job]] = {}
        for requester in (*self._wider, self._test_requester):
            known |= requester.jobs
        return known

    def execution(self, counts: dict[str, int]) -> Execution | None:
        """Return the circuit of the test, or of a fixture of wider scope, that counts are of."""
        known = self._known_jobs
        for machine in dict.fromkeys(machine for machine, _ in reversed(known.values())):
            found = machine.executions.find([job for job, (where, _) in known.items() if where is machine], counts)
            if found is not None:
                return found
        return None

    @property
    def random_bits(self) -> bool:
        """Whether counts mean nothing: a job that the test knows ran on a mock of a machine."""
        from iqm_fakes.device.device import MOCK

        return any(job.computer.endswith(MOCK) for _, job in self._known_jobs.values())

    @property
    def inconclusive(self) -> bool:
        """Whether the test says nothing if it passes."""
        return self.random_bits

    @property
    def repeats(self) -> bool:
        """Whether suspicious circuits are repeated: those of a replay, as they were when they were recorded.

        Simulations are not: their seed is fixed.
        """
        return self._spec is not None and self._spec.replay

    def repeat(self, execution: Execution) -> Execution:
        """Run a circuit once more."""
        return execution.repeat({})

    @property
    def _fakes(self) -> list[FakeMachine]:
        made = [machine for machine in self._machines.values() if isinstance(machine, FakeMachine)]
        return [*made, *(machine for user in (*self._wider, self._test_requester) for machine in user.fakes)]

    def unfired(self) -> list[str]:
        """Return the faults that the test planned and that did not happen."""
        return [fault for machine in self._fakes for fault in machine.server.faults.unfired()]

    def replayed(self) -> set[str]:
        """Return the ids of the recordings that were used."""
        return {job for machine in self._fakes for job in machine.server.replayed}

    def described(self) -> list[str]:
        """Return lines about where the test runs, which help to run it again."""
        rerun = f"rerun     {self.settings.rerun_command(_as_invoked(self._item))}"
        if self.settings.live:
            return [f"machine   {self.settings.live.computer.value} (LIVE)", rerun]
        return [
            *(f"machine   {machine}" for machine in dict.fromkeys(machine for machine, _ in self._known_jobs.values())),
            rerun,
        ]

    def close(self) -> None:
        """Stop every server; twice is fine."""
        for machine in self._fakes:
            machine.server.close()


MACHINES: pytest.StashKey[Machines] = pytest.StashKey()
"""Where the machines of a session are, in pytest's stash."""


def uses_machine(item: pytest.Item) -> bool:
    """Whether a test asks for one of the fixtures by name, directly or not."""
    return MACHINE in getattr(item, "fixturenames", ())


def parameters_of(item: Any) -> Mapping[str, Any]:
    """Return the parameters of a test; none, if it has none or can't have any."""
    parameters: Mapping[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    return parameters


def _as_invoked(item: Any) -> str:
    """Return how a test is named where pytest was started; node ids are relative to its root folder."""
    file, *rest = item.nodeid.split("::")
    path = item.config.rootpath / file
    with suppress(ValueError):  # on Windows: it is on another drive
        path = Path(os.path.relpath(path, item.config.invocation_params.dir))
    return "::".join([path.as_posix(), *rest])


def _why_not(item: Any) -> str:
    if hasattr(item, "_testcase"):
        return "it belongs to a unittest.TestCase"
    return "it asks for its machine while it runs, not by an argument"


def skip(reason: str) -> NoReturn:
    """Skip a test; it is reported where the test is."""
    __tracebackhide__ = True
    raise pytest.skip.Exception(reason, _use_item_location=True)


def fail(reason: str) -> NoReturn:
    """Fail a test, and show nothing but the reason."""
    __tracebackhide__ = True
    raise pytest.fail.Exception(reason, pytrace=False) from None
