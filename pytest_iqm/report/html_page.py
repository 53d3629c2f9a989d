"""A report as one HTML page that needs no other file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from iqm_fakes.html.pages import rendered
from iqm_fakes.words import several

CLAIMS = 20
"""Claims of a test that the page shows; a property may have hundreds."""

_TEMPLATE = Path(__file__).with_name("report.html")

_OPTIONAL = (
    "computer",
    "queue_seconds",
    "execution_seconds",
    "over_t2",
    "calibration_set",
    "error",
    "timeline",
)
"""What is not known of every job."""


def page(document: Mapping[str, Any]) -> str:
    """Return the HTML of a report.

    Args:
        document: As :func:`pytest_iqm.report.report_files.write` makes it.

    """
    return rendered(
        _TEMPLATE,
        title=f"{'LIVE' if document['live'] else 'fake'} {document['machine']}",
        document=document,
        totals=list(_totals(document["tests"])),
        notes=document["order"],
        tests=[_test(test, document["chips"]) for test in document["tests"]],
        claimed=_claimed,
        reference=_reference,
        shown_claims=CLAIMS,
    )


def _totals(tests: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield numbers and what they are of."""
    outcomes = Counter(test["outcome"] for test in tests)
    jobs = {job["id"]: job for test in tests for job in test["jobs"]}.values()
    claims = [claim for test in tests for claim in test.get("claims", ())]
    refuted = sum(not claim["passed"] for claim in claims)
    seconds = (sum(job.get(name) or 0.0 for job in jobs) for name in ("queue_seconds", "execution_seconds"))
    for number, what in (
        *((number, outcome) for outcome, number in sorted(outcomes.items())),
        (len(claims), f"{'claim' if len(claims) == 1 else 'claims'}, {refuted} refuted"),
        *(
            (number, several(number, what).partition(" ")[2])
            for number, what in (
                (len(jobs), "job"),
                (sum(job["circuits"] for job in jobs), "circuit"),
                (sum(job["shots"] for job in jobs), "shot"),
            )
        ),
    ):
        yield f"{number:,}".replace(",", " "), what
    yield from ((f"{value:.1f} s", text) for value, text in zip(seconds, ("in the queue", "of execution"), strict=True))


def _test(test: Mapping[str, Any], chips: Mapping[str, Any]) -> dict[str, Any]:
    """Return a test with all that the page may ask of it."""
    jobs = [_job(job, chips) for job in test["jobs"]]
    claims = [{"explained": None, **claim} for claim in test.get("claims", ())]
    return {"message": None, **test, "jobs": jobs, "claims": claims}


def _job(job: Mapping[str, Any], chips: Mapping[str, Any]) -> dict[str, Any]:
    components = [{"p_1_given_0": None, "p_0_given_1": None, **component} for component in job.get("components", ())]
    known = {"shown": (), **job, "components": components, "chip": chips.get(job.get("calibration_set") or "")}
    return {**dict.fromkeys(_OPTIONAL), **known}


def _claimed(test: Mapping[str, Any], job: Mapping[str, Any], circuit: int) -> Mapping[str, Any] | None:
    """Return the claim that declares probabilities of a circuit; the first that is refuted, or the first."""
    found = [
        claim
        for claim in test["claims"]
        if "declared" in claim and (claim["job"], claim["circuit"]) == (job["id"], circuit)
    ]
    return min(found, key=lambda claim: claim["passed"], default=None)


def _reference(circuit: Mapping[str, Any]) -> str:
    """Return what the expected distribution is; empty if there is none."""
    if circuit["expected"] is None:
        return ""
    shots = circuit["expected_shots"]
    return "without noise" if shots is None else f"without noise, in {several(shots, 'simulated shot')}"
