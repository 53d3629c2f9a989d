"""A comparison as one HTML page that needs no other file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

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
from iqm_fakes.html import bars, number_cell, table, whole_page


def page(comparison: Comparison, title: str) -> str:
    """Return the HTML of a comparison."""
    return whole_page(title, [f"<h1>{escape(title)}</h1>", *_body(comparison)])


def _body(comparison: Comparison) -> Iterator[str]:
    yield f"<p>{escape(' '.join(LEGEND))}</p>"
    yield f"<h2>Nights</h2>{_table(NIGHT_HEAD, nights(comparison))}"
    yield f"<h2>Suspects</h2><pre>{escape(chr(10).join(suspicion(comparison)))}</pre>"
    if comparison.left_out:
        items = "".join(f"<li>{escape(str(left_out))}</li>" for left_out in comparison.left_out)
        yield f"<h2>Left out</h2><ul>{items}</ul>"
    for computer in dict.fromkeys(circuit.computer for circuit in comparison.circuits):
        own = [circuit for circuit in comparison.circuits if circuit.computer == computer]
        yield f"<h2>{escape(computer)}</h2>{_table(HEAD, [row(circuit) for circuit in own])}"
        for circuit in own:
            yield from _circuit(circuit)


def _circuit(circuit: CircuitComparison) -> Iterator[str]:
    job = f"job <code>{escape(circuit.job)}</code>, " if circuit.job else ""
    yield f"<section><h3>{escape(circuit.name)}</h3><p>{job}circuit {circuit.index}</p>"
    largest = max(max(outcome.measured, outcome.expected) for outcome in circuit.outcomes)
    rows = [
        [
            f"<code>{outcome.bits}</code>",
            number_cell(outcome.measured),
            number_cell(f"{outcome.expected:.1f}"),
            bars(outcome.measured, outcome.expected, largest),
        ]
        for outcome in circuit.outcomes
    ]
    more = f"<p>the {SHOWN} most frequent outcomes</p>" if len(circuit.outcomes) == SHOWN else ""
    yield f"{table(['outcome', 'measured', 'expected', ''], rows)}{more}</section>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return table([escape(name) for name in head], [[escape(cell) for cell in cells] for cells in rows])
