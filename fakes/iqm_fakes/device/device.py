"""Device: the documents that a quantum computer publishes, as one JSON file.

The file format is ``iqm-device/1``: the static architecture once, and for each calibration set its observations, the
quality metrics that describe it (or null) and its dynamic architecture, each as the server sends them (IQM Server API
v1). What most observations of a set have in common is written once, as ``observation_defaults``. A calibration may have
a fixed noise profile, ``noise`` (see :mod:`iqm_fakes.device.error_rates`). Unknown fields are kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from iqm_fakes.atomic_write import write
from iqm_fakes.device import metric_import, snapshot
from iqm_fakes.device.bundled import bundled_devices, bundled_file
from iqm_fakes.device.file_format import file_text, spelt_out
from iqm_fakes.device.station import Station
from iqm_fakes.device.validation import problems, refusals
from iqm_fakes.documents import loads
from iqm_fakes.printed import printable

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from iqm.iqm_client import IQMClient

MOCK = ":mock"
"""How the aliases of quantum computers end that answer with random bits."""


class DeviceError(ValueError):
    """A device is unknown, or its file is broken; the message names the file, the place and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass(frozen=True)
class Calibration:
    """One calibration set and what describes it: documents as the server sends them.

    Attributes:
        quality_metric_set: ``None`` if the server has none for the calibration set.
        noise: A fixed noise profile that overrides what is derived from the documents.
        station: The control electronics; None assumes what :mod:`iqm_fakes.device.station` says.

    """

    calibration_set: Mapping[str, Any]
    quality_metric_set: Mapping[str, Any] | None
    dynamic_quantum_architecture: Mapping[str, Any]
    noise: Mapping[str, Any] = field(default_factory=dict)
    station: Station | None = None

    def __repr__(self) -> str:
        return f"<Calibration {self.id}>"

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

    def __repr__(self) -> str:
        return f"<Device {self.alias!r}, calibration set {self.default_calibration_set_id}>"

    @classmethod
    def load(cls, device: str | os.PathLike[str] | Device) -> Device:
        """Return a bundled device by name, or one from a ``.json`` file; a Device is returned as it is.

        Either may end in ``:mock``, see :meth:`mock`. What a file says is checked with the vendor's models, too.

        Raises:
            DeviceError: There is no such device, or the file is not a valid device.

        """
        if isinstance(device, str) and device.endswith(MOCK):
            return cls.load(device.removesuffix(MOCK)).mock()
        loaded = cls.read(device)
        if not isinstance(device, Device) and device not in bundled_devices():
            for problem in refusals(loaded.document):
                raise DeviceError(f"device file {os.fspath(device)}: {problem}")
        return loaded

    @classmethod
    def read(cls, device: str | os.PathLike[str] | Device) -> Device:
        """Do what :meth:`load` does, at once: without the vendor's models.

        Raises:
            DeviceError: There is no such device, or the file is evidently not a valid device.

        """
        if isinstance(device, Device):
            return device
        if isinstance(device, str) and device.endswith(MOCK):
            return cls.read(device.removesuffix(MOCK)).mock()
        if device in bundled_devices():
            source, name = bundled_file(str(device)), str(device)
        else:
            source, name = Path(device), os.fspath(device)
            if not source.exists():
                raise DeviceError(
                    f"no device '{name}': it is neither a file nor one of those bundled: {', '.join(bundled_devices())}"
                )
        return cls.from_document(_json(source, f"device file {name}"), name)

    @classmethod
    def from_document(cls, document: Any, name: str = "document") -> Device:
        """Check a document and return the device it describes; ``name`` is where it came from, for messages.

        Raises:
            DeviceError: The document is evidently not a valid device.

        """
        if metric_import.is_quality_metric_set(document):
            raise DeviceError(
                f"device file {name} is a quality metric set by itself; this command makes a device of it: "
                f"{metric_import.import_command(document, name)}"
            )
        for problem in problems(document):
            raise DeviceError(f"device file {name}: {problem}")
        return cls(spelt_out(document))

    @classmethod
    def from_quality_metrics(
        cls, metrics: Mapping[str, Any] | str | os.PathLike[str], like: str | os.PathLike[str] | Device
    ) -> Device:
        """Return the device that a bare quality metric set describes, as the vendor's web page has it for download.

        What the metrics don't say is taken from a device with the same chip: qubits and couplers, gate durations, drive
        frequencies. Couplers and qubits without metrics are lost. Everything in the metric set is kept.

        Args:
            metrics: The quality metric set, parsed or as a file.
            like: The device with the same chip; a file, or the name of a bundled one.

        Raises:
            DeviceError: This is no quality metric set, or it is of another chip.

        """
        document, name = metrics, "quality metrics"
        if isinstance(metrics, str | os.PathLike):
            name = os.fspath(metrics)
            document = _json(Path(metrics), name)
        chip = cls.load(like).document
        for problem in metric_import.problems(document, chip):
            raise DeviceError(f"{name}: {problem}")
        return cls.from_document(metric_import.device_document(cast("Mapping[str, Any]", document), chip), name)

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
        alias, default = snapshot.default_calibration_set(client)
        return cls.published(client, alias, [default, *(identifier.lower() for identifier in calibration_sets)])

    @classmethod
    def published(cls, client: IQMClient, alias: str, calibration_sets: Iterable[str]) -> Device:
        """Return what a quantum computer publishes with these calibration sets, of which the first is the default.

        Raises:
            DeviceError: The computer publishes what is not a valid device.
            Exception: Whatever the vendor's client raises, for example for an unknown calibration set.

        """
        document = snapshot.published(client, alias, calibration_sets)
        return cls.from_document(document, f"snapshot of '{alias}'")

    def mock(self) -> Device:
        """Return the same quantum computer as one that answers with random bits; its alias ends in ``:mock``."""
        if self.is_mock:
            return self
        names = {"alias": f"{self.alias}{MOCK}", "display_name": f"{self.display_name} (mock)"}
        return Device({**self.document, **names})

    @property
    def is_mock(self) -> bool:
        """Whether it answers with random bits, as its alias says."""
        return self.alias.endswith(MOCK)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the device to a file: the same text for the same device, all of it or nothing."""
        write(Path(path), self.text())

    def text(self) -> str:
        """Return the text of its file."""
        return file_text(self.document)

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

    @property
    def station(self) -> Station:
        """The control electronics, as far as they matter for times: what the file states, and else what is assumed."""
        return Station.of(self.document.get("station", {}), self.static_quantum_architecture["qubits"])

    @cached_property
    def calibrations(self) -> Mapping[str, Calibration]:
        """Every calibration, by id."""
        names = [attribute.name for attribute in fields(Calibration)]
        documents = [{**entry, "station": self.station} for entry in self.document["calibrations"]]
        entries = ({name: entry[name] for name in names if name in entry} for entry in documents)
        return {calibration.id: calibration for calibration in (Calibration(**entry) for entry in entries)}

    @property
    def default_calibration_set_id(self) -> str:
        """Id of the calibration that is used unless another one is asked for."""
        return str(self.document["default_calibration_set_id"])

    def calibration(self, identifier: str | None = None) -> Calibration:
        """Return the calibration with this id, or the default one; KeyError if there is none."""
        return self.calibrations[self.default_calibration_set_id if identifier is None else identifier]


def _json(source: Path | Traversable, name: str) -> Any:
    """Return what a file says.

    Raises:
        DeviceError: It can't be read, or is not JSON.

    """
    try:
        return loads(source.read_bytes())
    except OSError as error:
        raise DeviceError(f"{name} can't be read: {error.strerror}") from None
    except ValueError as error:
        raise DeviceError(f"{name}: {error}") from None
