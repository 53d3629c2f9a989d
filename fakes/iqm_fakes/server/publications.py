"""What a server publishes of its quantum computers: the list of them, documents, calibrations and artifacts.

:class:`Publications` owns the list of computers. An artifact is what a station publishes beside calibrations, a
function of the device. Circuit-level clients read the architecture; the rest is fetched by clients that construct a
pulse compiler and use nothing of it, and is as small as they accept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from iqm_fakes.device.device import MOCK, Calibration, Device
from iqm_fakes.device.recalibration import recalibrated
from iqm_fakes.wire.error_codes import ErrorCode, ServerError

Document = dict[str, Any]

SAMPLING_RATE = 2e9
"""Samples a second of control channels."""


class Publications:
    """The quantum computers of a server, as they are published now.

    Each has a mock besides, ``<alias>:mock``, which is not listed: it publishes the same and answers with random bits.

    Args:
        devices: As they were given; :meth:`reset` brings them back.

    Attributes:
        devices: Alias → what is published now, the latest calibrations included.

    Raises:
        ValueError: There is none, or two have the same alias.

    """

    def __init__(self, devices: Sequence[Device]) -> None:
        self._given = {device.alias: device for device in devices}
        if len(self._given) < len(devices) or not devices:
            raise ValueError(f"a server needs devices with different aliases, got {[d.alias for d in devices]}")
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Publish the devices as they were given."""
        self.devices: dict[str, Device] = dict(self._given)
        self._mocks: dict[str, tuple[Device, Device]] = {}

    def device(self, computer: str) -> Device:
        """Return the device with this alias or id, perhaps the mock of one.

        Raises:
            ServerError: ``qc_not_found``.

        """
        for alias, device in self.devices.items():
            if computer in (alias, computer_id(alias)):
                return device
        for alias, device in self.devices.items():
            if not device.is_mock and computer in (f"{alias}{MOCK}", computer_id(f"{alias}{MOCK}")):
                return self._mock(device)
        raise ServerError(
            ErrorCode.QC_NOT_FOUND,
            f"Quantum computer '{computer}' not found. Available: {', '.join(self.devices)}.",
        )

    def _mock(self, device: Device) -> Device:
        of, mock = self._mocks.get(device.alias, (None, device))
        if of is not device:  # it was recalibrated, or never asked for
            mock = device.mock()
            self._mocks[device.alias] = device, mock
        return mock

    def calibration(self, computer: str, calibration_set: str = "default") -> Calibration:
        """Return a calibration by id, or the current one for ``default``.

        Raises:
            ServerError: ``qc_not_found``, ``invalid_input`` (it is no id) or ``calibration_set_not_found``.

        """
        device = self.device(computer)
        if calibration_set == "default":
            return device.calibration()
        try:
            UUID(calibration_set)
        except ValueError:
            raise ServerError(
                ErrorCode.INVALID_INPUT,
                f"'{calibration_set}' is no id of a calibration set: it has to be a UUID, or 'default'.",
            ) from None
        try:
            return device.calibration(calibration_set.lower())
        except KeyError:
            raise ServerError(
                ErrorCode.CALIBRATION_SET_NOT_FOUND,
                f"Calibration set '{calibration_set}' of '{device.alias}' not found.",
            ) from None

    def quality_metric_set(self, computer: str, calibration_set: str = "default") -> Mapping[str, Any]:
        """Return the quality metrics of a calibration.

        Raises:
            ServerError: ``qc_not_found``, ``calibration_set_not_found`` or ``quality_metrics_not_found``.

        """
        calibration = self.calibration(computer, calibration_set)
        if calibration.quality_metric_set is None:
            raise ServerError(
                ErrorCode.QUALITY_METRICS_NOT_FOUND, f"Calibration set '{calibration.id}' has no quality metrics."
            )
        return calibration.quality_metric_set

    def artifact(self, computer: str, kind: str) -> Any:
        """Return an artifact: a JSON document, or bytes that are a protobuf message.

        Raises:
            ServerError: ``qc_not_found`` or ``qc_artifact_not_found``.

        """
        device = self.device(computer)
        if kind not in _ARTIFACTS:
            raise ServerError(
                ErrorCode.QC_ARTIFACT_NOT_FOUND, f"Artifact '{kind}' not found. Available: {', '.join(_ARTIFACTS)}."
            )
        return _ARTIFACTS[kind](device)

    def recalibrate(
        self, *, seed: int, drift: float | None, lost: Iterable[str | tuple[str, ...]], computer: str | None
    ) -> Calibration:
        """Publish a new default calibration, see :meth:`FakeIQMServer.recalibrate`."""
        if computer is None and len(self.devices) > 1:
            raise ValueError(f"the server has several quantum computers, name one: {', '.join(self.devices)}")
        alias = next(iter(self.devices)) if computer is None else self.device(computer).alias
        if alias not in self.devices:
            alias = alias.removesuffix(MOCK)
        with self._lock:
            self.devices[alias] = recalibrated(self.devices[alias], seed, drift=drift, lost=lost)
            return self.devices[alias].calibration()

    def use_calibration(self, computer: str, calibration_set: str) -> None:
        """Make a calibration the default one of a computer, if both are there."""
        device = self.devices.get(computer)
        if device is not None and calibration_set in device.calibrations:
            self.devices[computer] = Device({**device.document, "default_calibration_set_id": calibration_set})

    def listed(self, computer: str) -> Document:
        """Return the entry of a quantum computer in the list of them."""
        device = self.device(computer)
        return {
            "id": computer_id(device.alias),
            "alias": device.alias,
            "display_name": device.display_name,
            "station_control_version": "fake",
            "proxy_path": None,
        }

    def described(self, computer: str) -> Document:
        """Return the description of a quantum computer, without what changes from moment to moment."""
        device = self.device(computer)
        return self.listed(computer) | {
            "description": f"Simulated {device.display_name}",
            "backend_type": "simulator",
            "number_of_qubits": len(device.static_quantum_architecture["qubits"]),
            "pulla_enabled": False,
            "pricing": None,
            "additional_info": {},
        }


@lru_cache(maxsize=64)
def computer_id(alias: str) -> str:
    """Return the id of the quantum computer with this alias; the same on every server."""
    return str(uuid5(NAMESPACE_URL, f"iqm-fake:{alias}"))


def _static_quantum_architectures(device: Device) -> Any:
    return [device.static_quantum_architecture]


def _duts(device: Device) -> Any:
    return [{"label": device.static_quantum_architecture["dut_label"], "dut_type": "chip"}]


def _about(device: Device) -> Any:
    return {"version": "fake", "software_versions": {"iqm-fake-station": "fake"}}


def _chip_design_records(device: Device) -> Any:
    """Return a record in which each pair of connected components shares a tunable coupler."""
    architecture = device.static_quantum_architecture
    mask, _, variant = architecture["dut_label"].partition("_")
    couplers = {f"TC-{a}-{b}": [a, b] for a, b in architecture["connectivity"]}
    station = device.station

    def component(name: str) -> dict[str, Any]:
        return {"name": name, "connections": [coupler for coupler, pair in couplers.items() if name in pair]}

    return [
        {
            "mask_set_name": mask,
            "variant": variant,
            "cheddar": {"chip_label": architecture["dut_label"]},
            "content": {
                "components": {
                    "qubit": [component(name) for name in architecture["qubits"]],
                    "computational_resonator": [component(name) for name in architecture["computational_resonators"]],
                    "tunable_coupler": [{"name": name, "connections": pair} for name, pair in couplers.items()],
                    "probe_line": [
                        {"name": f"PL-{number}", "connections": list(line)}
                        for number, line in enumerate(station.probe_lines, 1)
                    ],
                    "launcher": [],
                }
            },
        }
    ]


def _channel_properties(device: Device) -> bytes:
    """Return drive channels that share one feedback source: feedback reaches every qubit from every other."""
    from iqm.data_definitions.common.v1 import channel_properties_pb2 as pb

    channels = pb.ChannelPropertyDictionary()
    for qubit in device.static_quantum_architecture["qubits"]:
        awg = pb.AWGProperties(
            channel_properties=pb.ChannelProperties(
                sampling_rate=SAMPLING_RATE, instruction_duration_granularity=round(device.station.grid * SAMPLING_RATE)
            ),
            fast_feedback_sources=["feedback"],
        )
        channels.channel_property_mapping[f"{qubit}__drive.awg"].CopyFrom(pb.ChannelPropertyEntry(awg=awg))
    return bytes(channels.SerializeToString(deterministic=True))


def _settings(device: Device) -> bytes:
    from iqm.data_definitions.common.v1 import setting_pb2 as pb

    return bytes(pb.SettingNode(name="root").SerializeToString())


_ARTIFACTS: Mapping[str, Callable[[Device], Any]] = {
    "static-quantum-architectures": _static_quantum_architectures,
    "duts": _duts,
    "about": _about,
    "chip-design-records": _chip_design_records,
    "channel-properties": _channel_properties,
    "settings": _settings,
}
"""What is published beside calibrations: name → what makes it of a device, JSON or protobuf."""
