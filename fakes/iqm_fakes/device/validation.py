"""What is wrong with a device document: its own structure at once, and by the vendor's models."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from iqm_fakes.device.file_format import CONDENSED, SCHEMA, spelt_out
from iqm_fakes.device.implementations import LOCUS_SIZES
from iqm_fakes.device.metrics import RANGES
from iqm_fakes.documents import (
    ALIAS,
    NAME,
    TIME,
    UUID,
    Either,
    Only,
    Path,
    That,
    at,
    misshapen,
    number,
    one_of,
    unwritable,
)

_OBSERVATION_SET: dict[str, Any] = {
    "observation_set_id": UUID,
    "observation_set_type": str,
    "created_timestamp": TIME,
    "end_timestamp?": Either(TIME, None),
    "observations": [{"dut_field": str, "value": object, "unit": str, "observation_id": int}],
}

_NAMES = That([NAME], "a list of different names", lambda names: len(set(names)) == len(names))

_LOCUS = That(_NAMES, "a locus: names of components", len)

_SECONDS, _PROBABILITY, _RELAXATION = number(*RANGES["duration"]), number(0.0, 1.0), number(1e-9, math.inf)

_SHAPE: dict[str, Any] = {
    "alias": ALIAS,
    "display_name": str,
    "health": {"healthy": bool, "updated_at?": TIME},
    "static_quantum_architecture": {
        "dut_label": str,
        "qubits": _NAMES,
        "computational_resonators": _NAMES,
        "connectivity": [That((NAME, NAME), "two different names", lambda pair: pair[0] != pair[1])],
    },
    "station?": Only(
        {
            "probe_lines?": [_NAMES],
            "grid?": That(float, "seconds above 0", lambda value: 0 < value < 1),
            "control_delay?": That(float, "seconds, not negative", lambda value: 0 <= value < 1),
        }
    ),
    "default_calibration_set_id": UUID,
    "calibrations": [
        {
            "calibration_set": _OBSERVATION_SET,
            "quality_metric_set": Either(_OBSERVATION_SET, None),
            "dynamic_quantum_architecture": {
                "calibration_set_id": UUID,
                "qubits": _NAMES,
                "computational_resonators": _NAMES,
                "gates": {
                    str: {
                        "implementations": {str: {"loci": [_LOCUS]}},
                        "default_implementation": str,
                        "override_default_implementation": {str: str},
                    }
                },
            },
            "noise?": Only(
                {
                    "gates?": {str: {str: Only({"duration?": _SECONDS, "depolarizing?": _PROBABILITY})}},
                    "relaxation?": {str: Only({"t1?": _RELAXATION, "t2?": _RELAXATION})},
                    "readout?": {
                        str: Only({"p_1_given_0?": _PROBABILITY, "p_0_given_1?": _PROBABILITY, "relaxing?": _SECONDS})
                    },
                    "zz?": {str: number(-1e9, 1e9)},
                }
            ),
        }
    ],
}
"""What a device has to have, see :mod:`iqm_fakes.documents`."""


def problems(document: Any) -> Iterator[str]:
    """Yield what is wrong with a document, the first mistake first; later checks rely on earlier ones."""
    yield from unwritable(document)
    yield from misshapen(document, {"schema": one_of(SCHEMA)})
    yield from misshapen(document, CONDENSED)
    device = spelt_out(document)
    yield from misshapen(device, _SHAPE)
    yield from _inconsistent(device)


def quality_metric_problems(document: Any) -> Iterator[str]:
    """Yield what is wrong with the structure of a quality metric set by itself."""
    yield from unwritable(document)
    yield from misshapen(document, _OBSERVATION_SET)


def _inconsistent(document: Mapping[str, Any]) -> Iterator[str]:
    architecture = document["static_quantum_architecture"]
    qubits, resonators = architecture["qubits"], architecture["computational_resonators"]
    for both in sorted({*qubits} & {*resonators}):
        yield f"static_quantum_architecture: '{both}' is a qubit and a resonator; rename one of them"
    for index, pair in enumerate(architecture["connectivity"]):
        where = ("static_quantum_architecture", "connectivity", index)
        yield from _unknown(pair, {*qubits, *resonators}, where)
    lines = [qubit for line in document.get("station", {}).get("probe_lines", ()) for qubit in line]
    yield from _unknown(lines, {*qubits}, ("station", "probe_lines"))
    for twice in sorted({qubit for qubit in lines if lines.count(qubit) > 1}):
        yield f"station.probe_lines names '{twice}' twice"
    ids = [entry["calibration_set"]["observation_set_id"] for entry in document["calibrations"]]
    if len(set(ids)) < len(ids):
        yield "two calibrations have the same calibration_set.observation_set_id"
    if document["default_calibration_set_id"] not in ids:
        yield f"default_calibration_set_id {document['default_calibration_set_id']} is none of {', '.join(ids)}"
    for index, entry in enumerate(document["calibrations"]):
        path: Path = ("calibrations", index, "dynamic_quantum_architecture")
        dynamic = entry["dynamic_quantum_architecture"]
        if dynamic["calibration_set_id"] != ids[index]:
            yield f"{at(*path)} is of calibration set {dynamic['calibration_set_id']}, not {ids[index]}"
        yield from _unknown(dynamic["qubits"], {*qubits}, (*path, "qubits"))
        yield from _unknown(dynamic["computational_resonators"], {*resonators}, (*path, "computational_resonators"))
        components = {*dynamic["qubits"], *dynamic["computational_resonators"]}
        yield from _bad_gates(dynamic["gates"], components, (*path, "gates"))
        yield from _bad_profile(entry.get("noise", {}), {*qubits, *resonators}, ("calibrations", index, "noise"))


def _unknown(names: Iterable[str], known: set[str], path: Path) -> Iterator[str]:
    for stranger in sorted({*names} - known):
        yield f"{at(*path)} names {stranger!r}, which is none of {', '.join(sorted(known))}"


def _bad_gates(gates: Mapping[str, Any], components: set[str], path: Path) -> Iterator[str]:
    for gate, info in gates.items():
        here, implementations = (*path, gate), info["implementations"]
        overrides = info["override_default_implementation"]
        for chosen in (info["default_implementation"], *overrides.values()):
            if chosen not in implementations:
                yield f"{at(*here)}: the implementation {chosen!r}, a default one, is not implemented"
        for locus in overrides:
            yield from _unknown(locus.split(","), components, (*here, "override_default_implementation"))
        for name, implementation in implementations.items():
            for index, locus in enumerate(implementation["loci"]):
                there = (*here, "implementations", name, "loci", index)
                yield from _unknown(locus, components, there)
                size = LOCUS_SIZES.get(gate, len(locus))
                if len(locus) != size:
                    yield f"{at(*there)} has to have {size} components, as every locus of '{gate}', got {len(locus)}"


def _bad_profile(profile: Mapping[str, Any], components: set[str], path: Path) -> Iterator[str]:
    for section, entries in profile.items():
        loci: list[Path] = [(section, name) for name in entries]
        if section == "gates":
            loci = [(section, gate, name) for gate, entry in entries.items() for name in entry]
        for locus in loci:
            there, names = (*path, *locus), str(locus[-1]).split(",")
            if section == "zz" and (len(names) != 2 or names[0] == names[1]):
                yield f"{at(*there)}: a pair is two components, joined by a comma"
            yield from _unknown(names, components, there)


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
