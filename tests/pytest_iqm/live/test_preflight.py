"""What is asked of the machine before any test runs."""

import socket

import pytest
from server_process import TOKEN
from suites import LIVE

from iqm_fakes import Device, FakeIQMServer
from iqm_fakes.device.recalibration import recalibrated


@pytest.fixture(scope="module")
def server():
    return FakeIQMServer("garnet", "adonis", seed=1)


def refused(result):
    """Return what a run said that ended before any test was collected."""
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "collected" not in result.stdout.str()
    assert len([line for line in result.errlines if line.startswith("ERROR:")]) == 1
    return result.stderr.str()


def test_a_wrong_token_is_a_usage_error(live, monkeypatch):
    monkeypatch.setenv("IQM_TOKEN", "wr0ng-of-the-test")
    result = live(test_a=LIVE)
    said = refused(result)
    assert "--iqm-live can't use garnet (IQM_QUANTUM_COMPUTER) at http://127.0.0.1" in said
    assert "with the credentials from IQM_TOKEN: Missing or invalid authentication credentials" in said
    assert "wr0ng" not in said + result.stdout.str()


def test_an_unknown_computer_is_a_usage_error_that_names_the_known_ones(live):
    said = refused(live("--iqm-computer", "emerald", test_a=LIVE))
    assert "emerald (--iqm-computer)" in said
    assert "garnet" in said
    assert "adonis" in said


def test_a_server_that_is_not_there_is_a_usage_error(live, monkeypatch):
    monkeypatch.setenv("IQM_SERVER_URL", "http://127.0.0.1:1")
    said = refused(live(test_a=LIVE))
    assert "can't use garnet (IQM_QUANTUM_COMPUTER) at http://127.0.0.1:1 (IQM_SERVER_URL)" in said
    assert "no answer from http://127.0.0.1:1: is the server on, and is the address right?" in said
    assert "Max retries" not in said


class TestDrift:
    @pytest.fixture
    def files(self, pytester):
        old = Device.load("garnet")
        old.save(pytester.path / "same.json")
        recalibrated(old, 1, drift=0.0, lost=["QB7"]).save(pytester.path / "yesterday.json")
        return pytester.path

    def test_the_header_says_how_the_machine_differs_from_the_file(self, live, files):
        output = live("-k", "bell", "--iqm-device", "yesterday.json", test_a=LIVE).stdout.str()
        default = Device.load("garnet").default_calibration_set_id
        assert f"iqm: calibration set {default} differs from yesterday.json in 1 place:" in output
        assert "  new every gate on QB7" in output
        assert TOKEN not in output

    def test_the_file_may_be_an_ini_setting(self, live, files, pytester):
        pytester.makeini("[pytest]\niqm_device = same.json")
        result = live("-k", "bell", test_a=LIVE)
        result.assert_outcomes(passed=1)
        assert "is as in same.json" in result.stdout.str()

    def test_a_machine_that_refuses_is_a_usage_error(self, live, files, monkeypatch):
        monkeypatch.setenv("IQM_TOKEN", "wr0ng")
        result = live("--iqm-device", "same.json", test_a=LIVE)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "Missing or invalid" in refused(result)


def test_a_server_that_does_not_answer_is_given_up(live, pytester, monkeypatch):
    pytester.makeini("[pytest]\niqm_preflight_timeout = 1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("IQM_SERVER_URL", url)
        result = live(test_a=LIVE)
    said = refused(result)
    assert (
        f"iqm: asking garnet (IQM_QUANTUM_COMPUTER) at {url} (IQM_SERVER_URL), for 1 s at most" in result.stdout.str()
    )
    assert "the machine did not answer within 1 s, which is all that ini iqm_preflight_timeout allows" in said


SLOW_IMPORT = """
import sys, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "iqm.iqm_client":
            sys.meta_path.remove(self)
            now = time.monotonic
            time.monotonic = lambda: now() + 3600

sys.meta_path.insert(0, Slow())
"""


def test_importing_the_vendors_client_is_no_time_of_the_machines(live, pytester, monkeypatch):
    pytester.makepyfile(conftest=SLOW_IMPORT, test_a="def test_x(): pass")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path), prepend=":")
    pytester.runpytest_subprocess("--iqm-live", "-p", "no:randomly").assert_outcomes(passed=1, errors=1)
