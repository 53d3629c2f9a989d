"""Timeslots: none can be booked here; a test may say that one is booked."""

import pytest
from api_client import FLIP, V1, refused
from iqm.iqm_client import IQMClient

from iqm_fakes import FakeIQMClient
from pytest_iqm import IQMBackend

SLOTS = f"{V1}/quantum-computers/adonis/timeslots"


def run(http, payload, **arguments):
    return http.ask("POST", f"{V1}/jobs/adonis/circuit", json=payload, **arguments)


def test_the_list_has_what_strict_readers_need(http):
    assert http.ask("GET", SLOTS) == {"available_slots": [], "booked_slots": [], "queue_length": 0}


def test_a_booking_is_refused(http):
    refused(http, "POST", SLOTS, 400, "bad_request", json={"timeslots": [{"reference": "tomorrow"}]})


def test_a_job_for_a_timeslot_needs_one(http, server):
    path = f"{V1}/jobs/adonis/circuit"
    refused(http, "POST", path, 403, "no_booked_timeslots", json=FLIP, query_string={"use_timeslot": "true"})
    assert server.jobs == []
    assert run(http, FLIP, query_string={"use_timeslot": "false"})["status"] == "completed"


def test_a_test_may_have_one_booked(http, server):
    server.timeslot_booked = True
    assert run(http, FLIP, query_string={"use_timeslot": "true"})["status"] == "completed"
    (slot,) = http.ask("GET", SLOTS)["booked_slots"]
    assert set(slot) == {"start", "end", "price", "reference"}
    assert slot["start"] < slot["end"]
    server.reset()
    assert http.ask("GET", SLOTS)["booked_slots"] == []


@pytest.mark.skipif(not hasattr(IQMClient, "from_url"), reason="earlier clients name the error otherwise")
def test_the_vendors_client_says_so(server):
    from exa.common.errors.iqm_error import ForbiddenError
    from qiskit import QuantumCircuit, transpile

    backend = IQMBackend(FakeIQMClient("adonis", server=server))
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    with pytest.raises(ForbiddenError, match="booked") as error:
        backend.run(transpile(circuit, backend), use_timeslot=True)
    assert error.value.error_code == "no_booked_timeslots"
