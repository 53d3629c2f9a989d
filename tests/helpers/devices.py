"""Made-up quantum computers whose every component errs strongly and differently, so that no mix-up goes unnoticed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqm_fakes.device.device import Calibration, Device

TIME = "2026-01-02T03:04:05.000000Z"
CALIBRATION_SET_ID = "5f0a1d0e-0c1c-4b7f-9a51-2a4a1f5a7c01"
METRIC_SET_ID = "22222222-2222-4222-8222-222222222222"

T1 = {"QB1": 2.0e-6, "QB2": 4.0e-6, "QB3": 1.2e-6, "QB4": 3.0e-6, "COMPR1": 1.5e-6}
T2 = {"QB1": 1.0e-6, "QB2": 6.5e-6, "QB3": 2.4e-6, "QB4": 0.8e-6, "COMPR1": 3.0e-6}
T2_ECHO = {"QB1": 1.7e-6, "QB3": 1.1e-6, "COMPR1": 2.0e-6}
"""T2 inside gates, where it is not the other one."""
READOUT = {"QB1": (0.02, 0.11), "QB2": (0.07, 0.04), "QB3": (0.15, 0.01), "QB4": (0.03, 0.09)}
"""Probabilities to read 0 as 1 and 1 as 0."""
CHANGE = {"QB1": (0.05, 0.2), "QB2": (0.01, 0.1), "QB3": (0.2, 0.15), "QB4": (0.1, 0.03)}
"""Probabilities that a measurement takes 0 to 1 and 1 to 0."""
SHARE = {"QB1": 0.8, "QB2": 0.3, "QB3": 1.0, "QB4": 0.6}
"""Share of changes that are read as such, and so are errors, too: of as many as there can be."""
FAST_READOUT = {"QB1": (0.12, 0.21)}
PRX = {"QB1": (40e-9, 0.95), "QB2": (32e-9, 0.97), "QB3": (24e-9, 0.93), "QB4": (48e-9, 0.96)}
"""Duration in seconds and average gate fidelity."""
SLOW_PRX = {"QB2": (200e-9, 0.85)}
CZ = {
    ("QB1", "QB2"): (80e-9, 0.91),
    ("QB2", "QB3"): (60e-9, 0.88),
    ("QB3", "QB4"): (100e-9, 0.86),
    ("QB1", "COMPR1"): (70e-9, 0.90),
    ("QB2", "COMPR1"): (90e-9, 0.87),
    ("QB3", "COMPR1"): (50e-9, 0.92),
}
MOVE = {
    ("QB1", "COMPR1"): (60e-9, 0.93),
    ("QB2", "COMPR1"): (85e-9, 0.89),
    ("QB3", "COMPR1"): (110e-9, 0.91),
}

for _number in range(5, 11):  # of the longer row, in which T2 ≤ T1 everywhere
    _qubit, _like = f"QB{_number}", f"QB{(_number - 1) % 4 + 1}"
    T1[_qubit], T2[_qubit] = (4.0 + 0.3 * _number) * 1e-6, (1.0 + 0.3 * _number) * 1e-6
    READOUT[_qubit] = READOUT[_like][1] + 0.01, READOUT[_like][0] + 0.02
    CHANGE[_qubit], SHARE[_qubit] = CHANGE[_like], SHARE[_like]
    PRX[_qubit] = PRX[_like][0], PRX[_like][1] + 0.01
    CZ[f"QB{_number - 1}", _qubit] = (70e-9 + 1e-9 * _number, 0.85 + 0.01 * _number)


def transitions(pair: tuple[float, float]) -> NDArray[np.float64]:
    """Return the probability of each state (row) from each state, by those that 0 becomes 1 and 1 becomes 0."""
    up, down = pair
    return np.array([[1 - up, down], [up, 1 - down]])


def instrument(qubit: str) -> NDArray[np.float64]:
    """Return the probability that a state (first index) is recorded as this (second) and left as that (third)."""
    errors, change = transitions(READOUT[qubit]), transitions(CHANGE[qubit])
    up, down = (SHARE[qubit] * min(pair) for pair in zip(READOUT[qubit], CHANGE[qubit], strict=True))
    before = transitions((up, down))
    reading, after = errors @ np.linalg.inv(before), change @ np.linalg.inv(before)
    return np.einsum("si,rs,ls->irl", before, reading, after)


def measured_twice(qubit: str) -> dict[str, float]:
    """Return what a machine publishes of two measurements in a row, by its definitions."""
    twice = np.einsum("irl,lsk->irs", instrument(qubit), instrument(qubit))  # state, first record, second record
    first, second = twice.sum(axis=2), twice.sum(axis=1)
    return {
        "fidelity": float(first[0, 0] + first[1, 1]) / 2,
        "qndness_0": float(first[0] @ second[0]),
        "qndness_1": float(first[1] @ second[1]),
        "repeatability": float(twice[0, 0, 0] / first[0, 0] + twice[1, 1, 1] / first[1, 1]) / 2,
    }


def chain() -> Device:
    """Four qubits in a row. QB2 has a slow second prx, QB1 a fast second measure; QB4 has no cc_prx."""
    qubits = ["QB1", "QB2", "QB3", "QB4"]
    gates = {
        **_common(qubits),
        "cz": _gate({"crf_crf": [list(pair) for pair in pairwise(qubits)]}),
        "cc_prx": _gate({"prx_composite": [["QB1"], ["QB2"], ["QB3"]]}),
    }
    return _device("chain", qubits, [], [list(pair) for pair in pairwise(qubits)], gates)


def row(first: int, last: int) -> Device:
    """Qubits in a row, by their numbers from 1 to 10; from QB5 on T2 ≤ T1."""
    qubits = [f"QB{number}" for number in range(first, last + 1)]
    pairs = [list(pair) for pair in pairwise(qubits)]
    every = [[qubit] for qubit in qubits]
    gates = {
        "prx": _gate({"drag_crf_sx": every}),
        "measure": _gate({"constant": every}),
        "reset_wait": _gate({"reset_wait": every}),
        "cz": _gate({"crf_crf": pairs}),
        "cc_prx": _gate({"prx_composite": every}),
    }
    return _device("row", qubits, [], pairs, gates)


def star() -> Device:
    """Three qubits around the resonator COMPR1."""
    qubits = ["QB1", "QB2", "QB3"]
    pairs = [[qubit, "COMPR1"] for qubit in qubits]
    gates = {
        **_common(qubits),
        "cz": _gate({"crf_crf": pairs}),
        "move": _gate({"crf_crf": pairs}),
        "cc_prx": _gate({"prx_composite": [["QB1"], ["QB2"]]}),
        "reset_wait": _gate({"reset_wait": [[component] for component in (*qubits, "COMPR1")]}),
    }
    return _device("star", qubits, ["COMPR1"], pairs, gates)


def calibration(device: Device) -> Calibration:
    """Return a device's only calibration."""
    return device.calibration()


def published(calibration: Calibration, rows: dict[str, float]) -> Calibration:
    """Return a calibration that publishes these names and values, and no others under these names."""
    metrics = dict(calibration.quality_metric_set or {})
    kept = [row for row in metrics["observations"] if row["dut_field"].partition(":")[0] not in rows]
    new = [{**kept[0], "dut_field": name, "value": value} for name, value in rows.items()]
    return replace(calibration, quality_metric_set={**metrics, "observations": kept + new})


def projective(calibration: Calibration) -> Calibration:
    """Return a calibration without what is published of measuring twice."""
    metrics = dict(calibration.quality_metric_set or {})
    metrics["observations"] = [row for row in metrics["observations"] if ".qndness." not in row["dut_field"]]
    return replace(calibration, quality_metric_set=metrics)


def _common(qubits: list[str]) -> dict[str, Any]:
    every = [[qubit] for qubit in qubits]
    return {
        "prx": _gate({"drag_crf_sx": every, "drag_gaussian": [["QB2"]]}),
        "measure": _gate({"constant": every, "fast_constant": [["QB1"]]}),
        "reset_wait": _gate({"reset_wait": every}),
    }


def _gate(loci: dict[str, list[list[str]]]) -> dict[str, Any]:
    return {
        "implementations": {implementation: {"loci": places} for implementation, places in loci.items()},
        "default_implementation": next(iter(loci)),
        "override_default_implementation": {},
    }


def _device(
    name: str, qubits: list[str], resonators: list[str], connectivity: list[list[str]], gates: dict[str, Any]
) -> Device:
    pairs = [(a, b) for a, b in connectivity]
    return Device.from_document(
        {
            "schema": "iqm-device/1",
            "alias": name,
            "display_name": f"IQM {name.title()}",
            "source": "made up for tests",
            "assumptions": [],
            "health": {"healthy": True, "updated_at": TIME},
            "static_quantum_architecture": {
                "dut_label": "M000_W0_FAKE",
                "qubits": qubits,
                "computational_resonators": resonators,
                "connectivity": connectivity,
            },
            "default_calibration_set_id": CALIBRATION_SET_ID,
            "calibrations": [
                {
                    "calibration_set": _observations("calibration-set", _durations(qubits, pairs, gates)),
                    "quality_metric_set": _observations(
                        "quality-metric-set", _metrics(qubits, resonators, pairs, gates)
                    ),
                    "dynamic_quantum_architecture": {
                        "calibration_set_id": CALIBRATION_SET_ID,
                        "qubits": qubits,
                        "computational_resonators": resonators,
                        "gates": gates,
                    },
                }
            ],
        },
        name,
    )


Observation = tuple[str, float, str]


def _durations(qubits: list[str], pairs: list[tuple[str, str]], gates: dict[str, Any]) -> list[Observation]:
    rows: list[Observation] = [("gates.measure.fast_constant.QB1.duration", 0.4e-6, "s")]
    rows += [(f"gates.prx.drag_gaussian.{qubit}.duration", duration, "s") for qubit, (duration, _) in SLOW_PRX.items()]
    for qubit in qubits:
        index = int(qubit[2:]) - 1
        rows.append((f"controllers.{qubit}.drive.frequency", 4.5e9 + 1e8 * index, "Hz"))
        rows.append((f"gates.prx.drag_crf_sx.{qubit}.duration", PRX[qubit][0], "s"))
        rows.append((f"gates.measure.constant.{qubit}.duration", 1.0e-6 + 1e-7 * index, "s"))
    for name, table in (("cz", CZ), ("move", MOVE)):
        if name in gates:
            rows += [(f"gates.{name}.crf_crf.{'__'.join(pair)}.duration", table[pair][0], "s") for pair in pairs]
    return rows


def _metrics(
    qubits: list[str], resonators: list[str], pairs: list[tuple[str, str]], gates: dict[str, Any]
) -> list[Observation]:
    rows: list[Observation] = []
    for component in (*qubits, *resonators):
        rows.append((f"characterization.model.{component}.t1_time", T1[component], "s"))
        rows.append((f"characterization.model.{component}.t2_time", T2[component], "s"))
        if component in T2_ECHO:
            rows.append((f"characterization.model.{component}.t2_echo_time", T2_ECHO[component], "s"))
    rows += [(f"metrics.rb.prx.drag_crf_sx.{qubit}.fidelity:par=d2", PRX[qubit][1], "") for qubit in qubits]
    rows += [
        (f"metrics.rb.prx.drag_gaussian.{q}.fidelity:par=d2", fidelity, "") for q, (_, fidelity) in SLOW_PRX.items()
    ]
    for implementation, table in (("constant", READOUT), ("fast_constant", FAST_READOUT)):
        for qubit in (qubit for qubit in qubits if qubit in table):
            p_1_given_0, p_0_given_1 = table[qubit]
            prefix = f"metrics.ssro.measure.{implementation}.{qubit}"
            rows.append((f"{prefix}.fidelity", 1 - (p_1_given_0 + p_0_given_1) / 2, ""))
            rows.append((f"{prefix}.error_0_to_1", p_1_given_0, ""))
            rows.append((f"{prefix}.error_1_to_0", p_0_given_1, ""))
    for qubit in qubits:
        prefix = f"metrics.qndness.measure.constant.{qubit}"
        rows += [(f"{prefix}.{field}", value, "") for field, value in measured_twice(qubit).items()]
    for name, fidelities in (("cz", CZ), ("move", MOVE)):
        if name in gates:
            prefix = f"metrics.irb.{name}.crf_crf"
            rows += [(f"{prefix}.{'__'.join(pair)}.fidelity:par=d2", fidelities[pair][1], "") for pair in pairs]
    return rows


def _observations(kind: str, rows: list[Observation]) -> dict[str, Any]:
    metrics = kind == "quality-metric-set"
    return {
        "observation_set_id": METRIC_SET_ID if metrics else CALIBRATION_SET_ID,
        "observation_set_type": kind,
        "describes_id": CALIBRATION_SET_ID if metrics else None,
        "invalid": False,
        "dut_label": "M000_W0_FAKE",
        "created_timestamp": TIME,
        "end_timestamp": TIME,
        "observations": [
            {
                "observation_id": number,
                "dut_field": name,
                "value": value,
                "unit": unit,
                "uncertainty": None,
                "invalid": False,
                "created_timestamp": TIME,
                "modified_timestamp": TIME,
            }
            for number, (name, value, unit) in enumerate(rows, 1)
        ],
    }
