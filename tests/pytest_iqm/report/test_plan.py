"""``--iqm-plan``: what a live run would submit."""

import json
import re

import pytest
from suites import JOBS

from iqm_fakes import Device


def test_it_says_what_a_live_run_submits(suite, live, server, monkeypatch):
    result = suite("--iqm-plan", "--iqm-device", "adonis", "-k", "not fails", test_a=JOBS)
    result.assert_outcomes(passed=3, skipped=2)
    assert result.ret == 0
    lines = [line.split() for line in result.outlines]
    planned = [[int(number) for number in line[:3]] for line in lines if line[:1] and line[0].isdecimal()]
    assert planned[:3] == [[1, 1, 1000], [2, 2, 750], [3, 3, 1750]]
    assert "planning a live run with no budget" in result.stdout.str()
    live("-k", "not fails").assert_outcomes(passed=3, skipped=2)
    assert [len(server.jobs), sum(job.payload["shots"] for job in server.jobs)] == [3, 1750]


def test_it_says_how_long_circuits_are(suite):
    document = json.loads(json.dumps(Device.load("adonis").document))
    result = suite("--iqm-plan", "--iqm-device", "adonis", "-k", "bell", test_a=JOBS)
    said = re.search(r"longest circuit: (\S+) times the shortest T2 of its qubits, in (\S+)", result.stdout.str())
    assert said[2] == "test_a.py::test_bell"
    observations = {
        entry["dut_field"]: entry["value"]
        for entry in document["calibrations"][0]["quality_metric_set"]["observations"]
    }
    t2 = min(value for name, value in observations.items() if name.endswith("t2_time"))
    assert 0.5e-6 / t2 < float(said[1]) < 3e-6 / t2  # pulses of 40 ns, and a measurement of 1.5 µs


@pytest.mark.parametrize(("limit", "fits"), [("1750", True), ("1749", False)])
def test_a_plan_that_exceeds_the_budget_fails(suite, limit, fits):
    result = suite("--iqm-plan", "--iqm-max-shots", limit, "-k", "not fails", test_a=JOBS)
    assert result.ret == (0 if fits else pytest.ExitCode.TESTS_FAILED)
    said = "too much for the budget of 1749 shots (--iqm-max-shots): 1750 shots"
    assert (said in result.stdout.str()) is not fits


def test_a_plan_that_exceeds_the_budget_does_not_end_in_green(suite, pytester):
    pytester.makepyfile(test_a=JOBS)
    ends = []
    for limit in ("1749", "1750"):
        arguments = ("--iqm-plan", f"--iqm-max-shots={limit}", "--color=yes", "-k", "not fails", "-p", "no:randomly")
        ends.append(pytester.runpytest_inprocess(*arguments).stdout.lines[-1])
    red, green = "\x1b[31m", "\x1b[32m"
    assert "1 error" in ends[0]
    assert ends[0].startswith(red)
    assert ends[1].startswith(green)
    assert red not in ends[1]


def test_it_says_what_fresh_shots_may_add(suite):
    source = """
    from bell import counts
    from pytest_iqm import support

    def test_claims(iqm_backend):
        assert counts(iqm_backend, 300) == support(["00", "11"], leak=0.2)
        assert counts(iqm_backend, 200) == support(["00", "11"], leak=0.2)
    """
    output = suite("--iqm-plan", test_a=source).stdout.str()
    assert "and for suspicious claims, if there are any: 2 jobs, 500 shots at most" in output
    assert "suspicious" not in suite("--iqm-plan", "-k", "bell", test_a=JOBS).stdout.str()


def test_workers_plan_too(suite, pytester):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    pytester.makepyfile(test_a=JOBS)
    arguments = ("--iqm-plan", "-n", "2", "-k", "not fails", "-p", "no:randomly")
    assert "in all, by 2 tests" in pytester.runpytest_subprocess(*arguments).stdout.str()


def test_it_is_not_live(suite):
    assert suite("--iqm-plan", "--iqm-live", test_a=JOBS).ret == pytest.ExitCode.USAGE_ERROR
    assert suite("--iqm-plan", "--iqm-record", "replay").ret == pytest.ExitCode.USAGE_ERROR
