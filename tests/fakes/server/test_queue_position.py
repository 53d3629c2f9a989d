"""A job that waits says how many are ahead of it; one that is alone says nothing."""

import threading

import pytest
from api_client import FLIP, V1, Http

from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.server.quantum_computer import SimulatedComputers


@pytest.fixture
def busy(monkeypatch):
    """A server with one worker, which executes nothing until it is told to."""
    entered, go = threading.Event(), threading.Event()
    execute = SimulatedComputers.execute

    def slow(self, job, program):
        entered.set()
        go.wait(30)
        return execute(self, job, program)

    monkeypatch.setattr(SimulatedComputers, "execute", slow)
    monkeypatch.setattr("iqm_fakes.web.api.PATIENCE", 0)
    server = FakeIQMServer("adonis", seed=1, noise=False, background=True)
    yield server, entered, go
    go.set()
    server.close()


def test_behind_a_busy_machine(busy):
    server, entered, go = busy
    http = Http(Api(server))

    def position(job):
        return http.ask("GET", f"{V1}/jobs/{job['id']}")["queue_position"]

    first = http.run(FLIP)
    assert first["queue_position"] is None  # the queue is empty: it is taken at once
    assert entered.wait(30)
    second, third = http.run(FLIP), http.run(FLIP)
    assert (second["queue_position"], third["queue_position"]) == (0, 1)
    assert [position(job) for job in (first, second, third)] == [None, 0, 1]
    http.ask("POST", f"{V1}/jobs/{second['id']}/cancel")
    assert [position(job) for job in (second, third)] == [None, 0]
    go.set()
    done = http.ask("GET", f"{V1}/jobs/{third['id']}", query_string={"wait_until_terminal": "true"})
    assert (done["status"], done["queue_position"]) == ("completed", None)
