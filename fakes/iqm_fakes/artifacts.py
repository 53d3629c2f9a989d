"""What a station publishes about itself beside calibrations: one function of the device for each artifact.

Circuit-level clients read the architecture; the rest is fetched by clients that construct a pulse compiler and use
nothing of it, and is as small as they accept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from iqm_fakes.device import Device


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
                    "probe_line": [],
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
            channel_properties=pb.ChannelProperties(sampling_rate=2e9, instruction_duration_granularity=8),
            fast_feedback_sources=["feedback"],
        )
        channels.channel_property_mapping[f"{qubit}__drive.awg"].CopyFrom(pb.ChannelPropertyEntry(awg=awg))
    return bytes(channels.SerializeToString(deterministic=True))


def _settings(device: Device) -> bytes:
    from iqm.data_definitions.common.v1 import setting_pb2 as pb

    return bytes(pb.SettingNode(name="root").SerializeToString())


JSON: Mapping[str, Callable[[Device], Any]] = {
    "static-quantum-architectures": _static_quantum_architectures,
    "duts": _duts,
    "about": _about,
    "chip-design-records": _chip_design_records,
}
PROTOBUF: Mapping[str, Callable[[Device], bytes]] = {
    "channel-properties": _channel_properties,
    "settings": _settings,
}
