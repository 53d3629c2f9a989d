"""The vendor's whole circuit compiler, run without a machine: what it makes of circuits on a fake device.

Beside what the device publishes, a station has control channels, probe lines and pulse shapes; these are made up here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import iqm.iqm_client  # noqa: F401  # the vendor's modules can't be imported in another order
import numpy as np
from exa.common.data.parameter import CollectionType, DataType, Parameter, Setting
from exa.common.data.setting_node import SettingNode
from exa.common.qcm_data.chip_topology import ChipTopology
from iqm.cpc.compiler.compiler import Compiler
from iqm.cpc.compiler.errors import ClientError
from iqm.cpc.compiler.post_process import _process_readout_metrics
from iqm.cpc.compiler.standard_stages import (
    _STANDARD_CIRCUIT_STAGES,
    _STANDARD_FINAL_STAGES,
    _STANDARD_PULSE_STAGES,
)
from iqm.cpc.core.observation.observation_handler import ObservationHandler
from iqm.pulse import Circuit, CircuitOperation
from iqm.pulse.playlist.instructions import ConditionalInstruction, FluxPulse, ReadoutTrigger
from iqm.station_control.interface.models.circuit import DDStrategy

from iqm_fakes import Device

RATE, GRANULARITY = 2e9, 8  # samples a second, samples of a step
RESET_WAIT = 300e-6
INTERNAL = "Internal server error occurred"
PARALLEL = 8
"""Qubits a line from which on the vendor makes integration 16 samples longer."""


class VendorCompiler:
    """The compiler of a made-up station that has what a device publishes, and the electronics that the fake assumes."""

    def __init__(self, device: Device) -> None:
        calibration = device.calibration()
        architecture = device.static_quantum_architecture
        self.gates = calibration.dynamic_quantum_architecture["gates"]
        self._published = {o["dut_field"].partition(":")[0]: o["value"] for o in calibration.observations()}
        self._station = device.station
        couplers = {f"TC-{a}-{b}": (a, b) for a, b in architecture["connectivity"]}
        lines = {f"PL-{number}": list(line) for number, line in enumerate(self._station.probe_lines, 1)}
        resonators = architecture["computational_resonators"]
        self._topology = ChipTopology(
            architecture["qubits"], resonators, couplers, lines, variant="FAKE", mask_set_name="M"
        )
        self._compiler = Compiler(
            dut_label=architecture["dut_label"],
            chip_topology=self._topology,
            software_version_set_id=0,
            component_mapping=None,
            station_control_settings=_electronics(architecture["qubits"], couplers, lines),
            observation_handler=ObservationHandler([], dut_label=architecture["dut_label"], default_storage=None),
            circuit_stages=deepcopy(_STANDARD_CIRCUIT_STAGES),
            pulse_stages=deepcopy(_STANDARD_PULSE_STAGES),
            final_stages=deepcopy(_STANDARD_FINAL_STAGES),
        )
        self._settings = self._compiler.get_settings(circuits=[])
        self._calibrate()

    def played(self, circuit: Circuit, **options: Any) -> list[tuple[str, tuple[str, ...], float, float, str]]:
        """Return what is played: kind (``measure``, ``flux``, ``cc_prx``), components, start, end, and key.

        Times are in seconds since the reset before the circuit.

        Raises:
            Exception: What the job would fail with.

        """
        self._compiler.component_mapping = None
        with self._with(options) as settings:
            context = self._compiler.compiler_context(None, settings)
            (schedule,), _ = self._compiler.run_stages(deepcopy([circuit]), context)
        found = []
        channels = self._compiler.station_properties
        component = {channel: name for name, own in channels.component_channels.items() for channel in own.values()}
        for channel, segment in schedule.items():
            properties, at = channels.channels.get(channel), 0
            for instruction in segment if properties is not None else ():
                start, at = at / properties.sample_rate - RESET_WAIT, at + instruction.duration
                end = at / properties.sample_rate - RESET_WAIT
                if isinstance(instruction, ReadoutTrigger):
                    for acquisition in instruction.acquisitions:
                        qubit, _, key = acquisition.label.partition("__")
                        found.append(("measure", (qubit,), start, end, key))
                elif isinstance(instruction, ConditionalInstruction):
                    found.append(("cc_prx", (component[channel],), start, end, instruction.condition))
                elif isinstance(instruction, FluxPulse) and component.get(channel) in self._topology.couplers:
                    pair = tuple(sorted(self._topology.coupler_to_components[component[channel]]))
                    found.append(("flux", pair, start, end, ""))
        return found

    def refusal(
        self,
        *circuits: Sequence[CircuitOperation],
        shots: int = 1,
        mapping: dict[str, str] | None = None,
        decoupling: DDStrategy | None = None,
        **options: Any,
    ) -> str:
        """Return what a job of these circuits fails with, as the server tells it; empty if it doesn't."""
        made = [Circuit(f"c{index}", tuple(deepcopy(steps))) for index, steps in enumerate(circuits)]
        self._compiler.component_mapping = mapping
        with self._with(options) as settings:
            settings.controllers.options.playlist_repeats = settings.controllers.options.averaging_bins = shots
            try:
                context = self._compiler.compiler_context(None, settings)
                if decoupling is not None:
                    settings.stages.dynamical_decoupling.apply_dd_strategy.dd_is_disabled = False
                    context["DDStrategy"] = decoupling
                schedules, context = self._compiler.run_stages(made, context)
                _, context = self._compiler.finalize(schedules, context)
                labels = _process_readout_metrics(context["readout_metrics"], context.get("mapped_readout_keys", {}))
                if not any(labels):
                    return INTERNAL  # construct_circuit_execution_results takes the first of no results
            except ClientError as error:
                return str(error)
            except Exception:
                return INTERNAL
        return ""

    @contextmanager
    def _with(self, options: dict[str, Any]) -> Iterator[Any]:
        """Set options of passes, by their names; afterwards everything is as before, copies would take a second."""
        passes = [own for _, stage in self._settings.stages.child_nodes for _, own in stage.child_nodes]
        before = [(own, {name: setting.value for name, setting in own.settings.items()}) for own in passes]
        try:
            for own in passes:
                for name in options.keys() & own.settings.keys():
                    own[name] = options[name]
            yield self._settings
        finally:
            for own, values in before:
                for name, value in values.items():
                    own[name] = value

    def _calibrate(self) -> None:
        """Calibrate what the device's dynamic architecture lists, and nothing else."""
        for gate, tree in list(self._settings.gates.child_nodes):
            document = self.gates.get(gate, {"implementations": {}})
            if gate in self.gates:
                definition = self._settings.gate_definitions[gate]
                definition.default_implementation = document["default_implementation"]
                for locus, chosen in document["override_default_implementation"].items():
                    over = definition[chosen].override_default_for_loci
                    definition[chosen].override_default_for_loci = [*over.value, locus.replace(",", "__")]
            for name, implementation in list(tree.child_nodes):
                loci = ["__".join(locus) for locus in document["implementations"].get(name, {"loci": []})["loci"]]
                for locus, node in list(implementation.child_nodes):
                    if locus not in loci:
                        del implementation.subtrees[locus]
                        continue
                    duration = self._published.get(f"gates.{gate}.{name}.{locus}.duration")
                    self._fill(node, gate, locus.split("__"), duration)

    def _fill(self, node: Any, gate: str, locus: list[str], duration: float | None) -> None:
        known = {
            "duration": RESET_WAIT if gate == "reset_wait" else duration,
            "integration_length": duration,
            "acquisition_delay": 0.0,
            "control_delays": np.array([self._station.control_delay] * len(self._topology.probe_lines)),
            "acquisition_type": "threshold",
            "full_width": duration,
            "rise_time": (duration or 0) / 3,
            "frequency": 6e9 if gate.startswith("measure") else 4.5e9,
            "block_neighbors": False,
            "integration_weights_I": np.array([]),
            "integration_weights_Q": np.array([]),
            "number_of_cycles": 1,
            "locus_deadtime": 0.0,
            "modulation_frequency": 0.0,
            "center_offset": 0.0,
        }
        for key, setting in node.child_settings:
            if key == "duration" and gate.startswith("measure"):
                node[key] = round((duration or 0) * RATE / 2 / GRANULARITY) * GRANULARITY / RATE  # the probe pulse
            elif known.get(key) is not None:
                node[key] = known[key]
            elif setting.value is None:
                node[key] = 0.1
        for key, own in node.child_nodes:
            if key == "rz":
                for component in locus:
                    own[component] = 0.1
            elif key != "gates":
                self._fill(own, gate, locus, duration)


def _electronics(qubits: list[str], couplers: dict[str, Any], lines: dict[str, list[str]]) -> SettingNode:
    nodes: dict[str, Any] = {}
    for qubit in qubits:
        nodes[f"{qubit}__drive"] = SettingNode(
            f"{qubit}__drive",
            awg=_generator([f"{line}__readout" for line in lines]),
            frequency=_setting("frequency", 4.5e9, "Hz"),
            status=_setting("status", True, kind=DataType.BOOLEAN),
            continuous_wave_enabled=_setting("c", False, kind=DataType.BOOLEAN),
        )
    for name in (*qubits, *couplers):
        nodes[f"{name}__flux"] = SettingNode(f"{name}__flux", awg=_generator())
    for line, read in lines.items():
        longer = 16 if len(read) > PARALLEL else 0  # taken off, so that only published durations count
        nodes[f"{line}__readout"] = SettingNode(
            f"{line}__readout",
            sampling_rate=_setting("sampling_rate", RATE, "Hz"),
            instruction_duration_granularity=_setting("g", GRANULARITY, kind=DataType.INT),
            instruction_duration_min=_setting("m", GRANULARITY, kind=DataType.INT),
            integration_start_dead_time=_setting("s", 0, kind=DataType.INT),
            integration_stop_dead_time=_setting("e", -longer, kind=DataType.INT),
            center_frequency=_setting("center_frequency", 6e9, "Hz"),
        )
    nodes["options"] = SettingNode(
        "options",
        playlist_repeats=_setting("p", 1000, kind=DataType.INT),
        averaging_bins=_setting("a", 1, kind=DataType.INT),
        end_delay=_setting("e", 0.0, "s"),
    )
    return SettingNode("root", **nodes, counter=SettingNode("counter"))


def _generator(sources: list[str] | None = None) -> SettingNode:
    settings = {
        "sampling_rate": _setting("sampling_rate", RATE, "Hz"),
        "instruction_duration_granularity": _setting("g", GRANULARITY, kind=DataType.INT),
        "instruction_duration_min": _setting("m", GRANULARITY, kind=DataType.INT),
        "status": _setting("status", True, kind=DataType.BOOLEAN),
    }
    if sources is not None:
        kinds = {"kind": DataType.STRING, "collection": CollectionType.LIST}
        settings["feedback_sources"] = _setting("feedback_sources", sources, **kinds)
    return SettingNode("awg", **settings)


def _setting(
    name: str,
    value: Any,
    unit: str = "",
    *,
    kind: DataType = DataType.FLOAT,
    collection: CollectionType = CollectionType.SCALAR,
) -> Setting:
    return Setting(Parameter(name, name, unit, kind, collection), value)
