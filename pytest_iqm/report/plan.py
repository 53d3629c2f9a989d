"""What a live run would submit, for ``--iqm-plan``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iqm_fakes.words import several
from pytest_iqm.budget import Budget
from pytest_iqm.job_details import JobsOfTests

LONGEST = 3
"""Circuits that the plan names for their length."""


def plan(tests: JobsOfTests, budget: Budget, claims: Sequence[int]) -> list[str]:
    """Return what the tests would submit to a machine: a line each, the total, and the longest circuits.

    Args:
        tests: The jobs.
        budget: What they may be at most.
        claims: The shots of each claim, which fresh ones may be taken for.

    """
    rows = [(test, _size(jobs)) for test, jobs in tests.items()]
    total = _size([job for jobs in tests.values() for job in jobs])
    lines = [f"{'jobs':>6}  {'circuits':>8}  {'shots':>9}"]
    for what, (number, circuits, shots) in [
        *rows,
        (f"in all, by {several(len(rows), 'test')}", total),
    ]:
        lines.append(f"{number:6d}  {circuits:8d}  {shots:9d}  {what}")
    if claims:
        lines.append(
            f"and for suspicious claims, if there are any: {several(len(claims), 'job')}, "
            f"{several(sum(claims), 'shot')} at most"
        )
    longest = sorted((max(job.get("over_t2") or 0.0 for job in jobs), test) for test, jobs in tests.items())
    lines += [
        f"longest circuit: {over_t2:.2g} times the shortest T2 of its qubits, in {test}"
        for over_t2, test in reversed(longest[-LONGEST:])
        if over_t2
    ]
    return [*lines, *excess(tests, budget)]


def excess(tests: JobsOfTests, budget: Budget) -> list[str]:
    """Return a line for each limit of the budget that the jobs exceed."""
    jobs, _, shots = _size([job for jobs in tests.values() for job in jobs])
    return budget.excess(jobs, shots)


def _size(jobs: Sequence[Mapping[str, Any]]) -> tuple[int, int, int]:
    """Return the number of jobs, of their circuits, and of the shots of these."""
    return len(jobs), sum(job["circuits"] for job in jobs), sum(job["shots"] for job in jobs)
