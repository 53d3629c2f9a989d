"""What the server publishes of its quantum computers."""

from uuid import UUID

import pytest
from api_client import FLIP, NOBODY, V1, Http, refused

from iqm_fakes import Api, Device, FakeIQMServer
from iqm_fakes.server.publications import computer_id


class TestQuantumComputers:
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
        assert http.ask("GET", f"{V1}/quantum-computers/adonis/health")["health"]["healthy"] is True
        ask = {"timerange_start": "2026-01-02T00:00:00Z", "timerange_end": "2026-01-03T00:00:00Z"}
        queue = http.ask("GET", f"{V1}/quantum-computers/adonis/queue-availability", query_string=ask)
        assert queue["queue_length"] == 0
        assert queue["available"] == [{"start": ask["timerange_start"], "end": ask["timerange_end"]}]

    def test_an_alias_with_a_colon(self):
        document = {**Device.load("adonis").document, "alias": "adonis:mock"}
        http = Http(Api(FakeIQMServer(Device.from_document(document))))
        assert http.ask("GET", f"{V1}/quantum-computers/adonis:mock/health")["health"]["healthy"] is True
        assert http.run(FLIP, "adonis:mock")["status"] == "completed"

    def test_timeslots_can_not_be_booked(self, http):
        refused(http, "POST", f"{V1}/quantum-computers/adonis/timeslots", 400, "bad_request", json={})


class TestAbout:
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


class TestArchitecture:
    def test_default_and_id(self, http):
        path = f"{V1}/calibration-sets/adonis/{{}}/dynamic-quantum-architecture"
        default = http.ask("GET", path.format("default"))
        assert http.ask("GET", path.format(default["calibration_set_id"].upper())) == default

    @pytest.mark.parametrize("route", ["", "/metrics", "/dynamic-quantum-architecture"])
    def test_unknown_id(self, http, route):
        message = refused(
            http, "GET", f"{V1}/calibration-sets/adonis/{NOBODY}{route}", 404, "calibration_set_not_found"
        )
        assert NOBODY in message


class TestObservations:
    def test_metrics_are_numeric_and_carry_the_suffix(self, http):
        metrics = http.ask("GET", f"{V1}/calibration-sets/adonis/default/metrics")
        assert all(type(observation["value"]) is float for observation in metrics["observations"])
        assert any(o["dut_field"].endswith(".fidelity:par=d2") for o in metrics["observations"])
        calibration = http.ask("GET", f"{V1}/calibration-sets/adonis/default")
        assert metrics["describes_id"] == calibration["observation_set_id"]
