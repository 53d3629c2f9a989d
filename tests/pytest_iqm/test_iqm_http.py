"""``iqm_http``: an application that makes its own client is tested unchanged."""

HTTP = """
import pytest
import requests
import responses
from bell import counts

def run():  # an application that makes its own client
    from iqm.qiskit_iqm import IQMProvider
    backend = IQMProvider("https://iqm.example.org", quantum_computer="garnet", token="t0ken").get_backend()
    return counts(backend)

def test_an_application_is_tested_unchanged(iqm_http):
    assert sum(run().values()) == 1000
    (job,) = iqm_http.jobs
    assert job.computer == "garnet"

def test_the_users_mocks_still_work(iqm_http):
    with responses.RequestsMock() as mock:
        mock.get("https://weather.example.org/", json={"rain": True})
        assert requests.get("https://weather.example.org/", timeout=5).json() == {"rain": True}
        assert sum(run().values()) == 1000
        with pytest.raises(requests.ConnectionError):
            requests.get("https://elsewhere.example.org/", timeout=5)

@responses.activate
def test_decorated(iqm_http):
    responses.get("https://weather.example.org/", json=[])
    assert requests.get("https://weather.example.org/", timeout=5).json() == []
    assert sum(run().values()) == 1000
    health = requests.get("https://iqm.example.org/api/v1/quantum-computers/garnet/health", timeout=5).json()
    assert health["health"]["healthy"]

def test_without_it_the_guard_stands(iqm_server):
    with pytest.raises(Exception, match="this run is offline"):
        run()
"""


def test_an_application_with_a_client_of_its_own(suite):
    result = suite(test_a=HTTP)
    result.assert_outcomes(passed=4)
