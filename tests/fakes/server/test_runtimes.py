"""What a job says of its duration: an estimate once it is compiled, the time itself once it was executed."""

from datetime import datetime

import pytest
from api_client import FLIP, PRX, V1, Http, measure, refused, submission

from iqm_fakes import Api, FakeIQMClient, FakeIQMServer
from iqm_fakes.recordings.folder import Recordings
from iqm_fakes.recordings.from_server import record


@pytest.fixture
def server():
    return FakeIQMServer("adonis", seed=1, noise=False)


@pytest.fixture
def http(server):
    return Http(Api(server))


def moment(job, status):
    (found,) = [entry["timestamp"] for entry in job["timeline"] if entry["status"] == status]
    return datetime.fromisoformat(found)


def test_the_runtime_is_that_of_the_timeline(http, server):
    with server.clock.owned():
        server.queue.takes(waiting=5, processing=2.5)
        job = http.run(FLIP)
        assert job["runtime_ms"] is None
        server.clock.advance(seconds=10)
        job = http.ask("GET", f"{V1}/jobs/{job['id']}")
    assert job["runtime_ms"] == 2500
    spent = moment(job, "execution_ended") - moment(job, "execution_started")
    assert spent.total_seconds() == 2.5


def test_the_estimate_is_there_as_soon_as_it_is_compiled(http, server):
    with server.queue.held() as queue:
        job = http.run(FLIP)
        path = f"{V1}/jobs/{job['id']}"
        assert job["compilation"] is None
        assert job["artifacts"] == []
        refused(http, "GET", f"{path}/artifacts/runtime_estimates", 404, "job_artifact_not_found")
        queue.start_next()
        job = http.ask("GET", path)
        estimate = job["compilation"]["execution_runtime_estimate_ms"]
        assert type(estimate) is int
        assert job["artifacts"] == [{"type": "runtime_estimates"}]
        document = http.ask("GET", f"{path}/artifacts/runtime_estimates")
        assert document == {"execution_runtime_estimate_ms": estimate}
    artifacts = [artifact["type"] for artifact in http.ask("GET", path)["artifacts"]]
    assert artifacts == ["runtime_estimates", "measurements", "measurement_counts"]


def estimate(http, payload):
    return http.run(payload)["compilation"]["execution_runtime_estimate_ms"]


def test_the_estimate_is_of_circuits_and_shots(http):
    """Each shot takes the circuit's published duration and the reset of the qubits before it."""
    one, ten = (estimate(http, submission(measure("QB1"), shots=shots)) for shots in (100, 1000))
    assert 0 < 9 * one <= ten <= 11 * one
    batch = submission(measure("QB1"), shots=1000)
    batch["circuits"] *= 3
    assert abs(estimate(http, batch) - 3 * ten) <= 3
    delay = {"name": "delay", "locus": ["QB1"], "args": {"duration": 1e-3}}
    assert abs(estimate(http, submission(PRX, delay, measure("QB1"), shots=1000)) - ten - 1000) <= 2


def test_a_job_that_does_not_compile_has_none(http):
    job = http.run({**FLIP, "max_circuit_duration_over_t2": 1e-9})
    assert job["compilation"] is None
    assert job["runtime_ms"] is None
    assert job["artifacts"] == []


def test_recordings_keep_them(server, tmp_path):
    client = FakeIQMClient(server=server)
    job = Http(Api(server)).run(FLIP)
    record(client, job["id"], tmp_path)
    again = FakeIQMServer(recordings=tmp_path)
    answer = Http(Api(again))
    assert answer.ask("GET", f"{V1}/jobs/{job['id']}") == Http(Api(server)).ask("GET", f"{V1}/jobs/{job['id']}")
    document = answer.ask("GET", f"{V1}/jobs/{job['id']}/artifacts/runtime_estimates")
    assert document == {key: job["compilation"][key] for key in ("execution_runtime_estimate_ms",)}
    assert Recordings(tmp_path).load(job["id"]).job["runtime_ms"] == job["runtime_ms"]
