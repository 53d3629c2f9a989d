"""The look at the machine before the first test understands each shape of health."""

import pytest

from iqm_fakes import FakeIQMClient, FakeIQMServer
from iqm_fakes.wire.error_codes import ErrorCode, ServerError
from pytest_iqm.live.preflight import why_unavailable


@pytest.fixture
def server():
    """A machine that has no description beside its health, as on premises."""

    def unknown(computer):
        raise ServerError(ErrorCode.NOT_FOUND, "Not found")

    machine = FakeIQMServer("adonis")
    machine.quantum_computer = unknown
    return machine


@pytest.mark.parametrize("healthy", [True, False])
@pytest.mark.parametrize("beside", [{}, {"operational": "online"}, {"operational_status": "online"}, None])
def test_an_unhealthy_machine_can_not_be_used(server, beside, healthy):
    said = {"healthy": healthy, "updated_at": "2026-09-04T23:08:52.613Z"}
    server.health = lambda computer: said if beside is None else {**beside, "health": said}
    assert why_unavailable(FakeIQMClient(server=server)) == (None if healthy else "it says that it is not healthy")


@pytest.mark.parametrize("name", ["operational", "operational_status"])
def test_a_healthy_machine_may_be_in_maintenance(server, name):
    server.health = lambda computer: {name: "maintenance", "health": {"healthy": True, "updated_at": None}}
    assert why_unavailable(FakeIQMClient(server=server)) == "it is in maintenance"


@pytest.mark.parametrize("shape", ["operational_status", "operational", "flat"])
def test_the_fakes_maintenance_is_seen_in_each_shape(shape):
    server = FakeIQMServer("adonis", health=shape)
    client = FakeIQMClient(server=server)
    assert why_unavailable(client) is None
    server.maintenance = True
    assert why_unavailable(client) == "it is in maintenance"
