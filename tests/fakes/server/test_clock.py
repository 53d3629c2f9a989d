"""Waiting, time-outs and the queue's pace, without sleeping; and with real time, where a server has it."""

import importlib
import time
from datetime import UTC, datetime, timedelta

import pytest
from qiskit import QuantumCircuit, transpile
from werkzeug.test import Client

from iqm_fakes import Api, FakeIQMClient
from iqm_fakes.vendor.layout import WAITING
from pytest_iqm import IQMBackend


@pytest.fixture
def backend(server):
    return IQMBackend(FakeIQMClient(server=server))


@pytest.fixture
def circuit(backend):
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    return transpile(circuit, backend)


def moments(job):
    return {status: moment for _, status, moment in job.timeline}


class TestOwnedClock:
    def test_an_hour_in_the_queue_takes_no_time(self, server, backend, circuit):
        server.queue.takes(waiting=3600, processing=10)
        with server.clock.owned():
            job = backend.run(circuit, shots=5)
            assert job.status().name == "QUEUED"
            assert job.result(timeout=7200).success  # before 36, the default is 15 minutes
        stamps = moments(server.jobs[0])
        assert stamps["received"] - stamps["created"] == timedelta(hours=1)
        assert stamps["completed"] - stamps["execution_started"] == timedelta(seconds=10)

    def test_a_time_out_is_the_vendors(self, server, backend, circuit):
        server.queue.takes(waiting=100)
        with server.clock.owned() as clock:
            job = backend.run(circuit, shots=5)
            before = clock.now()
            with pytest.raises(Exception, match=r"didn't finish in 30"):
                job.result(timeout=30)
            assert timedelta(seconds=30) <= clock.now() - before <= timedelta(seconds=32)
            assert job.status().name == "QUEUED"
            clock.advance(minutes=2)
            assert job.status().name == "DONE"

    def test_jobs_follow_each_other(self, server, backend, circuit):
        server.queue.takes(waiting=10, processing=5)
        with server.clock.owned() as clock:
            jobs = [backend.run(circuit, shots=5) for _ in range(3)]

            def states():
                return [job.status().name for job in jobs], [server.queue.position(job) for job in server.jobs]

            assert states() == (["QUEUED"] * 3, [0, 1, 2])
            clock.advance(seconds=10)
            assert states() == (["RUNNING", "QUEUED", "QUEUED"], [None, 0, 1])
            clock.advance(seconds=5)
            assert states() == (["DONE", "RUNNING", "QUEUED"], [None, None, 0])
            assert jobs[1].cancel()
            clock.advance(seconds=10)
            assert states()[0] == ["DONE", "CANCELLED", "DONE"]
        first, _, third = map(moments, server.jobs)
        assert third["received"] - first["completed"] == timedelta(seconds=5)

    def test_it_is_given_back(self, server):
        modules = [module for module in map(_module, WAITING) if module]
        before = [(getattr(m, "sleep", None), getattr(m, "datetime", None)) for m in modules]
        with pytest.raises(ZeroDivisionError), server.clock.owned():  # noqa: PT012
            assert [(getattr(m, "sleep", None), getattr(m, "datetime", None)) for m in modules] != before
            raise ZeroDivisionError
        assert [(getattr(m, "sleep", None), getattr(m, "datetime", None)) for m in modules] == before
        assert abs(server.clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
        assert not server.clock.is_owned

    def test_misuse_is_refused(self, server, backend, circuit):
        with pytest.raises(RuntimeError, match="real time can't be moved"):
            server.clock.advance(seconds=1)
        with server.clock.owned() as clock:
            with pytest.raises(ValueError, match="time does not run backwards, got -1"):
                clock.advance(seconds=-1)
            with pytest.raises(RuntimeError, match="owned already"), clock.owned():
                pass
        with pytest.raises(ValueError, match="no negative time"):
            server.queue.takes(waiting=-1)
        with server.queue.held():
            backend.run(circuit, shots=1)
            with pytest.raises(RuntimeError, match="before jobs are submitted"):
                server.queue.takes(waiting=1)


def _module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


class TestRealTime:
    def test_a_paced_queue_moves_by_itself(self, server, backend, circuit):
        server.queue.takes(waiting=0.05, processing=0.05)
        job = backend.run(circuit, shots=5)
        web = Client(Api(server))
        assert web.get(f"/api/v1/jobs/{job.job_id()}?wait_until_terminal=true&timeout_seconds=0").json["status"] in (
            "waiting",
            "processing",
        )
        answer = web.get(f"/api/v1/jobs/{job.job_id()}?wait_until_terminal=true&timeout_seconds=30")
        assert answer.json["status"] == "completed"
        stamps = moments(server.jobs[0])
        assert stamps["completed"] - stamps["created"] >= timedelta(seconds=0.1)

    def test_a_held_queue_does_not_move(self, server, backend, circuit):
        server.queue.takes()
        with server.queue.held():
            job = backend.run(circuit, shots=5)
            assert job.status().name == "QUEUED"
        assert job.status().name == "DONE"

    def test_reset_gives_back_the_pace(self, server, backend, circuit):
        server.queue.takes(waiting=1000)
        server.reset()
        assert backend.run(circuit, shots=5).status().name == "DONE"

    def test_latency_is_of_every_answer(self, server):
        web = Client(Api(server, latency=0.02))
        start = time.perf_counter()
        for _ in range(3):
            assert web.get("/api/v1/quantum-computers").status_code == 200
        assert time.perf_counter() - start >= 0.06
        with pytest.raises(ValueError, match="a latency is not negative"):
            Api(server, latency=-1)
