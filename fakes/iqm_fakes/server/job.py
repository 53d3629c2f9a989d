"""One job on a server, and how the API describes it.

::

    waiting ──→ processing ──→ completed
       │            ├────────→ failed
       ├────────────┴────────→ cancelled
       └─────────────────────→ failed        (refused by the compiler)

A terminal status never changes, and a timeline only grows.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from iqm_fakes.server.clock import timestamp
from iqm_fakes.server.publications import computer_id
from iqm_fakes.wire.status import JobStatus

SERVER = "iqm-server"
STATION = "iqm-station-control"

PROGRESS = "Simulation"
"""What progress is told of; the vendor's client shows it as a bar."""

MILLISECOND = timedelta(milliseconds=1)


class JobFailure(Exception):
    """A job that the server accepted and can't complete: it ends ``failed`` with this message and code.

    The codes inside failed jobs are not published; ours are ``circuit_error`` and ``internal_error``.

    Attributes:
        explanation: What the machine doesn't tell its users; None if it tells everything.

    """

    def __init__(self, message: str, code: str = "circuit_error", explanation: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.explanation = explanation

    @classmethod
    def internal(cls, explanation: str) -> JobFailure:
        """Return the failure of a job that breaks the vendor's software instead of being refused by it."""
        return cls("Internal server error occurred", "unknown", explanation)


class NeverEnds(Exception):
    """A job that stays where it is until it is cancelled."""


class Cancelled(Exception):
    """A job that is cancelled while it is executed."""


class Outline(NamedTuple):
    """What a job is in a list: the name of its first circuit, None if it has none; how many there are; their shots."""

    name: str | None
    circuits: int
    shots: int


@dataclass(eq=False)
class Job:
    """One submitted job; only the queue changes it after submission."""

    id: UUID
    index: int
    """Number of jobs with the same seed that were submitted before this one."""
    computer: str
    """Alias of the quantum computer."""
    body: bytes = field(repr=False)
    """The submission, byte for byte."""
    request: Any = field(repr=False)
    """The submission as the machine reads it, until the job has ended."""
    calibration_set_id: str
    tag: str | None = None
    seed: int = 0
    """Seed of the server when it was submitted; with :attr:`index`, it determines the results."""
    client: str | None = None
    """Who submitted it: the header ``User-Agent``."""
    status: JobStatus = JobStatus.WAITING
    ended: threading.Event = field(default_factory=threading.Event, repr=False)
    """Is set when a job of a queue has ended."""
    timeline: list[tuple[str, str, datetime]] = field(default_factory=list, repr=False)
    """(source, status, time) in order."""
    errors: list[tuple[str, str, str]] = field(default_factory=list)
    """(source, error code, message)."""
    explanation: str | None = None
    """What the machine doesn't tell of the failure."""
    messages: list[tuple[str, str]] = field(default_factory=list)
    """(source, message)."""
    compiled: bool = False
    simulation: Any = field(default=None, repr=False)
    """How the machine runs it, once compiled: for each circuit, one
    :class:`~iqm_fakes.simulator.method_choice.Choice` for each of its independent parts."""
    estimate_ms: int | None = None
    """How long its execution would take on the machine, in milliseconds, once compiled."""
    progress: int | None = None
    """Percent of its simulation that is done, while one that takes long goes on."""
    results: Any = field(default=None, repr=False)
    """What the executor returned, once completed."""
    fault: Any = None
    """The planned fault that it meets, or None."""
    recorded: Any = field(default=None, repr=False)
    """The job document of a job that ran elsewhere and was recorded."""

    @property
    def payload(self) -> Any:
        """The submission as it was sent: circuits, shots, options."""
        return json.loads(self.body)

    @cached_property
    def outline(self) -> Outline:
        """What it is, in short; the submission is read once for it."""
        payload = self.payload
        circuits = payload["circuits"]
        named = circuits and isinstance(circuits[0], dict)  # a QIR program is a text
        return Outline(circuits[0].get("name") if named else None, len(circuits), int(payload.get("shots", 1)))

    @property
    def runtime_ms(self) -> int | None:
        """How long it was executed, by its timeline, in milliseconds; None if it was not."""
        times = {status: time for _, status, time in self.timeline}
        if "execution_ended" not in times:
            return None
        return round((times["execution_ended"] - times["execution_started"]) / MILLISECOND)

    @property
    def artifacts(self) -> list[str]:
        """What can be fetched of it."""
        results = ("measurements", "measurement_counts") if self.status is JobStatus.COMPLETED else ()
        return ["runtime_estimates", *results] if self.compiled else []

    def document(self, queue_position: int | None) -> dict[str, Any]:
        """Describe the job as the API does.

        Args:
            queue_position: The number of jobs ahead of it, where that is told.

        """
        if self.recorded is not None:
            return dict(self.recorded)
        compilation = {
            "calibration_set_id": self.calibration_set_id,
            "execution_runtime_estimate_ms": self.estimate_ms,
        }
        percent = self.progress
        progress = {} if percent is None else {PROGRESS: {"value": percent, "max_value": 100}}
        return {
            "id": str(self.id),
            "type": "circuit",
            "qc": {"id": computer_id(self.computer)},
            "status": self.status.value,
            "queue_position": queue_position,
            "tag": self.tag,
            "timeline": [{"source": s, "status": status, "timestamp": timestamp(t)} for s, status, t in self.timeline],
            "runtime_ms": self.runtime_ms,
            "compilation": compilation if self.compiled else None,
            "execution": {"progress": progress} if self.compiled else None,
            "artifacts": [{"type": artifact} for artifact in self.artifacts],
            "messages": [{"source": source, "message": message} for source, message in self.messages],
            "errors": [{"source": s, "error_code": code, "message": message} for s, code, message in self.errors],
        }
