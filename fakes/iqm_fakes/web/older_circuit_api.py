"""The older API for circuits, below ``/<computer>/``, which CUDA-Q speaks to this day; on the same jobs as the other.

A submission is of the former dialect. Its counts are asked for each second, until the status says that it ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from iqm_fakes.server.faults import Operation
from iqm_fakes.web.responses import json_response
from iqm_fakes.wire.status import JobStatus

if TYPE_CHECKING:
    from iqm_fakes.server.server import FakeIQMServer

PATIENCE = 1.0
"""Seconds that a request for counts waits for a running job, so that a client need not ask again."""

STATUSES = {
    JobStatus.WAITING: "pending compilation",
    JobStatus.PROCESSING: "pending execution",
    JobStatus.COMPLETED: "ready",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "aborted",
}
"""The words of this API."""


def architecture(server: FakeIQMServer, request: Request, qc: str, cal: str) -> Response:
    """Answer what can be executed where."""
    return json_response(server.calibration(qc, cal).dynamic_quantum_architecture)


def submit(server: FakeIQMServer, request: Request, qc: str) -> Response:
    """Take a job."""
    job = server.submit(qc, request.get_data(), client=request.headers.get("User-Agent"))
    return json_response({"id": str(job.id)})


def counts(server: FakeIQMServer, request: Request, qc: str, job_id: str) -> Response:
    """Answer how a job is doing, what was submitted, and how often each bit string was seen."""
    server.device(qc)
    job = server.job(job_id)
    if not server.queue.is_held:
        server.queue.wait(job, PATIENCE)
    errors = [error["message"] for error in server.job_document(job).get("errors") or ()]
    document = {
        "status": STATUSES[job.status],
        "message": "; ".join(errors) or f"The job is {job.status.value}.",
        "metadata": {"request": {**job.payload, "circuits": [_former(circuit) for circuit in job.payload["circuits"]]}},
    }
    if job.status is JobStatus.COMPLETED:
        document["counts_batch"] = json.loads(server.measurement_counts(job_id))
    return json_response(document)


def _former(circuit: Any) -> Any:
    """Return a circuit whose instructions say where they act as ``qubits``."""
    if not isinstance(circuit, Mapping):
        return circuit  # QIR
    steps = [{"qubits": step.get("locus"), **step} for step in circuit.get("instructions", ())]
    return {**circuit, "instructions": steps}


RULES = [
    Rule("/<qc>/calibration-sets/<cal>/dynamic-quantum-architecture", methods=["GET"], endpoint=architecture),
    Rule("/<qc>/circuits", methods=["POST"], endpoint=submit),
    Rule("/<qc>/circuits/<job_id>/counts", methods=["GET"], endpoint=counts),
]

OPERATIONS = {architecture: Operation.CALIBRATION, submit: Operation.SUBMIT, counts: Operation.STATUS}
"""Endpoint → the operation that faults know it by."""
