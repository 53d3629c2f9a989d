"""The markers: what is said about them, their arguments, and what they ask of a machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pytest

DECLARATIONS = (
    "iqm(device=..., computers=[...], seed=..., noise=..., replay=...): run on this fake device (name or file), or on "
    "several on one server, with this seed, without noise, or on recordings",
    "iqm_live_only(reason): run on a real machine only",
    "iqm_fake_only(reason): run on the fake only",
    "iqm_requires(qubits=number, gates=['move', ...], connected=number or pairs): run on machines that have this only",
)
"""What ``pytest --markers`` says of them."""

IQM_USAGE = (
    "@pytest.mark.iqm takes device='name or file' or computers=['name or file', ...], seed=non-negative integer, "
    "noise=True or False, and replay=True or False"
)
REQUIRES_USAGE = (
    "@pytest.mark.iqm_requires takes qubits=number, gates=['cz', ...] and connected=number of qubits that two-qubit "
    "gates connect, or a list of pairs such as [('QB1', 'QB2')]"
)


ALTERNATIVES = {"device", "computers"}
"""Arguments of which a marker has at most one, and the closest marker wins."""


@dataclass(frozen=True)
class MarkerArguments:
    """The arguments of ``@pytest.mark.iqm``; None is what nothing was said of."""

    device: str | None = None
    computers: Sequence[str] | None = None
    seed: int | None = None
    noise: bool | None = None
    replay: bool | None = None

    @classmethod
    def of(cls, node: pytest.Item | Any) -> MarkerArguments:
        """Read the markers of a test.

        Raises:
            pytest.UsageError: One has arguments that the marker doesn't take.

        """
        return cls(**_keyword_arguments(node, "iqm", _is_iqm_argument, IQM_USAGE))

    @property
    def devices(self) -> list[str]:
        """The devices that are asked for, all on one server; none if nothing was said."""
        return [self.device] if self.device is not None else list(self.computers or ())


def requirements(item: pytest.Item) -> dict[str, Any]:
    """Return the arguments of ``@pytest.mark.iqm_requires``: what a test needs of its machine.

    Raises:
        pytest.UsageError: A marker has arguments that it doesn't take.

    """
    return _keyword_arguments(item, "iqm_requires", _is_requirement, REQUIRES_USAGE)


def _keyword_arguments(
    node: pytest.Item | Any, marker_name: str, is_valid: Callable[[str, Any], bool], usage: str
) -> dict[str, Any]:
    """Return the arguments of all markers of a name that a test has; those of the closest win."""
    arguments: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers(marker_name))):  # the closest comes last
        wrong = [f"positional {value!r}" for value in marker.args]
        wrong += [f"{name}={value!r}" for name, value in marker.kwargs.items() if not is_valid(name, value)]
        if {*marker.kwargs} >= ALTERNATIVES:
            wrong.append("both device and computers")
        if wrong:
            raise pytest.UsageError(f"{node.nodeid}: {usage}; got {', '.join(wrong)}")
        if {*marker.kwargs} & ALTERNATIVES:
            arguments = {key: value for key, value in arguments.items() if key not in ALTERNATIVES}
        arguments |= marker.kwargs
    return arguments


def _is_iqm_argument(name: str, value: Any) -> bool:
    if name == "seed":
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if name == "computers":
        named = isinstance(value, list | tuple) and all(isinstance(device, str) for device in value)
        return named and 0 < len(set(value)) == len(value)
    return isinstance(value, str) if name == "device" else name in ("noise", "replay") and isinstance(value, bool)


def _is_requirement(name: str, value: Any) -> bool:
    if name == "gates":
        return isinstance(value, list | tuple | set) and all(isinstance(gate, str) for gate in value)
    if name == "connected" and isinstance(value, list | tuple):
        return all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in value)
    return name in ("qubits", "connected") and type(value) is int and value > 0


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


def lacking(required: Mapping[str, Any], architecture: Mapping[str, Any]) -> list[str]:
    """Return what a machine lacks of what a test needs.

    Args:
        required: What :func:`requirements` returned.
        architecture: The machine's dynamic quantum architecture, as the server has it.

    """
    checks: dict[str, Callable[[Any, _Architecture], list[str]]] = {
        "qubits": _lacking_qubits,
        "gates": _lacking_gates,
        "connected": _lacking_connections,
    }
    machine = _Architecture(architecture)
    return [problem for name, value in required.items() for problem in checks[name](value, machine)]


class _Architecture:
    """What requirements are about: loci, qubits, and pairs that a gate connects."""

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


def _lacking_qubits(number: int, machine: _Architecture) -> list[str]:
    there = len(machine.qubits)
    return [] if there >= number else [f"{number} qubits (it has {there})"]


def _lacking_gates(gates: Iterable[str], machine: _Architecture) -> list[str]:
    there = ", ".join(sorted(gate for gate, loci in machine.loci.items() if loci))
    return [f"the gate '{gate}' (it has {there})" for gate in sorted(gates) if not machine.loci.get(gate)]


def _lacking_connections(wanted: int | Iterable[tuple[str, str]], machine: _Architecture) -> list[str]:
    if not isinstance(wanted, int):
        return [f"a gate on {one} and {other}" for one, other in wanted if frozenset((one, other)) not in machine.edges]
    pieces: list[set[str]] = []
    for edge in machine.edges:
        touched = [piece for piece in pieces if piece & edge]
        pieces = [piece for piece in pieces if not piece & edge] + [set(edge).union(*touched)]
    largest = max((len(piece & machine.qubits) for piece in pieces), default=0)
    return [] if largest >= wanted else [f"{wanted} connected qubits (it has {largest})"]
