"""Test modules that tests of the plugin run."""

CLAIMS = """
import pytest
from qiskit import QuantumCircuit, transpile
from pytest_iqm import distribution, support

BELL = {"00": 0.5, "11": 0.5}

def counts(backend, shots, cx=True):
    qc = QuantumCircuit(2)
    qc.h(0)
    if cx:
        qc.cx(0, 1)
    qc.measure_all()
    return backend.run(transpile(qc, backend, seed_transpiler=1), shots=shots).result().get_counts()

def test_good(iqm_backend, iqm_shots):
    assert counts(iqm_backend, iqm_shots) == distribution(BELL, within="calibration")

def test_broken(iqm_backend, iqm_shots):
    assert counts(iqm_backend, iqm_shots, cx=False) == distribution(BELL, within="calibration")

def test_close(iqm_backend):
    assert support(["00", "11"], leak=0.03) == {"00": 948, "01": 52}
"""

BATCH = """
from qiskit import QuantumCircuit, transpile
from pytest_iqm import distribution, support

def test_batch(iqm_backend):
    circuits = []
    for angle in (0.0, 1.0, 2.0):
        qc = QuantumCircuit(1)
        qc.ry(angle, 0)
        qc.measure_all()
        circuits.append(qc)
    native = transpile(circuits, iqm_backend, seed_transpiler=1)
    jobs = [iqm_backend.run(native, shots=20_000) for _ in range(12)]
    assert jobs[2].result().get_counts(1) == support("0", leak=0.1)

def test_noise(iqm_backend):
    qc = QuantumCircuit(1)
    qc.measure_all()
    counts = iqm_backend.run(transpile(qc, iqm_backend, seed_transpiler=1), shots=1000).result().get_counts()
    assert counts == distribution({"0": 1.0})
"""

NOT_EQUAL = """
import pytest
from bell import counts
from pytest_iqm import distribution, support

def test_differs(iqm_backend):
    assert counts(iqm_backend) != distribution({"01": 0.5, "10": 0.5}, within="calibration")

def test_does_not_differ(iqm_backend):
    assert counts(iqm_backend) != support(["00", "11"], leak=0.2)

def test_is_wrong_elsewhere(iqm_backend):
    assert counts(iqm_backend) != support(["01"])
    assert 1 + 1 == 3
"""

JOBS = """
import pytest
from bell import counts

def test_bell(iqm_backend): counts(iqm_backend)

def test_twice(iqm_backend):
    counts(iqm_backend, 500)
    counts(iqm_backend, 250)

def test_fails(iqm_backend): assert counts(iqm_backend, 10) == {"<b>&": 1}

@pytest.mark.iqm(noise=False)
def test_exact(iqm_backend): counts(iqm_backend)

def test_steers(iqm_backend, iqm_server): counts(iqm_backend)

def test_nothing(): pass
"""

LIVE = """
import pytest
from bell import counts

def test_bell(iqm_backend, iqm_client):
    assert type(iqm_client).__name__ == "IQMClient"
    assert sum(counts(iqm_backend).values()) == 1000

def test_steers_the_fake(iqm_server): pass
def test_wants_the_fakes_jobs(iqm_http): assert iqm_http.jobs == []

@pytest.mark.iqm(device="deneb")
def test_star(iqm_backend): pass

@pytest.mark.iqm(noise=False)
def test_exact(iqm_backend): pass
"""
