"""A job on the wire: submitted, followed, cancelled, deleted."""

import json
import math
from uuid import UUID

import pytest
from api_client import FLIP, NOBODY, PRX, V1, measure, refused, submission

from iqm_fakes import Device
from iqm_fakes.server.publications import computer_id


class TestSubmission:
    def test_a_bad_payload(self, http):
        message = refused(
            http, "POST", f"{V1}/jobs/adonis/circuit", 400, "invalid_job_payload", json={**FLIP, "shots": 0}
        )
        assert message == "Job payload is not valid: shots: Input should be greater than 0"

    @pytest.mark.parametrize("kind", ["run", "sweep", "poem"])
    def test_an_unsupported_type(self, http, kind):
        assert kind in refused(http, "POST", f"{V1}/jobs/adonis/{kind}", 400, "unsupported_job_type", data=b"\x08\x01")

    def test_an_unknown_calibration_set(self, http):
        payload = {**FLIP, "calibration_set_id": NOBODY}
        refused(http, "POST", f"{V1}/jobs/adonis/circuit", 404, "calibration_set_not_found", json=payload)

    def test_a_tag(self, http):
        job = http.ask("POST", f"{V1}/jobs/adonis/circuit", query_string={"tag": "night"}, json=FLIP)
        assert job["tag"] == "night"
        refused(
            http, "POST", f"{V1}/jobs/adonis/circuit", 400, "invalid_input", json=FLIP, query_string={"tag": "x" * 51}
        )

    def test_nothing_is_kept_of_a_refused_job(self, http, server):
        http.ask("POST", f"{V1}/jobs/adonis/circuit", 400, data=b"oops")
        assert server.jobs == []


class TestDialects:
    @pytest.mark.parametrize("where", ["locus", "qubits"])
    @pytest.mark.parametrize("args", [{"angle": math.pi, "phase": 0}, {"angle_t": 0.5, "phase_t": 1}])
    def test_all_four(self, http, where, args):
        circuit = [
            {"name": "prx", where: ["QB1"], "args": args},
            {"name": "measure", where: ["QB1"], "args": {"key": "m"}},
        ]
        assert http.measured(submission(*circuit)) == [{"m": [[1]] * 20}]

    def test_a_qubit_mapping(self, http):
        mapping = [{"logical_name": a, "physical_name": b} for a, b in (("QB1", "QB3"), ("QB3", "QB1"))]
        payload = submission(PRX, measure("QB3", "QB1"), qubit_mapping=mapping)
        assert http.measured(payload) == [{"m": [[0, 1]] * 20}]

    def test_a_logical_name_that_is_not_mapped(self, http):
        job = http.run(submission(PRX, measure("QB2"), qubit_mapping=[{"logical_name": "QB1", "physical_name": "QB3"}]))
        assert job["status"] == "failed"
        assert job["errors"][0]["message"] == (
            'Error in stage "circuit_stage" pass "map_components": '
            "Circuit 0: Logical qubit 'QB2' does not map to a physical qubit."
        )


class TestPayload:
    @pytest.mark.parametrize("body", [json.dumps(FLIP, indent=3), json.dumps({**FLIP, "é": "ü"}, ensure_ascii=False)])
    def test_byte_for_byte(self, http, body):
        job = http.ask("POST", f"{V1}/jobs/adonis/circuit", data=body.encode())
        answer = http.open(f"{V1}/jobs/{job['id']}/payload")
        assert answer.get_data() == body.encode()
        assert answer.headers["IQM-Job-Type"] == "circuit"


class TestJobDocument:
    def test_what_strict_readers_need(self, http):
        job = http.run(FLIP)
        assert UUID(job["id"])
        assert job["qc"] == {"id": computer_id("adonis")}
        assert (job["type"], job["status"]) == ("circuit", "completed")
        artifacts = [{"type": "runtime_estimates"}, {"type": "measurements"}, {"type": "measurement_counts"}]
        assert job["artifacts"] == artifacts
        assert job["messages"] == job["errors"] == []
        assert job["execution"] == {"progress": {}}
        assert job["compilation"]["calibration_set_id"] == Device.load("adonis").default_calibration_set_id
        assert job["queue_position"] is None

    def test_timestamps(self, http):
        for entry in http.run(FLIP)["timeline"]:
            assert entry["source"] in ("iqm-server", "iqm-station-control")
            assert entry["timestamp"].endswith("Z")
            assert len(entry["timestamp"]) == len("2026-01-02T03:04:05.000000Z")


class TestLifecycle:
    def test_completed_when_submitted(self, http):
        assert http.run(FLIP)["status"] == "completed"

    def test_waiting_and_processing(self, http, server):
        with server.queue.held() as queue:
            first, second = http.run(FLIP), http.run(FLIP)
            assert (first["status"], first["queue_position"]) == ("waiting", 0)
            assert (second["status"], second["queue_position"]) == ("waiting", 1)
            queue.start_next()
            assert http.ask("GET", f"{V1}/jobs/{first['id']}")["status"] == "processing"
            assert http.ask("GET", f"{V1}/quantum-computers/adonis/queue-availability")["queue_length"] == 2
            queue.finish_next()
            assert http.ask("GET", f"{V1}/jobs/{first['id']}")["status"] == "completed"


class TestCancelAndDelete:
    def test_a_waiting_job_is_cancelled(self, http, server):
        with server.queue.held():
            job = http.run(FLIP)
            assert http.ask("POST", f"{V1}/jobs/{job['id']}/cancel")["status"] == "cancelled"
        refused(http, "GET", f"{V1}/jobs/{job['id']}/artifacts/measurements", 404, "job_artifact_not_found")

    def test_an_ended_job_is_not(self, http):
        job = http.run(FLIP)
        assert "Illegal job status" in refused(http, "POST", f"{V1}/jobs/{job['id']}/cancel", 403, "illegal_job_status")

    def test_a_deleted_job_is_unknown(self, http):
        job = http.run(FLIP)
        assert http.ask("DELETE", f"{V1}/jobs/{job['id']}", 204).get_data() == b""
        for method, route in [("GET", ""), ("GET", "/payload"), ("POST", "/cancel"), ("DELETE", "")]:
            refused(http, method, f"{V1}/jobs/{job['id']}{route}", 404, "job_not_found")
        for artifact in ("measurements", "measurement_counts"):
            refused(http, "GET", f"{V1}/jobs/{job['id']}/artifacts/{artifact}", 404, "job_not_found")

    def test_no_artifact_before_the_end(self, http, server):
        with server.queue.held():
            job = http.run(FLIP)
            for artifact in ("measurements", "measurement_counts"):
                refused(http, "GET", f"{V1}/jobs/{job['id']}/artifacts/{artifact}", 404, "job_artifact_not_found")

    def test_an_artifact_of_other_jobs(self, http):
        job = http.run(FLIP)
        refused(http, "GET", f"{V1}/jobs/{job['id']}/artifacts/sweep_results", 404, "job_artifact_not_found")

    def test_an_unknown_id(self, http):
        assert NOBODY in refused(http, "GET", f"{V1}/jobs/{NOBODY}", 404, "job_not_found")


class TestLongPoll:
    def test_an_ended_job_answers_at_once(self, http):
        job = http.run(FLIP)
        query = {"wait_until_terminal": "true", "timeout_seconds": "30"}
        answer = http.open(f"{V1}/jobs/{job['id']}", query_string=query)
        assert answer.get_json()["status"] == "completed"
        assert "IQM-Long-Poll-Timed-Out" not in answer.headers

    def test_a_held_job_times_out(self, http, server):
        with server.queue.held():
            job = http.run(FLIP)
            query = {"wait_until_terminal": "true", "timeout_seconds": "0"}
            answer = http.open(f"{V1}/jobs/{job['id']}", query_string=query)
        assert answer.get_json()["status"] == "waiting"
        assert answer.headers["IQM-Long-Poll-Timed-Out"] == "true"

    @pytest.mark.parametrize("seconds", ["31", "-1", "soon", "1.5"])
    def test_a_bad_time_is_refused(self, http, seconds):
        query = {"wait_until_terminal": "true", "timeout_seconds": seconds}
        path = f"{V1}/jobs/{http.run(FLIP)['id']}"
        assert seconds in refused(http, "GET", path, 400, "invalid_input", query_string=query)
