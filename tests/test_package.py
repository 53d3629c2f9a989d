"""What is installed, what imports what, and what importing costs."""

import ast
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.version import Version

import iqm_fakes
import pytest_iqm

ROOT = Path(__file__).parents[1]
SOURCES = {
    ".".join(path.relative_to(root).with_suffix("").parts): path
    for root, package in ((ROOT, "pytest_iqm"), (ROOT / "fakes", "iqm_fakes"))
    for path in (root / package).rglob("*.py")
}
HEAVY = ("iqm", "qiskit", "qiskit_aer", "numpy", "scipy", "requests", "werkzeug", "hypothesis", "pydantic")


def imports(module, *, lazy):
    """Names that a module imports: when it is loaded, or with ``lazy`` also when its functions run."""
    found = set()

    def walk(node):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.FunctionDef) and not lazy:
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(ast.parse(SOURCES[module].read_text(encoding="utf-8")))
    return found


def within(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize(
    ("modules", "forbidden"),
    [
        ("iqm_fakes", ("pytest", "pytest_iqm")),
        (
            "iqm_fakes.simulator",
            ("requests", "werkzeug", "http", "iqm_fakes.jobs", "iqm_fakes.server", "iqm_fakes.api"),
        ),
        ("iqm_fakes.noise", ("requests", "werkzeug", "http", "iqm_fakes.jobs", "iqm_fakes.server", "qiskit")),
        ("iqm_fakes.jobs", ("requests", "werkzeug", "http", "qiskit", "qiskit_aer", "iqm_fakes.simulator")),
        ("iqm_fakes.faults", ("requests", "werkzeug", "http", "qiskit", "qiskit_aer", "iqm_fakes.simulator")),
        ("iqm_fakes.clock", ("requests", "werkzeug", "http", "qiskit", "qiskit_aer", "iqm_fakes.simulator")),
        ("iqm_fakes.api", ("qiskit", "qiskit_aer", "iqm_fakes.simulator")),
        ("iqm_fakes.server", ("requests", "werkzeug", "http", "iqm_fakes.api", "iqm_fakes.transport")),
    ],
)
def test_nobody_imports_what_it_must_not_know(modules, forbidden):
    for module in SOURCES:
        if within(module, [modules]):
            assert not [name for name in imports(module, lazy=True) if within(name, forbidden)], module


def test_only_the_client_module_imports_the_vendor_when_loaded():
    vendors = {module for module in SOURCES if any(within(name, ["iqm"]) for name in imports(module, lazy=False))}
    assert vendors == {"iqm_fakes.client", "pytest_iqm.backend"}


LIGHT = """
plugin fixtures machines settings requirements journal live.seam live.guard live.preflight live.drift live.recorder
live.ledger report.claims report.session report.summary report.page
"""


@pytest.mark.parametrize("module", LIGHT.split())
def test_the_plugin_imports_pytest_and_the_standard_library(module):
    for name in imports(f"pytest_iqm.{module}", lazy=False):
        light = within(name, ["pytest", "pytest_iqm", "iqm_fakes.startup"])
        assert light or name.partition(".")[0] in sys.stdlib_module_names, name


def test_statistics_are_numpy_and_scipy_only():
    for module in (name for name in SOURCES if within(name, ["pytest_iqm.statistics"])):
        for name in imports(module, lazy=False):
            known = within(name, ["numpy", "scipy", "pytest_iqm.statistics", "pytest_iqm.journal", "pytest_iqm"])
            assert known or name.partition(".")[0] in sys.stdlib_module_names, (module, name)


@pytest.mark.parametrize("package", ["iqm_fakes", "pytest_iqm", "pytest_iqm.plugin"])
def test_importing_loads_nothing_heavy(package):
    code = f"import sys, {package}; print(*sorted({set(HEAVY)!r} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert loaded.split() == []


@pytest.mark.parametrize("package", [iqm_fakes, pytest_iqm])
def test_every_public_name_is_there(package):
    assert sorted(package.__all__) == package.__all__
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = package.nonsense


def can_build():
    try:
        return Version(version("hatchling")) >= Version("1.27")
    except PackageNotFoundError:
        return False


@pytest.mark.skipif(not can_build(), reason="needs hatchling 1.27 (iqm-client 33 pins what it can not have)")
def test_the_wheel_holds_the_two_packages_and_nothing_else(tmp_path):
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", build, str(tmp_path)]
    name = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout.split()[-1]
    with zipfile.ZipFile(tmp_path / name) as wheel:
        files = wheel.namelist()
        info = next(file.partition("/")[0] for file in files if ".dist-info/" in file)
        entry_points = wheel.read(f"{info}/entry_points.txt").decode()
    assert {file.partition("/")[0] for file in files} == {"pytest_iqm", "iqm_fakes", info}
    needed = {"pytest_iqm/py.typed", "iqm_fakes/py.typed", "iqm_fakes/catalogue/garnet.json"}
    assert needed | {f"{info}/licenses/LICENSE"} <= set(files)
    assert "iqm-fake = iqm_fakes.cli:main" in entry_points
    assert "iqm = pytest_iqm.plugin" in entry_points
