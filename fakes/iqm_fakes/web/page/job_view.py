"""One job, drawn as reports draw it: circuits, histograms, timeline, what was said, and what simulated it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request

from iqm_fakes.device.chip import parts
from iqm_fakes.html.pages import rendered
from iqm_fakes.simulator.circuit import CircuitError
from iqm_fakes.web.page.state import summary
from iqm_fakes.wire.error_codes import ServerError
from iqm_fakes.wire.payload import CircuitJobPayload
from iqm_fakes.wire.qiskit_order import OutcomeOrder, order_notes
from iqm_fakes.wire.results import CircuitResults, histogram

if TYPE_CHECKING:
    from iqm_fakes.server.job import Job
    from iqm_fakes.server.server import FakeIQMServer

SHOWN = 8
"""Circuits of a job that the page draws."""

COLUMNS = 24
"""Columns of a circuit beside each other: it scrolls."""

_TEMPLATE = Path(__file__).with_name("job.html")


def job(server: FakeIQMServer, request: Request, job_id: str) -> dict[str, Any]:
    """Return a job, drawn.

    Raises:
        ServerError: There is none with this id.
        RecordingError: The recording of the job is broken.

    """
    found = server.job(job_id)
    said = summary(found)  # before the drawing, which may be newer, so that nothing is missed
    document = server.job_document(found)
    shown = list(_circuits(found))
    html = rendered(
        _TEMPLATE,
        job=found,
        errors=[_said(error, "message", "error_code", "source") for error in document.get("errors") or ()],
        messages=[_said(message, "message", "source") for message in document.get("messages") or ()],
        fault=found.fault and found.fault.words,
        outline=found.outline,
        timeline_of=_seconds(document.get("timeline") or ()),
        shown=shown,
        columns=COLUMNS,
        notes=order_notes(each["order"].is_qiskit for each in shown if each["order"] is not None),
        chip_of=_chip(server, found),
        used={component for each in shown for step in each["instructions"] for component in step["locus"]},
    )
    return {**said, "html": html}


def _circuits(job: Job) -> Iterator[dict[str, Any]]:
    """Yield the first circuits of a job: their instructions, outcomes, and what simulates them."""
    request = CircuitJobPayload.parse(job.body)
    for index in range(min(len(request.circuits), SHOWN)):
        shown: dict[str, Any] = {"name": "", "instructions": [], "problem": None, "measured": None, "order": None}
        try:
            circuit = request.circuit(index)
        except (CircuitError, NotImplementedError) as problem:
            shown["problem"] = str(problem)
        else:
            steps = [
                {"name": step.name, "locus": list(step.locus), "args": dict(step.args)} for step in circuit.instructions
            ]
            shown |= {"name": circuit.name, "instructions": steps}
        if job.results is not None:
            shown |= _outcomes(job.results[index])
        choices = job.simulation[index] if job.simulation else ()
        yield {**shown, "choices": choices, "seconds": sum(choice.estimate.seconds for choice in choices)}


def _outcomes(results: CircuitResults) -> dict[str, Any]:
    order = OutcomeOrder.of((key, bits.shape[1]) for key, bits in results.items())
    return {"order": order, "measured": order.counts(histogram(list(results.values())))}


def _chip(server: FakeIQMServer, job: Job) -> Mapping[str, Any] | None:
    """Return the chip that a job is for; None if it is not there, or not with that calibration."""
    try:
        return parts(server.device(job.computer), server.calibration(job.computer, job.calibration_set_id))
    except ServerError:
        return None


def _said(entry: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return what a job's document says; recorded ones may say less."""
    return {name: entry.get(name) or "" for name in names}


def _seconds(timeline: Any) -> list[tuple[str, float]]:
    """Return what happened when, in seconds since the submission."""
    moments = [(entry["status"], datetime.fromisoformat(entry["timestamp"])) for entry in timeline]
    return [(status, (moment - moments[0][1]).total_seconds()) for status, moment in moments]
