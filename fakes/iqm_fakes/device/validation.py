"""What is wrong with a device document: its own structure at once, and by the vendor's models."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from iqm_fakes.device.file_format import SCHEMA
from iqm_fakes.device.metrics import RANGES

_OBSERVATION_SET: dict[str, Any] = {
    "observation_set_id": str,
    "observation_set_type": str,
    "created_timestamp": str,
    "observations": [{"dut_field": str, "value": object, "unit": str, "observation_id": int}],
}

_SHAPE: dict[str, Any] = {
    "schema": str,
    "alias": str,
    "display_name": str,
    "health": {"healthy": bool},
    "static_quantum_architecture": {
        "dut_label": str,
        "qubits": [str],
        "computational_resonators": [str],
        "connectivity": [[str]],
    },
    "default_calibration_set_id": str,
    "calibrations": [
        {
            "calibration_set": _OBSERVATION_SET,
            "quality_metric_set": (_OBSERVATION_SET, None),
            "dynamic_quantum_architecture": {
                "calibration_set_id": str,
                "qubits": [str],
                "computational_resonators": [str],
                "gates": dict,
            },
        }
    ],
}
"""What a device has to have: field → type, or the same for what is inside; a tuple is that or null."""


def problems(document: Any) -> Iterator[str]:
    """Yield what is wrong with a document, the first mistake first; later checks rely on earlier ones."""
    if not isinstance(document, dict):
        yield f"a device is a JSON object, got {type(document).__name__}"
    elif document.get("schema") != SCHEMA:
        yield f"schema is {document.get('schema')!r}, this version reads '{SCHEMA}'"
    else:
        yield from _misshapen(document, _SHAPE, "")
        yield from _inconsistent(document)
        yield from _bad_station(document.get("station", {}), document["static_quantum_architecture"]["qubits"])


def quality_metric_problems(document: Any) -> Iterator[str]:
    """Yield what is wrong with the structure of a quality metric set by itself."""
    yield from _misshapen(document, _OBSERVATION_SET, "")


def _misshapen(value: Any, shape: Any, place: str) -> Iterator[str]:
    if isinstance(shape, tuple):
        if value is None:
            return
        shape = shape[0]
    kind: type = shape if isinstance(shape, type) else type(shape)
    fits: bool = isinstance(value, kind)
    if not fits:
        yield f"{place or 'the document'} has to be a JSON {_JSON_NAME[kind]}, got {type(value).__name__}"
    elif isinstance(shape, dict):
        for name, inner in shape.items():
            if name not in value:
                yield f"{place or 'the document'} has no '{name}'"
            else:
                yield from _misshapen(value[name], inner, f"{place}.{name}".lstrip("."))
    elif isinstance(shape, list):
        for index, element in enumerate(value):
            yield from _misshapen(element, shape[0], f"{place}[{index}]")


_JSON_NAME = {str: "string", bool: "boolean", int: "integer", dict: "object", list: "array"}


def _inconsistent(document: Mapping[str, Any]) -> Iterator[str]:
    architecture = document["static_quantum_architecture"]
    components = {*architecture["qubits"], *architecture["computational_resonators"]}
    for a in {name for pair in architecture["connectivity"] for name in pair} - components:
        yield f"connectivity names '{a}', which is neither a qubit nor a resonator"
    ids = [entry["calibration_set"]["observation_set_id"] for entry in document["calibrations"]]
    if len(set(ids)) < len(ids):
        yield "two calibrations have the same calibration_set.observation_set_id"
    if document["default_calibration_set_id"] not in ids:
        yield f"default_calibration_set_id {document['default_calibration_set_id']} is none of {', '.join(ids)}"
    for index, entry in enumerate(document["calibrations"]):
        place = f"calibrations[{index}]"
        dynamic = entry["dynamic_quantum_architecture"]
        if dynamic["calibration_set_id"] != ids[index]:
            yield (
                f"{place}.dynamic_quantum_architecture is of calibration set {dynamic['calibration_set_id']}, "
                f"not {ids[index]}"
            )
        yield from _bad_gates(dynamic["gates"], components, f"{place}.dynamic_quantum_architecture.gates")
        yield from _bad_noise(entry.get("noise", {}), components, f"{place}.noise")


_STATION = {"probe_lines": "lists of qubits", "grid": "seconds above 0", "control_delay": "seconds, not negative"}
"""What a station may state, see :mod:`iqm_fakes.device.station`."""


def _bad_station(station: Any, qubits: list[str]) -> Iterator[str]:
    yield from _misshapen(station, {}, "station")
    for name, value in station.items():
        if name not in _STATION:
            yield f"station.{name} is none of {', '.join(_STATION)}"
        elif name == "probe_lines":
            yield from _misshapen(value, [[str]], "station.probe_lines")
            read = [qubit for line in value for qubit in line]
            for unknown in sorted(set(read) - set(qubits)):
                yield f"station.probe_lines names '{unknown}', which is no qubit"
            for twice in sorted({qubit for qubit in read if read.count(qubit) > 1}):
                yield f"station.probe_lines names '{twice}' twice"
        elif type(value) not in (int, float) or not 0 <= value < 1 or (name == "grid" and not value):
            yield f"station.{name} is {_STATION[name]}, got {value!r}"


def _bad_gates(gates: Mapping[str, Any], components: set[str], place: str) -> Iterator[str]:
    shape = {
        "implementations": dict,
        "default_implementation": str,
        "override_default_implementation": dict,
    }
    for gate, info in gates.items():
        yield from _misshapen(info, shape, f"{place}.{gate}")
        if info["default_implementation"] not in info["implementations"]:
            yield f"{place}.{gate}.default_implementation '{info['default_implementation']}' is not implemented"
        for name, implementation in info["implementations"].items():
            here = f"{place}.{gate}.implementations.{name}"
            yield from _misshapen(implementation, {"loci": [[str]]}, here)
            for unknown in {component for locus in implementation["loci"] for component in locus} - components:
                yield f"{here}.loci names '{unknown}', which the static architecture doesn't have"


_PROFILE: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "gates": {"duration": RANGES["duration"], "depolarizing": (0.0, 1.0)},
    "relaxation": {"t1": (1e-9, math.inf), "t2": (1e-9, math.inf)},
    "readout": {"p_1_given_0": (0.0, 1.0), "p_0_given_1": (0.0, 1.0), "relaxing": RANGES["duration"]},
    "zz": {"rate": (-1e9, 1e9)},
}
"""What a noise profile may say: section → parameter → its smallest and its largest value."""


def _bad_noise(profile: Any, components: set[str], place: str) -> Iterator[str]:
    yield from _misshapen(profile, {}, place)
    for section, entries in profile.items():
        here = f"{place}.{section}"
        if section not in _PROFILE:
            yield f"{here} is none of {', '.join(_PROFILE)}"
        yield from _misshapen(entries, {}, here)
        for name, entry in entries.items():
            if section == "zz":
                pair = name.split(",")
                if len(set(pair)) != 2 or len(pair) != 2:
                    yield f"{here}.{name}: a pair is two components, joined by a comma"
                yield from _unknown(name, components, f"{here}.{name}")
                yield from _out_of_range(entry, _PROFILE[section]["rate"], f"{here}.{name}")
                continue
            yield from _misshapen(entry, {}, f"{here}.{name}")
            for locus, parameters in (entry if section == "gates" else {name: entry}).items():
                there = f"{here}.{name}.{locus}" if section == "gates" else f"{here}.{name}"
                yield from _unknown(locus, components, there)
                yield from _misshapen(parameters, {}, there)
                yield from _bad_parameters(parameters, _PROFILE[section], there)


def _unknown(locus: str, components: set[str], place: str) -> Iterator[str]:
    for unknown in set(locus.split(",")) - components:
        yield f"{place}: there is no component '{unknown}'"


def _bad_parameters(
    parameters: Mapping[str, Any], known: Mapping[str, tuple[float, float]], place: str
) -> Iterator[str]:
    for name, value in parameters.items():
        if name not in known:
            yield f"{place}.{name} is none of {', '.join(known)}"
        else:
            yield from _out_of_range(value, known[name], f"{place}.{name}")


def _out_of_range(value: Any, limits: tuple[float, float], place: str) -> Iterator[str]:
    lowest, highest = limits
    if not isinstance(value, int | float) or isinstance(value, bool) or not lowest <= value <= highest:
        yield f"{place} has to be a number from {lowest:g} to {highest:g}, got {value!r}"


def refusals(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the vendor's models refuse of a document that :func:`problems` finds nothing wrong with."""
    from iqm_fakes.vendor.http import refused  # importing the vendor's models takes seconds

    def places() -> Iterator[tuple[str, str, Any]]:
        yield "", "static_quantum_architecture", document["static_quantum_architecture"]
        for index, entry in enumerate(document["calibrations"]):
            for kind in ("calibration_set", "quality_metric_set", "dynamic_quantum_architecture"):
                yield f"calibrations[{index}].", kind, entry[kind]

    for place, kind, published in places():
        if published is not None:
            for inside, problem in refused(kind, published):
                yield f"{place}{kind}{inside}: {problem}"
