"""What live runs leave on a machine if they are killed at any moment: jobs that nobody cancels and nobody names.

The machine is a fake on a socket whose jobs never end by themselves. Each run is killed, or gets a signal, after a time
that is drawn; then its workers may come to their end, and a next run says what it found. A job that has ended, or whose
id is shown, is not lost; nor is one of a submission that was shown to have no answer.

Run ``python benchmarks/kills.py``, or ``python benchmarks/kills.py --only controller --times 20``.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.web.loopback import loopback

SUITE = """
import os, pathlib, time
import pytest
from qiskit import QuantumCircuit, transpile

pathlib.Path(f"pid-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}").write_text(str(os.getpid()))

def submit(backend):
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.measure_all()
    return backend.run(transpile(circuit, backend, seed_transpiler=1), shots=100)

@pytest.fixture(scope="module")
def shared(iqm_backend):
    return submit(iqm_backend)

@pytest.mark.parametrize("number", range(40))
def test_jobs(iqm_backend, shared, number):
    for _ in range(number % 4):
        submit(iqm_backend)
        time.sleep(0.02 * (number % 5))
    if number % 7 == 6:
        submit(iqm_backend).result(timeout=3)
"""

NEXT = "def test_machine(iqm_client): pass\n"


@dataclass
class Outcome:
    """What became of the jobs of a run."""

    jobs: int
    ended: int
    named: int
    lost: int


def _run(folder: Path, url: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "IQM_SERVER_URL": url,
        "IQM_QUANTUM_COMPUTER": "adonis",
        "IQM_TOKEN": "t0ken-of-the-measurement",
        "TMPDIR": str(folder / "temporary"),
    }
    return subprocess.Popen(  # noqa: S603  # our own words only
        [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", "--iqm-live", *arguments],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, preexec_fn=_heed_signals,
    )  # fmt: skip


def _heed_signals() -> None:
    """Heed what programs in the background of a shell, or below nohup, ignore."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _pid(folder: Path, name: str) -> int:
    return int((folder / f"pid-{name}").read_text())


TARGETS: dict[str, tuple[tuple[str, ...], Callable[[Path, subprocess.Popen[str]], None]]] = {
    "controller": (("-n", "2"), lambda folder, run: run.kill()),
    "worker": (("-n", "2"), lambda folder, run: os.kill(_pid(folder, "gw0"), signal.SIGKILL)),
    "alone": ((), lambda folder, run: run.kill()),
    "all": (("-n", "2"), lambda folder, run: os.killpg(run.pid, signal.SIGKILL)),
    "SIGTERM": (("-n", "2"), lambda folder, run: run.send_signal(signal.SIGTERM)),
    "SIGTERM alone": ((), lambda folder, run: run.send_signal(signal.SIGTERM)),
    "SIGINT": (("-n", "2"), lambda folder, run: os.killpg(run.pid, signal.SIGINT)),
    "SIGINT alone": ((), lambda folder, run: os.killpg(run.pid, signal.SIGINT)),
    "SIGHUP": (("-n", "2"), lambda folder, run: os.killpg(run.pid, signal.SIGHUP)),
    "SIGHUP alone": ((), lambda folder, run: os.killpg(run.pid, signal.SIGHUP)),
}
"""How a run is started, and how it is ended: as a terminal does, if that sends a signal to all."""


def outcome(target: str, seed: int) -> Outcome:
    """Kill one run, and look at what is left."""
    drawn = random.Random(f"{target}{seed}")  # noqa: S311  # nothing secret
    arguments, end = TARGETS[target]
    server = FakeIQMServer("adonis", seed=1)
    server.queue.takes(waiting=1e6)
    server.faults.on("submit").delays(drawn.choice([0.0, 0.05, 0.4]), times=10**6)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        loopback(Api(server, token="t0ken-of-the-measurement")) as url,  # noqa: S106  # no secret
    ):
        folder = Path(name)
        (folder / "temporary").mkdir()
        (folder / "pytest.ini").write_text("[pytest]\niqm_parallel = true\n")
        (folder / "test_jobs.py").write_text(SUITE)
        (folder / "test_next.py").write_text(NEXT)
        run = _run(folder, url, "test_jobs.py", *arguments)
        _wait(lambda: bool(server.jobs), 120)
        time.sleep(drawn.uniform(0, 3))
        end(folder, run)
        said = run.communicate(timeout=180)[0]
        _wait(lambda: not _alive(run.pid), 60)
        jobs = list(server.jobs)
        said += _run(folder, url, "test_next.py").communicate(timeout=180)[0]
    there = [job for job in jobs if not job.status.terminal]
    unnamed = [job for job in there if str(job.id) not in said]
    unanswered = len(re.findall("a submission without an answer", said))
    lost = max(0, len(unnamed) - unanswered)
    return Outcome(len(jobs), len(jobs) - len(there), len(there) - lost, lost)


def main() -> None:
    """Print a line for each way to end a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20, metavar="N", help="runs that are ended in each way")
    parser.add_argument("--only", action="append", choices=TARGETS)
    options = parser.parse_args()
    print(f"{'ended by':15} {'runs':>5} {'jobs':>6} {'ended':>6} {'named':>6} {'lost':>6}")
    for target in options.only or TARGETS:
        every = [outcome(target, seed) for seed in range(options.times)]
        sums = [sum(getattr(each, field) for each in every) for field in ("jobs", "ended", "named", "lost")]
        print(f"{target:15} {options.times:5} " + " ".join(f"{number:6}" for number in sums), flush=True)


if __name__ == "__main__":
    main()
