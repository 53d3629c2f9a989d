"""A fault that was planned and did not happen fails the test."""

FAULTS = """
import pytest
from bell import counts

def test_retries(iqm_backend, iqm_server):
    iqm_server.faults.on("submit").answers(503)
    with pytest.raises(Exception):
        counts(iqm_backend)
    assert counts(iqm_backend)

def test_forgets(iqm_server):
    iqm_server.faults.on("submit").answers(503)
    iqm_server.faults.job().never_ends()

def test_next(iqm_backend):
    assert counts(iqm_backend)

def test_fails_anyway(iqm_server):
    iqm_server.faults.on("submit").answers(503)
    assert not "the test's own reason"
"""


def test_a_fault_that_did_not_happen_fails_the_test(suite):
    result = suite(test_a=FAULTS)
    result.assert_outcomes(passed=2, failed=2)
    output = result.stdout.str()
    assert "planned faults did not happen, so this tested nothing:" in output
    assert "  on('submit').answers 503: acted 0 of 1 times" in output
    assert "  job(after=0, times=1).never_ends: acted 0 of 1 times" in output
    assert "the test's own reason" in output
    assert output.count("planned faults") == 2  # the message and the summary of one test
