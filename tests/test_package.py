"""What is installed, what is public, and what importing costs."""

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
HEAVY = ("iqm", "qiskit", "qiskit_aer", "numpy", "scipy", "requests", "werkzeug", "hypothesis", "pydantic")


@pytest.mark.parametrize("package", ["iqm_fakes", "pytest_iqm", "pytest_iqm.plugin"])
def test_importing_loads_nothing_heavy(package):
    code = f"import sys, {package}; print(*sorted({set(HEAVY)!r} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert loaded.split() == []


@pytest.mark.parametrize("package", [iqm_fakes, pytest_iqm])
def test_every_public_name_is_there(package):
    assert len({*package.__all__}) == len(package.__all__)
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
    needed = {"pytest_iqm/py.typed", "iqm_fakes/py.typed", "iqm_fakes/device/catalogue/garnet.json"}
    needed |= {"iqm_fakes/html/page.html", "iqm_fakes/html/drawings.html", "iqm_fakes/agreement/comparison.html"}
    needed |= {"pytest_iqm/report/report.html"}
    assert needed | {f"{info}/licenses/LICENSE"} <= set(files)
    assert "iqm-fake = iqm_fakes.cli:main" in entry_points
    assert "iqm = pytest_iqm.plugin" in entry_points
