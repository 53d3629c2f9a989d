"""Health has several shapes in the field; the fake serves them, and what reads health takes each of them."""

import pytest
from api_client import V1, Http

from iqm_fakes import Api, Device, FakeIQMClient, FakeIQMServer
from iqm_fakes.device.health import Health

MOMENT = "2026-09-04T23:08:52.613Z"

# September 2026: an on-premises machine, two earlier production versions, today's
SHAPES = [
    {"healthy": True, "updated_at": MOMENT},
    {"health": {"healthy": True, "updated_at": MOMENT}},
    {"operational": "online", "health": {"healthy": True, "updated_at": MOMENT}},
    {"operational_status": "online", "health": {"healthy": True, "updated_at": MOMENT}},
]


@pytest.mark.parametrize("document", SHAPES)
def test_every_shape_is_read(document):
    assert Health.read(document) == Health(healthy=True, operational="online", details={"updated_at": MOMENT})


@pytest.mark.parametrize("document", [None, [], "fine", {}, {"health": None}, {"healthy": None}, {"health": []}])
def test_what_says_nothing_is_no_illness(document):
    assert Health.read(document) == Health(healthy=None, operational="online", details={})


def ask(**how):
    return Http(Api(FakeIQMServer("adonis", **how))).ask("GET", f"{V1}/quantum-computers/adonis/health")


def test_todays_production_shape_is_served():
    document = ask()
    assert set(document) == {"operational_status", "health"}
    assert document["operational_status"] == "online"
    assert set(document["health"]) == {"healthy", "updated_at"}
    assert document["health"]["healthy"] is True


def test_others_are_served_on_request():
    now, august, flat = ask(), ask(health="operational"), ask(health="flat")
    assert august == {"operational": "online", "health": now["health"]}
    assert flat == now["health"]
    with pytest.raises(ValueError, match="flat"):
        FakeIQMServer("adonis", health="round")


@pytest.mark.parametrize("shape", ["operational_status", "operational", "flat"])
def test_maintenance_is_said_in_each(shape):
    server = FakeIQMServer("adonis", health=shape)
    server.maintenance = True
    document = Http(Api(server)).ask("GET", f"{V1}/quantum-computers/adonis/health")
    assert document.get("health", document)["healthy"] is False
    assert document.get(shape, "maintenance") == "maintenance"


def test_the_description_of_a_computer_has_its_health_flat():
    description = Http(Api(FakeIQMServer("adonis"))).ask("GET", f"{V1}/quantum-computers/adonis")
    assert description["operational_status"] == "online"
    assert set(description["health"]) == {"healthy", "updated_at"}


@pytest.mark.parametrize("document", SHAPES)
def test_a_snapshot_is_the_same_from_each(document):
    server = FakeIQMServer("adonis")
    server.health = lambda computer: document
    snapshot = Device.snapshot(FakeIQMClient(server=server))
    assert snapshot.document["health"] == {"healthy": True}


def test_the_vendors_client_passes_on_what_the_server_says():
    server = FakeIQMServer("adonis")
    assert FakeIQMClient(server=server).get_health() == server.health("adonis")
