"""The workflows of docs/nightly.md: their shell steps, run here with ``iqm-fake serve`` as the machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from server_process import CLEAN, TOKEN, serving

from iqm_fakes import Device, Recordings

DOCS = Path(__file__).parent.parent / "docs" / "nightly.md"

SUITE = """
import pytest
from qiskit import QuantumCircuit, transpile

def test_bell(iqm_backend):
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    job = iqm_backend.run(transpile(qc, iqm_backend, seed_transpiler=1), shots=200)
    assert sum(job.result().get_counts().values()) == 200

@pytest.mark.iqm_live_only("one night")
def test_the_machine_is_calibrated(iqm_backend):
    assert iqm_backend.num_qubits == 5
"""


def block(language, comment):
    """Return a block of code of the page, by its first line."""
    blocks = re.findall(rf"```{language}\n(# {re.escape(comment)}\n.*?)```", DOCS.read_text(), re.S)
    (found,) = blocks
    return found


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    log = tmp_path_factory.mktemp("machine") / "log"
    with log.open("w") as errors:
        arguments = ("--device", "adonis", "--seed", "1", "--require-token", "--verbose")
        with serving(*arguments, log=errors, IQM_TOKEN=TOKEN) as (_, url, _):
            yield url, log


@pytest.fixture
def shell(tmp_path):
    """A clone of a project whose origin is a bare repository; runs lines of shell in it."""
    origin, clone, tools = tmp_path / "project.git", tmp_path / "clone", tmp_path / "tools"
    tools.mkdir()
    for name in ("pip", "gh"):  # neither is to install nor to publish anything
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/called"\n')
        (tools / name).chmod(0o755)
    python = Path(sys.executable).parent
    environment = {**CLEAN, "PATH": f"{tools}:{python}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    environment.pop("PYTEST_ADDOPTS", None)

    def run(lines, folder=clone, **variables):
        done = subprocess.run(
            ["bash", "-e", "-c", lines],
            cwd=folder,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=300,
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, output
        assert TOKEN not in output
        return output

    run(f"git init -q --bare -b main {origin} && git -C {origin} config receive.advertisePushOptions true", tmp_path)
    run(f"git clone -q {origin} {clone} 2>&1", tmp_path)
    (clone / "pytest.ini").write_text(block("ini", "pytest.ini"))
    (clone / "test_bell.py").write_text(SUITE)
    (clone / ".gitignore").write_text("__pycache__\n.pytest_cache\n")
    Device.load("adonis").save(clone / "machine.json")
    run("git add . && git -c user.name=t -c user.email=t@localhost commit -qm start && git push -q origin HEAD")
    run.clone, run.origin, run.called = clone, origin, tmp_path / "called"
    return run


def proposed(shell):
    """Return the branch that was pushed, checked out."""
    branches = shell("git fetch -q && git branch -r --format='%(refname:short)'").split()
    (branch,) = [name for name in branches if "quantum-" in name]
    shell(f"git checkout -q {branch}")
    return branch


def check_proposal(shell, url, log):
    before = shell(f"git -C {shell.origin} show main:machine.json")
    proposed(shell)
    device = Device.load(shell.clone / "machine.json")
    assert (shell.clone / "machine.json").read_text() != before
    assert device.default_calibration_set_id == Device.load("adonis").default_calibration_set_id
    (job,) = Recordings(shell.clone / "iqm_recordings").ids()
    assert f"job {job} submitted: 1 circuits, 200 shots each" in log.read_text()
    files = [path for path in shell.clone.rglob("*") if path.is_file()]
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert "1 replayed" in shell("pytest --iqm-record=replay -k bell -p no:randomly")


def test_github(shell, machine):
    url, log = machine
    known = {
        "vars.IQM_SERVER_URL": url,
        "vars.IQM_QUANTUM_COMPUTER": "adonis",
        "secrets.IQM_TOKEN": TOKEN,
        "github.token": "of-github",
    }

    def values(variables):
        return {
            name: re.sub(r"\$\{\{ (.*?) \}\}", lambda match: known[match[1]], value)
            for name, value in (variables or {}).items()
        }

    workflow = yaml.safe_load(block("yaml", ".github/workflows/quantum.yml"))
    for name in ("fake", "live"):
        job = workflow["jobs"][name]
        for step in job["steps"]:
            if "run" in step:
                shell(step["run"], **values(job.get("env")), **values(step.get("env")))
    called = shell.called.read_text().splitlines()
    assert called == ["pip install . pytest-iqm pytest-xdist", "pip install . pytest-iqm", "gh pr create --fill"]
    assert (shell.clone / "report.html").exists()
    check_proposal(shell, url, log)


def test_gitlab(shell, machine):
    url, log = machine
    pipeline = yaml.safe_load(block("yaml", ".gitlab-ci.yml"))
    shell("\n".join(pipeline["fake"]["script"]))
    variables = {
        "IQM_SERVER_URL": url,
        "IQM_QUANTUM_COMPUTER": "adonis",
        "IQM_TOKEN": TOKEN,
        "PUSH_TOKEN": "of-gitlab",
        "CI_PIPELINE_ID": "7",
        "CI_PROJECT_URL": str(shell.origin).removesuffix(".git"),
    }
    shell("\n".join(pipeline["live"]["script"]), **variables)
    check_proposal(shell, url, log)


def test_both_know_the_same_settings():
    page = DOCS.read_text()
    assert page.count("pytest --iqm-live --iqm-record=missing --iqm-report=report.html --junitxml=report.xml") == 2
    assert page.count("pytest --iqm-plan") == 2
