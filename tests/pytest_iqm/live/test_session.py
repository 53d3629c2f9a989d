"""Live runs, against a server on a socket of this process, through the vendor's own client."""

import pytest
from server_process import TOKEN
from suites import LIVE

from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.web.loopback import loopback


@pytest.fixture(scope="module")
def server():
    return FakeIQMServer("garnet", "adonis", seed=1)


def test_a_live_run_reaches_the_machine_and_skips_what_it_can_not_do(live, server):
    before = len(server.jobs)
    result = live("-rs", test_a=LIVE)
    result.assert_outcomes(passed=1, skipped=4)
    assert len(server.jobs) == before + 1
    output = result.stdout.str()
    assert "iqm: LIVE garnet (IQM_QUANTUM_COMPUTER)" in output
    assert "iqm_server steers the fake, and this run is --iqm-live" in output
    assert "marked for the device 'deneb', and --iqm-live runs on 'garnet'" in output
    assert "noise=False exists on the fake only" in output
    assert TOKEN not in output


@pytest.mark.parametrize("arguments", [["-k", "steers"], ["-k", "nothing_like_it"], []])
def test_a_live_run_that_tested_nothing_fails(live, arguments):
    result = live(*arguments, test_a="def test_nothing(): pass\n" if not arguments else LIVE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "--iqm-live: no test ran on the real machine, so the run fails" in result.stdout.str()


def test_collecting_only_is_fine(live):
    assert live("--collect-only", test_a=LIVE).ret == 0


def test_workers_count(live, pytester):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    pytester.makepyfile(test_a=LIVE, test_b="def test_nothing(): pass")
    run = ("--iqm-live", "-n", "2", "-p", "no:randomly")
    result = pytester.runpytest_subprocess(*run)
    result.assert_outcomes(passed=2, skipped=4)
    assert result.ret == 0
    assert pytester.runpytest_subprocess(*run, "test_b.py").ret == pytest.ExitCode.TESTS_FAILED


def test_workers_take_turns(project):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    suite = """
        import time
        import pytest
        from pathlib import Path

        @pytest.mark.parametrize("number", range(4))
        def test_alone(iqm_backend, number):
            Path("busy").touch(exist_ok=False)
            time.sleep(0.3)
            Path("busy").unlink()

        @pytest.mark.parametrize("number", range(2))
        def test_together(iqm_backend, number):
            Path(f"here{number}").touch()
            deadline = time.monotonic() + 60
            while not Path(f"here{1 - number}").exists():
                assert time.monotonic() < deadline
                time.sleep(0.05)
        """
    server = FakeIQMServer("adonis", seed=1)
    with loopback(Api(server, token=TOKEN)) as url:
        alone = project(url, "-n", "2", "-k", "alone", test_a=suite)
        assert alone.returncode == 0, alone.output
        together = project(url, "-n", "2", "-k", "together", "-o", "iqm_parallel=true")
        assert together.returncode == 0, together.output
