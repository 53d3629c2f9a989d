"""A bare quality metric set, as the vendor's web page has it for download, made into a whole device.

It says which loci of which gates are calibrated, by which implementations, and how well they work. What it doesn't say
comes from a device with the same chip: qubits and couplers, durations, drive frequencies, and the gates that are not
measured by themselves, such as ``cc_prx``.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from statistics import median
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from iqm_fakes.device.bundled import bundled_devices, bundled_file
from iqm_fakes.device.file_format import SCHEMA
from iqm_fakes.device.implementations import default_loci, unordered
from iqm_fakes.device.metrics import EXPERIMENTS, Locus, published_values
from iqm_fakes.device.validation import quality_metric_problems

_KIND = "quality-metric-set"

_MEASURED = (*EXPERIMENTS, "measure_fidelity")
"""Gates that have metrics of their own where they are calibrated."""

_ON_OFFER = ("garnet", "emerald", "sirius")
"""Bundled devices whose machines are on offer; another one with the same chip is the second choice."""

Loci = dict[str, dict[str, list[Locus]]]
"""Gate → implementation → loci."""


def is_quality_metric_set(document: Any) -> bool:
    """Return whether a JSON document is a quality metric set by itself."""
    return isinstance(document, Mapping) and document.get("observation_set_type") == _KIND


def import_command(document: Mapping[str, Any], file: str) -> str:
    """Return the command that makes a device file of the quality metric set in a file."""
    chips = {name: _chip(name) for name in bundled_devices()}
    fitting = {name: chip for name, chip in chips.items() if _is_of(document, chip)}
    like = min(fitting, key=lambda name: (len(fitting[name]["qubits"]), name not in _ON_OFFER), default="DEVICE")
    return f"iqm-fake import {shlex.quote(file)} --like {like} --out my-{like.lower()}.json"


def _chip(name: str) -> Mapping[str, Any]:
    architecture: Mapping[str, Any] = json.loads(bundled_file(name).read_text("utf-8"))["static_quantum_architecture"]
    return architecture


def _is_of(metrics: Mapping[str, Any], chip: Mapping[str, Any]) -> bool:
    """Return whether metrics are of nothing but what a chip has."""
    return not any(quality_metric_problems(metrics)) and not any(_strangers(metrics, chip, ""))


def problems(document: Any, like: Mapping[str, Any]) -> Iterator[str]:
    """Yield why a document can't be made into a device, the first reason first.

    Args:
        document: Parsed JSON that should be a quality metric set.
        like: The document of a device with the same chip.

    """
    from iqm_fakes.vendor.http import refused  # importing the vendor's models takes seconds

    if isinstance(document, Mapping) and document.get("schema") == SCHEMA:
        yield f"this is a device file already ({SCHEMA}): load it as it is"
    kind = document.get("observation_set_type") if isinstance(document, Mapping) else None
    if kind != _KIND:
        found = f"'{kind}'" if kind else "nothing of the kind"
        yield f"a quality metric set has the observation_set_type '{_KIND}', this has {found}"
    yield from quality_metric_problems(document)
    for place, problem in refused("quality_metric_set", document):
        yield f"{place.removeprefix('.')}: {problem}"
    yield from _strangers(document, like["static_quantum_architecture"], like["alias"])
    gates = {gate for gate, _, _ in _calibrated(document)}
    for gate in ("prx", "measure"):
        if gate not in gates:
            yield f"no observation metrics.{EXPERIMENTS[gate]}.{gate}.… says of any qubit that it has the gate '{gate}'"


def _strangers(metrics: Mapping[str, Any], chip: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield what metrics are of that a chip hasn't."""
    components = {*chip["qubits"], *chip["computational_resonators"]}
    kinds = {component.rstrip("0123456789") for component in components}
    couplers = {frozenset(pair) for pair in chip["connectivity"]}
    advice = "choose a device with the same chip (like=, or --like)"
    for index, observation in enumerate(metrics["observations"]):
        _, _, locus = _gate_of(observation["dut_field"])
        component = re.match(r"characterization\.model\.([^.]+)\.", observation["dut_field"])
        if component and component[1].rstrip("0123456789") in kinds:  # not a tunable coupler
            locus = (component[1],)
        place = f"observations[{index}] ({observation['dut_field']})"
        for stranger in [component for component in locus if component not in components]:
            yield f"{place}: '{name}' has no {stranger}; {advice}"
        if len(locus) > 1 and frozenset(locus) not in couplers:
            yield f"{place}: on '{name}' nothing couples {' and '.join(locus)}; {advice}"


def device_document(metrics: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``iqm-device/1`` document for a quality metric set that :func:`problems` finds nothing wrong with.

    A locus has a gate if a metric of it is published, valid or not. The default implementation of a gate is the one on
    most loci; on loci that don't have it, it is overridden by the one that they have. All else of the metric set is
    kept as it is, and all of the other device that is about the chip.

    Args:
        metrics: The quality metric set.
        like: The document of a device with the same chip.

    """
    alias, chip = like["alias"], like["static_quantum_architecture"]
    entry = next(
        entry
        for entry in like["calibrations"]
        if entry["calibration_set"]["observation_set_id"] == like["default_calibration_set_id"]
    )
    order = [*chip["qubits"], *chip["computational_resonators"]]
    loci = _loci(metrics, entry["dynamic_quantum_architecture"], order)
    there = {
        component for by_name in loci.values() for some in by_name.values() for locus in some for component in locus
    }
    identifier = metrics.get("describes_id") or str(uuid5(NAMESPACE_URL, metrics["observation_set_id"]))
    identifier = identifier.lower()
    label = metrics.get("dut_label") or chip["dut_label"]
    moment = metrics["created_timestamp"]
    return {
        **{name: value for name, value in like.items() if name != "licence"},
        "source": f"quality metric set {metrics['observation_set_id']} of {moment}",
        "assumptions": [
            f"The chip, durations and drive frequencies are those of '{alias}', durations by gate and locus, if need "
            "be of another implementation.",
            f"Gates without metrics of their own are there as on '{alias}', where prx and measure are.",
            "A gate is calibrated on the loci that metrics of it are published for; its default implementation is the "
            "one on most of them.",
            "The calibration set is as old as the metrics.",
        ],
        "imported_like": alias,
        "health": {"healthy": True},
        "static_quantum_architecture": {**chip, "dut_label": label},
        "default_calibration_set_id": identifier,
        "calibrations": [
            {
                **{name: value for name, value in entry.items() if name != "noise"},
                "calibration_set": {
                    "observation_set_type": "calibration-set",
                    "observation_set_id": identifier,
                    "describes_id": None,
                    "invalid": False,
                    "dut_label": label,
                    "created_timestamp": moment,
                    "end_timestamp": moment,
                    "observations": [
                        {
                            "observation_id": number,
                            "dut_field": name,
                            "value": value,
                            "unit": unit,
                            "uncertainty": None,
                            "invalid": False,
                            "created_timestamp": moment,
                            "modified_timestamp": moment,
                        }
                        for number, (name, value, unit) in enumerate(_taken_over(entry, loci, order), 1)
                    ],
                },
                "quality_metric_set": dict(metrics),
                "dynamic_quantum_architecture": {
                    "calibration_set_id": identifier,
                    "qubits": [name for name in chip["qubits"] if name in there],
                    "computational_resonators": [name for name in chip["computational_resonators"] if name in there],
                    "gates": {gate: _gate(gate, implementations) for gate, implementations in loci.items()},
                },
            }
        ],
    }


def _gate_of(name: str) -> tuple[str, str, Locus]:
    """Return gate, implementation and locus that a metric is of; the locus is empty if it is of none."""
    path = name.partition(":")[0].split(".")
    if len(path) == 6 and path[0] == "metrics" and path[2] in _MEASURED:
        return path[2], path[3], tuple(path[4].split("__"))
    return "", "", ()


def _calibrated(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str, Locus]]:
    """Yield what metrics are published of: gate, implementation, locus, each once."""
    found = dict.fromkeys(_gate_of(observation["dut_field"]) for observation in metrics["observations"])
    yield from (place for place in found if place[2])


def _loci(metrics: Mapping[str, Any], like: Mapping[str, Any], order: list[str]) -> Loci:
    """Return where which implementation of which gate is calibrated, gates in the order of the other device."""
    found: Loci = {}
    for gate, implementation, locus in _calibrated(metrics):
        found.setdefault(gate, {}).setdefault(implementation, []).append(locus)
    for implementations in found.values():
        for some in implementations.values():
            some.sort(key=lambda locus: list(map(order.index, locus)))
    usable = set.intersection(
        *({locus for some in found[gate].values() for locus in some} for gate in ("prx", "measure"))
    )
    for gate, info in like["gates"].items():
        if gate not in found and gate not in EXPERIMENTS:
            found[gate] = {
                name: [
                    locus for locus in map(tuple, entry["loci"]) if all((component,) in usable for component in locus)
                ]
                for name, entry in info["implementations"].items()
            }
    first = [gate for gate in like["gates"] if gate in found]
    return {gate: found[gate] for gate in (*first, *(gate for gate in found if gate not in first))}


def _gate(gate: str, implementations: Mapping[str, list[Locus]]) -> dict[str, Any]:
    """Return what a dynamic architecture says of a gate."""
    default, *others = sorted(implementations, key=lambda name: -len(implementations[name]))  # the first of equals
    chosen = {unordered(gate, locus) for locus in implementations[default]}
    overrides = {}
    for name in others:
        for locus in implementations[name]:
            if unordered(gate, locus) not in chosen:
                chosen.add(unordered(gate, locus))
                overrides[",".join(locus)] = name
    return {
        "implementations": {name: {"loci": list(map(list, loci))} for name, loci in implementations.items()},
        "default_implementation": default,
        "override_default_implementation": overrides,
    }


def _taken_over(entry: Mapping[str, Any], loci: Loci, order: Iterable[str]) -> Iterator[tuple[str, float, str]]:
    """Yield what a calibration set takes over from another device's: name, value, unit."""
    values = published_values(entry["calibration_set"]["observations"])
    used = {component for some in loci.get("prx", {}).values() for locus in some for component in locus}
    for name in (f"controllers.{component}.drive.frequency" for component in order if component in used):
        if name in values:
            yield name, values[name], "Hz"
    defaults = default_loci(entry["dynamic_quantum_architecture"])
    for gate, implementations in loci.items():
        by_default = {
            frozenset(locus): values[name]
            for (other, locus), implementation in defaults.items()
            if other == gate and (name := f"gates.{gate}.{implementation}.{'__'.join(locus)}.duration") in values
        }
        for implementation, some in implementations.items():
            prefix = f"gates.{gate}.{implementation}."
            same = {
                frozenset(name.removeprefix(prefix).removesuffix(".duration").split("__")): value
                for name, value in values.items()
                if name.startswith(prefix) and name.endswith(".duration")
            }
            durations = same or by_default
            for locus in some if durations else ():
                duration = durations.get(frozenset(locus))
                yield (
                    f"{prefix}{'__'.join(locus)}.duration",
                    median(durations.values()) if duration is None else duration,
                    "s",
                )
