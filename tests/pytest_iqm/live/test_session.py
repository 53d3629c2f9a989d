"""Live runs, against a server on a socket of this process, through the vendor's own client."""

import pytest
from server_process import TOKEN

from iqm_fakes import Device, FakeIQMServer
from iqm_fakes.device.recalibration import recalibrated

BELL = """
import pytest
from bell import counts

def test_bell(iqm_backend, iqm_client):
    assert type(iqm_client).__name__ == "IQMClient"
    assert sum(counts(iqm_backend).values()) == 1000

def test_steers_the_fake(iqm_server): pass
def test_wants_the_fakes_address(iqm_url): pass

@pytest.mark.iqm(device="deneb")
def test_star(iqm_backend): pass

@pytest.mark.iqm(noise=False)
def test_exact(iqm_backend): pass
"""


@pytest.fixture(scope="module")
def server():
    return FakeIQMServer("garnet", "adonis", seed=1)


def test_a_live_run_reaches_the_machine_and_skips_what_it_can_not_do(live, server):
    before = len(server.jobs)
    result = live("-rs", test_a=BELL)
    result.assert_outcomes(passed=1, skipped=4)
    assert len(server.jobs) == before + 1
    output = result.stdout.str()
    assert "iqm: LIVE garnet (IQM_QUANTUM_COMPUTER)" in output
    assert "iqm_server, iqm_url and iqm_http steer the fake, and this run is --iqm-live" in output
    assert "marked for the device 'deneb', and --iqm-live runs on 'garnet'" in output
    assert "noise=False exists on the fake only" in output
    assert TOKEN not in output


def refused(result):
    """Return what a run said that ended before any test was collected."""
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "collected" not in result.stdout.str()
    assert len([line for line in result.errlines if line.startswith("ERROR:")]) == 1
    return result.stderr.str()


def test_a_wrong_token_is_a_usage_error(live, monkeypatch):
    monkeypatch.setenv("IQM_TOKEN", "wr0ng-of-the-test")
    result = live(test_a=BELL)
    said = refused(result)
    assert "--iqm-live can't use garnet (IQM_QUANTUM_COMPUTER) at http://127.0.0.1" in said
    assert "with the credentials from IQM_TOKEN: Missing or invalid authentication credentials" in said
    assert "wr0ng" not in said + result.stdout.str()


def test_an_unknown_computer_is_a_usage_error_that_names_the_known_ones(live):
    said = refused(live("--iqm-computer", "emerald", test_a=BELL))
    assert "emerald (--iqm-computer)" in said
    assert "garnet" in said
    assert "adonis" in said


def test_a_server_that_is_not_there_is_a_usage_error(live, monkeypatch):
    monkeypatch.setenv("IQM_SERVER_URL", "http://127.0.0.1:1")
    assert "can't use garnet (IQM_QUANTUM_COMPUTER) at http://127.0.0.1:1 (IQM_SERVER_URL)" in refused(
        live(test_a=BELL)
    )


@pytest.mark.parametrize("arguments", [["-k", "steers"], ["-k", "nothing_like_it"], []])
def test_a_live_run_that_tested_nothing_fails(live, arguments):
    result = live(*arguments, test_a="def test_nothing(): pass\n" if not arguments else BELL)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "--iqm-live: no test ran on the real machine, so the run fails" in result.stdout.str()


def test_collecting_only_is_fine(live):
    assert live("--collect-only", test_a=BELL).ret == 0


def test_workers_count(live, pytester):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    pytester.makepyfile(test_a=BELL, test_b="def test_nothing(): pass")
    run = ("--iqm-live", "-n", "2", "-p", "no:randomly")
    result = pytester.runpytest_subprocess(*run)
    result.assert_outcomes(passed=2, skipped=4)
    assert result.ret == 0
    assert pytester.runpytest_subprocess(*run, "test_b.py").ret == pytest.ExitCode.TESTS_FAILED


class TestDrift:
    @pytest.fixture
    def files(self, pytester):
        old = Device.load("garnet")
        old.save(pytester.path / "same.json")
        recalibrated(old, 1, drift=0.0, lost=["QB7"]).save(pytester.path / "yesterday.json")
        return pytester.path

    def test_the_header_says_how_the_machine_differs_from_the_file(self, live, files):
        output = live("-k", "bell", "--iqm-device", "yesterday.json", test_a=BELL).stdout.str()
        default = Device.load("garnet").default_calibration_set_id
        assert f"iqm: calibration set {default} differs from yesterday.json in 1 place:" in output
        assert "  new every gate on QB7" in output
        assert TOKEN not in output

    def test_the_file_may_be_an_ini_setting(self, live, files, pytester):
        pytester.makeini("[pytest]\niqm_device = same.json")
        result = live("-k", "bell", test_a=BELL)
        result.assert_outcomes(passed=1)
        assert "is as in same.json" in result.stdout.str()

    def test_a_machine_that_refuses_is_a_usage_error(self, live, files, monkeypatch):
        monkeypatch.setenv("IQM_TOKEN", "wr0ng")
        result = live("--iqm-device", "same.json", test_a=BELL)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "Missing or invalid" in refused(result)
