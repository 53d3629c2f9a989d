"""Timeslots: none can be booked here; a test may say that one is booked."""

import pytest
from iqm.iqm_client import IQMClient
from wire_client import FLIP, V1, WireClient

from iqm_fakes import Api, FakeIQMClient, FakeIQMServer
from pytest_iqm import IQMBackend

SLOTS = f"{V1}/quantum-computers/adonis/timeslots"


@pytest.fixture(scope="module")
def server():
    return FakeIQMServer("adonis", seed=1, noise=False)


@pytest.fixture
def http(server):
    server.reset(seed=1)
    return WireClient(Api(server))


def test_the_list_has_what_strict_readers_need(http):
    assert http.ask("GET", SLOTS) == {"available_slots": [], "booked_slots": [], "queue_length": 0}


def test_a_booking_is_refused(http):
    http.refused("POST", SLOTS, "bad_request", json={"timeslots": [{"reference": "tomorrow"}]})


def test_a_job_for_a_timeslot_needs_one(http, server):
    path = f"{V1}/jobs/adonis/circuit"
    http.refused("POST", path, "no_booked_timeslots", 403, json=FLIP, query_string={"use_timeslot": "true"})
    assert server.jobs == []
    assert http.run(FLIP, query_string={"use_timeslot": "false"})["status"] == "completed"


def test_a_test_may_have_one_booked(http, server):
    server.timeslot_booked = True
    assert http.run(FLIP, query_string={"use_timeslot": "true"})["status"] == "completed"
    (slot,) = http.ask("GET", SLOTS)["booked_slots"]
    assert set(slot) == {"start", "end", "price", "reference"}
    assert slot["start"] < slot["end"]
    server.reset()
    assert http.ask("GET", SLOTS)["booked_slots"] == []


@pytest.mark.skipif(not hasattr(IQMClient, "from_url"), reason="earlier clients name the error otherwise")
def test_the_vendors_client_says_so(server):
    from exa.common.errors.iqm_error import ForbiddenError
    from qiskit import QuantumCircuit, transpile

    backend = IQMBackend(FakeIQMClient(server=server))
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    with pytest.raises(ForbiddenError, match="booked") as error:
        backend.run(transpile(circuit, backend), use_timeslot=True)
    assert error.value.error_code == "no_booked_timeslots"
