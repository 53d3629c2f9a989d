"""Recording jobs: from the server of a client into a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from iqm_fakes.device.device import Device
from iqm_fakes.recordings.codec import packed, unpacked
from iqm_fakes.recordings.folder import Recordings
from iqm_fakes.recordings.recording import JOB_FIELDS, Recording, RecordingError
from iqm_fakes.wire.status import JobStatus

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient


class NotEnded(RecordingError):
    """A job can't be recorded yet, because it waits or is processed."""


def record(
    client: IQMClient,
    job_id: str,
    folder: str | os.PathLike[str] | Recordings,
    *,
    metadata: bool = False,
    tests: Sequence[str] = (),
) -> Recording:
    """Write a job, and what was published about the calibration it ran with, into a folder of recordings.

    Args:
        client: Connected to the server that has the job.
        job_id: The job; it has to have ended: completed, failed or cancelled.
        folder: Where ``<job id>.json`` is written; an existing recording of the job is replaced.
        metadata: Keep the metadata of circuits, which may say anything.
        tests: Ids of tests that the recording belongs to, beside those it belongs to already.

    Returns:
        What was written.

    Raises:
        NotEnded: The job has not ended.
        RecordingError: It can't be recorded, or would contain a secret; nothing was written.
        OSError: The folder can't be written.
        Exception: Whatever the vendor's client raises, for example for an unknown job.

    """
    from iqm_fakes.vendor.http import dynamic_quantum_architecture, get

    recordings = folder if isinstance(folder, Recordings) else Recordings(folder)
    document = get(client, f"jobs/{job_id}")
    if not JobStatus(document["status"]).terminal:
        raise NotEnded(f"job {job_id} can't be recorded: it is {document['status']}")
    request = get(client, f"jobs/{job_id}/payload")
    if not isinstance(request, dict) or not isinstance(request.get("circuits"), list):
        raise RecordingError(
            f"job {job_id} can't be recorded: it is of type '{document.get('type')}', not a circuit job"
        )
    completed = document["status"] == JobStatus.COMPLETED
    outcomes = get(client, f"jobs/{job_id}/artifacts/measurements", missing=True) if completed else None
    computer = _computer(client, document)
    compiled_with = (document.get("compilation") or {}).get("calibration_set_id")
    calibration_set = compiled_with or request.get("calibration_set_id")
    if not calibration_set:  # a job that was never compiled would have got the default
        calibration_set = str(dynamic_quantum_architecture(client, computer)["calibration_set_id"])
    known = recordings.load(job_id).tests if job_id in recordings else ()
    recording = Recording(
        id=document["id"],
        status=document["status"],
        computer=computer,
        calibration_set=calibration_set,
        timeline=[(entry["source"], entry["status"], entry["timestamp"]) for entry in document.get("timeline") or ()],
        request=request if metadata else _without_metadata(request),
        job={name: document[name] for name in JOB_FIELDS if name in document},
        results=None if outcomes is None else [_arrays(circuit, document["id"]) for circuit in outcomes],
        recorded_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        recorded_with={name: version(name) for name in ("pytest-iqm", "iqm-client")},
        tests=list(dict.fromkeys([*known, *tests])),
    )
    if not recordings.has_calibration(calibration_set):
        recordings.save_calibration(Device.published(client, computer, [calibration_set]))
    recordings.save(recording)
    return recording


def _computer(client: IQMClient, document: Any) -> str:
    from iqm_fakes.vendor.http import get, quantum_computer_alias

    identifier = (document.get("qc") or {}).get("id")
    listed = get(client, "quantum-computers")["quantum_computers"]
    aliases = [entry["alias"] for entry in listed if entry["id"] == identifier]
    return str(aliases[0]) if aliases else quantum_computer_alias(client)


def _without_metadata(request: dict[str, Any]) -> dict[str, Any]:
    circuits = [
        {**circuit, "metadata": None} if isinstance(circuit, dict) and "metadata" in circuit else circuit
        for circuit in request["circuits"]
    ]
    return {**request, "circuits": circuits}


def _arrays(circuit: dict[str, Any], job_id: str) -> dict[str, Any]:
    try:
        return {key: unpacked(packed(shots)) for key, shots in circuit.items()}
    except ValueError as error:
        raise RecordingError(f"job {job_id} can't be recorded: {error}") from None
