"""Submissions are answered from recordings, and misses are explained."""

import shutil

import pytest
from circuits import two_circuits
from qiskit import QuantumCircuit, transpile
from werkzeug.test import Client

from iqm_fakes import Api, FakeIQMClient, FakeIQMServer, RecordingNotFound, Recordings, record
from pytest_iqm import IQMBackend


@pytest.fixture
def backend():
    return IQMBackend(FakeIQMClient("adonis", seed=1))


def test_identical_submissions_are_answered_in_recorded_order(backend, tmp_path):
    batch = two_circuits(backend)
    jobs = [backend.run(batch, shots=20) for _ in range(3)]
    for job in reversed(jobs):
        record(backend.client, job.job_id(), tmp_path)
    replaying = IQMBackend(FakeIQMClient(recordings=tmp_path))
    assert [replaying.run(batch, shots=20).job_id() for _ in jobs] == [job.job_id() for job in jobs]
    with pytest.raises(RecordingNotFound, match=r"made more often than it was recorded in .* \(3 times\)"):
        replaying.run(batch, shots=20)


def test_a_miss_shows_the_nearest_recording_and_how_to_record(backend, tmp_path):
    record(backend.client, backend.run(two_circuits(backend), shots=20).job_id(), tmp_path)
    far = QuantumCircuit(5)
    far.h(range(5))
    far.measure_all()
    near_id = backend.run(transpile(far, backend, seed_transpiler=1), shots=7).job_id()
    record(backend.client, near_id, tmp_path)
    replaying = IQMBackend(FakeIQMClient(recordings=tmp_path))
    other = QuantumCircuit(5)
    other.h(range(1, 5))
    other.measure_all()
    with pytest.raises(RecordingNotFound) as error:
        replaying.run(transpile(other, backend, seed_transpiler=1), shots=7)
    message = str(error.value)
    assert f"--- recorded as {near_id}" in message
    assert "+++ submitted" in message
    assert "\n-  prx QB1 angle=" in message
    assert "iqm-fake recordings fetch JOB_ID" in message


def test_without_recordings_there_is_nothing_to_replay(tmp_path):
    with pytest.raises(RecordingNotFound, match=r"there are no recordings in .*; record with pytest --iqm-live"):
        FakeIQMClient(recordings=tmp_path / "nowhere")


def test_recordings_without_their_calibrations_are_no_machine(backend, tmp_path):
    """As those of which only ``*.json`` was committed."""
    record(backend.client, backend.run(two_circuits(backend), shots=5).job_id(), tmp_path)
    shutil.rmtree(tmp_path / "calibrations")
    with pytest.raises(RecordingNotFound, match=r"no calibration set is there: .*calibrations belongs to them"):
        FakeIQMClient(recordings=tmp_path)


def test_several_recorded_computers_have_to_be_named(tmp_path):
    for name in ("adonis", "deneb"):
        backend = IQMBackend(FakeIQMClient(name, seed=len(name)))
        circuit = QuantumCircuit(1)
        circuit.measure_all()
        record(backend.client, backend.run(transpile(circuit, backend), shots=5).job_id(), tmp_path)
    with pytest.raises(ValueError, match="name one: adonis, deneb"):
        FakeIQMClient(recordings=tmp_path)
    server = FakeIQMServer(recordings=tmp_path)
    assert IQMBackend(FakeIQMClient("deneb", server=server)).name == "deneb"


def test_a_recorded_job_is_cancelled_and_deleted_like_the_job(tmp_path):
    server = FakeIQMServer("adonis")
    backend = IQMBackend(FakeIQMClient(server=server))
    with server.queue.held():
        cancelled = backend.run(two_circuits(backend), shots=5)
        assert cancelled.cancel()
    record(backend.client, cancelled.job_id(), tmp_path)
    replaying = IQMBackend(FakeIQMClient(recordings=tmp_path))
    job = replaying.run(two_circuits(backend), shots=5)
    assert job.cancel()
    assert job.status().name == "CANCELLED"
    client = Client(Api(replaying.client.server))
    assert client.delete(f"/api/v1/jobs/{job.job_id()}").status_code == 204
    assert client.get(f"/api/v1/jobs/{job.job_id()}").status_code == 404
    assert job.job_id() in Recordings(tmp_path)  # only the server has forgotten it
