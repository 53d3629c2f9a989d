"""A server with several computers, for a service that chooses between them."""

COMPUTERS = """
import pytest
from bell import counts
from iqm.qiskit_iqm import IQMProvider
from pytest_iqm import distribution

BELL = {"00": 0.5, "11": 0.5}
pytestmark = pytest.mark.iqm(computers=["adonis", "mine.json", "deneb"])

def test_the_first_is_the_backends(iqm_backend, iqm_client, iqm_server):
    assert iqm_backend.name == "adonis"
    assert list(iqm_server.devices) == ["adonis", "mine", "deneb"]
    assert counts(iqm_backend) == distribution(BELL, within="calibration")

@pytest.mark.parametrize("alias", ["deneb", "mine"])
def test_a_service_chooses_by_alias(iqm_http, alias):
    backend = IQMProvider("https://iqm.example.org", quantum_computer=alias).get_backend()
    assert counts(backend) == distribution(BELL, within="calibration")
    assert [job.computer for job in iqm_http.jobs] == [alias]

def test_on_a_socket(iqm_url, iqm_server):
    counts(IQMProvider(iqm_url, quantum_computer="deneb").get_backend())
    assert [job.computer for job in iqm_server.jobs] == ["deneb"]

@pytest.mark.iqm(device="garnet")
def test_the_closest_marker_wins(iqm_server):
    assert list(iqm_server.devices) == ["garnet"]

@pytest.mark.iqm(noise=False)
def test_other_arguments_are_kept(iqm_backend, iqm_server):
    assert len(iqm_server.devices) == 3
    assert set(counts(iqm_backend)) == {"00", "11"}
"""


def test_several_computers_on_one_server(suite, pytester):
    from iqm_fakes import Device

    Device.from_document({**Device.load("adonis").document, "alias": "mine"}).save(pytester.path / "mine.json")
    report = pytester.path / "report.json"
    result = suite("-v", "--iqm-report", str(report), test_a=COMPUTERS)
    result.assert_outcomes(passed=6)
    assert "test_a.py::test_on_a_socket PASSED" in result.stdout.str()


def test_what_is_no_list_of_computers_is_an_error(suite):
    for arguments in ("computers=[]", "computers='garnet'", "computers=['a', 'a']", "device='a', computers=['b']"):
        source = f"import pytest\n@pytest.mark.iqm({arguments})\ndef test_x(iqm_backend): pass"
        assert "computers=['name or file', ...]" in suite(test_a=source).stdout.str()
