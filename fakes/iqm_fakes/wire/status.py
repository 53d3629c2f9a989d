"""The states of a job, as the API writes them."""

from __future__ import annotations

from enum import StrEnum


class JobStatus(StrEnum):
    """The five words that the API uses."""

    WAITING = "waiting"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether a job with this status never changes again."""
        return self not in (JobStatus.WAITING, JobStatus.PROCESSING)
