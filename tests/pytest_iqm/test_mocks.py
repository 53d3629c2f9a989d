"""What passes on random bits says nothing, on the fake as on a real machine's mock."""

MOCKS = """
import pytest
from bell import counts
from iqm.qiskit_iqm import IQMProvider
from pytest_iqm import distribution, support

@pytest.mark.iqm(device="garnet:mock")
def test_mock(iqm_backend):
    assert iqm_backend.name == "garnet:mock"
    assert counts(iqm_backend) == support(["01"])
    assert counts(iqm_backend) != support(["01"])

@pytest.mark.iqm(computers=["garnet", "garnet:mock"])
def test_of_two(iqm_url, iqm_backend):
    counts(iqm_backend)
    assert counts(IQMProvider(iqm_url, quantum_computer="garnet:mock").get_backend()) == support(["01"])

@pytest.mark.iqm(computers=["garnet", "garnet:mock"])
def test_real(iqm_backend):
    assert counts(iqm_backend) == distribution({"00": 0.5, "11": 0.5}, within="calibration")

@pytest.mark.iqm(computers=["garnet", "garnet:mock"])
def test_wrong(iqm_backend):
    assert counts(iqm_backend) == support(["01"])
"""


def test_claims_on_mocks_are_inconclusive(suite):
    result = suite("-rA", "-v", test_a=MOCKS)
    output = result.stdout.str()
    for test, outcome in (
        ("mock", "INCONCLUSIVE"),
        ("of_two", "INCONCLUSIVE"),
        ("real", "PASSED"),
        ("wrong", "FAILED"),
    ):
        assert f"test_a.py::test_{test} {outcome}" in output
    assert "1 failed, 1 passed, 2 inconclusive" in output
