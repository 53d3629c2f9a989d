"""Write the bundled devices from the vendor's public profiles: ``python -m iqm_fakes.catalogue.generate [--check]``.

The profiles (the fake backends of ``iqm.qiskit_iqm``) give architectures, relaxation times, depolarising parameters,
gate durations and readout errors. What they don't give is assumed here, and each file says so.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from iqm_fakes.device import Device

MEASURE_DURATION = 1.5e-6
MOMENT = "2026-01-01T00:00:00.000000Z"
PUBLISHED_NAME = {"CR1": "COMPR1"}
IMPLEMENTATIONS = {
    "prx": "drag_crf_sx",
    "cz": "crf_crf",
    "move": "crf_crf",
    "cc_prx": "prx_composite",
    "measure": "constant",
    "measure_fidelity": "constant",
    "reset_wait": "reset_wait",
}
ASSUMPTIONS = [
    "Names of gate implementations are those seen on current machines.",
    "Drive frequencies are made up: 4.2 to 4.8 GHz, neighbours apart.",
    f"Measurements take {MEASURE_DURATION * 1e6} microseconds and repeat with the readout fidelity.",
    "cc_prx, measure_fidelity and reset_wait exist on every qubit; feedback reaches every qubit.",
    "Fidelities are average gate fidelities of the profile's depolarising channel after relaxation by T1 and T2.",
]
RESONATOR_ASSUMPTION = "The resonator that the profile calls CR1 has the name of current machines, COMPR1."

Triple = tuple[str, float, str]


def profiles() -> dict[str, Any]:
    """Return the vendor's fake backends by the name of our device."""
    names = ("adonis", "aphrodite", "apollo", "deneb", "garnet")
    modules = {name: import_module(f"iqm.qiskit_iqm.fake_backends.fake_{name}") for name in names}
    return {name: getattr(module, f"IQMFake{name.capitalize()}")() for name, module in modules.items()}


def seconds(nanoseconds: float) -> float:
    """Return a time of the profile in seconds, without a rounding error that would be published with it."""
    return float(f"{nanoseconds}e-9")


def published(name: str) -> str:
    """Return the name of a component as machines publish it."""
    return PUBLISHED_NAME.get(name, name)


def document(alias: str, backend: Any) -> dict[str, Any]:
    """Return the device file for one of the vendor's fake backends."""
    profile = backend.error_profile
    architecture = vars(backend)["_IQMFakeBackend__sqa"]  # has no public name
    calibration_id = str(uuid5(NAMESPACE_URL, f"iqm-fake:{alias}:calibration-set"))
    label = architecture.dut_label
    qubits = list(architecture.qubits)
    resonators = [published(name) for name in architecture.computational_resonators]
    return {
        "schema": "iqm-device/1",
        "alias": alias,
        "display_name": f"IQM {alias.capitalize()} (fake)",
        "source": f"{backend.name} of iqm-client's qiskit_iqm, error profile '{profile.name}'",
        "assumptions": ASSUMPTIONS + ([RESONATOR_ASSUMPTION] if resonators else []),
        "health": {"healthy": True, "updated_at": MOMENT},
        "static_quantum_architecture": {
            "dut_label": label,
            "qubits": qubits,
            "computational_resonators": resonators,
            "connectivity": [sorted(map(published, pair), key=_qubits_first) for pair in architecture.connectivity],
        },
        "default_calibration_set_id": calibration_id,
        "calibrations": [
            {
                "calibration_set": observation_set(
                    "calibration-set", calibration_id, None, label, calibrated(profile, qubits)
                ),
                "quality_metric_set": observation_set(
                    "quality-metric-set",
                    str(uuid5(NAMESPACE_URL, f"iqm-fake:{alias}:quality-metric-set")),
                    calibration_id,
                    label,
                    metrics(profile),
                ),
                "dynamic_quantum_architecture": {
                    "calibration_set_id": calibration_id,
                    "qubits": qubits,
                    "computational_resonators": resonators,
                    "gates": gates(profile, qubits),
                },
            }
        ],
    }


def _qubits_first(name: str) -> tuple[bool, str, int]:
    letters = name.rstrip("0123456789")
    return letters != "QB", letters, int(name[len(letters) :] or 0)


def _loci(profile: Any, gate: str) -> list[list[str]]:
    pairs = profile.two_qubit_gate_depolarizing_error_parameters.get(gate, {})
    return [list(map(published, pair)) for pair in pairs]


def gates(profile: Any, qubits: Sequence[str]) -> dict[str, Any]:
    """Return the gates of the dynamic architecture."""
    singles = [[qubit] for qubit in qubits]
    loci = {gate: _loci(profile, gate) or singles for gate in IMPLEMENTATIONS if gate != "move" or _loci(profile, gate)}
    return {
        gate: {
            "implementations": {IMPLEMENTATIONS[gate]: {"loci": loci[gate]}},
            "default_implementation": IMPLEMENTATIONS[gate],
            "override_default_implementation": {},
        }
        for gate in loci
    }


def calibrated(profile: Any, qubits: Sequence[str]) -> Iterator[Triple]:
    """Yield what the calibration set says: frequencies and durations."""
    for index, qubit in enumerate(qubits):
        yield f"controllers.{qubit}.drive.frequency", 4.2e9 + 0.6e9 * ((index * 0.382) % 1), "Hz"
        yield f"gates.prx.drag_crf_sx.{qubit}.duration", seconds(profile.single_qubit_gate_durations["prx"]), "s"
        for gate in ("measure", "measure_fidelity"):
            yield f"gates.{gate}.constant.{qubit}.duration", MEASURE_DURATION, "s"
    for gate, duration in profile.two_qubit_gate_durations.items():
        for locus in _loci(profile, gate):
            yield f"gates.{gate}.{IMPLEMENTATIONS[gate]}.{'__'.join(locus)}.duration", seconds(duration), "s"


def metrics(profile: Any) -> Iterator[Triple]:
    """Yield what the quality metrics say: relaxation times, fidelities, readout errors."""
    for component, t1 in profile.t1s.items():
        yield f"characterization.model.{published(component)}.t1_time", seconds(t1), "s"
        yield f"characterization.model.{published(component)}.t2_time", seconds(profile.t2s[component]), "s"
    for (gate, parameters), experiment in [
        *(((gate, p), "rb") for gate, p in profile.single_qubit_gate_depolarizing_error_parameters.items()),
        *(((gate, p), "irb") for gate, p in profile.two_qubit_gate_depolarizing_error_parameters.items()),
    ]:
        for locus, depolarizing in parameters.items():
            components = (locus,) if isinstance(locus, str) else locus
            key = f"{gate}.{IMPLEMENTATIONS[gate]}.{'__'.join(map(published, components))}"
            fidelity = average_fidelity(profile, gate, components, depolarizing)
            yield f"metrics.{experiment}.{key}.fidelity{'' if gate == 'move' else ':par=d2'}", fidelity, ""
    for qubit, errors in profile.readout_errors.items():
        fidelity = 1 - (errors["0"] + errors["1"]) / 2
        for gate in ("measure", "measure_fidelity"):
            yield f"metrics.ssro.{gate}.constant.{qubit}.fidelity", fidelity, ""
            yield f"metrics.ssro.{gate}.constant.{qubit}.error_0_to_1", errors["0"], ""
            yield f"metrics.ssro.{gate}.constant.{qubit}.error_1_to_0", errors["1"], ""
        yield f"metrics.qndness.measure.constant.{qubit}.repeatability", fidelity, ""


def average_fidelity(profile: Any, gate: str, components: Sequence[str], depolarizing: float) -> float:
    """Return the average gate fidelity of depolarising after relaxation; times of the profile are nanoseconds."""
    d: int = 2 ** len(components)
    durations = profile.single_qubit_gate_durations | profile.two_qubit_gate_durations
    relaxed: float = math.prod(
        (1 + math.exp(-durations[gate] / profile.t1s[c]) + 2 * math.exp(-durations[gate] / profile.t2s[c])) / 4
        for c in components
    )
    process: float = (1 - depolarizing) * relaxed + depolarizing / d**2
    return (d * process + 1) / (d + 1)


def observation_set(
    kind: str, identifier: str, describes: str | None, label: str, triples: Iterator[Triple]
) -> dict[str, Any]:
    """Return an observation set as the server sends it."""
    moments = {"created_timestamp": MOMENT, "modified_timestamp": MOMENT}
    return {
        "observation_set_type": kind,
        "observation_set_id": identifier,
        "describes_id": describes,
        "invalid": False,
        "dut_label": label,
        "created_timestamp": MOMENT,
        "end_timestamp": MOMENT,
        "observations": [
            {
                "observation_id": i,
                "dut_field": n,
                "value": v,
                "unit": u,
                "uncertainty": None,
                "invalid": False,
                **moments,
            }
            for i, (n, v, u) in enumerate(triples, 1)
        ],
    }


def main(arguments: Sequence[str]) -> int:
    """Write the files, or with ``--check`` say which differ from what would be written."""
    stale = []
    for alias, backend in profiles().items():
        device, path = Device.from_document(document(alias, backend)), Path(__file__).with_name(f"{alias}.json")
        if "--check" not in arguments:
            device.save(path)
        elif not path.exists() or path.read_text(encoding="utf-8") != device.text():
            stale.append(alias)
    if stale:
        print(f"not as generated: {', '.join(stale)}; run python -m iqm_fakes.catalogue.generate", file=sys.stderr)  # noqa: T201
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
