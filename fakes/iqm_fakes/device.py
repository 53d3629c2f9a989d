"""Device: the documents that a quantum computer publishes, as one JSON file.

The file format is ``iqm-device/1``: the static architecture once, and for each calibration set its observations, the
quality metrics that describe it and its dynamic architecture, each as the server sends them (IQM Server API v1).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

SCHEMA = "iqm-device/1"


class DeviceError(ValueError):
    """A device is unknown, or its file is broken; the message names the file, the place and what to do."""


@dataclass(frozen=True)
class Calibration:
    """One calibration set and what describes it: documents as the server sends them."""

    calibration_set: Mapping[str, Any]
    quality_metric_set: Mapping[str, Any]
    dynamic_quantum_architecture: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The calibration set's UUID."""
        return str(self.calibration_set["observation_set_id"])


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

        Raises:
            DeviceError: There is no such device, or the file is not a valid device.

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
            DeviceError: The document is not a valid device.

        """
        for problem in _problems(document):
            raise DeviceError(f"device file {name}: {problem}")
        return cls(document)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the device to a file: the same text for the same device, all of it or nothing."""
        target = Path(path)
        text = self.text()
        temporary = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}.tmp")
        try:
            with temporary.open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def text(self) -> str:
        """Return the file: JSON with each observation and each list of names on one line, for readable diffs."""
        return _pretty(self.document, "") + "\n"

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
        """The health document."""
        return cast("Mapping[str, Any]", self.document["health"])

    @property
    def static_quantum_architecture(self) -> Mapping[str, Any]:
        """Components and connectivity, whatever the calibration."""
        return cast("Mapping[str, Any]", self.document["static_quantum_architecture"])

    @cached_property
    def calibrations(self) -> Mapping[str, Calibration]:
        """Every calibration, by id."""
        calibrations = [Calibration(**{name: entry[name] for name in _SETS}) for entry in self.document["calibrations"]]
        return {calibration.id: calibration for calibration in calibrations}

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


_SETS = ("calibration_set", "quality_metric_set", "dynamic_quantum_architecture")

_OBSERVATION_SET: dict[str, Any] = {
    "observation_set_id": str,
    "observation_set_type": str,
    "created_timestamp": str,
    "observations": [{"dut_field": str, "unit": str, "observation_id": int}],
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
            "quality_metric_set": _OBSERVATION_SET,
            "dynamic_quantum_architecture": {
                "calibration_set_id": str,
                "qubits": [str],
                "computational_resonators": [str],
                "gates": dict,
            },
        }
    ],
}
"""What a device has to have: field → type, or the same for what is inside."""


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


def _pretty(value: Any, indent: str) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    if isinstance(value, Mapping) and value and (len(flat) > 300 or any(isinstance(v, dict) for v in value.values())):
        lines = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_pretty(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"{inner}{_pretty(item, inner)}" for item in value) + f"\n{indent}]"
    return flat
