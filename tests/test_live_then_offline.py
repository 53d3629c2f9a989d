"""Last night's jobs, offline: a machine in another process, a suite in two more, and a script."""

import json
import subprocess
import sys

import pytest
from server_process import CLEAN, TOKEN, serving

SUITE = """
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile

@pytest.mark.parametrize("qubits", range(1, 5))
def test_ghz(iqm_backend, qubits):
    qc = QuantumCircuit(qubits)
    qc.h(0)
    for q in range(qubits - 1):
        qc.cx(q, q + 1)
    qc.measure_all()
    result = iqm_backend.run(transpile(qc, iqm_backend, seed_transpiler=1), shots=200).result()
    print("SEEN", qubits, sorted(result.get_counts().items()))

def test_batch(iqm_backend):
    batch = []
    for n in range(3):
        qc = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1, "a"), ClassicalRegister(1, "b"))
        qc.rx(n, 0)
        qc.cx(0, 1)
        qc.measure([0, 1], [0, 1])
        batch.append(transpile(qc, iqm_backend, seed_transpiler=1))
    result = iqm_backend.run(batch, shots=50).result()
    print("SEEN batch", [sorted(counts.items()) for counts in result.get_counts()])
"""

SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
from pytest_iqm import IQMBackend

def told(backend, job_id):
    job = backend.retrieve_job(job_id)
    result = job.result()
    outcomes = [[result.get_counts(i), result.get_memory(i)] for i in range(len(result.results))]
    return [str(job.status()), result.success, outcomes, [str(entry) for entry in result.timeline]]

def target(backend):
    names = sorted(backend.target.operation_names)
    return [[name, str(sorted((str(item) for item in (backend.target[name] or {}).items())))] for name in names]

if sys.argv[1] == "offline":
    from iqm_fakes import FakeIQMClient
    client = FakeIQMClient(recordings="iqm_recordings")
else:
    from iqm_fakes.vendor.http import connect
    client = connect(sys.argv[1], quantum_computer="garnet")
backend = IQMBackend(client, use_metrics=True)
print(json.dumps([[told(backend, job_id) for job_id in sys.argv[2:]], target(backend)]))
"""


def run(folder, *command, **environment):
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**CLEAN, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_last_nights_jobs_are_retrieved_and_replayed_offline(tmp_path):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    (tmp_path / "test_night.py").write_text(SUITE)
    (tmp_path / "script.py").write_text(SCRIPT)
    suite = ["-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", "-n", "2", "-rP"]
    with serving("--device", "garnet", "--require-token", IQM_TOKEN=TOKEN) as (_, url, _):
        night = {"IQM_SERVER_URL": url, "IQM_QUANTUM_COMPUTER": "garnet", "IQM_TOKEN": TOKEN}
        live = run(tmp_path, *suite, "--iqm-live", "--iqm-record", "missing", **night)
        jobs = sorted(path.stem for path in (tmp_path / "iqm_recordings").glob("*.json"))
        told_live = run(tmp_path, "script.py", url, *jobs, **night)
    assert len(jobs) == 5
    offline = run(tmp_path, *suite, "--iqm-record", "replay")
    seen = [sorted(line for line in output.splitlines() if line.startswith("SEEN")) for output in (live, offline)]
    assert len(seen[0]) == 5
    assert seen[0] == seen[1]
    assert "recordings: 5 replayed, 0 unused" in offline
    told_offline = run(tmp_path, "script.py", "offline", *jobs)
    assert json.loads(told_offline) == json.loads(told_live)
    text = live + offline + "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    assert TOKEN not in text
    assert url not in "".join(path.read_text() for path in tmp_path.rglob("*.json"))
