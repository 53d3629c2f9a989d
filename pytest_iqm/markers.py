"""The markers: what is said about them, their arguments, and what they ask of a machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import Any

import pytest

from iqm_fakes.words import several

DECLARATIONS = (
    "iqm(device=..., computers=[...], seed=..., noise=..., idle=..., method=..., replay=..., alpha=...): run on this "
    "fake device (name or file), or on several on one server, with this seed, without noise, without relaxation while "
    "components wait, simulated in this way, or on recordings; alpha is how often a true claim may fail; of several "
    "markers, the closest one wins, argument by argument",
    "iqm_live_only(reason): run on a real machine only",
    "iqm_fake_only(reason): run on the fake only",
    "iqm_requires(qubits=number, gates=['move', ...], connected=number or pairs): run on machines that have this only",
)
"""What ``pytest --markers`` says of them."""


def _is_device(value: Any) -> bool:
    return isinstance(value, str | os.PathLike) and bool(os.fspath(value))


def _are_devices(value: Any) -> bool:
    named = isinstance(value, list | tuple) and all(map(_is_device, value))
    return named and 0 < len({*map(os.fspath, value)}) == len(value)


def _is_seed(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_method(value: Any) -> bool:
    from iqm_fakes.simulator.methods import METHODS

    return value in ("auto", *METHODS)


ARGUMENTS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "device": ("'name or file'", _is_device),
    "computers": ("['name or file', ...]", _are_devices),
    "seed": ("non-negative integer", _is_seed),
    "noise": ("True or False", lambda value: isinstance(value, bool)),
    "idle": ("True or False", lambda value: isinstance(value, bool)),
    "method": ("how circuits are simulated", _is_method),
    "replay": ("True or False", lambda value: isinstance(value, bool)),
    "alpha": ("number between 0 and 1", lambda value: isinstance(value, float) and 0 < value < 1),
    "limits": ("Limits(...)", lambda value: type(value).__name__ == "Limits"),
    "executor": ("an executor", lambda value: hasattr(value, "submit")),
    "time_limit": ("seconds", lambda value: value is None or (isinstance(value, int | float) and value > 0)),
}
"""What tests may say: what it has to be, in words and as a check."""

CLAIMS = ("alpha",)
"""Arguments that are about claims, and not about the machine."""

FAKE = tuple(name for name in ARGUMENTS if name not in ("replay", *CLAIMS))
"""What the fixture ``iqm_settings`` gives, and ``iqm_backend_factory`` takes."""

MARKER = ("device", "computers", "seed", "noise", "idle", "method", "replay", *CLAIMS)
"""What ``@pytest.mark.iqm`` takes."""

ALTERNATIVES = {"device", "computers"}
"""Arguments of which there is at most one."""

REQUIRES_USAGE = (
    "@pytest.mark.iqm_requires takes qubits=number, gates=['cz', ...] and connected=number of qubits that two-qubit "
    "gates connect, or a list of pairs such as [('QB1', 'QB2')]"
)


def described(names: Iterable[str]) -> str:
    """Return a text for people about arguments."""
    return ", ".join(f"{name}={ARGUMENTS[name][0]}" for name in names)


def problems(asked: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Return what is wrong with arguments; there may be those with these names."""
    wrong = [f"{name}={value!r}" for name, value in asked.items() if name not in names or not ARGUMENTS[name][1](value)]
    return wrong + (["both device and computers"] if {*asked} >= ALTERNATIVES else [])


def merged(former: Mapping[str, Any], closer: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments, of which those that are closer to the test win."""
    dropped = ALTERNATIVES if ALTERNATIVES & {*closer} else set()
    return {name: value for name, value in former.items() if name not in dropped} | dict(closer)


def arguments(item: Any) -> dict[str, Any]:
    """Return the arguments of ``@pytest.mark.iqm`` that a test has; each from the closest marker that has it.

    Raises:
        pytest.UsageError: A marker has arguments that it doesn't take.

    """
    found: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("iqm"))):  # the closest comes last
        wrong = [f"positional {value!r}" for value in marker.args] + problems(marker.kwargs, MARKER)
        if wrong:
            raise pytest.UsageError(
                f"{item.nodeid}: @pytest.mark.iqm takes {described(MARKER)}; got {', '.join(wrong)}"
            )
        found = merged(found, marker.kwargs)
    return found


def requirements(item: Any) -> dict[str, Any]:
    """Return the arguments of ``@pytest.mark.iqm_requires``: what a test needs of its machine.

    Raises:
        pytest.UsageError: A marker has arguments that it doesn't take, or none.

    """
    found: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("iqm_requires"))):
        wrong = [f"positional {value!r}" for value in marker.args]
        wrong += [f"{name}={value!r}" for name, value in marker.kwargs.items() if not _is_requirement(name, value)]
        if not marker.args and not marker.kwargs:
            wrong = ["nothing"]
        wrong = wrong or _unknown_gates(marker.kwargs.get("gates", ()))
        if wrong:
            raise pytest.UsageError(f"{item.nodeid}: {REQUIRES_USAGE}; got {', '.join(wrong)}")
        found |= marker.kwargs
    return found


def mistakes(item: Any, unreadable: Callable[[Any], str | None]) -> list[str]:
    """Return what is wrong with the markers of a test, a line each.

    Args:
        item: The test.
        unreadable: Says what is wrong with a device, if anything is.

    """
    found = []
    for read in (arguments, requirements, reasons):
        try:
            read(item)
        except pytest.UsageError as error:
            found.append(str(error))
    if found:
        return found
    said = arguments(item)
    named = said.get("computers", [said["device"]] if "device" in said else [])
    return [f"{item.nodeid}: @pytest.mark.iqm: {error}" for error in map(unreadable, named) if error is not None]


def _unknown_gates(gates: Iterable[str]) -> list[str]:
    from iqm_fakes.simulator.operations import OPERATIONS

    unknown = sorted({*gates} - {*OPERATIONS})
    known = ", ".join(sorted(OPERATIONS))
    return [f"{', '.join(map(repr, unknown))}, which no IQM quantum computer has ({known})"] if unknown else []


def _is_requirement(name: str, value: Any) -> bool:
    if name == "gates":
        return isinstance(value, list | tuple | set) and all(isinstance(gate, str) for gate in value)
    if name == "connected" and isinstance(value, list | tuple):
        return all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in value)
    return name in ("qubits", "connected") and type(value) is int and value > 0


def reasons(item: Any) -> dict[str, str]:
    """Return why a test runs live or on the fake only, by the name of the marker, as the end of a sentence.

    Raises:
        pytest.UsageError: A marker has arguments that it doesn't take.

    """
    found: dict[str, str] = {}
    for name in ("iqm_live_only", "iqm_fake_only"):
        for marker in item.iter_markers(name):
            given = [*marker.args, *marker.kwargs.values()]
            if len(given) > 1 or {*marker.kwargs} - {"reason"} or not all(isinstance(value, str) for value in given):
                named = [f"{key}={value!r}" for key, value in marker.kwargs.items()]
                got = ", ".join([*map(repr, marker.args), *named])
                raise pytest.UsageError(f"{item.nodeid}: @pytest.mark.{name} takes a reason, got {got}")
            found.setdefault(name, f": {given[0]}" if given else "")
    return found


def wrong_place(item: Any, *, live: bool, replay: bool) -> str | None:
    """Return why a test does not run here: on hardware, on recordings of it, or on the fake.

    Raises:
        pytest.UsageError: A marker has arguments that it doesn't take.

    """
    found = reasons(item)
    if "iqm_live_only" in found and not live and not replay:
        return f"runs on a real machine only, with --iqm-live{found['iqm_live_only']}"
    if "iqm_fake_only" in found and live:
        return f"runs on the fake only, and this run is live{found['iqm_fake_only']}"
    return None


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
    return [] if there >= number else [f"{several(number, 'qubit')} (it has {there})"]


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
