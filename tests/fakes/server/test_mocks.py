"""``garnet:mock``: what a computer publishes, with random bits for results."""

import json
import math

import numpy as np
import pytest
from api_client import FLIP, PRX, V1, Http, measure, refused, submission
from scipy import stats

from iqm_fakes import Api, Device, FakeIQMClient, FakeIQMServer
from iqm_fakes.device.device import DeviceError

PUBLISHED = (
    "/health",
    "/limits",
    "/queue-availability",
    "/timeslots",
    "/artifacts/static-quantum-architectures",
    "/artifacts/about",
)


@pytest.fixture
def server():
    return FakeIQMServer("adonis", "deneb", seed=5)


@pytest.fixture
def http(server):
    return Http(Api(server))


def test_it_is_not_listed_unless_asked_for(http):
    def listed(http):
        return [entry["alias"] for entry in http.ask("GET", f"{V1}/quantum-computers")["quantum_computers"]]

    assert listed(http) == ["adonis", "deneb"]
    assert listed(Http(Api(FakeIQMServer("adonis:mock", "deneb")))) == ["adonis:mock", "deneb"]


@pytest.mark.parametrize("path", PUBLISHED)
def test_it_publishes_what_the_computer_does(http, path):
    theirs, mocks = (http.ask("GET", f"{V1}/quantum-computers/{name}{path}") for name in ("adonis", "adonis:mock"))
    assert mocks == theirs


def test_its_calibration_is_the_computers_and_stays_so(http, server):
    def default(name):
        return http.ask("GET", f"{V1}/calibration-sets/{name}/default")

    before = default("adonis")
    assert default("adonis:mock") == before
    server.recalibrate(computer="adonis:mock")
    assert default("adonis:mock") == default("adonis") != before


def test_it_has_an_id_of_its_own(http):
    description = http.ask("GET", f"{V1}/quantum-computers/adonis:mock")
    assert description["alias"] == "adonis:mock"
    assert http.ask("GET", f"{V1}/quantum-computers/{description['id']}") == description
    assert http.ask("GET", f"{V1}/quantum-computers/adonis")["id"] != description["id"]
    job = http.run(FLIP, "adonis:mock")
    assert job["qc"]["id"] == description["id"]
    refused(http, "GET", f"{V1}/quantum-computers/adonis:mock:mock", 404, "qc_not_found")
    refused(http, "GET", f"{V1}/quantum-computers/garnet:mock", 404, "qc_not_found")


def outcomes(http, payload=None):
    """Return the bits of 3 qubits that are all 0, or 0 but for noise."""
    payload = payload or submission(measure("QB1", "QB2", key="a"), measure("QB3", key="b"), shots=4000)
    (circuit,) = http.measured(payload, "adonis:mock")
    return np.hstack([circuit["a"], circuit["b"]])


def test_results_are_random_bits(http):
    bits = outcomes(http)
    seen = np.bincount(bits @ [1, 2, 4], minlength=8)
    assert seen.sum() == 4000
    assert stats.chisquare(seen).pvalue > 1e-4  # one seed of ten thousand would fail; this one doesn't


def test_results_are_reproducible_and_never_the_same(http, server):
    first, second = outcomes(http), outcomes(http)
    server.reset(seed=5)
    assert np.array_equal(outcomes(http), first)
    server.reset(seed=6)
    assert not np.array_equal(outcomes(http), first)
    assert not np.array_equal(first, second)


def test_faults_and_refusals_are_those_of_any_computer(http, server):
    server.faults.job().loses_shots(0.5)
    assert len(outcomes(http)) == 2000
    job = http.run(submission({**PRX, "locus": ["QB99"]}, measure("QB1")), "adonis:mock")
    assert job["status"] == "failed"
    assert job["errors"] == http.run(submission({**PRX, "locus": ["QB99"]}, measure("QB1")), "adonis")["errors"]


def test_what_is_too_large_to_simulate_is_answered():
    qubits = [f"QB{number}" for number in range(1, 21)]
    cz = Device.load("garnet").calibration().dynamic_quantum_architecture["gates"]["cz"]["implementations"]
    pairs = next(iter(cz.values()))["loci"]
    turns = [{"name": "prx", "locus": [qubit], "args": {"angle": 1.0, "phase": 0.3}} for qubit in qubits]
    layers = [*turns, *({"name": "cz", "locus": pair, "args": {}} for pair in pairs)] * 12
    server = FakeIQMServer("garnet", seed=1, time_limit=1)
    payload = submission(*layers, measure(*qubits), shots=10)
    http = Http(Api(server))
    assert http.run(payload, "garnet")["status"] == "failed"
    assert http.run(payload, "garnet:mock")["status"] == "completed"


def test_whose_bits_are_random_can_be_asked(server, http):
    http.run(FLIP, "adonis:mock")
    http.run(FLIP, "adonis")
    assert [server.device(job.computer).is_mock for job in server.jobs] == [True, False]


def test_a_client_of_it():
    client = FakeIQMClient("adonis:mock", seed=1)
    assert client.server.devices["adonis:mock"].is_mock
    assert (
        client.get_static_quantum_architecture().dut_label
        == Device.load("adonis").static_quantum_architecture["dut_label"]
    )


def test_a_device_file_has_one(tmp_path):
    path = tmp_path / "mine.json"
    Device.from_document({**Device.load("adonis").document, "alias": "mine"}).save(path)
    mock = Device.load(f"{path}:mock")
    assert mock.alias == "mine:mock"
    assert mock.mock() is mock
    assert {**mock.document, "alias": "mine", "display_name": "x"} == {
        **Device.load(path).document,
        "display_name": "x",
    }
    with pytest.raises(DeviceError, match="no device 'granet'"):
        Device.load("granet:mock")


def test_a_snapshot_of_one_is_one():
    document = {**Device.load("adonis").document, "alias": "adonis:mock"}
    http = Http(Api(FakeIQMServer(Device.from_document(document), noise=False, seed=1)))
    (circuit,) = http.measured(submission(measure("QB1"), shots=4000), "adonis:mock")
    assert abs(np.mean(circuit["m"]) - 0.5) < 5 * math.sqrt(0.25 / 4000)
    assert json.dumps(circuit)
