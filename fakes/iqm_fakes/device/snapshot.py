"""What a quantum computer publishes now, as the document of a device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from iqm_fakes.device.file_format import SCHEMA
from iqm_fakes.device.health import Health

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient


SOURCE = "snapshot of what the quantum computer published"
"""What a snapshot's file says of where it comes from."""


def published(client: IQMClient, alias: str, calibration_sets: Iterable[str]) -> dict[str, Any]:
    """Return what a quantum computer publishes with these calibration sets, of which the first is the default.

    Raises:
        Exception: Whatever the vendor's client raises, for example for an unknown calibration set.

    """
    from iqm_fakes.vendor.http import get

    ids = list(dict.fromkeys(calibration_sets))
    listed = get(client, "quantum-computers")["quantum_computers"]
    health = Health.read(get(client, f"quantum-computers/{alias}/health"))
    static = get(client, f"quantum-computers/{alias}/artifacts/static-quantum-architectures")
    records = get(client, f"quantum-computers/{alias}/artifacts/chip-design-records", missing=True)
    lines = _probe_lines(records, static[0]["qubits"])
    return {
        "schema": SCHEMA,
        "alias": alias,
        "display_name": next(entry for entry in listed if entry["alias"] == alias).get("display_name", alias),
        "source": SOURCE,
        "health": {
            "healthy": health.healthy,
            **{name: value for name, value in health.details.items() if name != "updated_at"},
        },
        "static_quantum_architecture": static[0],
        **({"station": {"probe_lines": lines}} if lines else {}),
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


def _probe_lines(records: Any, qubits: Sequence[str]) -> list[list[str]]:
    """Return the qubits of each probe line by the design record of a chip; nothing if that doesn't tell all of them."""
    lines = []
    for record in records or ():
        for line in record.get("content", {}).get("components", {}).get("probe_line", ()):
            lines.append([qubit for qubit in qubits if qubit in line["connections"]])
    read = [qubit for line in lines for qubit in line]
    return [line for line in lines if line] if sorted(read) == sorted(qubits) else []


def default_calibration_set(client: IQMClient) -> tuple[str, str]:
    """Return the alias of a client's quantum computer, and the id of its default calibration set."""
    from iqm_fakes.vendor.http import dynamic_quantum_architecture, quantum_computer_alias

    return quantum_computer_alias(client), str(dynamic_quantum_architecture(client)["calibration_set_id"])
