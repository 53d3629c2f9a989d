"""A comparison as one HTML page that needs no other file."""

from __future__ import annotations

from pathlib import Path

from iqm_fakes.agreement.results import HEAD, LEGEND, NIGHT_HEAD, SHOWN, Comparison, nights, row, suspicion
from iqm_fakes.html.pages import rendered
from iqm_fakes.wire.qiskit_order import order_notes

_TEMPLATE = Path(__file__).with_name("comparison.html")


def page(comparison: Comparison, title: str) -> str:
    """Return the HTML of a comparison."""
    computers = []
    for computer in dict.fromkeys(circuit.computer for circuit in comparison.circuits):
        own = [circuit for circuit in comparison.circuits if circuit.computer == computer]
        computers.append((computer, own, [row(circuit) for circuit in own]))
    return rendered(
        _TEMPLATE,
        title=title,
        legend=" ".join(LEGEND),
        notes=order_notes(circuit.order.is_qiskit for circuit in comparison.circuits),
        head=HEAD,
        night_head=NIGHT_HEAD,
        nights=nights(comparison),
        suspects="\n".join(suspicion(comparison)),
        left_out=comparison.left_out,
        computers=computers,
        shown=SHOWN,
    )
