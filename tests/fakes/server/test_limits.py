"""What a job may have at most: told, and kept."""

import pytest
from circuits import bell
from qiskit import QuantumCircuit
from werkzeug.test import Client

from iqm_fakes import Api, FakeIQMClient, FakeIQMServer, Limits
from iqm_fakes.vendor.http import VENDOR_ERRORS
from pytest_iqm import IQMBackend

LIMITS = Limits(
    max_circuits_per_job=2,
    max_shots_per_circuit=100,
    max_executions_per_job=150,
    max_instructions_per_circuit=12,
    max_queued_jobs_per_user=3,
    max_payload_bytes=20_000,
)


@pytest.fixture
def server():
    return FakeIQMServer("adonis", limits=LIMITS)


def test_they_are_served(server):
    told = Client(Api(server)).get("/api/v1/quantum-computers/adonis/limits").json
    assert told == {
        "max_circuits_per_job": 2,
        "max_executions_per_job": 150,
        "max_instructions_per_circuit": 12,
        "max_shots_per_circuit": 100,
        "max_queued_jobs_per_user": 3,
    }


@pytest.mark.parametrize(
    ("circuits", "shots", "message"),
    [
        (3, 1, "3 circuits, at most 2 are allowed"),
        (1, 101, "101 shots of a circuit, at most 100 are allowed"),
        (2, 100, r"200 executions \(circuits times shots\), at most 150 are allowed"),
    ],
)
def test_too_much_is_refused(backend, server, circuits, shots, message):
    with pytest.raises(VENDOR_ERRORS, match=message):
        backend.run([bell(backend)] * circuits, shots=shots)
    assert server.jobs == []


def test_a_long_circuit_and_a_large_payload_are_refused(backend, server):
    circuit = QuantumCircuit(1)
    for _ in range(12):
        circuit.r(0.1, 0.2, 0)
    circuit.measure_all()
    with pytest.raises(VENDOR_ERRORS, match=r"\d+ instructions of a circuit, at most 12 are allowed"):
        backend.run(circuit, shots=1)
    circuit.name = "x" * 20_000
    with pytest.raises(VENDOR_ERRORS, match="bytes, at most 20000 are allowed"):
        backend.run(circuit, shots=1)


def test_a_full_queue_is_a_quota(backend, server):
    circuit = bell(backend)
    with server.queue.held():
        for _ in range(3):
            backend.run(circuit, shots=1)
        with pytest.raises(VENDOR_ERRORS, match="At most 3 jobs may be in the queue"):
            backend.run(circuit, shots=1)
    assert backend.run(circuit, shots=1).result().success


def test_a_deleted_job_takes_no_place_of_those_that_are_kept():
    server = FakeIQMServer("adonis", keep=2)
    backend = IQMBackend(FakeIQMClient(server=server))

    def run():
        return backend.run(bell(backend), shots=1).job_id()

    kept, deleted = run(), run()
    server.delete(deleted)
    newest = run()
    assert [str(job.id) for job in server.jobs] == [kept, newest]
    assert run() != newest
    assert len(server.jobs) == 2
