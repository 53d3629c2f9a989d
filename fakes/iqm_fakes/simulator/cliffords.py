"""Which unitaries are Clifford gates, and their names in a simulator of stabilizer states."""

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


def clifford_gates(unitary: Matrix) -> tuple[str, ...] | None:
    """Return names of gates that together are a unitary up to its phase, or None if it is no Clifford gate.

    On one component any of the 24 is known, on two ``cz`` and ``swap``.
    """
    if len(unitary) == 4:
        return ("cz",) if unitary is CZ else ("swap",) if unitary is SWAP else None
    return _one_component().get(_pauli_images(unitary))


def _pauli_images(unitary: Matrix) -> tuple[int, ...] | None:
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
def _one_component() -> dict[tuple[int, ...] | None, tuple[str, ...]]:
    """Return the 24 Clifford gates of one component, each as the shortest sequence of named gates."""
    known: dict[tuple[int, ...] | None, tuple[str, ...]] = {}
    border: list[tuple[tuple[str, ...], Matrix]] = [((), np.eye(2, dtype=complex))]
    while border:
        for names, unitary in border:
            known.setdefault(_pauli_images(unitary), names)
        border = [
            ((*names, name), gate @ unitary)
            for names, unitary in border
            for name, gate in _GATES.items()
            if _pauli_images(gate @ unitary) not in known
        ]
    return known
