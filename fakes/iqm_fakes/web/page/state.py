"""How a server is, in a few kilobytes, however many jobs it has: what the page asks for each second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request

from iqm_fakes.printed import printable
from iqm_fakes.server.clock import timestamp

if TYPE_CHECKING:
    from iqm_fakes.server.job import Job
    from iqm_fakes.server.server import FakeIQMServer

NEWEST = 50
"""Jobs that the page lists."""

LONGEST = 120
"""Characters of a name that a list shows."""


def state(server: FakeIQMServer, request: Request) -> dict[str, Any]:
    """Return how the server is, and its newest jobs, the newest first."""
    server.queue.tick()
    jobs = server.jobs
    return {
        "seed": str(server.seed),  # which may be larger than the numbers of a browser
        "maintenance": server.maintenance,
        "queue": {"held": server.queue.is_held, "length": len(server.queue)},
        "computers": [
            {
                "alias": alias,
                "name": device.display_name,
                "queue_length": server.queue_length(alias),
                "calibration_set_id": device.default_calibration_set_id,
            }
            for alias, device in server.devices.items()
        ],
        "unfired_faults": [_short(fault) for fault in server.faults.unfired()],
        "jobs": {"total": len(jobs), "newest": [summary(each) for each in reversed(jobs[-NEWEST:])]},
    }


def summary(job: Job) -> dict[str, Any]:
    """Return what a list says of a job; ``events`` grows with its timeline."""
    name, circuits, shots = job.outline
    return {
        "id": str(job.id),
        "computer": job.computer,
        "status": job.status.value,
        "ended": job.status.terminal,
        "name": _short(name or ""),
        "tag": _short(job.tag or ""),
        "circuits": circuits,
        "shots": shots,
        "submitted": timestamp(job.timeline[0][2]) if job.timeline else None,
        "progress": job.progress,
        "events": len(job.timeline),
    }


def _short(text: str) -> str:
    return printable(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")
