"""A machine that is away, for long or for a moment."""

import pytest
from server_process import TOKEN, name_machine
from werkzeug.wrappers import Response

from iqm_fakes import Api
from iqm_fakes.web.loopback import loopback

BELL = """
from bell import counts

def test_one(iqm_backend): counts(iqm_backend)
def test_two(iqm_backend): counts(iqm_backend)
"""


def test_maintenance_ends_the_run_before_it_begins(live, server):
    server.maintenance = True
    result = live(test_a=BELL)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = result.stderr.str()
    assert "can't use adonis (IQM_QUANTUM_COMPUTER)" in said
    assert "it is in maintenance. With --iqm-unavailable=skip its tests would be skipped." in said


def test_maintenance_may_skip_everything(live, server):
    server.maintenance = True
    result = live("-rs", "--iqm-unavailable=skip", test_a=BELL)
    result.assert_outcomes(skipped=2)
    assert result.ret == 0
    assert "adonis can't be used now: it is in maintenance (--iqm-unavailable: skip)" in result.stdout.str()
    assert "adonis could not be used: it is in maintenance (--iqm-unavailable)" in result.stdout.str()


def test_a_closed_queue_is_away(suite, server, monkeypatch):
    class Closed(Api):
        def _queue_availability(self, request, qc):
            return Response('{"queue_length": 3, "available": []}', content_type="application/json")

    with loopback(Closed(server, token=TOKEN)) as url:
        name_machine(monkeypatch, url, "adonis")
        result = suite("--iqm-live", test_a=BELL)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "its queue is closed" in result.stderr.str()


def test_a_server_that_answers_503_is_away(live, server):
    server.faults.on("computers").answers(503, times=100)
    result = live(test_a=BELL)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "With --iqm-unavailable=skip" in result.stderr.str()


@pytest.mark.parametrize(("choice", "outcomes"), [("fail", {"failed": 1, "errors": 1}), ("skip", {"skipped": 2})])
def test_maintenance_in_the_middle(live, server, choice, outcomes):
    server.faults.on("submit").answers(503)
    server.faults.on("health", after=1).answers(503, times=100)  # the first one is asked before the tests
    result = live("-rs", f"--iqm-unavailable={choice}", test_a=BELL)
    result.assert_outcomes(**outcomes)
    assert not server.jobs
    assert len(server.faults.unfired()) == 1  # nothing was submitted after the first trouble


@pytest.mark.parametrize("status", [429, 503])
def test_a_short_trouble_costs_one_test(live, server, status):
    server.faults.on("submit").answers(status)
    live("--iqm-unavailable=skip", test_a=BELL).assert_outcomes(skipped=1, passed=1)


def test_a_failure_of_the_test_is_never_skipped(live, server):
    server.faults.on("submit").answers(503)
    suite = """
        from bell import counts

        def test_wrong(iqm_backend):
            try:
                counts(iqm_backend)
            except Exception:
                pass
            assert counts(iqm_backend) == {}
        """
    live("--iqm-unavailable=skip", test_a=suite).assert_outcomes(failed=1)


def test_what_changes_nothing_is_tried_again(live, server):
    for operation in ("status", "results", "calibration"):
        server.faults.on(operation).answers(503, times=2)
    server.faults.on("computers").answers(429)
    live(test_a=BELL).assert_outcomes(passed=2)
    assert not server.faults.unfired()


def test_a_submission_is_never_tried_again(live, server):
    server.faults.on("submit").resets()
    result = live("-k", "one", test_a=BELL)
    result.assert_outcomes(failed=1, errors=1)  # the test, and what may be left
    assert len(server.jobs) == 1
    assert "a submission without an answer, whose job may exist, of test_a.py::test_one" in result.stdout.str()
