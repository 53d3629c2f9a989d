"""The examples pass offline and, unchanged, live: the vendor's own client, a server in another process."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from server_process import CLEAN, serving

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(*command, **environment):
    return subprocess.run(
        [sys.executable, *command],
        cwd=EXAMPLES.parent,
        env={**CLEAN, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def served():
    machine = ("--device", "garnet", "--device", "deneb", "--seed", "1", "--require-token")
    with serving(*machine, IQM_TOKEN="only-for-tests") as (process, url, _):
        yield url
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_offline():
    result = run("-m", "pytest", "-p", "no:cacheprovider", "examples")
    assert result.returncode == 0, result.stdout
    assert "iqm: fake garnet (default), seed 0 (default)" in result.stdout
    assert re.search(r"\d+ passed in", result.stdout.splitlines()[-1])


@pytest.mark.parametrize(("computer", "skipped"), [("garnet", 2), ("deneb", 1)])
def test_live(served, computer, skipped):
    environment = {"IQM_SERVER_URL": served, "IQM_TOKEN": "only-for-tests"}
    result = run(
        "-m", "pytest", "-p", "no:cacheprovider", "--iqm-live", "--iqm-computer", computer, "examples", **environment
    )
    assert result.returncode == 0, result.stdout
    assert f"iqm: LIVE {computer} (--iqm-computer) at {served} (IQM_SERVER_URL)" in result.stdout
    summary = result.stdout.splitlines()[-1]
    assert re.search(r"\d+ passed", summary)
    assert f"{skipped} skipped" in summary
    assert "only-for-tests" not in result.stdout


def test_script():
    result = run("-W", "ignore", str(EXAMPLES / "script.py"))
    assert result.returncode == 0, result.stderr
    assert "DONE" in result.stdout


def test_the_readme_shows_the_first_example():
    assert (EXAMPLES / "test_bell.py").read_text().strip() in (EXAMPLES.parent / "README.md").read_text()
