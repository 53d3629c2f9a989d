"""No job outlives its test or its run, however these end."""

import os
import re
import signal
import time

import pytest
from server_process import TOKEN

from iqm_fakes.wire.status import JobStatus


def wait_for(condition, process=None):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


def statuses(server):
    return [job.status for job in server.jobs]


def test_what_a_test_leaves_is_cancelled_when_it_ends(project, slow):
    suite = """
        import pytest
        from helper import submit

        @pytest.fixture(scope="module")
        def shared(iqm_backend):
            return submit(iqm_backend)

        @pytest.fixture
        def own(iqm_backend):
            return submit(iqm_backend)

        def test_first(shared, own, iqm_backend):
            pytest.left = submit(iqm_backend), own

        def test_second(shared):
            assert [job.status().name for job in pytest.left] == ["CANCELLED", "CANCELLED"]
            assert shared.status().name == "QUEUED"
        """
    run = project(slow.url, test_a=suite)
    assert run.returncode == 0, run.output
    assert statuses(slow) == [JobStatus.CANCELLED] * 3
    assert len(re.findall(r"^cancelled: job \S+ of test_a.py::test_first$", run.output, re.M)) == 3


def test_a_job_that_can_not_be_cancelled_is_named(project, slow):
    slow.faults.on("cancel").answers(500, times=1000)
    suite = "from helper import submit\ndef test_leaves(iqm_backend): submit(iqm_backend)"
    run = project(slow.url, test_a=suite)
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    said = "this may still be on the machine, so the run fails"
    assert f"{said}: job {slow.jobs[0].id} of test_a.py::test_leaves: waiting" in run.output


WAITS = """
    import os, pathlib
    from helper import submit

    def test_waits(iqm_backend):
        job = submit(iqm_backend)
        pathlib.Path("pid").write_text(str(os.getpid()))
        job.result(timeout=1000)

    def test_waits_too(iqm_backend):
        submit(iqm_backend).result(timeout=1000)
    """


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["ctrl-c", "term", "hang-up"])
def test_an_interrupted_run_leaves_nothing(project, slow, workers, number):
    if workers:
        pytest.importorskip("xdist", reason="needs pytest-xdist")
    run = project(slow.url, *workers, test_a=WAITS, wait=False)
    wait_for(lambda: slow.jobs, run)
    if number != signal.SIGTERM:
        os.killpg(run.pid, number)  # as a terminal does
    else:
        run.send_signal(number)
    output = run.communicate(timeout=120)[0]
    assert run.returncode == pytest.ExitCode.INTERRUPTED, output
    assert set(statuses(slow)) == {JobStatus.CANCELLED}
    assert TOKEN not in output


def test_ctrl_c_waits_for_the_answer_to_a_submission(project, slow):
    """Else nobody would know which job to cancel."""
    slow.faults.on("submit").delays(3)
    run = project(slow.url, test_a=WAITS, wait=False)
    wait_for(lambda: slow.jobs, run)
    run.send_signal(signal.SIGINT)
    output = run.communicate(timeout=120)[0]
    assert run.returncode == pytest.ExitCode.INTERRUPTED, output
    assert statuses(slow) == [JobStatus.CANCELLED]


def test_a_killed_worker_leaves_nothing(project, slow, pytester):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    run = project(slow.url, "-n", "2", "-k", "waits and not too", test_a=WAITS, wait=False)
    wait_for((pytester.path / "pid").exists, run)
    wait_for(lambda: slow.jobs, run)
    os.kill(int((pytester.path / "pid").read_text()), signal.SIGKILL)
    output = run.communicate(timeout=120)[0]
    assert run.returncode == pytest.ExitCode.TESTS_FAILED, output
    assert statuses(slow) == [JobStatus.CANCELLED]
    assert f"cancelled: job {slow.jobs[0].id} of test_a.py::test_waits" in output


def test_a_test_that_takes_too_long_is_ended_and_leaves_nothing(project, slow, pytester):
    pytester.makeini("[pytest]\niqm_timeout = 3")
    run = project(slow.url, "-k", "waits and not too", test_a=WAITS)
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    assert "LiveTimeout: the test has used the machine for 3 s, which is all that ini iqm_timeout allows" in run.output
    assert "time-out 3 s a test (ini iqm_timeout)" in run.output
    assert statuses(slow) == [JobStatus.CANCELLED]


LATE = """
    import time
    from helper import submit

    def test_late(iqm_backend):
        submit(iqm_backend)
        time.sleep(1.1)
        submit(iqm_backend)
    """


def test_a_request_that_is_too_late_shows_the_test_and_none_of_our_lines(project, slow, pytester):
    pytester.makeini("[pytest]\niqm_timeout = 1")
    run = project(slow.url, test_a=LATE)
    assert "LiveTimeout: the test has used the machine for 1 s" in run.output
    assert re.search(r"^test_a.py:\d+: ", run.output, re.MULTILINE)
    assert "transport.py:" not in run.output


WAITS_EVERYWHERE = """
    import pytest
    from helper import submit

    @pytest.fixture(scope="session")
    def shared(iqm_backend):
        return submit(iqm_backend)

    @pytest.mark.parametrize("number", range(4))
    def test_waits(shared, iqm_backend, number):
        submit(iqm_backend).result(timeout=1000)
    """


@pytest.fixture
def temporary(pytester, project, monkeypatch):
    """The folder of temporary files of these runs, and not of others that are killed."""
    folder = pytester.mkdir("temporary")
    monkeypatch.setitem(project.environment, "TMPDIR", str(folder))
    return folder


def test_a_killed_controller_leaves_nothing(project, slow, temporary, pytester):
    """Its workers notice; none of them submits any more, or waits for ever."""
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    slow.faults.on("submit").delays(0.5, times=100)
    pytester.makeini("[pytest]\niqm_parallel = true")
    run = project(slow.url, "-n", "2", test_a=WAITS_EVERYWHERE, wait=False)
    wait_for(lambda: len(slow.jobs) == 4, run)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    wait_for(lambda: set(statuses(slow)) == {JobStatus.CANCELLED})
    assert len(slow.jobs) == 4
    wait_for(lambda: not alive(run.pid))
    output = project(slow.url, "test_b.py", test_b=QUICK).output
    assert "a former run" not in output
    assert not list(temporary.glob("pytest-iqm-*"))


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


QUICK = "def test_x(iqm_client): pass"


@pytest.mark.parametrize("quiet", [(), ("-q",)], ids=["", "quiet"])
def test_what_a_killed_run_leaves_is_cancelled_and_named_by_the_next_one(project, slow, temporary, pytester, quiet):
    run = project(slow.url, "-k", "waits and not too", test_a=WAITS, wait=False)
    wait_for((pytester.path / "pid").exists, run)
    living = project(slow.url, "--co")
    assert "a former run" not in living.output
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    (job,) = slow.jobs
    output = project(slow.url, "test_b.py", *quiet, test_b=QUICK).output
    said = f"iqm: a former run was killed and left this on {slow.url}: job {job.id} of test_a.py::test_waits: waiting"
    assert f"{said}, 1000 shots; cancelled now" in output
    assert statuses(slow) == [JobStatus.CANCELLED]
    assert "a former run" not in project(slow.url, "test_b.py").output
    assert not list(temporary.glob("pytest-iqm-*"))


def test_what_can_not_be_cancelled_is_named_until_it_is(project, slow, temporary, pytester):
    run = project(slow.url, "-k", "waits and not too", test_a=WAITS, wait=False)
    wait_for((pytester.path / "pid").exists, run)
    run.kill()
    run.communicate()
    slow.faults.on("cancel").answers(500, times=2)
    for _ in range(2):
        output = project(slow.url, "test_b.py", test_b=QUICK).output
        noted = re.search(r"job \S+ of test_a.py::test_waits: waiting, 1000 shots; noted in (\S+)", output)
        assert noted, output
        assert os.path.exists(noted[1])
    assert "1000 shots; cancelled now" in project(slow.url, "test_b.py").output
    assert "a former run" not in project(slow.url, "test_b.py").output
    assert not list(temporary.glob("pytest-iqm-*"))
