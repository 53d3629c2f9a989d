"""Which tests can run: on hardware only, on the fake only, or on machines that have what a test needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import Any

import pytest

USAGE = (
    "@pytest.mark.iqm_requires takes qubits=number, gates=['cz', ...] and connected=number of qubits that two-qubit "
    "gates connect, or a list of pairs such as [('QB1', 'QB2')]"
)


def wrong_place(item: pytest.Item, *, live: bool, replay: bool) -> str | None:
    """Return why a test does not run here: on hardware, on recordings of it, or on the fake.

    Raises:
        pytest.UsageError: A marker has arguments that it doesn't take.

    """
    for marker in item.iter_markers("iqm_live_only"):
        reason = _reason(item, marker)
        if not live and not replay:
            return f"runs on a real machine only, with --iqm-live{reason}"
    for marker in item.iter_markers("iqm_fake_only"):
        reason = _reason(item, marker)
        if live:
            return f"runs on the fake only, and this run is live{reason}"
    return None


def _reason(item: pytest.Item, marker: pytest.Mark) -> str:
    given = [*marker.args, *marker.kwargs.values()]
    if len(given) > 1 or set(marker.kwargs) - {"reason"} or not all(isinstance(value, str) for value in given):
        raise pytest.UsageError(f"{item.nodeid}: @pytest.mark.{marker.name} takes a reason, got {marker}")
    return f": {given[0]}" if given else ""


def required(item: pytest.Item) -> dict[str, Any]:
    """Return what a test needs of its machine.

    Raises:
        pytest.UsageError: A marker has arguments that it doesn't take.

    """
    needs: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("iqm_requires"))):  # the closest comes last, and wins
        wrong = [f"positional {value!r}" for value in marker.args]
        wrong += [f"{name}={value!r}" for name, value in marker.kwargs.items() if not _valid(name, value)]
        if wrong:
            raise pytest.UsageError(f"{item.nodeid}: {USAGE}; got {', '.join(wrong)}")
        needs |= marker.kwargs
    return needs


def _valid(name: str, value: Any) -> bool:
    if name == "gates":
        return isinstance(value, list | tuple | set) and all(isinstance(gate, str) for gate in value)
    if name == "connected" and isinstance(value, list | tuple):
        return all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in value)
    return name in ("qubits", "connected") and type(value) is int and value > 0


def lacking(needs: Mapping[str, Any], architecture: Mapping[str, Any]) -> list[str]:
    """Return what a machine lacks of what a test needs.

    Args:
        needs: What :func:`required` returned.
        architecture: The machine's dynamic quantum architecture, as the server has it.

    """
    checks: dict[str, Callable[[Any, _Machine], list[str]]] = {
        "qubits": _qubits,
        "gates": _gates,
        "connected": _connected,
    }
    machine = _Machine(architecture)
    return [problem for name, value in needs.items() for problem in checks[name](value, machine)]


class _Machine:
    """What matters of an architecture."""

    def __init__(self, architecture: Mapping[str, Any]) -> None:
        self.loci: dict[str, set[frozenset[str]]] = {}
        for gate, description in architecture["gates"].items():
            implementations = description["implementations"].values()
            self.loci[gate] = {frozenset(locus) for entry in implementations for locus in entry["loci"]}
        self.qubits = set(architecture["qubits"]) & self._components("prx") & self._components("measure")
        pairs = {locus for loci in self.loci.values() for locus in loci if len(locus) == 2}
        for resonator in architecture.get("computational_resonators", ()):  # connects all its neighbours
            neighbours = {component for pair in pairs for component in pair - {resonator} if resonator in pair}
            pairs |= {frozenset(two) for two in combinations(neighbours, 2)}
        self.edges = pairs

    def _components(self, gate: str) -> set[str]:
        return {component for locus in self.loci.get(gate, ()) for component in locus}


def _qubits(number: int, machine: _Machine) -> list[str]:
    there = len(machine.qubits)
    return [] if there >= number else [f"{number} qubits (it has {there})"]


def _gates(gates: Iterable[str], machine: _Machine) -> list[str]:
    there = ", ".join(sorted(gate for gate, loci in machine.loci.items() if loci))
    return [f"the gate '{gate}' (it has {there})" for gate in sorted(gates) if not machine.loci.get(gate)]


def _connected(wish: int | Iterable[tuple[str, str]], machine: _Machine) -> list[str]:
    if not isinstance(wish, int):
        return [f"a gate on {one} and {other}" for one, other in wish if frozenset((one, other)) not in machine.edges]
    pieces: list[set[str]] = []
    for edge in machine.edges:
        touched = [piece for piece in pieces if piece & edge]
        pieces = [piece for piece in pieces if not piece & edge] + [set(edge).union(*touched)]
    largest = max((len(piece & machine.qubits) for piece in pieces), default=0)
    return [] if largest >= wish else [f"{wish} connected qubits (it has {largest})"]
