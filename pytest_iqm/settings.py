"""Every setting of a test run, and where it came from.

Precedence: command line, then the vendor's environment variables, then ini, then the default.
"""

from __future__ import annotations

import math
import os
import secrets
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pytest

from pytest_iqm.budget import Budget, Limit
from pytest_iqm.claim_hooks import ALPHA

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

URL, COMPUTER, TOKEN, TOKENS_FILE = "IQM_SERVER_URL", "IQM_QUANTUM_COMPUTER", "IQM_TOKEN", "IQM_TOKENS_FILE"
CREDENTIALS = (TOKEN, TOKENS_FILE)
VARIABLES = (URL, COMPUTER, *CREDENTIALS)

T = TypeVar("T")
F = TypeVar("F", float, None)


@dataclass(frozen=True)
class Setting(Generic[T]):
    """A value and its source, such as ``--iqm-seed`` or ``default``."""

    value: T
    source: str

    def __str__(self) -> str:
        return f"{self.value} ({self.source})"

    @property
    def is_option(self) -> bool:
        """Whether it was given on the command line."""
        return self.source.startswith("--")


PREFLIGHT = 20.0
"""Seconds that the look at a machine before the first test may take."""


@dataclass(frozen=True)
class LiveRules:
    """How tests use a real machine."""

    timeout: Setting[float | None]
    """Seconds that a test may take on the machine; None is no limit."""
    preflight: Setting[float]
    """Seconds that the look at the machine before the first test may take."""
    skip_if_unavailable: Setting[bool]
    parallel: bool
    """Whether xdist's workers may use the machine at the same time."""

    @classmethod
    def resolve(cls, config: pytest.Config) -> LiveRules:
        """Read options and ini; offline, too, because what is wrong by day is wrong at night.

        Raises:
            pytest.UsageError: A setting is wrong.

        """
        return cls(
            timeout=_seconds(config, "iqm_timeout", None),
            preflight=_seconds(config, "iqm_preflight_timeout", PREFLIGHT),
            skip_if_unavailable=_skip_if_unavailable(config),
            parallel=_ini(config, "iqm_parallel"),
        )


@dataclass(frozen=True)
class RealMachine:
    """The real machine that ``--iqm-live`` chose."""

    url: Setting[str]
    computer: Setting[str]
    credentials: str
    """Name of the environment variable that holds them; never the secret itself."""

    rules: LiveRules

    @property
    def is_mock(self) -> bool:
        """Whether it answers with random bits."""
        from iqm_fakes.device.device import MOCK

        return self.computer.value.endswith(MOCK)

    def connect(self) -> IQMClient:
        """Return the vendor's client for it."""
        from iqm_fakes.vendor.http import connect

        return connect(self.url.value, quantum_computer=self.computer.value)


@dataclass(frozen=True)
class Settings:
    """What a test run was told."""

    folder: Path
    """What paths in markers and in the ini file are relative to: where the ini file is."""
    devices: Setting[tuple[str, ...]]
    device_ages: tuple[str, ...]
    """How old the calibrations of the chosen devices are: lines for people, none if none was chosen."""
    seed: Setting[int]
    live: RealMachine | None
    """None if the run is offline."""
    budget: Budget
    plan: bool
    """Whether to run on the fake only to see what a live run would submit."""
    report: tuple[Path, ...]
    """Files to write a report to, JSON or HTML."""
    alpha: Setting[float]
    """How often a true claim about counts may fail."""
    shots: Setting[int]
    """What the fixture ``iqm_shots`` gives."""
    job_properties: bool
    """Whether reports carry job ids as properties, for ``--junitxml``."""
    record: Setting[str]
    """``off``, ``replay``, or in live runs ``missing`` or ``rewrite``."""
    recordings: Setting[Path]
    """The folder of recordings."""
    record_metadata: bool
    recording_max_age: float | None
    """Days from which on a recording that is used is reported as old."""
    simulation_limit: float | None
    """Seconds that the simulation of a job may take, by estimate; None is the server's own limit."""

    @classmethod
    def resolve(cls, config: pytest.Config) -> Settings:
        """Read options, environment and ini.

        Raises:
            pytest.UsageError: A setting is missing, wrong or ambiguous.

        """
        plan: bool = config.getoption("iqm_plan")
        if plan and config.getoption("iqm_live"):
            raise pytest.UsageError("--iqm-plan says what --iqm-live would submit, without submitting: use one of them")
        rules = LiveRules.resolve(config)
        live = _live(config, rules) if config.getoption("iqm_live") else None
        if live is None and config.getoption("iqm_computer"):
            raise pytest.UsageError(
                "--iqm-computer chooses a real machine and needs --iqm-live; to choose a fake use --iqm-device"
            )
        devices, device_ages = _devices(config)
        return cls(
            folder=_folder(config),
            devices=devices,
            device_ages=device_ages,
            seed=_seed(config),
            live=live,
            budget=Budget(jobs=_limit(config, "job"), shots=_limit(config, "shot")),
            plan=plan,
            report=_report(config),
            alpha=_number_between(config, "iqm_alpha", ALPHA, 1.0, "lies between 0 and 1"),
            shots=_shots(config),
            job_properties=_ini(config, "iqm_job_properties"),
            record=_record(config),
            recordings=_recordings(config),
            record_metadata=_ini(config, "iqm_record_metadata"),
            recording_max_age=_days(config, "iqm_recording_max_age"),
            simulation_limit=_seconds(config, "iqm_simulation_limit", None).value,
        )

    def device(self, named: str | os.PathLike[str]) -> str:
        """Return the path of a device file that a test names; a name is returned as it is."""
        return _path(self.folder, named)

    def unreadable(self, named: str | os.PathLike[str]) -> str | None:
        """Return what is wrong with a device that a test names; None if nothing is."""
        from iqm_fakes.device.device import Device, DeviceError

        try:
            Device.read(self.device(named))
        except DeviceError as error:
            return str(error)
        return None

    @property
    def chosen(self) -> bool:
        """Whether anything of it was chosen for this run, on the command line or in the ini file."""
        sources = (self.devices, self.seed, self.alpha, self.shots, self.record, self.budget.jobs, self.budget.shots)
        return bool(self.live or self.plan or self.report) or any(each.source != "default" for each in sources)

    @property
    def _recordings_folder(self) -> str:
        return f"{os.path.relpath(self.recordings.value)} ({self.recordings.source})"

    @classmethod
    def default(cls, config: pytest.Config) -> Settings:
        """Return the settings of a run that was told nothing."""
        return cls.resolve(_Untold(config))  # type: ignore[arg-type]  # what is read of a config

    @property
    def device_files(self) -> tuple[str, ...]:
        """The devices that are files, not bundled ones."""
        if self.devices.source == "default":
            return ()
        from iqm_fakes.device.bundled import bundled_devices

        return tuple(device for device in self.devices.value if device not in bundled_devices())

    @property
    def real_machine(self) -> RealMachine:
        """The machine of a live run.

        Raises:
            RuntimeError: The run has none.

        """
        if self.live is None:
            raise RuntimeError("only a run with --iqm-live has a machine")
        return self.live

    @property
    def live_or_plan(self) -> str | None:
        """The option for which tests that steer the fake are skipped; None if they run."""
        return "--iqm-live" if self.live else "--iqm-plan" if self.plan else None

    def rerun_command(self, test: str) -> str:
        """Return the command that runs a test again as it ran."""
        command = ["pytest", test]
        if self.live:
            command.append("--iqm-live")
            if self.live.computer.source == "--iqm-computer":
                command.append(f"--iqm-computer={self.live.computer.value}")
            for limit in (self.budget.jobs, self.budget.shots):
                if limit.source.startswith("--"):
                    command.append(f"{limit.source}={limit.value}")
        elif self.record.value != "replay":
            command.append(f"--iqm-seed={self.seed.value}")
        if self.devices.source == "--iqm-device":
            command += [f"--iqm-device={device}" for device in self.devices.value]
        if self.record.source == "--iqm-record":
            command.append(f"--iqm-record={self.record.value}")
        return shlex.join(command)

    @property
    def _alpha_and_shots(self) -> str:
        """What the header says of claims about counts: nothing, if nothing was set."""
        alpha = "" if self.alpha.source == "default" else f", alpha {self.alpha}"
        return alpha if self.shots.source == "default" else f"{alpha}, shots {self.shots}"

    def header(self) -> str:
        """Return the line that opens the report."""
        if self.live:
            live = self.live
            line = f"iqm: LIVE {live.computer} at {live.url}, credentials from {live.credentials}"
            line += f", {self.budget}"
            if live.rules.timeout.value is not None:
                line += f", time-out {live.rules.timeout.value:g} s a test ({live.rules.timeout.source})"
            line += self._alpha_and_shots
            recording = f", recording {self.record} in {self._recordings_folder}"
            return line if self.record.value == "off" else line + recording
        if self.record.value == "replay":
            return f"iqm: replay ({self.record.source}) of {self._recordings_folder}{self._alpha_and_shots}"
        fake = f"fake {', '.join(self.devices.value)} ({self.devices.source})"
        line = f"iqm: {fake}, seed {self.seed}{self._alpha_and_shots}"
        return f"{line}, planning a live run with {self.budget}" if self.plan else line


def lists_only(config: pytest.Config) -> bool:
    """Whether pytest lists tests or fixtures, and runs nothing."""
    options = ("collectonly", "showfixtures", "show_fixtures_per_test", "setupplan")
    return any(config.getoption(option, False) for option in options)


class _Untold:
    """What settings read of pytest's configuration, if nothing is set."""

    def __init__(self, config: pytest.Config) -> None:
        self.inipath, self.rootpath, self.invocation_params = config.inipath, config.rootpath, config.invocation_params

    @staticmethod
    def getoption(name: str) -> Any:
        return {"iqm_device": [], "iqm_report": [], "iqm_live": False, "iqm_plan": False}.get(name)

    @staticmethod
    def getini(name: str) -> Any:
        return {"iqm_device": [], "iqm_parallel": False, "iqm_job_properties": False, "iqm_record_metadata": False}.get(
            name
        )


def _devices(config: pytest.Config) -> tuple[Setting[tuple[str, ...]], tuple[str, ...]]:
    """Return the devices to run on, and how old their calibrations are."""
    from iqm_fakes.device.bundled import DEFAULT_DEVICE, bundled_devices

    chosen: list[str] = config.getoption("iqm_device")
    inis: list[str] = _ini(config, "iqm_device")
    max_age = _days(config, "iqm_device_max_age")
    if chosen:
        devices = Setting(_paths(config.invocation_params.dir, chosen), "--iqm-device")
    elif inis:
        devices = Setting(_paths(_folder(config), inis), "ini iqm_device")
    else:
        return Setting((DEFAULT_DEVICE,), "default"), ()
    from iqm_fakes.device.calibration_age import MAX_AGE, age
    from iqm_fakes.device.device import Device, DeviceError

    ages: dict[str, list[str]] = {}
    for device in devices.value:
        bundled = device in bundled_devices()
        try:
            read = Device.read(device)
        except DeviceError as error:
            raise pytest.UsageError(f"{devices.source}: {error}") from None
        if chosen and config.getoption("iqm_live") and bundled:
            raise pytest.UsageError(
                f"--iqm-device {device} chooses a fake and --iqm-live a real machine: use one of them "
                "(--iqm-computer chooses among real machines; with --iqm-live, --iqm-device takes the file of a "
                "snapshot, to compare the machine with)"
            )
        if not (bundled and config.getoption("iqm_live")):
            name = device if bundled else os.path.relpath(device)
            days = MAX_AGE if max_age is None else max_age
            ages.setdefault(age(read, name, datetime.now(UTC), days), []).append(name)
    return devices, tuple(f"  {', '.join(names)}: {said}" for said, names in ages.items())


def _folder(config: pytest.Config) -> Path:
    return config.inipath.parent if config.inipath else config.rootpath


def _path(folder: Path, device: str | os.PathLike[str]) -> str:
    file = folder / device
    return str(file) if file.is_file() else os.fspath(device)


def _paths(folder: Path, devices: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_path(folder, device) for device in devices))


MODES = ("replay", "missing", "rewrite")


def _record(config: pytest.Config) -> Setting[str]:
    option: str | None = config.getoption("iqm_record")
    ini = _text(config, "iqm_record")
    live: bool = config.getoption("iqm_live")
    if option in ("missing", "rewrite") and not live:
        raise pytest.UsageError(f"--iqm-record {option} records jobs of a real machine and needs --iqm-live")
    if option and config.getoption("iqm_plan"):
        raise pytest.UsageError("--iqm-plan runs on the fake, and neither records nor replays: leave out --iqm-record")
    if option == "replay" and live:
        raise pytest.UsageError("--iqm-record replay needs no machine: leave out --iqm-live")
    if option is not None:
        return Setting(option, "--iqm-record")
    if ini not in ("", "replay"):
        raise pytest.UsageError(
            f"ini iqm_record is empty or 'replay', got {ini!r}; recording is asked for by --iqm-record"
        )
    return (
        Setting("replay", "ini iqm_record")
        if ini and not live and not config.getoption("iqm_plan")
        else Setting("off", "default")
    )


def _recordings(config: pytest.Config) -> Setting[Path]:
    ini = _text(config, "iqm_recordings")
    return Setting(_folder(config) / (ini or "iqm_recordings"), "ini iqm_recordings" if ini else "default")


UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""Seconds of what durations may end with."""


def _ini(config: pytest.Config, name: str) -> Any:
    """Return the value of an ini key.

    Raises:
        pytest.UsageError: It is none that pytest allows.

    """
    try:
        return config.getini(name)
    except (TypeError, ValueError, pytest.UsageError) as error:  # by version and kind
        raise pytest.UsageError(f"ini {name}: {error}") from None


def _text(config: pytest.Config, name: str) -> str:
    """Return what an ini key says; pytest's native TOML has numbers, too."""
    value = _ini(config, name)
    return "" if value is None else str(value)


def _whole_number(text: str, source: str, least: int, otherwise: str = "") -> int:
    """Return a whole number that an option or an ini key sets."""
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise pytest.UsageError(f"{source} is a whole number, {least} or more{otherwise}; got {text!r}")
    return number


def _duration(config: pytest.Config, name: str, unit: str) -> float | None:
    """Return a duration in seconds that an ini key sets, such as 30, 30s, 10m, 2h or 90d; None if it doesn't."""
    text = _text(config, name)
    if not text:
        return None
    number, suffix = (text[:-1], text[-1]) if text[-1] in UNITS else (text, unit)
    try:
        seconds = float(number) * UNITS[suffix]
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        word = {"s": "seconds", "d": "days"}[unit]
        raise pytest.UsageError(
            f"ini {name} is a number of {word}, or a time such as 30s, 10m, 2h or 90d; got {text!r}"
        )
    return seconds


def _days(config: pytest.Config, name: str) -> float | None:
    """Return a number of days that an ini key sets."""
    seconds = _duration(config, name, "d")
    return None if seconds is None else seconds / UNITS["d"]


def _seconds(config: pytest.Config, name: str, default: F) -> Setting[float | F]:
    """Return a positive number of seconds that an ini key sets."""
    seconds = _duration(config, name, "s")
    if seconds == 0:
        raise pytest.UsageError(f"ini {name} is more than 0; got {_text(config, name)!r}")
    return Setting(default, "default") if seconds is None else Setting(seconds, f"ini {name}")


def _seed(config: pytest.Config) -> Setting[int]:
    worker_input: dict[str, int] | None = getattr(config, "workerinput", None)
    option: str | None = config.getoption("iqm_seed")
    ini = _text(config, "iqm_seed")
    text, source = (option, "--iqm-seed") if option is not None else (ini, "ini iqm_seed") if ini else ("0", "default")
    if text == "random":
        drawn = secrets.randbits(32) if worker_input is None else worker_input["iqm_seed"]
        return Setting(drawn, f"{source}=random")
    return Setting(_whole_number(text, source, 0, ", or 'random'"), source)


def _live(config: pytest.Config, rules: LiveRules) -> RealMachine:
    """Return the machine to use; whatever is missing or ambiguous is an error before any test runs."""
    problems = []
    if not os.environ.get(URL):
        problems.append(f"set {URL} to the address of the IQM Server")
    computer: str | None = config.getoption("iqm_computer")
    if not computer and not os.environ.get(COMPUTER):
        problems.append(f"name the quantum computer with --iqm-computer or {COMPUTER}")
    given = [name for name in CREDENTIALS if os.environ.get(name)]
    if not given:
        problems.append(f"set {TOKEN} or {TOKENS_FILE} to your credentials")
    if len(given) > 1:
        problems.append(f"unset {TOKEN} or {TOKENS_FILE}: both are set, and it is unclear which to use")
    if problems:
        raise pytest.UsageError("--iqm-live can't reach a machine:\n" + "\n".join(f"  - {p}" for p in problems))
    return RealMachine(
        url=Setting(os.environ[URL], URL),
        computer=Setting(computer, "--iqm-computer") if computer else Setting(os.environ[COMPUTER], COMPUTER),
        credentials=given[0],
        rules=rules,
    )


def _limit(config: pytest.Config, what: str) -> Limit:
    """Return the limit of jobs or of shots that an option, or the ini key of the same name, sets."""
    name = f"iqm_max_{what}s"
    text, source = _option_or_ini(config, name)
    if text == "" and source.startswith("ini"):
        return Limit(what, None, "default")
    return Limit(what, _whole_number(text, source, 0), source)


def _option_or_ini(config: pytest.Config, name: str) -> tuple[str, str]:
    """Return what the command line, or else the ini file, says; and which of them."""
    option: str | None = config.getoption(name)
    return (option, f"--{name.replace('_', '-')}") if option is not None else (_text(config, name), f"ini {name}")


def _number_between(config: pytest.Config, name: str, default: F, largest: float, what: str) -> Setting[float | F]:
    """Return a number larger than 0 and smaller than ``largest`` that an ini key sets."""
    text = _text(config, name)
    if not text:
        return Setting(default, "default")
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < largest:
        raise pytest.UsageError(f"ini {name} {what}, got {text!r}")
    return Setting(number, f"ini {name}")


def _skip_if_unavailable(config: pytest.Config) -> Setting[bool]:
    text, source = _option_or_ini(config, "iqm_unavailable")
    if text not in ("", "fail", "skip"):
        raise pytest.UsageError(f"{source} is 'fail' or 'skip', got {text!r}")
    return Setting(text == "skip", source if text else "default")


def _shots(config: pytest.Config) -> Setting[int]:
    text = _text(config, "iqm_shots")
    source = "ini iqm_shots"
    return Setting(_whole_number(text, source, 1), source) if text else Setting(1000, "default")


def _report(config: pytest.Config) -> tuple[Path, ...]:
    files = [config.invocation_params.dir / file for file in config.getoption("iqm_report")]
    for file in files:
        if file.suffix not in (".json", ".html"):
            raise pytest.UsageError(f"--iqm-report writes .json or .html, got {file.name!r}")
    return tuple(files)
