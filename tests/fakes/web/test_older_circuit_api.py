"""The API that CUDA-Q speaks: what it sent for a GHZ state, recorded, is answered as it reads answers."""

import json
from pathlib import Path

from api_client import FLIP, NOBODY, PRX, V1, Http, measure, refused, submission

from iqm_fakes import Api, FakeIQMClient, FakeIQMServer
from iqm_fakes.recordings.from_server import record

RECORDED = json.loads(Path(__file__).with_name("cudaq_ghz.json").read_text())["requests"]
TURN = {
    "name": "prx",
    "qubits": ["QB1"],
    "args": {"angle_t": 0.5, "phase_t": 0.0},
}
MEASURE = {"name": "measure", "qubits": ["QB1"], "args": {"key": "m"}}


def submitted(http, payload, computer="adonis"):
    return http.ask("POST", f"/{computer}/circuits", json=payload)["id"]


def counts(http, job, computer="adonis"):
    return http.ask("GET", f"/{computer}/circuits/{job}/counts")


def as_cudaq_reads(answer):
    """Counts by bit strings in the order of the qubits, as CUDA-Q's IQMServerHelper makes them of an answer."""
    assert answer["status"] == "ready"
    (batch,) = answer["counts_batch"]
    (circuit,) = answer["metadata"]["request"]["circuits"]
    qubits = {step["args"]["key"]: step["qubits"][0] for step in circuit["instructions"] if step["name"] == "measure"}
    keys = batch["measurement_keys"]
    order = sorted(range(len(keys)), key=lambda place: (len(qubits[keys[place]]), qubits[keys[place]]))
    return {"".join(bits[place] for place in order): count for bits, count in batch["counts"].items()}


def test_cudaqs_ghz_state(http):
    job = None
    for request in RECORDED:
        path = request["path"].replace("<id>", str(job))
        answer = http.ask(request["method"], path, headers=request["headers"], json=request["body"])
        job = answer.get("id", job)
    found = as_cudaq_reads(answer)
    assert set(found) == {"000", "111"}
    assert sum(found.values()) == 200
    assert min(found.values()) > 60


def test_the_architecture_is_the_others(http):
    path = "calibration-sets/{}default/dynamic-quantum-architecture"
    assert http.ask("GET", f"/deneb/{path.format('')}") == http.ask("GET", f"{V1}/{path.format('deneb/')}")


def test_a_job_is_the_same_for_both(http):
    job = submitted(http, submission(TURN, MEASURE))
    assert http.ask("GET", f"{V1}/jobs/{job}")["status"] == "completed"
    assert http.ask("GET", f"{V1}/jobs/{job}/artifacts/measurements") == [{"m": [[1]] * 20}]
    other = http.run(FLIP)["id"]
    answer = counts(http, other)
    assert answer["counts_batch"] == [{"measurement_keys": ["m"], "counts": {"1": 20}}]
    (circuit,) = answer["metadata"]["request"]["circuits"]
    assert [step["qubits"] for step in circuit["instructions"]] == [["QB1"], ["QB1"]]


def test_a_failed_job_says_why(http):
    answer = counts(http, submitted(http, submission({**TURN, "qubits": ["QB9"]}, MEASURE)))
    assert answer["status"] == "failed"
    assert "Circuit 0: prx.drag_crf_sx: ('QB9',) is not a valid locus." in answer["message"]
    assert "counts_batch" not in answer


def test_a_job_on_its_way(http, server):
    with server.queue.held() as queue:
        job = submitted(http, submission(TURN, MEASURE))
        assert counts(http, job)["status"] == "pending compilation"
        queue.start_next()
        assert counts(http, job)["status"] == "pending execution"
        http.ask("POST", f"{V1}/jobs/{job}/cancel")
        answer = counts(http, job)
        assert (answer["status"], type(answer["message"])) == ("aborted", str)


def test_what_is_refused(http, server):
    refused(http, "POST", "/garnet/circuits", 404, "qc_not_found", json=FLIP)
    refused(http, "POST", "/adonis/circuits", 400, "invalid_job_payload", json={"shots": 5})
    refused(http, "GET", f"/adonis/circuits/{NOBODY}/counts", 404, "job_not_found")
    refused(http, "GET", "/adonis/circuits/one/counts", 400, "invalid_input")
    refused(http, "GET", f"/garnet/circuits/{http.run(FLIP)['id']}/counts", 404, "qc_not_found")
    refused(http, "GET", "/adonis/circuits", 405, "method_not_allowed")
    closed = Http(Api(server, token="secret"))
    refused(closed, "POST", "/adonis/circuits", 401, "unauthorized", json=FLIP)


def test_faults_meet_it(http, server):
    server.faults.on("submit").answers(503)
    refused(http, "POST", "/adonis/circuits", 503, "service_unavailable", json=FLIP)
    job = submitted(http, FLIP)
    server.faults.on("status", job=job).answers(429)
    refused(http, "GET", f"/adonis/circuits/{job}/counts", 429, "rate_limit_exceeded")
    server.faults.on("calibration").answers(500)
    path = "/adonis/calibration-sets/default/dynamic-quantum-architecture"
    refused(http, "GET", path, 500, "internal_error")
    assert server.faults.unfired() == []


def test_recordings_answer_it(server, http, tmp_path):
    payload = submission(TURN, MEASURE)
    record(FakeIQMClient(server=server, device="adonis"), submitted(http, payload), tmp_path)
    replay = Http(Api(FakeIQMServer(recordings=tmp_path)))
    assert as_cudaq_reads(counts(replay, submitted(replay, payload))) == {"1": 20}


def test_a_batch_and_a_circuit_of_today(http):
    payload = submission(PRX, measure("QB1"))
    payload["circuits"] *= 2
    assert len(counts(http, submitted(http, payload))["counts_batch"]) == 2
