"""A comparison as one HTML page that needs no other file."""

from __future__ import annotations

from collections.abc import Iterator

from iqm_fakes.agreement.results import (
    HEAD,
    LEGEND,
    NIGHT_HEAD,
    SHOWN,
    CircuitComparison,
    Comparison,
    nights,
    row,
    suspicion,
)
from iqm_fakes.html import Html, bars, element, joined, number_cell, table, whole_page


def page(comparison: Comparison, title: str) -> str:
    """Return the HTML of a comparison."""
    return whole_page(title, [element("h1", title), *_body(comparison)])


def _body(comparison: Comparison) -> Iterator[Html]:
    yield element("p", " ".join(LEGEND))
    yield from (element("h2", "Nights"), table(NIGHT_HEAD, nights(comparison)))
    yield from (element("h2", "Suspects"), element("pre", "\n".join(suspicion(comparison))))
    if comparison.left_out:
        yield element("h2", "Left out")
        yield element("ul", *(element("li", left_out) for left_out in comparison.left_out))
    for computer in dict.fromkeys(circuit.computer for circuit in comparison.circuits):
        own = [circuit for circuit in comparison.circuits if circuit.computer == computer]
        yield from (element("h2", computer), table(HEAD, [row(circuit) for circuit in own]))
        yield from map(_circuit, own)


def _circuit(circuit: CircuitComparison) -> Html:
    job = joined(["job ", element("code", circuit.job), ", "] if circuit.job else [])
    largest = max(max(outcome.measured, outcome.expected) for outcome in circuit.outcomes)
    rows = [
        [
            element("code", outcome.bits),
            number_cell(outcome.measured),
            number_cell(f"{outcome.expected:.1f}"),
            bars(outcome.measured, outcome.expected, largest),
        ]
        for outcome in circuit.outcomes
    ]
    return element(
        "section",
        element("h3", circuit.name),
        element("p", job, f"circuit {circuit.index}"),
        table(["outcome", "measured", "expected", ""], rows),
        *([element("p", f"the {SHOWN} most frequent outcomes")] if len(circuit.outcomes) == SHOWN else []),
    )
