"""Live runs in processes of their own; the machine is ``iqm-fake serve`` or a server on a socket of this process."""

import os
import signal
import subprocess
import sys

import pytest
from server_process import TOKEN

from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.web.loopback import loopback

HELPER = """
from qiskit import QuantumCircuit, transpile

def submit(backend, shots=1000):
    qc = QuantumCircuit(1)
    qc.h(0)
    qc.measure_all()
    return backend.run(transpile(qc, backend, seed_transpiler=1), shots=shots)
"""

HEEDING = """
import os, signal, sys
for name in ("SIGINT", "SIGHUP"):
    signal.signal(getattr(signal, name), signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Starts Python so that it heeds Ctrl-C and a closed terminal; what a shell or nohup runs in the background may not."""


@pytest.fixture
def project(pytester, monkeypatch):
    """A project; ``run(url, *arguments)`` runs its tests live in processes of their own."""
    pytester.makepyfile(helper=HELPER)
    path = os.pathsep.join(filter(None, [str(pytester.path), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "IQM_QUANTUM_COMPUTER": "adonis", "IQM_TOKEN": TOKEN, "PYTHONPATH": path}
    environment.pop("IQM_TOKENS_FILE", None)

    def run(url, *arguments, wait=True, **sources):
        if sources:
            pytester.makepyfile(**sources)
        process = subprocess.Popen(
            [sys.executable, "-c", HEEDING, "-m", "pytest", "-p", "no:randomly", "--iqm-live", *arguments],
            cwd=pytester.path,
            env={**environment, "IQM_SERVER_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        if wait:
            process.output = process.communicate(timeout=300)[0]
            assert TOKEN not in process.output
        else:
            running.append(process)
        return process

    running = []
    run.environment = environment
    yield run
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def slow():
    """A machine whose queue takes for ever."""
    server = FakeIQMServer("adonis", seed=1)
    server.queue.takes(waiting=1e6)
    with loopback(Api(server, token=TOKEN)) as url:
        server.url = url
        yield server
