"""Write the bundled devices from public figures: ``python -m iqm_fakes.device.catalogue.generate [--check]``.

- garnet and emerald are real machines on one day. Their files have the quality metric sets that these machines
  published, word for word; this script reads them there and writes what is around them, as ``iqm-fake import`` does. A
  later day: ``iqm-fake import METRICS.json --like garnet --out …/catalogue/garnet.json --force``, then this script.
- deneb and sirius are stars of qubits of a real star, whose figures are in ``star.csv``.
- adonis, apollo and aphrodite are the profiles of the vendor's fake backends in ``iqm.qiskit_iqm``, which give
  architectures, relaxation times, depolarising parameters, gate durations and readout errors; apollo and aphrodite,
  whose profiles are nearly uniform, with the spread of a real chip.

What is not public is assumed here, and each file says so.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from statistics import NormalDist, median, stdev
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from iqm_fakes.device.device import Device
from iqm_fakes.device.metrics import EXPERIMENTS, Locus, published_values
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
SUFFIXES = {"prx": ":par=d2", "cz": ":par=d2"}
"""What follows the names of fidelities."""

NOT_PUBLIC = (
    "Drive frequencies are made up: 4.2 to 4.8 GHz, neighbours apart.",
    f"Measurements take {MEASURE_DURATION * 1e6} microseconds.",
    "cc_prx, measure_fidelity and reset_wait exist on every qubit; feedback reaches every qubit.",
    f"Control electronics: {QUBITS_A_LINE} qubits share a probe line, in the order of their numbers; delays "
    f"are multiples of {GRID * 1e9:g} ns; feedback takes {CONTROL_DELAY * 1e9:g} ns.",
    f"A reset_wait takes {RESET_WAIT * 1e6:g} microseconds.",
)
"""Assumed of every device; no machine publishes it."""

NAMES = "Names of gate implementations are those seen on current machines."
SAME_READOUT = (
    "measure_fidelity errs like measure, and measurements repeat as often as these errors alone let them; T2 of an "
    "echo, uncertainties and the state after a measurement are not published."
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
    moment: str = MOMENT
    implementations: Mapping[str, str] = field(default_factory=IMPLEMENTATIONS.copy)
    suffixes: Mapping[str, str] = field(default_factory=SUFFIXES.copy)


VENDORS = ("adonis", "aphrodite", "apollo", "deneb", "garnet")


def documents() -> dict[str, dict[str, Any]]:
    """Return the device files, by name."""
    vendors = {alias: of_vendor(alias) for alias in VENDORS}
    emerald = Device.load("emerald")
    profiles = [
        vendors["adonis"],
        *(spread_out(vendors[alias], emerald) for alias in ("apollo", "aphrodite")),
        deneb(vendors["deneb"]),
        sirius(vendors["deneb"]),
    ]
    chips = (vendors["garnet"], replace(vendors["aphrodite"], alias="emerald", durations=vendors["garnet"].durations))
    return {profile.alias: document(profile) for profile in profiles} | {chip.alias: real(chip) for chip in chips}


MIT = (
    "MIT License. Copyright (c) 2025 Team 17. Permission is hereby granted, free of charge, to any person obtaining a "
    'copy of this software and associated documentation files (the "Software"), to deal in the Software without '
    "restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, "
    "sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, "
    "subject to the following conditions: The above copyright notice and this permission notice shall be included in "
    'all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY '
    "KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A "
    "PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY "
    "CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR "
    "IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."
)


def real(chip: Profile) -> dict[str, Any]:
    """Return the device file of a real machine: the quality metric set that it has now, on the chip of a profile."""
    metrics = Device.load(chip.alias).calibration().quality_metric_set
    assert metrics is not None  # noqa: S101  # of mypy
    imported = Device.from_quality_metrics(metrics, like=Device.from_document(document(chip))).document
    times = ", ".join(f"{gate} {chip.durations[gate] * 1e9:g} ns" for gate in ("prx", "cz"))
    said = {
        "source": f"Measured: quality metric set {metrics['observation_set_id']}, whole, that IQM "
        f"{chip.alias.capitalize()} published on {metrics['created_timestamp'][:10]} (from "
        "github.com/andxeg/iquhack_2026_iqm). It says which gates are calibrated on which qubits and couplers, by "
        "which implementations, and how well they work.",
        "licence": MIT,
        "assumptions": [
            "Qubits and couplers are those of the vendor's fake backend of the same chip, and gate durations those of "
            f"IQMFakeGarnetBackend: {times}.",
            *NOT_PUBLIC,
        ],
    }
    rest = {name: value for name, value in imported.items() if name not in (*said, "imported_like")}
    first = {name: rest[name] for name in ("schema", "alias", "display_name")}
    return {**first, **said, **rest}


def spread_out(profile: Profile, real: Device) -> Profile:
    """Return a profile with the medians that it has, and the spread over the chip that a real machine has.

    Each quantity has the quantiles of a log-normal distribution, dealt out to the loci at random.
    """
    dice = random.Random(profile.alias)  # noqa: S311  # has to be reproducible, not secret
    spreads = spreads_of(real)

    def dealt(values: Mapping[Any, float], quantity: str) -> dict[Any, float]:
        middle = NormalDist(math.log(median(values.values())), spreads[quantity])
        new = [math.exp(middle.inv_cdf((index + 0.5) / len(values))) for index in range(len(values))]
        dice.shuffle(new)
        return {place: float(f"{value:.4g}") for place, value in zip(values, new, strict=True)}

    t1 = dealt(profile.t1, "t1_time")
    t2 = {name: min(time, 2 * t1[name]) for name, time in dealt(profile.t2, "t2_time").items()}
    errors = {
        gate: dealt({locus: 1 - fidelity for locus, fidelity in fidelities.items()}, gate)
        for gate, fidelities in profile.fidelities.items()
    }
    wrong_0, wrong_1 = (
        dealt({qubit: wrong[state] for qubit, wrong in profile.readout.items()}, quantity)
        for state, quantity in enumerate(("error_0_to_1", "error_1_to_0"))
    )
    said = ", ".join(f"{name} {spread:.2f}" for name, spread in spreads.items())
    return replace(
        profile,
        assumptions=[
            *profile.assumptions,
            "Medians over the chip are the profile's, which is nearly uniform. Values of single qubits and couplers "
            f"are log-normal around them, as wide as on {real.alias.capitalize()}: they are no machine's. Standard "
            f"deviations of the logarithm: {said}.",
        ],
        t1=t1,
        t2=t2,
        fidelities={gate: {locus: 1 - e for locus, e in by_locus.items()} for gate, by_locus in errors.items()},
        readout={qubit: (wrong_0[qubit], wrong_1[qubit]) for qubit in profile.readout},
    )


def spreads_of(device: Device) -> dict[str, float]:
    """Return the standard deviation over the chip of the logarithm of relaxation times and of errors."""
    groups: dict[str, list[float]] = {}
    for name, value in published_values(device.calibration().observations()).items():
        _, _, gate, *_, last = name.split(".")
        if last in ("t1_time", "t2_time") or (gate == "measure" and last.startswith("error_")):
            groups.setdefault(last, []).append(value)
        elif gate in ("prx", "cz") and last == "fidelity":
            groups.setdefault(gate, []).append(1 - value)
    return {quantity: stdev(map(math.log, values)) for quantity, values in sorted(groups.items())}


@cache  # making one takes seconds
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
        assumptions=[NAMES, FROM_DEPOLARISING, SAME_READOUT, *NOT_PUBLIC],
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


STAR = Path(__file__).with_name("star.csv")
"""Figures of a real star; what they are is said there."""

RESONATOR_T1 = 29.8e-6
"""Of the same star, in seconds."""


def star_qubits(number: int) -> list[dict[str, float]]:
    """Return the figures of some qubits of the real star, spread as those of all of them.

    The qubits in the order of the errors of their gates are cut into groups of equal size, and the middle one of each
    is taken, whole, so that what is related on one qubit stays so. They are returned in the order of their numbers.
    """
    lines = (line for line in STAR.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    every = [{name: float(text.removeprefix("QB")) for name, text in row.items()} for row in csv.DictReader(lines)]
    every.sort(key=lambda row: row["prx"] + row["cz"] + row["move"])
    chosen = [every[(2 * index + 1) * len(every) // (2 * number)] for index in range(number)]
    return sorted(chosen, key=lambda row: row["qubit"])


def deneb(chip: Profile) -> Profile:
    """Return the vendor's star with figures of qubits of a real one."""
    return star(
        replace(
            chip,
            source="Measured: 6 of the 24 qubits and the resonator's T1 of a star of the same kind (VLQ, 17 March 2026;"
            " a public file under the Apache License 2.0). The chip and its gate durations (prx 40 ns, cz 120 ns, move "
            f"96 ns) are those of the {chip.source}.",
            assumptions=[RENAMED],
        )
    )


def star(chip: Profile) -> Profile:
    """Return a star with the figures of qubits of a real one instead of its own."""
    (resonator,) = chip.resonators
    rows = dict(zip(chip.qubits, star_qubits(len(chip.qubits)), strict=True))
    numbers = ", ".join(f"{row['qubit']:g}" for row in rows.values())
    weak = ", ".join(f"{name} with a cz error of {row['cz']:.2g}" for name, row in rows.items() if row["cz"] > 0.1)
    return replace(
        chip,
        assumptions=[
            f"The qubits have the figures of numbers {numbers} of the "
            "real star, in this order: when its qubits are sorted by the sum of the errors of their gates and cut into "
            f"{len(rows)} groups of equal size, the middle one of each group. So weak qubits are as frequent as "
            f"there: {weak}.",
            "The resonator loses no phase but by its T1.",
            *chip.assumptions,
            SAME_READOUT,
            *NOT_PUBLIC,
        ],
        t1={name: seconds(row["t1"]) for name, row in rows.items()} | {resonator: RESONATOR_T1},
        t2={name: seconds(row["t2"]) for name, row in rows.items()} | {resonator: 2 * RESONATOR_T1},
        fidelities={
            gate: {(name,) if gate == "prx" else (name, resonator): 1 - row[gate] for name, row in rows.items()}
            for gate in ("prx", "cz", "move")
        },
        readout={name: (row["error_0_to_1"], row["error_1_to_0"]) for name, row in rows.items()},
        moment="2026-03-17T00:00:00.000000Z",
        implementations=IMPLEMENTATIONS | {"prx": "drag_crf"},
        suffixes={"prx": ":par=d1", "move": ":n_interleaved_gates=2"},
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


def sirius(chip: Profile) -> Profile:
    """Return IQM Sirius: its qubits and the means of its readout errors; the rest are figures of a real star."""
    qubits = list(SIRIUS_READOUT)
    profile = star(
        replace(
            chip,
            alias="sirius",
            source="Measured: which 16 qubits are in service, and the mean of the two readout errors of each, on "
            "2026-07-06 (github.com/Rudra1x/qaip-hardware-ranking); all else on 16 of the 24 qubits of a star of the "
            "same kind (VLQ, 17 March 2026; a public file under the Apache License 2.0), with its resonator's T1 and "
            "its gate durations: prx 32 ns, cz 88 ns, move 64 ns.",
            assumptions=["How a mean readout error is made of 0 read as 1 and 1 read as 0 is as on the other star."],
            dut_label="SIRIUS",
            qubits=qubits,
            connectivity=[(qubit, resonator) for qubit in qubits for resonator in chip.resonators],
            durations={"prx": 32e-9, "cz": 88e-9, "move": 64e-9},
        )
    )
    scale = {qubit: 2 * SIRIUS_READOUT[qubit] / sum(wrong) for qubit, wrong in profile.readout.items()}
    return replace(
        profile,
        readout={
            qubit: (float(f"{wrong_0 * scale[qubit]:.4g}"), float(f"{wrong_1 * scale[qubit]:.4g}"))
            for qubit, (wrong_0, wrong_1) in profile.readout.items()
        },
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
                "calibration_set": observation_set(
                    "calibration-set", calibration_id, None, label, profile.moment, calibrated(profile)
                ),
                "quality_metric_set": observation_set(
                    "quality-metric-set", metrics_id, calibration_id, label, profile.moment, metrics(profile)
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
    present = [gate for gate in profile.implementations if gate in profile.fidelities or gate not in ("cz", "move")]
    return {
        gate: {
            "implementations": {
                profile.implementations[gate]: {
                    "loci": [
                        *(list(map(list, profile.fidelities.get(gate, ()))) or singles),
                        *(resonators if gate == "reset_wait" else ()),
                    ]
                }
            },
            "default_implementation": profile.implementations[gate],
            "override_default_implementation": {},
        }
        for gate in present
    }


def calibrated(profile: Profile) -> Iterator[Triple]:
    """Yield what the calibration set says: frequencies and durations."""
    for index, qubit in enumerate(profile.qubits):
        yield f"controllers.{qubit}.drive.frequency", 4.2e9 + 0.6e9 * ((index * 0.382) % 1), "Hz"
        yield f"gates.prx.{profile.implementations['prx']}.{qubit}.duration", profile.durations["prx"], "s"
        for gate in ("measure", "measure_fidelity"):
            yield f"gates.{gate}.constant.{qubit}.duration", MEASURE_DURATION, "s"
    for component in (*profile.qubits, *profile.resonators):
        yield f"gates.reset_wait.reset_wait.{component}.duration", RESET_WAIT, "s"
    for gate, fidelities in profile.fidelities.items():
        for locus in fidelities if gate != "prx" else ():
            name = f"gates.{gate}.{profile.implementations[gate]}.{'__'.join(locus)}.duration"
            yield name, profile.durations[gate], "s"


def metrics(profile: Profile) -> Iterator[Triple]:
    """Yield what the quality metrics say: relaxation times, fidelities, readout errors."""
    for component, t1 in profile.t1.items():
        yield f"characterization.model.{component}.t1_time", t1, "s"
        yield f"characterization.model.{component}.t2_time", profile.t2[component], "s"
    for gate, fidelities in profile.fidelities.items():
        prefix = f"metrics.{EXPERIMENTS[gate]}.{gate}.{profile.implementations[gate]}"
        for locus, fidelity in fidelities.items():
            yield f"{prefix}.{'__'.join(locus)}.fidelity{profile.suffixes.get(gate, '')}", fidelity, ""
    for qubit, (wrong_0, wrong_1) in profile.readout.items():
        fidelity = 1 - (wrong_0 + wrong_1) / 2
        for gate in ("measure", "measure_fidelity"):
            yield f"metrics.{EXPERIMENTS['measure']}.{gate}.constant.{qubit}.fidelity", fidelity, ""
            yield f"metrics.{EXPERIMENTS['measure']}.{gate}.constant.{qubit}.error_0_to_1", wrong_0, ""
            yield f"metrics.{EXPERIMENTS['measure']}.{gate}.constant.{qubit}.error_1_to_0", wrong_1, ""
        different = wrong_0 * (1 - wrong_0) + wrong_1 * (1 - wrong_1)  # of two readings of one state
        yield f"metrics.qndness.measure.constant.{qubit}.repeatability", 1 - different, ""


def station(qubits: Sequence[str]) -> dict[str, Any]:
    """Return what the control electronics impose on times: what would be assumed, stated."""
    assumed = Station.of({}, qubits)
    return {
        "probe_lines": [list(line) for line in assumed.probe_lines],
        "grid": assumed.grid,
        "control_delay": assumed.control_delay,
    }


def observation_set(
    kind: str, identifier: str, describes: str | None, label: str, moment: str, triples: Iterable[Triple]
) -> dict[str, Any]:
    """Return an observation set as the server sends it."""
    moments = {"created_timestamp": moment, "modified_timestamp": moment}
    return {
        "observation_set_type": kind,
        "observation_set_id": identifier,
        "describes_id": describes,
        "invalid": False,
        "dut_label": label,
        "created_timestamp": moment,
        "end_timestamp": moment,
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
    for alias, described in documents().items():
        device, path = Device.from_document(described), Path(__file__).with_name(f"{alias}.json")
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
