"""What the server answers on the wire, request by request.

The class names follow the checklist that a server has to meet for iqm-client 33 to 36 and QDMI-on-IQM.
"""

import json
import math
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from iqm_fakes import Api, Device, FakeIQMServer
from iqm_fakes.server.publications import computer_id

V1 = "/api/v1"
NOBODY = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
PRX = {"name": "prx", "locus": ["QB1"], "args": {"angle": math.pi, "phase": 0.0}}


def measure(*locus, key="m", **args):
    return {"name": "measure", "locus": list(locus), "args": {"key": key, **args}}


def submission(*instructions, shots=20, **options):
    return {"circuits": [{"name": "c", "instructions": list(instructions)}], "shots": shots, **options}


FLIP = submission(PRX, measure("QB1"))


class Http(Client):
    """A client that speaks JSON."""

    def ask(self, method, path, status=200, **arguments):
        answer = self.open(path, method=method, **arguments)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json() if answer.mimetype == "application/json" else answer

    def run(self, payload, computer="adonis"):
        return self.ask("POST", f"{V1}/jobs/{computer}/circuit", json=payload)

    def measured(self, payload, computer="adonis"):
        job = self.run(payload, computer)
        assert job["status"] == "completed", job["errors"]
        return self.ask("GET", f"{V1}/jobs/{job['id']}/artifacts/measurements")


@pytest.fixture(scope="module")
def server():
    return FakeIQMServer("adonis", "deneb", seed=5, noise=False)


@pytest.fixture
def http(server):
    server.reset(seed=5)
    return Http(Api(server))


def refused(http, method, path, status, code, **arguments):
    error = http.ask(method, path, status, **arguments)
    assert error["error_code"] == code
    assert isinstance(error["message"], str)
    assert UUID(error["request_id"])
    return error["message"]


class Test01QuantumComputers:
    def test_list(self, http):
        adonis, deneb = http.ask("GET", f"{V1}/quantum-computers")["quantum_computers"]
        assert (adonis["alias"], deneb["alias"]) == ("adonis", "deneb")
        assert UUID(adonis["id"]) != UUID(deneb["id"])
        assert adonis["proxy_path"] is None
        assert adonis["display_name"]
        assert adonis["station_control_version"]

    @pytest.mark.parametrize("route", ["", "/health", "/limits", "/queue-availability", "/timeslots"])
    @pytest.mark.parametrize("prefix", [V1, "/api/latest"])
    def test_id_or_alias(self, http, prefix, route):
        path = f"{prefix}/quantum-computers/{{}}{route}"
        assert http.ask("GET", path.format("deneb")) == http.ask("GET", path.format(computer_id("deneb")))
        message = refused(http, "GET", path.format("garnet"), 404, "qc_not_found")
        assert message == "Quantum computer 'garnet' not found. Available: adonis, deneb."

    def test_what_strict_readers_need(self, http):
        detail = http.ask("GET", f"{V1}/quantum-computers/adonis")
        required = "id alias display_name description backend_type number_of_qubits pulla_enabled operational_status "
        required += "limits health queue_length pricing additional_info"
        assert set(required.split()) <= set(detail)
        assert detail["number_of_qubits"] == 5
        limits = "max_circuits_per_job max_executions_per_job max_instructions_per_circuit max_shots_per_circuit "
        limits += "max_queued_jobs_per_user"
        assert {name: type(value) for name, value in detail["limits"].items()} == dict.fromkeys(limits.split(), int)

    def test_health_and_queue(self, http):
        assert http.ask("GET", f"{V1}/quantum-computers/adonis/health")["healthy"] is True
        ask = {"timerange_start": "2026-01-02T00:00:00Z", "timerange_end": "2026-01-03T00:00:00Z"}
        queue = http.ask("GET", f"{V1}/quantum-computers/adonis/queue-availability", query_string=ask)
        assert queue["queue_length"] == 0
        assert queue["available"] == [{"start": ask["timerange_start"], "end": ask["timerange_end"]}]

    def test_an_alias_with_a_colon(self):
        document = {**Device.load("adonis").document, "alias": "adonis:mock"}
        http = Http(Api(FakeIQMServer(Device.from_document(document))))
        assert http.ask("GET", f"{V1}/quantum-computers/adonis:mock/health")["healthy"] is True
        assert http.run(FLIP, "adonis:mock")["status"] == "completed"

    def test_timeslots_can_not_be_booked(self, http):
        refused(http, "POST", f"{V1}/quantum-computers/adonis/timeslots", 400, "invalid_input", json={})


class Test02Authentication:
    @pytest.mark.parametrize("path", [f"{V1}/quantum-computers", f"{V1}/nothing", "/", f"{V1}/jobs/{NOBODY}"])
    @pytest.mark.parametrize("header", [None, "Bearer wrong", "secret", "Basic secret", "Bearer", "Bearer sécret"])
    def test_every_path_asks_for_the_token(self, server, path, header):
        http = Http(Api(server, token="secret"))
        headers = {} if header is None else {"Authorization": header}
        message = refused(http, "GET", path, 401, "unauthorized", headers=headers)
        assert message == "Missing or invalid authentication credentials"

    def test_the_token_opens(self, server):
        http = Http(Api(server, token="secret"))
        assert http.ask("GET", f"{V1}/quantum-computers", headers={"Authorization": "Bearer secret"})

    def test_without_a_configured_token_any_will_do(self, http):
        assert http.ask("GET", f"{V1}/quantum-computers", headers={"Authorization": "Bearer whatever"})


class Test03UnknownRoutes:
    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/api",
            f"{V1}/",
            f"{V1}/nothing",
            f"{V1}/tokens",
            "/api/v2/quantum-computers",
            "/cocos/health",
            f"/cocos/api/v4/calibration/runs/{NOBODY}/status",
            "/station/observations",
        ],
    )
    def test_unknown_route(self, http, path):
        assert path in refused(http, "GET", path, 404, "not_found")

    @pytest.mark.parametrize(
        ("method", "path"), [("PUT", "quantum-computers"), ("PATCH", "jobs/1"), ("GET", "jobs/1/cancel")]
    )
    def test_wrong_method(self, http, method, path):
        refused(http, method, f"{V1}/{path}", 405, "method_not_allowed")


class Test04About:
    @pytest.mark.parametrize("path", ["/about", f"{V1}/about"])
    def test_server(self, http, path):
        assert http.ask("GET", path)["version"]

    def test_station(self, http):
        about = http.ask("GET", f"{V1}/quantum-computers/adonis/artifacts/about")
        assert about["version"]
        assert isinstance(about["software_versions"], dict)

    def test_the_dut_is_the_architectures(self, http):
        base = f"{V1}/quantum-computers/deneb/artifacts"
        (dut,) = http.ask("GET", f"{base}/duts")
        (architecture,) = http.ask("GET", f"{base}/static-quantum-architectures")
        (record,) = http.ask("GET", f"{base}/chip-design-records")
        assert dut == {"label": architecture["dut_label"], "dut_type": "chip"}
        assert record["cheddar"]["chip_label"] == architecture["dut_label"]
        assert len(record["content"]["components"]["tunable_coupler"]) == len(architecture["connectivity"])

    @pytest.mark.parametrize("kind", ["settings", "channel-properties"])
    def test_protobuf(self, http, kind):
        answer = http.ask("GET", f"{V1}/quantum-computers/adonis/artifacts/{kind}")
        assert answer.mimetype == "application/protobuf"
        assert len(answer.get_data()) > 3

    def test_unknown_artifact(self, http):
        message = refused(http, "GET", f"{V1}/quantum-computers/adonis/artifacts/poem", 404, "qc_artifact_not_found")
        assert "static-quantum-architectures" in message

    def test_versions(self, http):
        assert "v1" in http.ask("GET", "/api/versions")["versions"]


class Test05Architecture:
    def test_default_and_id(self, http):
        path = f"{V1}/calibration-sets/adonis/{{}}/dynamic-quantum-architecture"
        default = http.ask("GET", path.format("default"))
        assert http.ask("GET", path.format(default["calibration_set_id"].upper())) == default

    @pytest.mark.parametrize("route", ["", "/metrics", "/dynamic-quantum-architecture"])
    @pytest.mark.parametrize("unknown", [NOBODY, "nonsense"])
    def test_unknown_id(self, http, route, unknown):
        message = refused(
            http, "GET", f"{V1}/calibration-sets/adonis/{unknown}{route}", 404, "calibration_set_not_found"
        )
        assert unknown in message


class Test06Observations:
    def test_metrics_are_numeric_and_carry_the_suffix(self, http):
        metrics = http.ask("GET", f"{V1}/calibration-sets/adonis/default/metrics")
        assert all(type(observation["value"]) is float for observation in metrics["observations"])
        assert any(o["dut_field"].endswith(".fidelity:par=d2") for o in metrics["observations"])
        calibration = http.ask("GET", f"{V1}/calibration-sets/adonis/default")
        assert metrics["describes_id"] == calibration["observation_set_id"]


class Test07Submission:
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


class Test08Dialects:
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
        assert job["errors"][0]["message"] == "Circuit 0: Logical qubit 'QB2' does not map to a physical qubit."


class Test09Payload:
    @pytest.mark.parametrize("body", [json.dumps(FLIP, indent=3), json.dumps({**FLIP, "é": "ü"}, ensure_ascii=False)])
    def test_byte_for_byte(self, http, body):
        job = http.ask("POST", f"{V1}/jobs/adonis/circuit", data=body.encode())
        answer = http.open(f"{V1}/jobs/{job['id']}/payload")
        assert answer.get_data() == body.encode()
        assert answer.headers["IQM-Job-Type"] == "circuit"


class Test10JobDocument:
    def test_what_strict_readers_need(self, http):
        job = http.run(FLIP)
        assert UUID(job["id"])
        assert job["qc"] == {"id": computer_id("adonis")}
        assert (job["type"], job["status"]) == ("circuit", "completed")
        assert job["artifacts"] == [{"type": "measurements"}, {"type": "measurement_counts"}]
        assert job["messages"] == job["errors"] == []
        assert job["execution"] == {"progress": {}}
        assert job["compilation"]["calibration_set_id"] == Device.load("adonis").default_calibration_set_id
        assert job["queue_position"] is None

    def test_timestamps(self, http):
        for entry in http.run(FLIP)["timeline"]:
            assert entry["source"] in ("iqm-server", "iqm-station-control")
            assert entry["timestamp"].endswith("Z")
            assert len(entry["timestamp"]) == len("2026-01-02T03:04:05.000000Z")


class Test11Lifecycle:
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


class Test12Results:
    def test_exact_shots_of_the_circuits_keys(self, http):
        payload = submission(PRX, measure("QB2", "QB1", key="a"), measure("QB3", key="b"), shots=7)
        (circuit,) = http.measured(payload)
        assert circuit == {"a": [[0, 1]] * 7, "b": [[0]] * 7}

    def test_counts_agree(self, http):
        superposed = {"name": "prx", "locus": ["QB1"], "args": {"angle": math.pi / 2, "phase": 0.3}}
        job = http.run(submission(superposed, measure("QB1", "QB2", key="a"), measure("QB1", key="b"), shots=200))
        (shots,) = http.ask("GET", f"{V1}/jobs/{job['id']}/artifacts/measurements")
        (histogram,) = http.ask("GET", f"{V1}/jobs/{job['id']}/artifacts/measurement_counts")
        assert histogram["measurement_keys"] == ["a", "b"]
        strings = ["".join(map(str, a + b)) for a, b in zip(shots["a"], shots["b"], strict=True)]
        assert histogram["counts"] == {string: strings.count(string) for string in set(strings)}
        assert set(strings) == {"000", "101"}

    def test_circuits_in_order(self, http):
        circuits = [{"name": str(i), "instructions": [PRX] * i + [measure("QB1", key=f"k{i}")]} for i in range(4)]
        results = http.measured({"circuits": circuits, "shots": 3})
        assert results == [{f"k{i}": [[i % 2]] * 3} for i in range(4)]

    def test_reserved_and_doubled_keys_fail(self, http):
        for circuit in ([measure("QB1", key="__HERALD")], [measure("QB1"), measure("QB2")], [PRX]):
            job = http.run(submission(*circuit))
            assert job["status"] == "failed"
            assert job["errors"][0]["message"].startswith("Circuit 0: ")
            assert job["errors"][0]["source"] == "iqm-station-control"
            assert job["artifacts"] == []


@pytest.fixture(scope="module")
def noisy():
    return Http(Api(FakeIQMServer("adonis", seed=1)))


class Test13Heralding:
    def test_fewer_shots_never_none(self, noisy):
        payload = submission(measure("QB1"), measure("QB3", key="n"), shots=2000, heralding_mode="zeros")
        (circuit,) = noisy.measured(payload)
        assert 1700 < len(circuit["m"]) == len(circuit["n"]) < 2000

    def test_nothing_left_fails(self, noisy):
        statuses = {}
        for _ in range(200):
            job = noisy.run(submission(measure("QB3"), shots=1, heralding_mode="zeros"))
            statuses.setdefault(job["status"], job)
        failed = statuses.pop("failed")
        assert failed["errors"][0]["message"] == "Execution of circuit 0 with heralding discarded all the shots."
        assert set(statuses) == {"completed"}


class Test14Operations:
    def test_feedback(self, http):
        feedback = {"angle": math.pi, "phase": 0.0, "feedback_qubit": "QB1", "feedback_key": "f"}
        for flips in (0, 1):
            circuit = [PRX] * flips + [
                measure("QB1", key="m", feedback_key="f"),
                {"name": "cc_prx", "locus": ["QB3"], "args": feedback},
                {"name": "reset", "locus": ["QB1"]},
                measure("QB1", "QB3", key="n"),
            ]
            assert http.measured(submission(*circuit)) == [{"m": [[flips]] * 20, "n": [[0, flips]] * 20}]

    def test_anything_calibration_free_on_any_component(self, http):
        half = {"name": "u", "locus": ["QB1"], "args": {"theta": math.pi / 2, "phi": 0.0, "lam": math.pi}}
        circuit = [
            half,
            {"name": "barrier", "locus": ["QB1", "QB5"]},
            {"name": "delay", "locus": ["QB1", "QB2"], "args": {"duration": 1e-6}},
            {"name": "rz", "locus": ["QB1"], "args": {"angle": math.pi}},
            half,
            {"name": "sx", "locus": ["QB2"]},
            {"name": "sx", "locus": ["QB2"]},
            {"name": "reset_wait", "locus": ["QB4"]},
            {"name": "measure_fidelity", "locus": ["QB1", "QB2"], "args": {"key": "m"}},
        ]
        assert http.measured(submission(*circuit)) == [{"m": [[1, 1]] * 20}]

    def test_cz_in_either_order(self, http):
        def half(phase):
            return {"name": "prx", "locus": ["QB3"], "args": {"angle": math.pi / 2, "phase": phase}}

        for locus in (["QB1", "QB3"], ["QB3", "QB1"]):
            circuit = [PRX, half(math.pi / 2), {"name": "cz", "locus": locus}, half(-math.pi / 2), measure("QB3")]
            assert http.measured(submission(*circuit)) == [{"m": [[1]] * 20}]

    def test_move_sandwich(self, http):
        move = {"name": "move", "locus": ["QB1", "COMPR1"]}
        assert http.measured(submission(PRX, move, move, measure("QB1")), "deneb") == [{"m": [[1]] * 20}]
        job = http.run(submission(PRX, move, measure("QB2")), "deneb")
        assert job["status"] == "failed"


class Test15CancelAndDelete:
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

    @pytest.mark.parametrize("job_id", [NOBODY, "nonsense"])
    def test_an_unknown_id(self, http, job_id):
        assert job_id in refused(http, "GET", f"{V1}/jobs/{job_id}", 404, "job_not_found")


class Test16Errors:
    @given(method=st.sampled_from(["GET", "POST", "DELETE", "PUT"]), path=st.text(), body=st.binary())
    def test_anything_else_is_a_documented_error(self, server, method, path, body):
        http = Http(Api(server))
        for prefix in ("/", f"{V1}/", f"{V1}/jobs/", f"{V1}/jobs/adonis/"):
            answer = http.open(prefix + quote(path).lstrip("/"), method=method, data=body)
            if answer.status_code >= 400:
                assert answer.status_code in (400, 404, 405)
                error = answer.get_json()
                assert isinstance(error["message"], str)
                assert error["error_code"]
                assert UUID(error["request_id"])


class Test17LongPoll:
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
