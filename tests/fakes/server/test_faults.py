"""Faults raise through the vendor's client what hardware would raise: in the process, and over a socket."""

import pytest
import requests
from circuits import bell
from werkzeug.test import Client

from iqm_fakes import Api, FakeIQMClient
from iqm_fakes.server.faults import BY_STATUS, ERRORS, Operation
from iqm_fakes.vendor import http as versions
from iqm_fakes.vendor.http import VENDOR_ERRORS, connect
from iqm_fakes.web.loopback import loopback
from pytest_iqm import IQMBackend


def error_of(call):
    with pytest.raises(Exception) as caught:  # noqa: PT011  # what it is, is what is tested
        call()
    return caught.value


class TestAnswers:
    @pytest.mark.parametrize("status", sorted(BY_STATUS))
    def test_an_error_is_what_the_vendor_makes_of_it(self, backend, server, status):
        circuit = bell(backend)
        server.faults.on("submit").answers(status, message="as planned")
        error = error_of(lambda: backend.run(circuit))
        assert type(error) is versions._server_client.map_from_status_code_to_error(status)
        assert "as planned" in str(error)
        assert isinstance(error, VENDOR_ERRORS)
        assert backend.run(circuit).result().success  # just once
        assert server.faults.unfired() == []
        assert len(server.jobs) == 1

    @pytest.mark.parametrize("code", sorted(ERRORS))
    def test_every_documented_error_is_answered(self, server, code):
        server.faults.on("health").answers(code, retry_after=7)
        answer = Client(Api(server)).get("/api/v1/quantum-computers/adonis/health")
        assert (answer.status_code, answer.json["error_code"]) == (ERRORS[code].status, code)
        assert answer.headers["Retry-After"] == "7"
        assert answer.json["message"] == ERRORS[code].usual

    def test_from_the_kth_call_on_so_many_times(self, client, server):
        server.faults.on("health", after=2).answers(503, times=2)
        seen = []
        for _ in range(6):
            try:
                client.get_health()
                seen.append("fine")
            except VENDOR_ERRORS:
                seen.append("503")
        assert seen == ["fine", "fine", "503", "503", "fine", "fine"]

    def test_calls_of_one_job(self, backend, server):
        jobs = [backend.run(bell(backend), shots=5) for _ in range(2)]
        server.faults.on("status", "results", job=jobs[1].job_id()).answers("job_artifact_not_found", times=1)
        assert backend.retrieve_job(jobs[0].job_id()).result().success
        with pytest.raises(VENDOR_ERRORS):
            backend.retrieve_job(jobs[1].job_id())
        assert backend.retrieve_job(jobs[1].job_id()).result().success

    @pytest.mark.parametrize("operation", list(Operation))
    def test_every_operation_can_be_named(self, server, operation):
        paths = {
            "submit": ("POST", "/jobs/adonis/circuit"),
            "payload": ("GET", "/jobs/{id}/payload"),
            "status": ("GET", "/jobs/{id}"),
            "results": ("GET", "/jobs/{id}/artifacts/measurements"),
            "cancel": ("POST", "/jobs/{id}/cancel"),
            "delete": ("DELETE", "/jobs/{id}"),
            "calibration": ("GET", "/calibration-sets/adonis/default/metrics"),
            "architecture": ("GET", "/quantum-computers/adonis/artifacts/static-quantum-architectures"),
            "health": ("GET", "/quantum-computers/adonis/health"),
            "computers": ("GET", "/quantum-computers"),
        }
        method, path = paths[operation]
        job_id = "00000000-0000-4000-8000-000000000001"
        server.faults.on(operation).answers(502)
        answer = Client(Api(server)).open(f"/api/v1{path.format(id=job_id)}", method=method)
        assert answer.status_code == 502
        server.faults.on("anything").answers(504)
        answer = Client(Api(server)).open(f"/api/v1{path.format(id=job_id)}", method=method)
        assert answer.status_code == 504


class TestConnections:
    @pytest.mark.parametrize(
        ("verb", "expected"),
        [
            ("refuses", requests.ConnectionError),
            ("resets", requests.ConnectionError),
            ("breaks_off", requests.exceptions.ChunkedEncodingError),
        ],
    )
    def test_a_broken_connection_is_what_requests_raises(self, client, server, verb, expected):
        getattr(server.faults.on("health"), verb)()
        assert type(error_of(client.get_health)) is expected
        assert client.get_health()["health"]["healthy"]

    def test_a_time_out_is_the_same_in_the_process_and_on_a_socket(self, server):
        errors = []
        with loopback(Api(server)) as url:
            for way in (FakeIQMClient(server=server), connect(url, quantum_computer="adonis")):
                server.faults.on("health").times_out()
                versions._connection(way)._timeout = 0.2
                errors.append(type(error_of(way.get_health)))
        assert errors[0] is errors[1]

    def test_what_is_not_json_is_an_error_on_both_ways(self, client, server):
        server.faults.on("health").garbles()
        error = error_of(client.get_health)
        assert isinstance(error, ValueError)  # of requests' JSON decoder
        assert client.get_health()["health"]["healthy"]

    def test_a_reset_submission_has_arrived_and_a_refused_one_has_not(self, backend, server):
        circuit = bell(backend)
        server.faults.on("submit").refuses()
        with pytest.raises(requests.ConnectionError):
            backend.run(circuit)
        assert server.jobs == []
        server.faults.on("submit").resets()
        with pytest.raises(requests.ConnectionError):
            backend.run(circuit)
        (job,) = server.jobs
        assert backend.retrieve_job(job.id).result().success

    def test_a_slow_answer_is_an_answer(self, client, server):
        server.faults.on("health").delays(0.01, times=2)
        assert client.get_health() == client.get_health()


class TestJobs:
    def test_a_job_fails_while_it_is_executed(self, backend, server):
        server.faults.job().fails("the chip is warm", code="hardware_error")
        job = backend.run(bell(backend), shots=5)
        assert job.result().success is False
        assert "hardware_error: the chip is warm" in job.error_message()
        assert backend.run(bell(backend), shots=5).result().success

    def test_a_job_fails_to_compile(self, backend, server):
        server.faults.job(after=1).fails_to_compile("no such calibration")
        jobs = [backend.run(bell(backend), shots=5) for _ in range(2)]
        assert [job.result().success for job in jobs] == [True, False]
        assert not server.jobs[1].compiled

    def test_an_operator_cancels_it(self, backend, server):
        server.faults.job().is_cancelled()
        job = backend.run(bell(backend), shots=5)
        assert job.status().name == "CANCELLED"
        assert job.result().success is False

    def test_it_never_ends_until_it_is_cancelled(self, backend, server):
        server.faults.job().never_ends()
        job = backend.run(bell(backend), shots=5)
        assert job.status().name == "RUNNING"
        with pytest.raises(Exception, match=r"didn't finish in 0\.01 seconds"):
            job.result(timeout=0.01)
        assert job.cancel()
        assert job.status().name == "CANCELLED"

    def test_shots_are_missing(self, backend, server):
        server.faults.job().loses_shots(0.3)
        job = backend.run(bell(backend), shots=100)
        assert len(next(iter(backend.client.get_job_measurements(_uuid(job))[0].values()))) == 70
        with pytest.raises(ValueError, match="70"):
            job.result()

    def test_the_machine_is_recalibrated_between_transpilation_and_run(self, backend, server):
        circuit = bell(backend)
        server.faults.on("calibration").recalibrates(seed=5)
        with pytest.warns(UserWarning, match="default calibration set"):
            assert backend.run(circuit, shots=5).result().success


def _uuid(job):
    from uuid import UUID

    return UUID(job.job_id())


class TestSentences:
    def test_what_did_not_happen_is_said(self, client, server):
        server.faults.on("submit", "status", after=3).answers(503, times=2)
        server.faults.job(after=1).never_ends()
        server.faults.on("health").answers(429, times=2)
        with pytest.raises(VENDOR_ERRORS):
            client.get_health()
        assert server.faults.unfired() == [
            "on('submit', 'status', after=3).answers 503: acted 0 of 2 times",
            "on('health').answers 429: acted 1 of 2 times",
            "job(after=1, times=1).never_ends: acted 0 of 1 times",
        ]
        server.reset()
        assert server.faults.unfired() == []

    def test_faults_act_in_the_order_they_were_said(self, client, server):
        server.faults.on("health").answers(503)
        server.faults.on("health").answers(429)
        for status in (503, 429):
            assert type(error_of(client.get_health)) is versions._server_client.map_from_status_code_to_error(status)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (lambda f: f.on("sumbit"), "there is no operation 'sumbit'; choose submit, status"),
            (lambda f: f.on(), "there is no operation ''"),
            (lambda f: f.on("submit", after=-1), "a number of calls is not negative, got -1"),
            (lambda f: f.on("submit").answers(418), "there is no error 418; the server answers 400"),
            (lambda f: f.on("submit").answers("teapot"), "there is no error 'teapot'"),
            (lambda f: f.on("submit").answers(503, times=0), "a fault acts at least once, got times=0"),
            (lambda f: f.job(times=0), "a fault acts at least once"),
            (lambda f: f.job(after=-2), "a number of jobs is not negative"),
            (lambda f: f.job().loses_shots(1.0), "a fraction of its shots between 0 and 1"),
            (lambda f: f.randomly(2.0, seed=1), "a rate is between 0 and 1"),
            (lambda f: f.randomly(0.5, seed=1, errors=[418]), "there is no error"),
            (lambda f: f.on("status", job="x"), "'x' is no id of a job: it has to be a UUID"),
            (lambda f: f.on("status").delays(-1), "no negative time, got -1 seconds"),
        ],
    )
    def test_nonsense_is_refused(self, server, wrong, message):
        with pytest.raises(ValueError, match=message):
            wrong(server.faults)
        assert server.faults.unfired() == []

    def test_chance_is_reproducible(self, server):
        def run():
            server.reset(seed=1)
            server.faults.randomly(0.4, seed=3)
            client = Client(Api(server))
            return [client.get("/api/v1/quantum-computers").status_code for _ in range(50)]

        first = run()
        assert run() == first
        assert set(first) == {200, 429, 502, 503}
        assert server.faults.unfired() == []


class TestMaintenance:
    def test_the_machine_is_away(self, client, server):
        backend = IQMBackend(client)
        circuit = bell(backend)
        server.maintenance = True
        assert client.get_health()["health"]["healthy"] is False
        with pytest.raises(VENDOR_ERRORS, match="in maintenance"):
            backend.run(circuit)
        web = Client(Api(server))
        assert web.get("/api/v1/quantum-computers/adonis").json["operational_status"] == "maintenance"
        assert web.get("/api/v1/quantum-computers/adonis/queue-availability").json["available"] == []
        server.reset()
        assert backend.run(circuit).result().success
