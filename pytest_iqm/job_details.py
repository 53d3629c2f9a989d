"""What is known of a test's jobs when it has ended, as JSON, so that xdist can carry it to the reporting process.

Light, because the plugin loads it; what collects the details imports what it needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from iqm_fakes.device.error_rates import Noise
    from iqm_fakes.simulator.circuit import Program
    from iqm_fakes.simulator.simulator import Simulator
    from iqm_fakes.wire.qiskit_order import OutcomeOrder
    from pytest_iqm.prediction import Predictors

JobDetails: TypeAlias = dict[str, Any]
"""What is known of one job: ``id``, ``status``, ``circuits``, ``shots``, and what else the server tells."""

JobsOfTests: TypeAlias = Mapping[str, Sequence[Mapping[str, Any]]]
"""Test → the details of its jobs."""

SHOWN = 8
"""Circuits of a job that a report shows."""

AFFORDABLE = 0.5
"""Seconds that an expected distribution may take."""

LIKELY = 1e-3
"""Probability from which on an outcome is expected; less likely ones are in a report if they were measured."""

IDEAL_SHOTS = 20_000
"""Shots of a sample where the exact distribution can't be computed in time."""


def jobs_of(tests: JobsOfTests) -> list[tuple[str, Mapping[str, Any]]]:
    """Return every job once, with the first test that submitted or asked for it."""
    seen: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for test, jobs in tests.items():
        for job in jobs:
            seen.setdefault(job["id"], (test, job))
    return list(seen.values())


def times(tests: JobsOfTests) -> str:
    """Return how long the jobs waited and were executed, altogether."""
    jobs = [job for _, job in jobs_of(tests)]
    queue = sum(job.get("queue_seconds") or 0.0 for job in jobs)
    execution = sum(job.get("execution_seconds") or 0.0 for job in jobs)
    return f"{queue:.1f} s in the queue, {execution:.1f} s of execution"


@dataclass
class JobDetailsCollector:
    """Asks a server about jobs.

    Args:
        predictors: Of its machine.
        lengths: Whether to say how long circuits take.
        detailed: Whether a report is going to show circuits, histograms and the qubits used.

    """

    predictors: Predictors
    lengths: bool
    detailed: bool

    def of(self, job: str) -> JobDetails:
        """Return what is known of a job; what the server doesn't tell is said to be unknown."""
        from iqm_fakes.vendor.http import VENDOR_ERRORS, get

        client = self.predictors.client
        try:
            document = get(client, f"jobs/{job}", missing=True)
            payload = get(client, f"jobs/{job}/payload", missing=True)
        except VENDOR_ERRORS as error:
            return {"id": job, "status": "unknown", "error": str(error), "circuits": 0, "shots": 0}
        if document is None or not isinstance(payload, dict):
            return {"id": job, "status": "deleted" if document is None else "unknown", "circuits": 0, "shots": 0}
        circuits = payload.get("circuits") or []
        calibration_set = (document.get("compilation") or {}).get("calibration_set_id")
        details: JobDetails = {
            "id": job,
            "status": document["status"],
            "circuits": len(circuits),
            "shots": len(circuits) * payload.get("shots", 1),
            "calibration_set": calibration_set,
            "error": "; ".join(entry["message"] for entry in document.get("errors") or ()) or None,
            **_durations(document.get("timeline") or ()),
        }
        if calibration_set is not None and (self.lengths or self.detailed):
            self._add_circuits(details, payload, (calibration_set, document["qc"]["id"]))
        return details

    def _add_circuits(self, details: JobDetails, payload: Mapping[str, Any], ran_on: tuple[str, str]) -> None:
        """Add what can be said of the circuits by themselves: how long they take, and what should come out."""
        from iqm_fakes.wire.qiskit_order import OutcomeOrder
        from pytest_iqm.prediction import UNPREDICTABLE

        try:
            predictor = self.predictors.of(*ran_on)
            request, programs = predictor.programs(dict(payload))
        except UNPREDICTABLE:
            return  # a failed job says itself what is wrong with it; the report goes without
        details["over_t2"] = max(map(predictor.over_t2, programs))
        if not self.detailed:
            return
        measured = self._measured(details)
        details["shown"] = []
        for index, program in enumerate(programs[:SHOWN]):
            order = OutcomeOrder.of(program.keys)
            counts = {order.bits(bits): n for bits, n in measured[index].items()} if index < len(measured) else {}
            expected, sample = _expected(predictor.ideal, program, order, counts)
            circuit = request.circuit(index)
            details["shown"].append(
                {
                    "name": circuit.name,
                    "instructions": [
                        {"name": step.name, "locus": list(step.locus), "args": dict(step.args)}
                        for step in circuit.instructions
                    ],
                    "keys": [key for key, _ in program.keys],
                    "order": "qiskit" if order.is_qiskit else "keys",
                    "outcome": order.heading,
                    "measured": {order.spaced(bits): n for bits, n in counts.items()} or None,
                    "expected": None if expected is None else {order.spaced(bits): p for bits, p in expected.items()},
                    "expected_shots": sample,
                }
            )
        used = dict.fromkeys(component for program in programs for component in program.components)
        details["components"] = [_component(predictor.noise, component) for component in used]
        details["computer"] = self.predictors.alias(ran_on[1])
        details["chip"] = predictor.chip

    def _measured(self, details: JobDetails) -> list[dict[str, int]]:
        from iqm_fakes.vendor.http import get

        if details["status"] != "completed":
            return []
        counts = get(self.predictors.client, f"jobs/{details['id']}/artifacts/measurement_counts", missing=True)
        return [circuit["counts"] for circuit in counts or ()]


def _expected(
    ideal: Simulator, program: Program, order: OutcomeOrder, measured: Iterable[str]
) -> tuple[dict[str, float] | None, int | None]:
    """Return what comes out without noise, and of how many shots if it is a sample.

    It is the likely outcomes and those that were measured; None, if even a sample takes too long.
    """
    import numpy as np

    from iqm_fakes.simulator.circuit import CircuitError
    from iqm_fakes.wire.results import histogram
    from pytest_iqm.executions import exact

    known = exact(ideal, program, order, AFFORDABLE)
    if known is not None:
        outcomes = list(dict.fromkeys([*known.likely(LIKELY), *measured]))
        return dict(zip(outcomes, known.probabilities(outcomes).round(12).tolist(), strict=True)), None
    try:
        plan = ideal.plan(program, IDEAL_SHOTS)
    except CircuitError:
        return None, None
    if plan.seconds >= AFFORDABLE:
        return None, None
    (bits,) = ideal.run_all([plan], [np.random.SeedSequence(0)])
    counts = histogram(list(bits.values()))
    total = sum(counts.values())
    return {order.bits(outcome): count / total for outcome, count in counts.items()}, total


def _component(noise: Noise, component: str) -> dict[str, Any]:
    """Return what is published of a component: times in seconds, probabilities of wrong outcomes."""
    relaxation = noise.relaxation(component)
    known: dict[str, Any] = {"name": component, "t1": _finite(relaxation.t1), "t2": _finite(relaxation.t2)}
    if noise.measures(component):
        readout = noise.readout(component)
        known |= {"p_1_given_0": readout.p_1_given_0, "p_0_given_1": readout.p_0_given_1}
    return known


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _durations(timeline: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """Return the timeline in seconds since the submission, and how long the job waited and was executed."""
    moments = [(entry["status"], datetime.fromisoformat(entry["timestamp"])) for entry in timeline]
    if not moments:
        return {}
    start = moments[0][1]
    seconds = [(status, (moment - start).total_seconds()) for status, moment in moments]
    first: dict[str, float] = {}
    for status, second in seconds:
        first.setdefault(status, second)
    begun = next((first[status] for status in ("compilation_started", "execution_started") if status in first), None)
    executed = (first.get("execution_started"), first.get("execution_ended"))
    return {
        "submitted": moments[0][1].isoformat(),
        "timeline": seconds,
        "queue_seconds": begun,
        "execution_seconds": None if None in executed else executed[1] - executed[0],  # type: ignore[operator]
    }
