"""Device: the documents that a quantum computer publishes, as one JSON file.

The file format is ``iqm-device/1``: the static architecture once, and for each calibration set its observations, the
quality metrics that describe it (or null) and its dynamic architecture, each as the server sends them (IQM Server API
v1). What most observations of a set have in common is written once, as ``observation_defaults``. A calibration may have
a fixed noise profile, ``noise`` (see :mod:`iqm_fakes.noise`). Unknown fields are kept.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from iqm_fakes.files import write

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

SCHEMA = "iqm-device/1"


class DeviceError(ValueError):
    """A device is unknown, or its file is broken; the message names the file, the place and what to do."""


@dataclass(frozen=True)
class Calibration:
    """One calibration set and what describes it: documents as the server sends them.

    Attributes:
        quality_metric_set: ``None`` if the server has none for the calibration set.
        noise: A fixed noise profile that overrides what is derived from the documents.

    """

    calibration_set: Mapping[str, Any]
    quality_metric_set: Mapping[str, Any] | None
    dynamic_quantum_architecture: Mapping[str, Any]
    noise: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The calibration set's UUID."""
        return str(self.calibration_set["observation_set_id"])

    def observations(self) -> Iterator[Mapping[str, Any]]:
        """Yield the observations of both sets, the calibration set's first."""
        for document in (self.calibration_set, self.quality_metric_set):
            yield from () if document is None else document["observations"]


@dataclass(frozen=True)
class Device:
    """A quantum computer: what it publishes, and nothing else.

    Args:
        document: The whole ``iqm-device/1`` document; fields we don't know are kept.

    """

    document: Mapping[str, Any]

    @classmethod
    def load(cls, device: str | os.PathLike[str] | Device) -> Device:
        """Return a bundled device by name, or one from a ``.json`` file; a Device is returned as it is.

        What a file says is checked with the vendor's models, too.

        Raises:
            DeviceError: There is no such device, or the file is not a valid device.

        """
        loaded = cls.read(device)
        if not isinstance(device, Device) and device not in bundled_devices():
            from iqm_fakes.client import refused  # importing the vendor's models takes seconds

            for place, problem in refused(loaded):
                raise DeviceError(f"device file {os.fspath(device)}: {place}: {problem}")
        return loaded

    @classmethod
    def read(cls, device: str | os.PathLike[str] | Device) -> Device:
        """Do what :meth:`load` does, at once: without the vendor's models.

        Raises:
            DeviceError: There is no such device, or the file is evidently not a valid device.

        """
        if isinstance(device, Device):
            return device
        if device in bundled_devices():
            source, name = files("iqm_fakes.catalogue") / f"{device}.json", str(device)
        else:
            source, name = Path(device), os.fspath(device)
        try:
            document = json.loads(source.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DeviceError(
                f"no device '{name}': it is neither a file nor one of those bundled: {', '.join(bundled_devices())}"
            ) from None
        except OSError as error:
            raise DeviceError(f"device file {name} can't be read: {error.strerror}") from None
        except ValueError as error:
            raise DeviceError(f"device file {name} is not JSON: {error}") from None
        return cls.from_document(document, name)

    @classmethod
    def from_document(cls, document: Any, name: str = "document") -> Device:
        """Check a document and return the device it describes; ``name`` is where it came from, for messages.

        Raises:
            DeviceError: The document is evidently not a valid device.

        """
        for problem in _problems(document):
            raise DeviceError(f"device file {name}: {problem}")
        return cls(_each_set(document, _spelt_out))

    @classmethod
    def snapshot(cls, client: IQMClient, *, calibration_sets: Iterable[str] = ()) -> Device:
        """Return what the quantum computer of a client publishes now.

        Snapshots of the same calibration are equal, whenever they are taken. Neither the address of the server nor
        anything about the user is part of them.

        Args:
            client: Connected to the quantum computer; a :class:`FakeIQMClient` will do, too.
            calibration_sets: Ids of calibration sets to save beside the default one.

        Raises:
            DeviceError: The computer publishes what is not a valid device.
            Exception: Whatever the vendor's client raises, for example for an unknown calibration set.

        """
        from iqm_fakes.client import dynamic_quantum_architecture, quantum_computer_alias

        alias = quantum_computer_alias(client)
        default = dynamic_quantum_architecture(client)["calibration_set_id"]
        return cls.published(client, alias, [default, *(identifier.lower() for identifier in calibration_sets)])

    @classmethod
    def published(cls, client: IQMClient, alias: str, calibration_sets: Iterable[str]) -> Device:
        """Return what a quantum computer publishes with these calibration sets, of which the first is the default.

        Raises:
            DeviceError: The computer publishes what is not a valid device.
            Exception: Whatever the vendor's client raises, for example for an unknown calibration set.

        """
        from iqm_fakes.client import get

        ids = list(dict.fromkeys(calibration_sets))
        listed = get(client, "quantum-computers")["quantum_computers"]
        health = get(client, f"quantum-computers/{alias}/health")
        static = get(client, f"quantum-computers/{alias}/artifacts/static-quantum-architectures")
        document = {
            "schema": SCHEMA,
            "alias": alias,
            "display_name": next(entry for entry in listed if entry["alias"] == alias).get("display_name", alias),
            "source": "snapshot of what the quantum computer published",
            "health": {key: value for key, value in health.items() if key != "updated_at"},
            "static_quantum_architecture": static[0],
            "default_calibration_set_id": ids[0],
            "calibrations": [
                {
                    "calibration_set": get(client, f"calibration-sets/{alias}/{identifier}"),
                    "quality_metric_set": get(client, f"calibration-sets/{alias}/{identifier}/metrics", missing=True),
                    "dynamic_quantum_architecture": get(
                        client, f"calibration-sets/{alias}/{identifier}/dynamic-quantum-architecture"
                    ),
                }
                for identifier in ids
            ],
        }
        return cls.from_document(document, f"snapshot of '{alias}'")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the device to a file: the same text for the same device, all of it or nothing."""
        write(Path(path), self.text())

    def text(self) -> str:
        """Return the file: JSON with each observation and each list of names on one line, for readable diffs."""
        return _pretty(_each_set(self.document, _condensed), "") + "\n"

    @property
    def alias(self) -> str:
        """The name that clients choose the quantum computer by."""
        return str(self.document["alias"])

    @property
    def display_name(self) -> str:
        """The name for people."""
        return str(self.document["display_name"])

    @property
    def health(self) -> Mapping[str, Any]:
        """The health document; what doesn't say when it was checked was checked with the default calibration."""
        checked = {"updated_at": self.calibration().calibration_set["created_timestamp"]}
        return checked | dict(self.document["health"])

    @property
    def static_quantum_architecture(self) -> Mapping[str, Any]:
        """Components and connectivity, whatever the calibration."""
        return cast("Mapping[str, Any]", self.document["static_quantum_architecture"])

    @cached_property
    def calibrations(self) -> Mapping[str, Calibration]:
        """Every calibration, by id."""
        names = [attribute.name for attribute in fields(Calibration)]
        entries = ({name: entry[name] for name in names if name in entry} for entry in self.document["calibrations"])
        return {calibration.id: calibration for calibration in (Calibration(**entry) for entry in entries)}

    @property
    def default_calibration_set_id(self) -> str:
        """Id of the calibration that is used unless another one is asked for."""
        return str(self.document["default_calibration_set_id"])

    def calibration(self, identifier: str | None = None) -> Calibration:
        """Return the calibration with this id, or the default one; KeyError if there is none."""
        return self.calibrations[self.default_calibration_set_id if identifier is None else identifier]


def bundled_devices() -> tuple[str, ...]:
    """Return the names of the bundled devices."""
    names = (entry.name for entry in files("iqm_fakes.catalogue").iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


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


def _problems(document: Any) -> Iterator[str]:
    """Yield what is wrong with a document, the first mistake first; later checks rely on earlier ones."""
    if not isinstance(document, dict):
        yield f"a device is a JSON object, got {type(document).__name__}"
    elif document.get("schema") != SCHEMA:
        yield f"schema is {document.get('schema')!r}, this version reads '{SCHEMA}'"
    else:
        yield from _misshapen(document, _SHAPE, "")
        yield from _inconsistent(document)


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


_PROFILE = {
    "gates": {"duration": math.inf, "depolarizing": 1.0},
    "relaxation": {"t1": math.inf, "t2": math.inf},
    "readout": {"p_1_given_0": 1.0, "p_0_given_1": 1.0},
}
"""What a noise profile may say: section → parameter → its largest value."""


def _bad_noise(profile: Any, components: set[str], place: str) -> Iterator[str]:
    yield from _misshapen(profile, {}, place)
    for section, entries in profile.items():
        here = f"{place}.{section}"
        if section not in _PROFILE:
            yield f"{here} is none of {', '.join(_PROFILE)}"
        yield from _misshapen(entries, {}, here)
        for name, entry in entries.items():
            yield from _misshapen(entry, {}, f"{here}.{name}")
            for locus, parameters in (entry if section == "gates" else {name: entry}).items():
                there = f"{here}.{name}.{locus}" if section == "gates" else f"{here}.{name}"
                for unknown in set(locus.split(",")) - components:
                    yield f"{there}: there is no component '{unknown}'"
                yield from _misshapen(parameters, {}, there)
                yield from _bad_parameters(parameters, _PROFILE[section], there)


def _bad_parameters(parameters: Mapping[str, Any], known: Mapping[str, float], place: str) -> Iterator[str]:
    for name, value in parameters.items():
        if name not in known:
            yield f"{place}.{name} is none of {', '.join(known)}"
        elif not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= known[name]:
            yield f"{place}.{name} has to be a number from 0 to {known[name]:g}, got {value!r}"


_OWN = ("observation_id", "dut_field", "value", "unit")
"""What an observation always says for itself, and first."""

_DEFAULTS = "observation_defaults"


def _each_set(document: Mapping[str, Any], change: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
    """Return a document with every observation set changed."""
    names = ("calibration_set", "quality_metric_set")
    calibrations = [
        {key: change(value) if key in names and value is not None else value for key, value in entry.items()}
        for entry in document["calibrations"]
    ]
    return {**document, "calibrations": calibrations}


def _condensed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an observation set with what most observations have in common said once."""
    observations = document["observations"]
    shared = [name for name in sorted(set().union(*observations)) if all(name in entry for entry in observations)]
    common = {}
    for name in set(shared) - {*_OWN}:
        counts = Counter(json.dumps(entry[name]) for entry in observations)
        text, count = counts.most_common(1)[0]
        if count > 1:
            common[name] = text
    lines = []
    for entry in observations:
        rest = {name: entry[name] for name in sorted({*entry} - {*_OWN})}
        lines.append(
            {name: entry[name] for name in _OWN}
            | {name: value for name, value in rest.items() if common.get(name) != json.dumps(value)}
        )
    head = {name: value for name, value in document.items() if name != "observations"}
    return head | {_DEFAULTS: {name: json.loads(common[name]) for name in sorted(common)}, "observations": lines}


def _spelt_out(document: Mapping[str, Any]) -> dict[str, Any]:
    """Undo :func:`_condensed`."""
    defaults = document.get(_DEFAULTS, {})
    rest = {name: value for name, value in document.items() if name != _DEFAULTS}
    return rest | {"observations": [{**defaults, **observation} for observation in document["observations"]]}


def _pretty(value: Any, indent: str) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    if isinstance(value, Mapping) and value and (len(flat) > 300 or any(isinstance(v, dict) for v in value.values())):
        lines = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_pretty(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"{inner}{_pretty(item, inner)}" for item in value) + f"\n{indent}]"
    return flat
