"""What a job may have at most."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from iqm_fakes.wire.error_codes import ErrorCode, ServerError
from iqm_fakes.wire.payload import CircuitJobPayload

UNLIMITED = 2**31 - 1

_TOLD = (
    "max_circuits_per_job",
    "max_executions_per_job",
    "max_instructions_per_circuit",
    "max_shots_per_circuit",
    "max_queued_jobs_per_user",
)
"""The limits that the API tells."""


@dataclass(frozen=True)
class Limits:
    """What a job may have at most, and how many jobs may be in the queue; what is not given is unlimited."""

    max_circuits_per_job: int = UNLIMITED
    max_executions_per_job: int = UNLIMITED
    max_instructions_per_circuit: int = UNLIMITED
    max_shots_per_circuit: int = UNLIMITED
    max_queued_jobs_per_user: int = UNLIMITED
    max_payload_bytes: int = UNLIMITED

    def document(self) -> dict[str, int]:
        """Return what the API says of them."""
        return {name: limit for name, limit in asdict(self).items() if name in _TOLD}

    def check_body(self, body: bytes) -> None:
        """Refuse a submission that is too long to be read.

        Raises:
            ServerError: ``request_payload_too_large``.

        """
        if len(body) > self.max_payload_bytes:
            raise ServerError(
                ErrorCode.REQUEST_PAYLOAD_TOO_LARGE,
                f"The payload has {len(body)} bytes, at most {self.max_payload_bytes} are allowed.",
            )

    def check(self, request: CircuitJobPayload, queued: int) -> None:
        """Refuse a submission that asks for too much.

        Args:
            request: What was submitted.
            queued: How many jobs are in the queue.

        Raises:
            ServerError: ``invalid_job_payload`` or ``quota_exceeded``.

        """
        circuits = request.circuits
        longest = max((0 if isinstance(circuit, str) else len(circuit.instructions) for circuit in circuits), default=0)
        for what, number, limit in (
            ("circuits", len(circuits), self.max_circuits_per_job),
            ("shots of a circuit", request.shots, self.max_shots_per_circuit),
            ("executions (circuits times shots)", request.shots * len(circuits), self.max_executions_per_job),
            ("instructions of a circuit", longest, self.max_instructions_per_circuit),
        ):
            if number > limit:
                raise ServerError(
                    ErrorCode.INVALID_JOB_PAYLOAD,
                    f"Job payload is not valid: {number} {what}, at most {limit} are allowed.",
                )
        if queued >= self.max_queued_jobs_per_user:
            raise ServerError(
                ErrorCode.QUOTA_EXCEEDED, f"At most {self.max_queued_jobs_per_user} jobs may be in the queue."
            )
