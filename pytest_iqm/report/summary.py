"""What the session's jobs were, in a few lines; and what a live run would submit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_iqm.settings import Budget

Tests = Mapping[str, Sequence[Mapping[str, Any]]]
"""Test → its jobs, as :mod:`pytest_iqm.report.facts` describes them."""

LONGEST = 3
"""Circuits that the plan names for their length."""


def jobs_of(tests: Tests) -> list[tuple[str, Mapping[str, Any]]]:
    """Return every job once, with the first test that submitted or asked for it."""
    seen: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for test, jobs in tests.items():
        for job in jobs:
            seen.setdefault(job["id"], (test, job))
    return list(seen.values())


def times(tests: Tests) -> str:
    """Return how long the jobs waited and were executed, altogether."""
    jobs = [job for _, job in jobs_of(tests)]
    queue = sum(job.get("queue_seconds") or 0.0 for job in jobs)
    execution = sum(job.get("execution_seconds") or 0.0 for job in jobs)
    return f"{queue:.1f} s in the queue, {execution:.1f} s of execution"


def plan(tests: Tests, budget: Budget, claims: Sequence[int]) -> list[str]:
    """Return what the tests would submit to a machine: a line each, the total, and the longest circuits.

    Args:
        tests: The jobs.
        budget: What they may be at most.
        claims: The shots of each claim, which fresh ones may be taken for.

    """
    rows = [(test, _size(jobs)) for test, jobs in tests.items()]
    total = _size([job for _, job in jobs_of(tests)])
    lines = [f"{'jobs':>6}  {'circuits':>8}  {'shots':>9}"]
    for what, (number, circuits, shots) in [*rows, (f"in all, by {len(rows)} tests", total)]:
        lines.append(f"{number:6d}  {circuits:8d}  {shots:9d}  {what}")
    if claims:
        lines.append(f"and for suspicious claims, if there are any: {len(claims)} jobs, {sum(claims)} shots at most")
    longest = sorted((max(job.get("over_t2") or 0.0 for job in jobs), test) for test, jobs in tests.items())
    lines += [
        f"longest circuit: {over_t2:.2g} times the shortest T2 of its qubits, in {test}"
        for over_t2, test in reversed(longest[-LONGEST:])
        if over_t2
    ]
    return [*lines, *exceeded(tests, budget)]


def exceeded(tests: Tests, budget: Budget) -> list[str]:
    """Return how the jobs exceed the budget."""
    jobs, _, shots = _size([job for _, job in jobs_of(tests)])
    return [
        f"too much for the budget: {wanted} {what}, and {limit.value} are allowed ({limit.source})"
        for limit, what, wanted in ((budget.jobs, "jobs", jobs), (budget.shots, "shots", shots))
        if limit.value is not None and wanted > limit.value
    ]


def _size(jobs: Sequence[Mapping[str, Any]]) -> tuple[int, int, int]:
    """Return the number of jobs, of their circuits, and of the shots of these."""
    return len(jobs), sum(job["circuits"] for job in jobs), sum(job["shots"] for job in jobs)
