"""Which module may import which: both packages are towers of rooms, and each uses only rooms below it.

Every import is looked at, wherever it stands: at the top, in a function, under ``TYPE_CHECKING``, through a package's
``__init__``, and as a string that names a module.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

TOWERS = {
    "iqm_fakes": (
        ("__main__",),
        ("cli",),
        ("agreement",),
        ("client",),
        ("web",),
        ("server",),
        ("recordings",),
        ("wire",),
        ("simulator",),
        ("device",),
        ("vendor", "documents", "html"),
        ("atomic_write", "environment", "printed", "words"),
    ),
    "pytest_iqm": (
        ("plugin",),
        ("fixtures", "collection", "hookspecs"),
        ("report",),
        ("live",),
        ("fixture_values",),
        ("machines",),
        ("machine",),
        ("offline_guard",),
        ("markers",),
        ("job_details", "claims"),
        ("executions",),
        ("prediction",),
        ("strategies",),
        ("backend",),
        ("statistics",),
        ("client_interception", "departures", "redaction"),
        ("settings",),
        ("claim_hooks", "budget", "errors", "on_import", "tracebacks", "_version"),
    ),
}
"""The rooms of each package, the top row first; a row uses only rows below it, and its rooms not each other."""

USES = {"pytest_iqm": ("iqm_fakes",)}
"""Which of the two packages may use the other one."""

ONLY = {
    "pytest": ("pytest_iqm",),
    "hypothesis": ("pytest_iqm.strategies",),
    "sqlite3": ("pytest_iqm.live",),
    "werkzeug": ("iqm_fakes.web",),
    "jinja2": ("iqm_fakes.html",),
    "tqdm": ("iqm_fakes.cli",),
    "pydantic": ("iqm_fakes.wire.payload", "iqm_fakes.vendor.http"),
    "qiskit_aer": ("iqm_fakes.simulator.aer",),
    "matplotlib": ("iqm_fakes.device.chip_plot",),
}
"""Who alone imports something from outside."""

LOADS = {"iqm": ("iqm_fakes.client", "iqm_fakes.vendor.http", "pytest_iqm.backend")}
"""Who alone imports something from outside when it is loaded, and not later; the vendor's packages take seconds."""

PURE = {"pytest_iqm.statistics": ("numpy", "scipy"), "iqm_fakes.simulator": ("numpy", "qiskit", "qiskit_aer")}
"""Rooms that import nothing else from outside, but for the standard library."""

LOADED_BY_PYTEST = "pytest_iqm.plugin"
"""What loads with pytest, and loads only the standard library, pytest and what is as light."""

Sources = Mapping[str, tuple[Path, ast.Module]]


class Import(NamedTuple):
    """A module needs another one, and a line says so.

    Attributes:
        importer: Module that has the line.
        imported: Module of ours, or what is imported from outside.
        line: Its number.
        late: Whether the line runs only when a function is called, or never.

    """

    importer: str
    imported: str
    line: int
    late: bool


@cache
def sources() -> Sources:
    found = {}
    for folder, package in ((ROOT / "fakes", "iqm_fakes"), (ROOT, "pytest_iqm")):
        for path in sorted((folder / package).rglob("*.py")):
            name = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
            found[name] = path, ast.parse(path.read_text(encoding="utf-8"))
    return found


def with_line(module: str, line: str) -> Sources:
    """Return the sources with one more line at the end of a module."""
    path, tree = sources()[module]
    return {**sources(), module: (path, ast.parse(f"{ast.unparse(tree)}\n{line}\n"))}


def homes(tree: ast.Module) -> dict[str, str]:
    """Return where a lazy ``__init__`` has its names from."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOME":
            return dict(ast.literal_eval(node.value))
    return {}


def imports(code: Sources) -> Iterator[Import]:
    """Yield everything that our modules import; of lazy faces only what loading them does."""
    for module, (_, tree) in code.items():
        face = bool(homes(tree))
        for node, late in _lines(tree):
            if not (face and late):
                for name in _named(node, code):
                    yield Import(module, name, node.lineno, late)
        for parent in _parents(module):  # is loaded before the module
            yield Import(module, parent, 1, late=False)


@cache
def _lines(tree: ast.Module) -> list[tuple[ast.Import | ast.ImportFrom | ast.Constant, bool]]:
    return list(_walk(tree, late=False))


def _walk(node: ast.AST, *, late: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom | ast.Constant, bool]]:
    for child in ast.iter_child_nodes(node):
        inside = late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        inside = inside or (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING")
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, inside
        elif isinstance(child, ast.Constant) and isinstance(child.value, str) and "." in child.value:
            yield child, True
        yield from _walk(child, late=inside)


def _named(node: ast.Import | ast.ImportFrom | ast.Constant, code: Sources) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.Constant):
        if node.value in code:  # "iqm_fakes.device.catalogue", for import_module and the like
            yield node.value
    else:
        assert not node.level, "relative imports are not looked at"
        for alias in node.names:
            yield _home(str(node.module), alias.name, code)


def _home(module: str, name: str, code: Sources) -> str:
    """Return the module that ``from module import name`` needs."""
    if f"{module}.{name}" in code:
        return f"{module}.{name}"
    home = homes(code[module][1]).get(name) if module in code else None
    if home is None:
        return module
    return home if home in code else f"{module}.{home}" if f"{module}.{home}" in code else _home(home, name, code)


def _parents(module: str) -> Iterator[str]:
    while "." in module:
        module = module.rpartition(".")[0]
        yield module


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def rows() -> dict[str, int]:
    return {
        f"{package}.{name}": index
        for package, tower in TOWERS.items()
        for index, row in enumerate(tower)
        for name in row
    }


def said(code: Sources, found: Import) -> str:
    return f"{code[found.importer][0].relative_to(ROOT)}:{found.line}: {found.importer} imports {found.imported}"


def against_the_order(code: Sources) -> list[str]:
    """Return the lines that import from a room that is not below."""
    order, wrong = rows(), []
    for found in imports(code):
        importer, imported = room(found.importer), room(found.imported)
        package, other = importer.partition(".")[0], imported.partition(".")[0]
        if found.imported in code and package != other and other not in USES.get(package, ()):
            wrong.append(said(code, found))
        elif {importer, imported} <= order.keys() and package == other and importer != imported:
            wrong += [said(code, found)] if order[imported] <= order[importer] else []
    return list(dict.fromkeys(wrong))


def circle(code: Sources) -> list[str]:
    """Return the lines that make a circle of modules, if there is one."""
    lines: dict[str, dict[str, Import]] = {module: {} for module in code}
    for found in imports(code):
        if found.imported in code and found.imported != found.importer:
            lines[found.importer].setdefault(found.imported, found)
    try:
        TopologicalSorter(lines).prepare()
    except CycleError as error:
        modules = error.args[1]
        return [said(code, lines[importer][imported]) for imported, importer in pairwise(modules)]
    return []


def test_every_room_is_in_the_tower_and_every_name_in_the_tables_is_a_room():
    there = {room(module) for module in sources() if "." in module}
    assert rows().keys() == there
    named = [*USES, *(name for names in USES.values() for name in names), *PURE, LOADED_BY_PYTEST]
    assert {*named, *(name for names in ONLY.values() for name in names)} <= sources().keys()
    outside = {found.imported.partition(".")[0] for found in imports(sources())}
    assert {*ONLY, *LOADS, *(name for names in PURE.values() for name in names)} <= outside


def test_rooms_use_only_rooms_below():
    assert against_the_order(sources()) == []


def test_there_is_no_circle():
    assert circle(sources()) == []


@pytest.mark.parametrize(
    ("module", "line", "problem"),
    [
        ("iqm_fakes.device.snapshot", "def f():\n    from iqm_fakes.web.api import Api", "iqm_fakes.web.api"),
        ("iqm_fakes.device.snapshot", "def f():\n    from iqm_fakes import Api", "iqm_fakes.web.api"),
        (
            "iqm_fakes.wire.status",
            "if TYPE_CHECKING:\n    from iqm_fakes.server import queue",
            "iqm_fakes.server.queue",
        ),
        ("iqm_fakes.wire.status", "import_module('iqm_fakes.web.api')", "iqm_fakes.web.api"),
        ("iqm_fakes.vendor.layout", "import pytest_iqm.backend", "pytest_iqm.backend"),
    ],
)
def test_an_import_against_the_order_is_named(module, line, problem):
    (found,) = against_the_order(with_line(module, line))
    assert str(sources()[module][0].relative_to(ROOT)) in found
    assert found.endswith(f"{module} imports {problem}")


@pytest.mark.parametrize(
    "line", ["from iqm_fakes.device.device import Device", "def f():\n    import iqm_fakes.device.device"]
)
def test_a_circle_is_named(line):
    found = circle(with_line("iqm_fakes.device.file_format", line))
    assert any(text.endswith("iqm_fakes.device.file_format imports iqm_fakes.device.device") for text in found)


def test_what_loads_with_a_package_counts_as_imported_by_its_modules():
    found = circle(with_line("iqm_fakes.device", "import iqm_fakes.device.device"))
    assert any(text.endswith("iqm_fakes.device imports iqm_fakes.device.device") for text in found)


@pytest.mark.parametrize("outside", ONLY)
def test_what_few_import_from_outside(outside):
    importers = {found.importer for found in imports(sources()) if found.imported.partition(".")[0] == outside}
    assert not [importer for importer in importers if not _is_in(importer, ONLY[outside])]


@pytest.mark.parametrize("outside", LOADS)
def test_what_few_load(outside):
    lines = [found for found in imports(sources()) if found.imported.partition(".")[0] == outside and not found.late]
    assert {found.importer for found in lines} == {*LOADS[outside]}


@pytest.mark.parametrize("place", PURE)
def test_what_is_imported_where_little_is(place):
    for found in imports(sources()):
        if _is_in(found.importer, [place]):
            top = found.imported.partition(".")[0]
            known = top in sources() or top in PURE[place] or top in sys.stdlib_module_names
            assert known, said(sources(), found)


def test_the_plugin_loads_pytest_and_the_standard_library():
    every = [found for found in imports(sources()) if not found.late]
    loaded, todo = set(), [LOADED_BY_PYTEST]
    while todo:
        module = todo.pop()
        loaded.add(module)
        for found in every:
            if found.importer == module:
                top = found.imported.partition(".")[0]
                if found.imported in sources():
                    todo += {found.imported} - loaded
                else:
                    assert top == "pytest" or top in sys.stdlib_module_names, said(sources(), found)


def _is_in(module: str, places: tuple[str, ...] | list[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)
