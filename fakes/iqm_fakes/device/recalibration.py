"""A next calibration of a quantum computer, made up: its error rates and times have drifted, some loci are lost."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from iqm_fakes.device.device import Device
from iqm_fakes.device.metrics import RATES, TIMES, Locus, Place, is_number, value_range
from iqm_fakes.documents import moment

REAL_DRIFT = {"cz": 0.58, "move": 0.58, "prx": 0.33, "readout": 0.55, "time": 0.2}
"""Standard deviation of the logarithm of the factors by which errors and relaxation times change in two days.

Those of cz, prx and readout are measured: between the quality metrics that IQM Emerald published on 29 and on 31
January 2026 (54 qubits, 82 couplers; readout is the error of reading 0 as 1). That MOVE drifts like cz is assumed; so
is the figure of relaxation times, which do change within hours (Burnett et al., npj Quantum Inf. 5, 54 (2019)).
"""


def recalibrated(device: Device, seed: int, *, drift: float | None = None, lost: Iterable[str | Locus] = ()) -> Device:
    """Return a device with one more calibration, which is the default: the former default's, drifted.

    Each error and each relaxation time changes by a factor of its own; fidelities of Clifford gates follow those of the
    gate that they are measured with, uncertainties what they are of.

    Args:
        device: A device.
        seed: Determines the new calibration, its id included, together with the former one.
        drift: Standard deviation of the logarithm of these factors, the same for all; None takes :data:`REAL_DRIFT`.
        lost: Components, or loci such as ``("QB1", "QB2")``, that the new calibration does without.

    Raises:
        ValueError: There is nothing of that name to lose.

    """
    last = device.calibration()
    dice = random.Random(f"{seed}:{last.id}")  # noqa: S311  # has to be reproducible, not secret
    identifier = str(UUID(int=dice.getrandbits(128), version=4))
    calibration_set = _next_set(last.calibration_set, identifier, None, dice, drift)
    metrics = last.quality_metric_set
    if metrics is not None:
        metrics = _next_set(metrics, str(UUID(int=dice.getrandbits(128), version=4)), identifier, dice, drift)
    architecture = _without(last.dynamic_quantum_architecture, lost) | {"calibration_set_id": identifier}
    entry = {
        "calibration_set": calibration_set,
        "quality_metric_set": metrics,
        "dynamic_quantum_architecture": architecture,
        **({"noise": last.noise} if last.noise else {}),
    }
    calibrations = [*device.document["calibrations"], entry]
    return Device.from_document(
        {**device.document, "default_calibration_set_id": identifier, "calibrations": calibrations}
    )


def _next_set(
    document: Mapping[str, Any], identifier: str, describes: str | None, dice: random.Random, drift: float | None
) -> dict[str, Any]:
    observations = [dict(observation) for observation in document["observations"]]
    factors: dict[str, float] = {}
    for observation in observations:
        name = _what_drifts(observation["dut_field"].partition(":")[0])
        if name and isinstance(observation["value"], float):
            if name not in factors:
                factors[name] = math.exp(dice.gauss(0.0, _real_drift(name) if drift is None else drift))
            _multiply(observation, factors[name])
    values = {
        observation["dut_field"].partition(":")[0]: observation
        for observation in observations
        if is_number(observation["value"])
    }
    for name, observation in values.items():
        path, _, field = name.rpartition(".")
        if field in ("t2_time", "t2_echo_time") and f"{path}.t1_time" in values:
            observation["value"] = min(observation["value"], 2 * values[f"{path}.t1_time"]["value"])
        elif field == "fidelity" and f"{path}.error_0_to_1" in values and f"{path}.error_1_to_0" in values:
            wrong = values[f"{path}.error_0_to_1"]["value"] + values[f"{path}.error_1_to_0"]["value"]
            observation["value"] = 1 - wrong / 2
    later = {
        name: _a_day_later(document[name]) for name in ("created_timestamp", "end_timestamp") if document.get(name)
    }
    described = {"describes_id": describes} if "describes_id" in document else {}
    return {**document, **later, **described, "observation_set_id": identifier, "observations": observations}


def _what_drifts(name: str) -> str:
    """Return the same text for observations that drift by the same factor; empty for what doesn't drift."""
    path, _, field = name.rpartition(".")
    if field not in TIMES and field not in RATES:
        return ""
    kind, _, where = path.rpartition(".")
    match kind.split("."):
        case ["metrics", "rb", "clifford", _]:
            gate = "cz" if "__" in where else "prx"
        case ["metrics", _, ("prx" | "cz" | "move") as gate, _]:
            pass
        case _:
            return name
    return f"{gate}.{'__'.join(sorted(where.split('__')))}"


def _real_drift(name: str) -> float:
    default = "time" if name.rpartition(".")[2] in TIMES else "readout"
    return REAL_DRIFT.get(name.partition(".")[0], REAL_DRIFT[default])


def _multiply(observation: dict[str, Any], factor: float) -> None:
    """Multiply a time, or the error rate that is published, and its uncertainty."""
    field, value = observation["dut_field"].partition(":")[0].rpartition(".")[2], observation["value"]
    if field in TIMES:
        observation["value"] = value * factor
    elif 0 <= value <= 1:
        lowest, highest = value_range(observation["dut_field"].partition(":")[0])
        drifted = 1 - (1 - value) * factor if RATES[field] else value * factor
        observation["value"] = min(max(drifted, lowest), highest)
    if is_number(observation.get("uncertainty")):
        observation["uncertainty"] *= factor


def _a_day_later(timestamp: str) -> str:
    stated = moment(timestamp)
    try:
        later = None if stated is None else stated + timedelta(days=1)
    except OverflowError:  # on the last day of all
        later = None
    return timestamp if later is None else later.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _without(architecture: Mapping[str, Any], lost: Iterable[str | Locus]) -> dict[str, Any]:
    """Return a dynamic architecture without gates on these components and loci."""
    gone = [(name,) if isinstance(name, str) else tuple(name) for name in lost]
    names = {locus[0] for locus in gone if len(locus) == 1}
    pairs = {frozenset(locus) for locus in gone if len(locus) > 1}
    known = {frozenset(locus) for _, locus in _every_locus(architecture)}
    for locus in gone:
        if frozenset(locus) not in known:
            raise ValueError(f"{'-'.join(locus)} can't be lost: no gate of the calibration has this locus")

    def stays(locus: Iterable[str]) -> bool:
        return names.isdisjoint(locus) and frozenset(locus) not in pairs

    gates = {
        gate: {
            **info,
            "implementations": {
                name: {**entry, "loci": [locus for locus in entry["loci"] if stays(locus)]}
                for name, entry in info["implementations"].items()
            },
            "override_default_implementation": {
                key: name for key, name in info["override_default_implementation"].items() if stays(key.split(","))
            },
        }
        for gate, info in architecture["gates"].items()
    }
    return {
        **architecture,
        "qubits": [name for name in architecture["qubits"] if name not in names],
        "computational_resonators": [n for n in architecture["computational_resonators"] if n not in names],
        "gates": gates,
    }


def _every_locus(architecture: Mapping[str, Any]) -> Iterator[Place]:
    for gate, info in architecture["gates"].items():
        for entry in info["implementations"].values():
            yield from ((gate, tuple(locus)) for locus in entry["loci"])
