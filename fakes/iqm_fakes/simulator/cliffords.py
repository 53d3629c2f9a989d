"""Which unitaries are Clifford gates, and by which names simulators of stabilizer states know them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from iqm_fakes.simulator.channels import CZ, SWAP, Matrix

TOLERANCE = 1e-10
"""Matrix elements that differ by less are the same: far below what any number of shots could resolve."""

_GATES: dict[str, Matrix] = {
    "h": np.array([[1, 1], [1, -1]], dtype=complex) / np.sqrt(2),
    "s": np.diag([1, 1j]).astype(complex),
    "sdg": np.diag([1, -1j]).astype(complex),
    "x": np.array([[0, 1], [1, 0]], dtype=complex),
    "y": np.array([[0, -1j], [1j, 0]], dtype=complex),
    "z": np.diag([1, -1]).astype(complex),
}


def gates_of(unitary: Matrix) -> tuple[str, ...] | None:
    """Return names of gates that make a unitary up to its phase, first one first, or None if it is no Clifford gate.

    One component: any of the 24; two: ``cz`` and ``swap``.
    """
    if len(unitary) == 4:
        return ("cz",) if unitary is CZ else ("swap",) if unitary is SWAP else None
    return _single().get(_key(unitary))


def _key(unitary: Matrix) -> tuple[int, ...] | None:
    """Return a Clifford gate's action on Pauli X and Z, three integers each; None for other unitaries."""
    signs: list[int] = []
    for before in ("x", "z"):
        image = unitary @ _GATES[before] @ unitary.conj().T
        for after in ("x", "y", "z"):
            overlap = float(np.real(np.trace(_GATES[after] @ image))) / 2
            sign = round(overlap)
            if abs(overlap - sign) > TOLERANCE:
                return None
            signs.append(sign)
    return tuple(signs)


@lru_cache(maxsize=1)
def _single() -> dict[tuple[int, ...] | None, tuple[str, ...]]:
    """Return the 24 Clifford gates of one component, each as the shortest sequence of named gates."""
    known: dict[tuple[int, ...] | None, tuple[str, ...]] = {}
    border: list[tuple[tuple[str, ...], Matrix]] = [((), np.eye(2, dtype=complex))]
    while border:
        for names, unitary in border:
            known.setdefault(_key(unitary), names)
        border = [
            ((*names, name), gate @ unitary)
            for names, unitary in border
            for name, gate in _GATES.items()
            if _key(gate @ unitary) not in known
        ]
    return known
