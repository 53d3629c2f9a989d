"""What jobs do, as seen through the vendor's classes: submission, results, failure, cancellation."""

from uuid import UUID

import pytest
from iqm.iqm_client import CircuitCompilationOptions, HeraldingMode
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.providers import JobStatus

from iqm_fakes.device.health import Health
from iqm_fakes.vendor.http import COMPOSED


def field(value, name):
    """Return a field of what iqm-client 36 gives as an object, and earlier ones as a dict."""
    return value[name] if isinstance(value, dict) else getattr(value, name)


def counts_of(backend, circuit, shots=200, **options):
    return backend.run(transpile(circuit, backend, optimization_level=1), shots=shots, **options).result().get_counts()


def bell():
    circuit = QuantumCircuit(2, name="bell", metadata={"experiment": 7})
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def test_a_job_runs_to_its_result(backend):
    job = backend.run(transpile(bell(), backend), shots=500)
    result = job.result()
    assert job.status() is JobStatus.DONE
    assert job.error_message() is None
    assert result.success
    assert result.job_id == job.job_id()
    assert UUID(job.job_id()).version == 4
    counts = result.get_counts()
    assert sum(counts.values()) == 500
    assert counts["00"] + counts["11"] > 400
    memory = result.get_memory()
    assert {outcome: memory.count(outcome) for outcome in set(memory)} == dict(counts)


def test_the_result_says_what_ran(backend):
    result = backend.run(transpile(bell(), backend), shots=50).result()
    assert result.parameters.shots == 50
    assert field(result.circuits[0], "name") == "bell"
    statuses = [getattr(entry.status, "value", entry.status) for entry in result.timeline]
    assert (statuses[0], statuses[-1]) == ("created", "completed")


@pytest.mark.skipif(not COMPOSED, reason="iqm-client before 36 loses the metadata of circuits")
def test_metadata_comes_back(backend):
    job = backend.run(transpile(bell(), backend), shots=50)
    for result in (job.result(), backend.retrieve_job(job.job_id()).result()):
        assert result.results[0].data.metadata == {"experiment": 7}


def test_the_vendors_client_sees_the_same_counts(backend, client):
    job = backend.run(transpile(bell(), backend), shots=300)
    measured, counted = (
        getattr(client, name)(UUID(job.job_id()))
        for name in ("get_job_measurements", "get_job_measurement_counts")
        if hasattr(client, name)
    )
    (counts,) = counted
    columns = [measured[0][key] for key in counts.measurement_keys]
    strings = ["".join(str(bit) for row in shot for bit in row) for shot in zip(*columns, strict=True)]
    assert {string: strings.count(string) for string in set(strings)} == counts.counts
    assert len(strings) == 300


def test_circuits_of_a_batch_keep_their_order(backend):
    circuits = []
    for value in (1, 0, 1, 1, 0):
        circuit = QuantumCircuit(1)
        if value:
            circuit.x(0)
        circuit.measure_all()
        circuits.append(transpile(circuit, backend))
    counts = backend.run(circuits, shots=200).result().get_counts()
    assert [max(count, key=count.get) for count in counts] == ["1", "0", "1", "1", "0"]


def test_several_registers_and_unmeasured_bits(backend):
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(2, "a"), ClassicalRegister(3, "b"))
    circuit.x(1)
    circuit.measure(0, 0)
    circuit.measure(1, 4)
    counts = counts_of(backend, circuit)
    assert max(counts, key=counts.get) == "100 00"


def test_mid_circuit_measurement_and_reset(backend):
    circuit = QuantumCircuit(1, 3)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.reset(0)
    circuit.measure(0, 1)
    circuit.x(0)
    circuit.measure(0, 2)
    counts = counts_of(backend, circuit)
    assert max(counts, key=counts.get) == "101"


def test_feedback(backend):
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1, "m"), ClassicalRegister(1, "out"))
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    counts = counts_of(backend, circuit, shots=1000)
    assert counts["0 0"] + counts["1 1"] > 800
    assert min(counts["0 0"], counts["1 1"]) > 300


def test_heralding_keeps_fewer_shots(backend):
    options = CircuitCompilationOptions(heralding_mode=HeraldingMode.ZEROS)
    counts = counts_of(backend, bell(), shots=1000, circuit_compilation_options=options)
    assert 700 < sum(counts.values()) <= 1000


def test_delays_and_barriers(backend):
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.barrier()
    circuit.delay(100, 0, unit="ns")
    circuit.measure_all()
    assert counts_of(backend, circuit)["1"] > 150


def test_long_delays_relax_the_qubit(backend):
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.delay(2_000_000, 0, unit="ns")
    circuit.measure_all()
    assert counts_of(backend, circuit).get("1", 0) < 50


def test_an_ended_job_can_not_be_cancelled(backend):
    job = backend.run(transpile(bell(), backend), shots=10)
    job.result()
    with pytest.warns(UserWarning, match="Failed to cancel job"):
        assert job.cancel() is False
    assert job.status() is JobStatus.DONE


@pytest.mark.skipif("config.getoption('iqm_live')", reason="it would take a real machine's time")
def test_a_failed_job_says_why(backend):
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.delay(90_000, 0, unit="us")
    circuit.measure_all()
    options = CircuitCompilationOptions(max_circuit_duration_over_t2=1.0)
    job = backend.run(transpile(circuit, backend), shots=10, circuit_compilation_options=options)
    result = job.result()
    assert job.status() is JobStatus.ERROR
    assert not result.success
    assert result.results == []
    assert "Circuit 0: the circuit takes 9e+04 µs" in job.error_message()
    with pytest.warns(UserWarning, match="circuit_error"):
        again = backend.retrieve_job(job.job_id())
    assert not again.result().success


class TestHeldQueue:
    """The life of a job, step by step; the fake only."""

    @pytest.fixture
    def held(self, iqm_server):
        with iqm_server.queue.held() as queue:
            yield queue

    def test_a_job_waits_runs_and_ends(self, backend, held):
        job = backend.run(transpile(bell(), backend), shots=10)
        assert job.status() is JobStatus.QUEUED
        held.start_next()
        assert job.status() is JobStatus.RUNNING
        held.finish_next()
        assert job.status() is JobStatus.DONE
        assert job.result().success

    @pytest.mark.parametrize("started", [False, True])
    def test_a_job_that_has_not_ended_is_cancelled(self, backend, held, started):
        job = backend.run(transpile(bell(), backend), shots=10)
        if started:
            held.start_next()
        assert job.cancel() is True
        assert job.status() is JobStatus.CANCELLED
        assert not job.result().success

    def test_a_deleted_job_is_unknown(self, backend, client, held):
        job = backend.run(transpile(bell(), backend), shots=10)
        client.delete_job(UUID(job.job_id())) if hasattr(client, "delete_job") else job._job_tracker.delete()
        with pytest.raises(Exception, match=job.job_id()) as error:
            backend.retrieve_job(job.job_id())
        assert type(error.value).__name__ == "NotFoundError"


def test_published_documents_reach_the_vendors_client(client):
    assert Health.read(client.get_health()).healthy is True
    assert client.get_about()
    architecture = client.get_static_quantum_architecture()
    assert set(architecture.qubits) >= set(client.get_dynamic_quantum_architecture().qubits)


@pytest.mark.skipif("config.getoption('iqm_live')", reason="a real machine may route feedback in several groups")
def test_feedback_is_not_restricted(client):
    (group,) = client.get_feedback_groups()
    assert group == frozenset(client.get_static_quantum_architecture().qubits)
