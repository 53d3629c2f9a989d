"""Write the bundled devices from public figures: ``python -m iqm_fakes.device.catalogue.generate [--check]``.

Five are the profiles of the vendor's fake backends in ``iqm.qiskit_iqm``, which give architectures, relaxation times,
depolarising parameters, gate durations and readout errors; emerald and sirius are put together from what is public
about these machines. What is not public is assumed here, and each file says so.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from iqm_fakes.device.device import Device
from iqm_fakes.device.metrics import EXPERIMENTS, Locus
from iqm_fakes.device.station import CONTROL_DELAY, GRID, QUBITS_A_LINE, RESET_WAIT, Station

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
ASSUMPTIONS = (
    "Names of gate implementations are those seen on current machines.",
    "Drive frequencies are made up: 4.2 to 4.8 GHz, neighbours apart.",
    f"Measurements take {MEASURE_DURATION * 1e6} microseconds and repeat with the readout fidelity.",
    "cc_prx, measure_fidelity and reset_wait exist on every qubit; feedback reaches every qubit.",
    f"Control electronics: {QUBITS_A_LINE} qubits share a probe line, in the order of their numbers; delays "
    f"are multiples of {GRID * 1e9:g} ns; feedback takes {CONTROL_DELAY * 1e9:g} ns.",
    f"A reset_wait takes {RESET_WAIT * 1e6:g} microseconds.",
)
FROM_DEPOLARISING = (
    "Fidelities are average gate fidelities of the profile's depolarising channel after relaxation by T1 and T2."
)
RENAMED = "The resonator that the profile calls CR1 has the name of current machines, COMPR1."

Triple = tuple[str, float, str]


@dataclass(frozen=True)
class Profile:
    """What is known, or assumed, about a machine. Times are in seconds, fidelities average gate fidelities."""

    alias: str
    source: str
    assumptions: Sequence[str]
    dut_label: str
    qubits: Sequence[str]
    resonators: Sequence[str]
    connectivity: Sequence[Sequence[str]]
    t1: Mapping[str, float]
    t2: Mapping[str, float]
    durations: Mapping[str, float]
    fidelities: Mapping[str, Mapping[Locus, float]]
    readout: Mapping[str, tuple[float, float]]
    """Probabilities of 1 for 0, and of 0 for 1."""


VENDORS = ("adonis", "aphrodite", "apollo", "deneb", "garnet")


def profiles() -> dict[str, Profile]:
    """Return what the bundled devices are made of, by name."""
    vendors = {alias: of_vendor(alias) for alias in VENDORS}
    return vendors | {"emerald": emerald(vendors["aphrodite"], vendors["garnet"]), "sirius": sirius(vendors["deneb"])}


def vendor_backend(alias: str) -> Any:
    """Return the vendor's fake backend."""
    return getattr(import_module(f"iqm.qiskit_iqm.fake_backends.fake_{alias}"), f"IQMFake{alias.capitalize()}")()


def of_vendor(alias: str) -> Profile:
    """Return the profile of one of the vendor's fake backends."""
    backend = vendor_backend(alias)
    profile = backend.error_profile
    architecture = vars(backend)["_IQMFakeBackend__sqa"]  # has no public name
    t1 = {published(name): seconds(time) for name, time in profile.t1s.items()}
    t2 = {published(name): seconds(time) for name, time in profile.t2s.items()}
    nanoseconds = profile.single_qubit_gate_durations | profile.two_qubit_gate_durations
    durations = {gate: seconds(time) for gate, time in nanoseconds.items()}
    depolarizing = (
        profile.single_qubit_gate_depolarizing_error_parameters | profile.two_qubit_gate_depolarizing_error_parameters
    )
    fidelities = {}
    for gate, parameters in depolarizing.items():
        loci = {(name,) if isinstance(name, str) else tuple(map(published, name)): p for name, p in parameters.items()}
        fidelities[gate] = {locus: average_fidelity(durations[gate], locus, t1, t2, p) for locus, p in loci.items()}
    resonators = [published(name) for name in architecture.computational_resonators]
    return Profile(
        alias=alias,
        source=f"{backend.name} of iqm-client's qiskit_iqm, error profile '{profile.name}'",
        assumptions=[*ASSUMPTIONS, FROM_DEPOLARISING, *([RENAMED] if resonators else [])],
        dut_label=architecture.dut_label,
        qubits=list(architecture.qubits),
        resonators=resonators,
        connectivity=[sorted(map(published, pair), key=_qubits_first) for pair in architecture.connectivity],
        t1=t1,
        t2=t2,
        durations=durations,
        fidelities=fidelities,
        readout={qubit: (errors["0"], errors["1"]) for qubit, errors in profile.readout_errors.items()},
    )


def emerald(aphrodite: Profile, garnet: Profile) -> Profile:
    """Return a profile of IQM Emerald from its announced medians; values of single loci are drawn around them."""
    dice = random.Random("emerald")  # noqa: S311  # has to be reproducible, not secret

    def around(median: float, spread: float) -> float:
        return float(f"{median * math.exp(min(max(dice.gauss(0, spread), -1.5 * spread), 1.5 * spread)):.4g}")

    return Profile(
        alias="emerald",
        source="54 qubits on a square lattice with all 90 designed couplers, as in MQT Bench's 'iqm_crystal_54' and "
        "the vendor's Aphrodite; median fidelities 99.93 % (single-qubit) and 99.5 % (two-qubit), as announced with "
        "its launch on Amazon Braket, July 2025",
        assumptions=[
            *ASSUMPTIONS,
            "Median T1 is 50 microseconds, median T2 20 microseconds, median readout fidelity 97.5 %.",
            "Values of single qubits and couplers are drawn around the medians; they are no machine's.",
            "Gate durations are those of the vendor's Garnet profile.",
            "All designed couplers work; on the machine some are usually missing.",
        ],
        dut_label="EMERALD",
        qubits=aphrodite.qubits,
        resonators=(),
        connectivity=aphrodite.connectivity,
        t1={qubit: around(50e-6, 0.2) for qubit in aphrodite.qubits},
        t2={qubit: around(20e-6, 0.15) for qubit in aphrodite.qubits},
        durations=garnet.durations,
        fidelities={
            "prx": {(qubit,): 1 - around(7e-4, 0.1) for qubit in aphrodite.qubits},
            "cz": {(a, b): 1 - around(5e-3, 0.3) for a, b in aphrodite.connectivity},
        },
        readout={qubit: (around(0.02, 0.2), around(0.03, 0.2)) for qubit in aphrodite.qubits},
    )


SIRIUS_READOUT = {
    "QB1": 0.01445,
    "QB2": 0.0192,
    "QB3": 0.01255,
    "QB4": 0.0409,
    "QB5": 0.0112,
    "QB8": 0.01945,
    "QB9": 0.01495,
    "QB10": 0.01465,
    "QB11": 0.016,
    "QB13": 0.01395,
    "QB15": 0.01185,
    "QB17": 0.01235,
    "QB19": 0.01755,
    "QB20": 0.0165,
    "QB21": 0.0145,
    "QB23": 0.0254,
}
"""Readout errors of the qubits in service, from github.com/Rudra1x/qaip-hardware-ranking (read on 2026-07-06)."""


def sirius(deneb: Profile) -> Profile:
    """Return a profile of IQM Sirius: its qubits and readout errors, the gates of the vendor's smaller star."""
    qubits, resonator = list(SIRIUS_READOUT), deneb.resonators[0]
    t1 = dict.fromkeys(qubits, deneb.t1["QB1"]) | {resonator: deneb.t1[resonator]}
    t2 = dict.fromkeys(qubits, deneb.t2["QB1"]) | {resonator: deneb.t2[resonator]}
    durations = {"prx": 32e-9, "cz": 88e-9, "move": 64e-9}
    depolarizing = {"prx": 2e-4, "cz": 0.0128, "move": 0.0}
    loci = {gate: [(qubit,) if gate == "prx" else (qubit, resonator) for qubit in qubits] for gate in durations}
    return Profile(
        alias="sirius",
        source="16 qubits in service around one resonator, with readout errors read from the machine on 2026-07-06 "
        "(github.com/Rudra1x/qaip-hardware-ranking); gate durations of a 24-qubit star of the same kind, 32, 88 and "
        "64 ns (prx, cz, move)",
        assumptions=[
            *ASSUMPTIONS,
            "T1, T2 and depolarising parameters are those of the vendor's Deneb profile, the smaller star.",
            FROM_DEPOLARISING,
            "Readout errors are symmetric, as only their mean is public.",
        ],
        dut_label="SIRIUS",
        qubits=qubits,
        resonators=[resonator],
        connectivity=[(qubit, resonator) for qubit in qubits],
        t1=t1,
        t2=t2,
        durations=durations,
        fidelities={
            gate: {locus: average_fidelity(durations[gate], locus, t1, t2, depolarizing[gate]) for locus in loci[gate]}
            for gate in durations
        },
        readout={qubit: (error, error) for qubit, error in SIRIUS_READOUT.items()},
    )


def average_fidelity(
    duration: float, locus: Locus, t1: Mapping[str, float], t2: Mapping[str, float], depolarizing: float
) -> float:
    """Return the average gate fidelity of depolarising after relaxation."""
    d: int = 2 ** len(locus)
    relaxed: float = math.prod(
        (1 + math.exp(-duration / t1[name]) + 2 * math.exp(-duration / t2[name])) / 4 for name in locus
    )
    process: float = (1 - depolarizing) * relaxed + depolarizing / d**2
    return (d * process + 1) / (d + 1)


def seconds(nanoseconds: float) -> float:
    """Return a time of the profile in seconds, without a rounding error that would be published with it."""
    return float(f"{nanoseconds}e-9")


def published(name: str) -> str:
    """Return the name of a component as machines publish it."""
    return PUBLISHED_NAME.get(name, name)


def document(profile: Profile) -> dict[str, Any]:
    """Return the device file for a profile."""
    alias = profile.alias
    calibration_id = str(uuid5(NAMESPACE_URL, f"iqm-fake:{alias}:calibration-set"))
    metrics_id = str(uuid5(NAMESPACE_URL, f"iqm-fake:{alias}:quality-metric-set"))
    label = profile.dut_label
    return {
        "schema": "iqm-device/1",
        "alias": alias,
        "display_name": f"IQM {alias.capitalize()} (fake)",
        "source": profile.source,
        "assumptions": list(profile.assumptions),
        "health": {"healthy": True},
        "static_quantum_architecture": {
            "dut_label": label,
            "qubits": list(profile.qubits),
            "computational_resonators": list(profile.resonators),
            "connectivity": list(map(list, profile.connectivity)),
        },
        "station": station(profile.qubits),
        "default_calibration_set_id": calibration_id,
        "calibrations": [
            {
                "calibration_set": observation_set("calibration-set", calibration_id, None, label, calibrated(profile)),
                "quality_metric_set": observation_set(
                    "quality-metric-set", metrics_id, calibration_id, label, metrics(profile)
                ),
                "dynamic_quantum_architecture": {
                    "calibration_set_id": calibration_id,
                    "qubits": list(profile.qubits),
                    "computational_resonators": list(profile.resonators),
                    "gates": gates(profile),
                },
            }
        ],
    }


def _qubits_first(name: str) -> tuple[bool, str, int]:
    letters = name.rstrip("0123456789")
    return letters != "QB", letters, int(name[len(letters) :] or 0)


def gates(profile: Profile) -> dict[str, Any]:
    """Return the gates of the dynamic architecture."""
    singles = [[qubit] for qubit in profile.qubits]
    resonators = [[resonator] for resonator in profile.resonators]
    present = [gate for gate in IMPLEMENTATIONS if gate in profile.fidelities or gate not in ("cz", "move")]
    return {
        gate: {
            "implementations": {
                IMPLEMENTATIONS[gate]: {
                    "loci": [
                        *(list(map(list, profile.fidelities.get(gate, ()))) or singles),
                        *(resonators if gate == "reset_wait" else ()),
                    ]
                }
            },
            "default_implementation": IMPLEMENTATIONS[gate],
            "override_default_implementation": {},
        }
        for gate in present
    }


def calibrated(profile: Profile) -> Iterator[Triple]:
    """Yield what the calibration set says: frequencies and durations."""
    for index, qubit in enumerate(profile.qubits):
        yield f"controllers.{qubit}.drive.frequency", 4.2e9 + 0.6e9 * ((index * 0.382) % 1), "Hz"
        yield f"gates.prx.{IMPLEMENTATIONS['prx']}.{qubit}.duration", profile.durations["prx"], "s"
        for gate in ("measure", "measure_fidelity"):
            yield f"gates.{gate}.constant.{qubit}.duration", MEASURE_DURATION, "s"
    for component in (*profile.qubits, *profile.resonators):
        yield f"gates.reset_wait.reset_wait.{component}.duration", RESET_WAIT, "s"
    for gate, fidelities in profile.fidelities.items():
        for locus in fidelities if gate != "prx" else ():
            yield f"gates.{gate}.{IMPLEMENTATIONS[gate]}.{'__'.join(locus)}.duration", profile.durations[gate], "s"


def metrics(profile: Profile) -> Iterator[Triple]:
    """Yield what the quality metrics say: relaxation times, fidelities, readout errors."""
    for component, t1 in profile.t1.items():
        yield f"characterization.model.{component}.t1_time", t1, "s"
        yield f"characterization.model.{component}.t2_time", profile.t2[component], "s"
    for gate, fidelities in profile.fidelities.items():
        suffix = "" if gate == "move" else ":par=d2"
        for locus, fidelity in fidelities.items():
            yield (
                f"metrics.{EXPERIMENTS[gate]}.{gate}.{IMPLEMENTATIONS[gate]}.{'__'.join(locus)}.fidelity{suffix}",
                fidelity,
                "",
            )
    for qubit, (wrong_0, wrong_1) in profile.readout.items():
        fidelity = 1 - (wrong_0 + wrong_1) / 2
        for gate in ("measure", "measure_fidelity"):
            yield f"metrics.{EXPERIMENTS['measure']}.{gate}.constant.{qubit}.fidelity", fidelity, ""
            yield f"metrics.{EXPERIMENTS['measure']}.{gate}.constant.{qubit}.error_0_to_1", wrong_0, ""
            yield f"metrics.{EXPERIMENTS['measure']}.{gate}.constant.{qubit}.error_1_to_0", wrong_1, ""
        yield f"metrics.qndness.measure.constant.{qubit}.repeatability", fidelity, ""


def station(qubits: Sequence[str]) -> dict[str, Any]:
    """Return what the control electronics impose on times: what would be assumed, stated."""
    assumed = Station.of({}, qubits)
    return {
        "probe_lines": [list(line) for line in assumed.probe_lines],
        "grid": assumed.grid,
        "control_delay": assumed.control_delay,
    }


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
    for alias, profile in profiles().items():
        device, path = Device.from_document(document(profile)), Path(__file__).with_name(f"{alias}.json")
        if "--check" not in arguments:
            device.save(path)
        elif not path.exists() or path.read_text(encoding="utf-8") != device.text():
            stale.append(alias)
    if stale:
        advice = "run python -m iqm_fakes.device.catalogue.generate"
        print(f"not as generated: {', '.join(stale)}; {advice}", file=sys.stderr)  # noqa: T201
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
