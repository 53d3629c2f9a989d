"""Hypothesis strategies: circuits, layouts, angles, batches and counts, which shrink to few gates and simple angles.

``from pytest_iqm import strategies`` beside ``from hypothesis import given``. The fixtures live as long as the session,
so ``@given`` and ``iqm_backend`` go together; what depends on the machine is drawn in the test, with ``st.data()``.
Runs take longer than the deadline that Hypothesis sets: ``@settings(deadline=None)``. A failure shows the smallest
circuit, drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from hypothesis import note
from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy
    from qiskit import QuantumCircuit

    from pytest_iqm.backend import IQMBackend

STANDARD: Mapping[str, tuple[int, int]] = {
    "x": (1, 0),
    "z": (1, 0),
    "h": (1, 0),
    "s": (1, 0),
    "t": (1, 0),
    "sx": (1, 0),
    "rx": (1, 1),
    "ry": (1, 1),
    "rz": (1, 1),
    "cx": (2, 0),
    "cz": (2, 0),
    "swap": (2, 0),
    "cp": (2, 1),
    "rzz": (2, 1),
}
"""Standard gates: how many qubits and angles each has, the simplest first."""

NATIVE: Mapping[str, tuple[int, int]] = {"r": (1, 2), "cz": (2, 0)}
"""Gates of every IQM quantum computer: prx, which Qiskit calls r, and cz, perhaps through a resonator."""


def angles() -> SearchStrategy[float]:
    """Return angles from −2π to 2π, multiples of π/2ᵏ; they shrink to those of a small k, and to 0.

    Each is one draw of Hypothesis, which deletes a few draws at a time when it shrinks: so whole gates go.
    """
    return st.integers(0, 2**32).map(_angle)


def _angle(index: int) -> float:
    """Return all angles, the simplest first: 0, ±π, ±2π, then odd multiples of ±π/2, ±π/4 and so on."""
    if index < 5:
        return (0, 1, -1, 2, -2)[index] * math.pi
    level = (index - 1).bit_length() - 2  # 4 of ±π/2, 8 of ±π/4 ...
    place = index - 1 - (2 << level)
    return (-1 if place % 2 else 1) * (2 * (place // 2) + 1) * math.ldexp(math.pi, -level)


@st.composite
def layouts(draw: DrawFn, backend: IQMBackend, size: int) -> list[int]:
    """Return qubits of a backend that its two-qubit gates connect.

    Args:
        draw: Given by Hypothesis.
        backend: Whose coupling map counts.
        size: How many qubits.

    Raises:
        ValueError: The backend has not so many that are connected.

    """
    neighbours: dict[int, set[int]] = {qubit: set() for qubit in range(backend.num_qubits)}
    for one, other in backend.coupling_map.get_edges() if size > 1 else ():
        neighbours[one].add(other)
        neighbours[other].add(one)
    starts = [qubit for qubit in neighbours if len(_reachable(qubit, neighbours)) >= size]
    if size < 1 or not starts:
        raise ValueError(f"backend '{backend.name}' has no {size} connected qubits")
    chosen = [draw(st.sampled_from(starts))]
    while len(chosen) < size:
        border = sorted({near for qubit in chosen for near in neighbours[qubit]} - set(chosen))
        chosen.append(draw(st.sampled_from(border)))
    return chosen


def _reachable(start: int, neighbours: Mapping[int, Iterable[int]]) -> set[int]:
    seen, todo = {start}, [start]
    while todo:
        new = set(neighbours[todo.pop()]) - seen
        seen |= new
        todo += new
    return seen


@st.composite
def circuits(
    draw: DrawFn,
    backend: IQMBackend | None = None,
    *,
    qubits: int = 3,
    max_gates: int = 10,
    gates: Literal["standard", "native"] = "standard",
    measured: bool = True,
) -> QuantumCircuit:
    """Return circuits; they shrink to fewer gates, gates on one qubit, and simple angles.

    Args:
        draw: Given by Hypothesis.
        backend: If given, gates on two qubits are on its coupled ones, and the circuit is as wide as the backend.
            Native circuits then run as they are: where qubits meet in a resonator, a ``cz`` is one of a qubit with the
            resonator, between two ``move``, and the circuit is wider by the resonators.
        qubits: How many qubits have gates.
        max_gates: How many gates there are at most.
        gates: ``standard`` ones of Qiskit, or the ``native`` ones of IQM's machines.
        measured: Whether the qubits with gates are measured at the end, in order.

    Raises:
        ValueError: The backend has not so many connected qubits.

    """
    from qiskit import QuantumCircuit

    places = list(range(qubits)) if backend is None else draw(layouts(backend, qubits))
    pairs = [(a, b) for a in places for b in places if a != b]
    if backend is not None and qubits > 1:
        coupled = {frozenset(edge) for edge in backend.coupling_map.get_edges()}
        pairs = [pair for pair in pairs if frozenset(pair) in coupled]
    resonators = _resonators(backend) if backend is not None and gates == "native" else {}
    if resonators:  # some pairs can meet in one order only
        pairs = [pair for pair in pairs if pair in resonators or pair[::-1] not in resonators]
    table = NATIVE if gates == "native" else STANDARD
    names = [name for name, (width, _) in table.items() if width == 1 or pairs]

    def gate(name: str) -> SearchStrategy[tuple[str, tuple[int, ...], list[float]]]:
        width, parameters = table[name]
        where = st.sampled_from([(place,) for place in places] if width == 1 else pairs)
        return st.tuples(st.just(name), where, st.lists(angles(), min_size=parameters, max_size=parameters))

    steps = draw(st.lists(st.one_of([gate(name) for name in names]), max_size=max_gates))
    width = qubits if backend is None else backend.num_qubits
    if backend is not None and resonators:
        width = backend.target_with_resonators.num_qubits
    circuit = QuantumCircuit(width, len(places) if measured else 0)
    for name, where, parameters in steps:
        if name == "cz" and where in resonators:
            _through_resonator(circuit, where, resonators[where])
        else:
            getattr(circuit, name)(*parameters, *where)
    if measured:
        circuit.measure(places, range(len(places)))
    note(_Drawing(circuit))
    return circuit


class _Drawing:
    """A circuit that is drawn when Hypothesis shows an example that failed."""

    def __init__(self, circuit: QuantumCircuit) -> None:
        self._circuit = circuit

    def __repr__(self) -> str:
        return str(self._circuit.draw("text", idle_wires=False))


def _resonators(backend: IQMBackend) -> dict[tuple[int, ...], int]:
    """Return the resonator in which the first qubit of a pair can meet the second one."""
    if not backend.has_resonators():
        return {}
    target = backend.target_with_resonators
    meeting = {frozenset(locus) for locus in target.qargs_for_operation_name("cz")}
    return {
        (moved, other): resonator
        for moved, resonator in target.qargs_for_operation_name("move")
        for other in range(backend.num_qubits)
        if other != moved and frozenset((other, resonator)) in meeting
    }


def _through_resonator(circuit: QuantumCircuit, pair: tuple[int, ...], resonator: int) -> None:
    from iqm.qiskit_iqm.move_gate import MoveGate

    moved, other = pair
    circuit.append(MoveGate(), [moved, resonator])
    circuit.cz(other, resonator)
    circuit.append(MoveGate(), [moved, resonator])


def batches(of: SearchStrategy[Any], *, max_size: int = 4) -> SearchStrategy[list[Any]]:
    """Return lists of circuits for one job: at least one."""
    return st.lists(of, min_size=1, max_size=max_size)


@st.composite
def counts(draw: DrawFn, *, bits: int = 2, shots: int = 1000) -> dict[str, int]:
    """Return counts of so many shots; they shrink to all of them in the outcome of zeros."""
    left, found = shots, {}
    for number in draw(st.lists(st.integers(0, 2**bits - 1), unique=True, max_size=2**bits)):
        found[f"{number:0{bits}b}"] = draw(st.integers(0, left))
        left -= found[f"{number:0{bits}b}"]
    zeros = "0" * bits
    found[zeros] = found.get(zeros, 0) + left
    return {key: count for key, count in found.items() if count}
