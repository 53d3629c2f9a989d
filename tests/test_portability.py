"""Where a system lacks what POSIX has: the same suite, in a process that has it neither."""

import subprocess
import sys
import textwrap

from server_process import CLEAN, serving

MISSING = {
    "os": ["O_DIRECTORY", "fork", "register_at_fork"],
    "signal": ["SIGHUP", "SIGKILL", "pthread_kill", "setitimer", "alarm"],
}
"""Module of the standard library → what Windows has not, of what we or what we use can do without."""

LESS = f"""
import os, signal, sys, pytest
for module, names in {MISSING!r}.items():
    for name in names:
        vars(sys.modules[module]).pop(name, None)
raise SystemExit(pytest.main(sys.argv[1:]))
"""

SUITE = textwrap.dedent(
    """
    import os, pathlib
    from qiskit import QuantumCircuit, transpile
    from iqm.qiskit_iqm import IQMProvider
    from iqm_fakes import FakeIQMClient, Recordings, Workers, FakeIQMServer, record
    from pytest_iqm import IQMBackend

    def run(backend):
        circuit = QuantumCircuit(1)
        circuit.x(0)
        circuit.measure_all()
        return backend.run(transpile(circuit, backend, seed_transpiler=1), shots=10)

    def test_a_backend(iqm_backend):
        assert run(iqm_backend).result().get_counts()["1"] > 5

    def test_a_socket(iqm_url, monkeypatch):
        monkeypatch.setenv("IQM_QUANTUM_COMPUTER", "adonis")
        assert run(IQMProvider(iqm_url).get_backend()).result().success

    def test_a_recording(iqm_backend, iqm_client, tmp_path):
        job = run(iqm_backend)
        record(iqm_client, job.job_id(), tmp_path)
        replay = IQMBackend(FakeIQMClient(recordings=tmp_path))
        assert replay.retrieve_job(job.job_id()).result().get_counts() == job.result().get_counts()
    """
)


def test_the_same_suite_passes_with_less(tmp_path):
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "less.py").write_text(LESS)
    command = [sys.executable, "less.py", "-q", "-p", "no:randomly", "--iqm-device=adonis"]
    run = subprocess.run(command, cwd=tmp_path, env=CLEAN, capture_output=True, text=True, timeout=300, check=False)
    assert "3 passed" in run.stdout, run.stdout + run.stderr


def test_a_live_run_with_less(tmp_path):
    """The session's signals, locks and folders; the machine is a fake in another process."""
    (tmp_path / "test_suite.py").write_text(SUITE.partition("def test_a_socket")[0])
    (tmp_path / "less.py").write_text(LESS)
    with serving("--device", "adonis") as (_, url, _):
        named = {"IQM_SERVER_URL": url, "IQM_QUANTUM_COMPUTER": "adonis", "IQM_TOKEN": "a-token-of-the-test"}
        command = [sys.executable, "less.py", "-q", "-p", "no:randomly", "--iqm-live", "--iqm-max-jobs=1"]
        run = subprocess.run(
            command, cwd=tmp_path, env={**CLEAN, **named}, capture_output=True, text=True, timeout=300, check=False
        )
    assert "1 passed" in run.stdout, run.stdout + run.stderr
