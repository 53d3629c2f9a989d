"""What is said at the end of a session: its claims, its jobs."""

import os
import re

import pytest
from suites import BATCH, CLAIMS, JOBS

from iqm_fakes import Recordings


def test_the_summary_of_claims_none_of_which_holds(suite):
    output = suite("--iqm-device", "adonis", "-k", "batch", test_a=BATCH).stdout.str()
    assert "claims: 1; probability of a false alarm: at most 1.0e-06" in output
    assert "smallest p-value" not in output
    assert "tolerance" not in output


def test_the_summary_names_the_widest_tolerance(suite):
    output = suite("--iqm-device", "adonis", "--iqm-device", "garnet", "-k", "good", test_a=CLAIMS).stdout.str()
    assert re.search(
        r"^widest tolerance of a calibration: 0\.1\d+, in test_a.py::test_good\[adonis\]$", output, re.MULTILINE
    )


def test_the_summary_counts_claims_and_near_misses(suite):
    output = suite("--iqm-device", "adonis", "-k", "good or close", test_a=CLAIMS).stdout.str()
    assert "claims: 2; probability of a false alarm: at most 2.0e-06" in output
    assert "near miss: p = " in output
    assert "P(another outcome) ≤ 0.03 in test_a.py::test_close" in output


def test_a_test_may_have_an_alpha_of_its_own(suite):
    source = """
    import pytest
    from pytest_iqm import shots_for, support

    @pytest.mark.iqm(alpha=0.01)
    def test_one():
        assert shots_for(detect=0.5, within=0.1) < 40
        assert {"0": 990, "1": 10} != support("0", leak=0.002)

    def test_other():
        assert shots_for(detect=0.5, within=0.1) > 50
        assert {"0": 990, "1": 10} == support("0", leak=0.002)

    @pytest.mark.iqm(alpha=0.01)
    def test_again(iqm_backend):
        assert {"0": 1000} == support("0", leak=0.002)
    """
    result = suite("--iqm-device", "adonis", test_a=source)
    result.assert_outcomes(passed=3)
    assert "claims: 2; probability of a false alarm: at most 0.01 in this run, 1 in a year" in result.stdout.str()
    wrong = source.replace("alpha=0.01", "alpha=0")
    assert "alpha=number between 0 and 1" in suite(test_a=wrong).stdout.str() + suite(test_a=wrong).stderr.str()


def test_claims_in_fixtures_and_subtests_are_reported_once(suite):
    source = """
    import pytest
    from pytest_iqm import support

    @pytest.fixture
    def right():
        assert {"00": 1000} == support(["00"])
        yield
        assert {"00": 1000} == support(["00"])

    @pytest.fixture
    def wrong():
        assert {"00": 1000} == support(["11"])

    def test_right(right):
        assert {"00": 1000} == support(["00"])

    def test_wrong(wrong):
        pass

    def test_parts(subtests):
        for outcome in ("00", "11"):
            with subtests.test(outcome):
                assert {"00": 1000} == support([outcome])
    """
    tests, claims = ["right", "wrong"], 4
    if int(pytest.__version__.split(".")[0]) >= 9:
        tests, claims = [*tests, "parts"], 6
    result = suite("-k", " or ".join(tests), test_a=source)
    output = result.stdout.str()
    assert f"claims: {claims}; prob" in output
    assert output.count("- IQM claim -") == len(tests) - 1


def test_workers_report_their_claims(suite, pytester):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    pytester.makepyfile(test_a=CLAIMS)
    arguments = ("-n", "2", "-k", "good or close", "--iqm-device", "adonis", "-p", "no:randomly")
    assert "claims: 2; prob" in pytester.runpytest_subprocess(*arguments).stdout.str()


def test_the_summary_tells_of_jobs_and_times(live, server):
    output = live("-k", "twice or fails", test_a=JOBS).stdout.str()
    expected = r"adonis: 3 jobs, 760 shots submitted; no budget .*; \d+\.\d s in the queue, \d+\.\d s of execution"
    assert re.search(expected, output)
    assert f"IQM jobs ---\n{server.jobs[2].id}\n" in re.sub("-+ IQM", "IQM", re.sub("-{4,}", "---", output))


def test_live_is_red(live):
    arguments = ("--color=yes", "-k", "twice")
    assert "iqm: \x1b[31m\x1b[1mLIVE\x1b[0m adonis" in live(*arguments, test_a=JOBS).stdout.str()


def test_failed_jobs_are_named_with_their_reason(live, server):
    server.faults.job().fails("the cryostat is warm")
    output = live("-k", "bell", test_a=JOBS).stdout.str()
    assert re.search(r"^failed: job \S+ of test_a.py::test_bell: .*the cryostat is warm", output, re.M)


def test_recordings_hold_what_the_summary_counts(live, pytester, server):
    output = live("--iqm-record", "missing", "-k", "twice", test_a=JOBS).stdout.str()
    assert "recordings: 2 recorded" in output
    assert set(Recordings(pytester.path / "iqm_recordings").ids()) == {str(job.id) for job in server.jobs}
    assert os.listdir(pytester.path / "iqm_recordings")
