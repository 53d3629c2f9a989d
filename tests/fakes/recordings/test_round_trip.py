"""What a server said about a job is what a replaying server says about its recording."""

import json
import math
import tempfile

import devices
import pytest
from api_client import without_request
from circuits import two_circuits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from werkzeug.test import Client

from iqm_fakes import Api, FakeIQMClient, FakeIQMServer, Recordings, record
from iqm_fakes.recordings.recording import Recording
from pytest_iqm import IQMBackend

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
ANGLES = st.floats(-10, 10)
QUBITS = ["QB1", "QB2", "QB3", "QB4"]
KEYS = st.sampled_from(["m", "c_2_0_0", "ключ", "a b=c", 'q"uote', "x:y"])


def step(name, locus, **args):
    return {"name": name, "implementation": None, "locus": locus, "args": args}


SINGLES = st.sampled_from(QUBITS).map(lambda qubit: [qubit])
PAIRS = st.sampled_from([["QB1", "QB2"], ["QB2", "QB3"], ["QB4", "QB3"]])

STEPS = st.one_of(
    st.builds(lambda q, a, p: step("prx", q, angle=a, phase=p), SINGLES, ANGLES, ANGLES),
    st.builds(lambda q: {**step("prx", q, angle=1.0, phase=0.0), "implementation": "drag_gaussian"}, st.just(["QB2"])),
    st.builds(lambda q: step("cz", q), PAIRS),
    st.builds(lambda q: step("barrier", q), st.lists(st.sampled_from(QUBITS), min_size=1, max_size=4, unique=True)),
    st.builds(lambda q, t: step("delay", q, duration=t), SINGLES, st.floats(0, 1e-6)),
    st.builds(lambda q: step("reset", q), SINGLES),
    st.builds(lambda q: step("rz", q, angle=0.5), SINGLES),
    st.builds(lambda q, key: step("measure", q, key=key), SINGLES, KEYS),
    st.builds(lambda q, key: step("measure", q, key=key + "2"), st.permutations(QUBITS).map(lambda p: p[:3]), KEYS),
    st.builds(
        lambda q, key: step("cc_prx", q, angle=math.pi, phase=0.0, feedback_qubit="QB1", feedback_key=key),
        SINGLES,
        KEYS,
    ),
    st.builds(lambda q: step("frobnicate", q), SINGLES),  # fails
    st.builds(lambda q: step("cz", q), st.just(["QB1", "QB4"])),  # fails, too
)

CIRCUITS = st.builds(
    lambda name, steps, key, metadata: {
        "name": name,
        "instructions": [*steps, step("measure", ["QB2"], key=key + "end")],
        "metadata": metadata,
    },
    NAMES,
    st.lists(STEPS, max_size=8),
    KEYS,
    st.dictionaries(NAMES, st.one_of(st.none(), st.integers(), NAMES), max_size=2),
)

JOBS = st.fixed_dictionaries(
    {"circuits": st.lists(CIRCUITS, min_size=1, max_size=3), "shots": st.integers(1, 70)},
    optional={"heralding_mode": st.sampled_from(["none", "zeros"]), "calibration_set_id": st.none()},
)


def answers(client, job_id):
    """Everything that a server says about a job."""
    paths = ("", "/payload", "/artifacts/measurements", "/artifacts/measurement_counts")
    got = {path: client.get(f"/api/v1/jobs/{job_id}{path}") for path in paths}
    return {path: (answer.status_code, without_request(answer.json)) for path, answer in got.items()}


@given(JOBS, st.booleans())
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_every_job_survives(body, cancelled):
    server = FakeIQMServer(devices.chain(), seed=1)
    machine = Client(Api(server))
    with server.queue.held():
        answer = machine.post("/api/v1/jobs/chain/circuit", json=body)
        job_id = answer.json["id"]
        if cancelled:
            machine.post(f"/api/v1/jobs/{job_id}/cancel")
    with tempfile.TemporaryDirectory() as folder:
        recording = record(FakeIQMClient(server=server), job_id, folder, metadata=True)
        text = recording.text()
        assert Recording.from_text(text).text() == text
        replaying = Client(Api(FakeIQMServer(recordings=folder)))
        assert answers(replaying, job_id) == answers(machine, job_id)
        renamed = {**body, "circuits": [{**circuit, "name": "other"} for circuit in body["circuits"]]}
        again = replaying.post("/api/v1/jobs/chain/circuit", json=renamed)
        assert again.json["id"] == job_id
        more = {**body, "shots": body["shots"] + 1}
        missed = replaying.post("/api/v1/jobs/chain/circuit", json=more)
        assert (missed.status_code, missed.json["error_code"]) == (404, "recording_not_found")


def said(job):
    """Everything that a user learns from the vendor's job."""
    result = job.result()
    outcomes = [
        (result.get_counts(index), result.get_memory(index), circuit.to_dict()["header"], circuit.shots)
        for index, circuit in enumerate(result.results)
    ]
    return {
        "id": job.job_id(),
        "status": job.status(),
        "error": job.error_message(),
        "success": result.success,
        "outcomes": outcomes,
        "timeline": result.timeline,
        "metadata": job.metadata,
    }


@pytest.fixture
def backend():
    return IQMBackend(FakeIQMClient("adonis", seed=1))


def retrieved(folder, job_id):
    return IQMBackend(FakeIQMClient(recordings=folder)).retrieve_job(job_id)


def test_the_vendors_job_is_the_one_retrieved_live(backend, tmp_path):
    job_id = backend.run(two_circuits(backend), shots=50).job_id()
    record(backend.client, job_id, tmp_path, metadata=True)
    live = said(backend.retrieve_job(job_id))
    assert said(retrieved(tmp_path, job_id)) == live
    simulating = IQMBackend(FakeIQMClient("garnet", recordings=tmp_path))
    assert said(simulating.retrieve_job(job_id)) == live


def test_a_failed_job_is_retrieved_with_its_message(backend, tmp_path):
    circuit = QuantumCircuit(1, 1)
    circuit.delay(1, 0, unit="s")
    circuit.measure(0, 0)
    options = {"max_circuit_duration_over_t2": 1.0}
    compilation = __import__("iqm.iqm_client", fromlist=["CircuitCompilationOptions"]).CircuitCompilationOptions
    job_id = backend.run(circuit, shots=5, circuit_compilation_options=compilation(**options)).job_id()
    assert backend.client.server.jobs[-1].status == "failed"
    record(backend.client, job_id, tmp_path)
    with pytest.warns(UserWarning, match="circuit_error"):
        live = backend.retrieve_job(job_id)
    with pytest.warns(UserWarning, match="circuit_error"):
        recorded = retrieved(tmp_path, job_id)
    assert recorded.error_message() == live.error_message() != ""
    assert recorded.result().success is live.result().success is False


def test_metadata_is_kept_only_if_asked_for(backend, tmp_path):
    job_id = backend.run(two_circuits(backend), shots=5).job_id()
    record(backend.client, job_id, tmp_path)
    assert '"n": 1' not in (tmp_path / f"{job_id}.json").read_text()
    assert all(circuit["metadata"] is None for circuit in Recordings(tmp_path).load(job_id).request["circuits"])


def test_the_target_is_the_recorded_calibrations(backend, tmp_path):
    server = backend.client.server
    old = server.devices["adonis"]
    job_id = backend.run(two_circuits(backend), shots=5).job_id()
    server.recalibrate(lost=["QB5"])
    record(backend.client, job_id, tmp_path)
    replaying = IQMBackend(FakeIQMClient(recordings=tmp_path))
    assert replaying.num_qubits == 5
    assert replaying.target.build_coupling_map() is not None
    assert replaying.client.server.devices["adonis"].calibration() == old.calibration()
    newer = IQMBackend(FakeIQMClient(server=server))
    record(newer.client, newer.run(two_circuits(newer), shots=5).job_id(), tmp_path)
    assert IQMBackend(FakeIQMClient(recordings=tmp_path)).num_qubits == 4
    assert len(list((tmp_path / "calibrations").iterdir())) == 2


def test_a_job_that_waits_is_not_recorded(tmp_path):
    server = FakeIQMServer("adonis")
    backend = IQMBackend(FakeIQMClient(server=server))
    with server.queue.held():
        job_id = backend.run(two_circuits(backend), shots=5).job_id()
        with pytest.raises(Exception, match=f"job {job_id} can't be recorded: it is waiting"):
            record(backend.client, job_id, tmp_path)
    assert not list(tmp_path.iterdir())


def test_unknown_fields_of_the_server_are_not_kept(backend, tmp_path, monkeypatch):
    """They might be about the user."""
    job_id = backend.run(two_circuits(backend), shots=5).job_id()
    server = backend.client.server
    document = server.job_document(server.job(job_id)) | {"user": "somebody@example.org"}
    monkeypatch.setattr(server, "job_document", lambda job: document)
    record(backend.client, job_id, tmp_path)
    assert "somebody" not in (tmp_path / f"{job_id}.json").read_text()
    assert json.loads((tmp_path / f"{job_id}.json").read_text())["schema"] == "iqm-job/1"
