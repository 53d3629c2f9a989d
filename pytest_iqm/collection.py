"""Which tests there are, and in which order: one for each device, together by machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any

import pytest

from pytest_iqm import markers
from pytest_iqm.machine import MACHINE, is_ours
from pytest_iqm.machines import INDIRECT, parameters_of, uses_machine

WIDER = ("session", "package", "module", "class")
"""Scopes of fixtures that live longer than a test."""


def parametrizes(metafunc: pytest.Metafunc) -> bool:
    """Whether a test function is to run on each device of the run: it asks for a machine, no particular one."""
    if MACHINE not in metafunc.fixturenames or markers.ALTERNATIVES & {*markers.arguments(metafunc.definition)}:
        return False
    for marker in metafunc.definition.iter_markers("parametrize"):
        names = marker.args[0] if marker.args else marker.kwargs.get("argnames", "")
        named = {*(names.replace(",", " ").split() if isinstance(names, str) else names)}
        indirect = marker.kwargs.get("indirect", marker.args[2] if len(marker.args) > 2 else False)
        if named & {*INDIRECT} and (indirect is True or {*INDIRECT} & {*(indirect or ())}):
            return False
    return True


def names_of(devices: Sequence[str]) -> list[str]:
    """Return a name of each device, for ids: a bundled one's own, or as much of the path of a file as is needed."""
    paths = [PurePath(device).parts for device in devices]
    return [
        next(
            name
            for length in range(1, len(parts) + 1)
            if sum(other[-length:] == parts[-length:] for other in paths) == 1
            for name in ["/".join(parts[-length:])]
        )
        for parts in paths
    ]


def runs_twice(items: Iterable[pytest.Item], devices: Sequence[str]) -> list[pytest.Item]:
    """Return tests that are for one device and would run on it again for each further device of the run."""
    if len(devices) < 2:
        return []
    return [
        item
        for item in items
        if parameters_of(item).get(MACHINE, devices[0]) != devices[0]
        and markers.ALTERNATIVES & {*markers.arguments(item)}
    ]


def grouped(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return tests in an order in which fixtures that stand on a machine are set up once for each machine.

    The order is kept but where tests on different machines share such a fixture: then those on one machine follow the
    first of them.
    """
    for scope in reversed(WIDER):
        items = _grouped_within(items, scope)
    return list(items)


def _grouped_within(items: Sequence[pytest.Item], scope: str) -> list[pytest.Item]:
    """Do that for fixtures of one scope."""
    shared: dict[Any, list[pytest.Item]] = {}
    for item in items:
        if uses_machine(item) and _has_fixture_above(item, scope):
            shared.setdefault((_container(item, scope), _machine(item)), []).append(item)
    containers = [container for container, _ in shared]
    moved = {
        id(item): group for (container, _), group in shared.items() if containers.count(container) > 1 for item in group
    }
    ordered: dict[int, pytest.Item] = {}
    for item in items:
        for each in moved.get(id(item), [item]):
            ordered.setdefault(id(each), each)
    return list(ordered.values())


def _container(item: pytest.Item, scope: str) -> str:
    """Return the node id of what a fixture of this scope lives as long as."""
    parts = item.nodeid.split("::")
    file = parts[0]
    return {
        "session": "",
        "package": file.rpartition("/")[0],
        "module": file,
        "class": "::".join(parts[:2]) if len(parts) > 2 else item.nodeid,
    }[scope]


def _machine(item: pytest.Item) -> str:
    """Return a text that is the same for tests on one machine."""
    besides = ("seed", *markers.CLAIMS)
    said = {name: value for name, value in markers.arguments(item).items() if name not in besides}
    asked = {name: value for name, value in parameters_of(item).items() if name in (MACHINE, "iqm_settings", *INDIRECT)}
    return repr(sorted((name, str(value)) for name, value in (said | asked).items()))


def _has_fixture_above(item: pytest.Item, scope: str) -> bool:
    """Whether a test has a fixture of this scope that stands on a machine, as far as arguments tell."""
    definitions: dict[str, Sequence[Any]] = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})

    def stands_on_machine(name: str, seen: frozenset[str]) -> bool:
        arguments = [argument for each in definitions.get(name, ()) for argument in each.argnames]
        within = seen | {name}
        return name == MACHINE or (name not in seen and any(stands_on_machine(each, within) for each in arguments))

    return any(
        each.scope == scope and not is_ours(each) and stands_on_machine(name, frozenset())
        for name, several in definitions.items()
        for each in several
    )
