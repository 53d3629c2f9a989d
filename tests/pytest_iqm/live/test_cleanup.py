"""Nobody gets a surprise bill: the budget is kept, and no job outlives its run.

The machine is ``iqm-fake serve`` in another process, or a server on a socket of this one; tests run in processes of
their own.
"""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import requests
from server_process import TOKEN, serving

from iqm_fakes import Api, FakeIQMServer, loopback
from iqm_fakes.wire.status import JobStatus

HELPER = """
from qiskit import QuantumCircuit, transpile

def submit(backend, shots=1000):
    qc = QuantumCircuit(1)
    qc.h(0)
    qc.measure_all()
    return backend.run(transpile(qc, backend, seed_transpiler=1), shots=shots)
"""

HEEDING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Starts Python so that it heeds Ctrl-C; what runs in the background of a shell has it ignored."""


@pytest.fixture
def project(pytester, monkeypatch):
    """A project; ``run(url, *arguments)`` runs its tests live in processes of their own."""
    pytester.makepyfile(helper=HELPER)
    environment = {**os.environ, "IQM_QUANTUM_COMPUTER": "adonis", "IQM_TOKEN": TOKEN, "PYTHONPATH": str(pytester.path)}
    environment.pop("IQM_TOKENS_FILE", None)

    def run(url, *arguments, wait=True, **sources):
        if sources:
            pytester.makepyfile(**sources)
        process = subprocess.Popen(
            [sys.executable, "-c", HEEDING, "-m", "pytest", "-p", "no:randomly", "--iqm-live", *arguments],
            cwd=pytester.path,
            env={**environment, "IQM_SERVER_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        if wait:
            process.output = process.communicate(timeout=300)[0]
            assert TOKEN not in process.output
        else:
            running.append(process)
        return process

    running = []
    yield run
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def slow():
    """A machine whose queue takes for ever."""
    server = FakeIQMServer("adonis", seed=1)
    server.queue.takes(waiting=1e6)
    with loopback(Api(server, token=TOKEN)) as url:
        server.url = url
        yield server


def wait_for(condition, process=None):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


def statuses(server):
    return [job.status for job in server.jobs]


def test_the_budget_holds_over_all_workers(project, tmp_path):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    log = tmp_path / "log"
    suite = """
        import pytest
        from helper import submit

        @pytest.mark.parametrize("number", range(30))
        def test_two_jobs(iqm_backend, number):
            for _ in range(2):
                submit(iqm_backend).result()
        """
    machine = ("--device", "adonis", "--require-token", "--verbose")
    with log.open("w") as errors, serving(*machine, log=errors, IQM_TOKEN=TOKEN) as (_, url, _):
        run = project(url, "-n", "2", "--iqm-max-shots", "40000", test_a=suite)
        submissions = re.findall(r"job (\S+) submitted: 1 circuits, 1000 shots each", log.read_text())
        assert len(submissions) == len(set(submissions)) == 40
        answers = [
            requests.get(f"{url}/api/v1/jobs/{job}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60).json()
            for job in submissions
        ]
        assert {answer["status"] for answer in answers} == {"completed"}
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    passed = int(re.search(r"(\d+) passed", run.output)[1])
    assert passed in (19, 20)  # the last thousands may belong to two tests
    assert f"{30 - passed} failed" in run.output
    assert "40000 of 40000 shots (--iqm-max-shots) are spent, and this takes 1000" in run.output
    assert "adonis: 40 jobs, 40000 shots submitted; budget 40000 shots (--iqm-max-shots)" in run.output


def test_a_test_that_does_not_notice_fails_too(project, slow):
    suite = """
        from helper import submit

        def test_greedy(iqm_backend):
            submit(iqm_backend)
            try:
                submit(iqm_backend)
            except RuntimeError:
                pass
        """
    run = project(slow.url, "--iqm-max-jobs", "1", test_a=suite)
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 of 1 jobs (--iqm-max-jobs) are spent, and this takes 1" in run.output
    assert len(slow.jobs) == 1


def test_a_refused_submission_shows_the_test_and_not_the_ledger(project, slow):
    suite = "from helper import submit\ndef test_greedy(iqm_backend):\n    submit(iqm_backend)"
    run = project(slow.url, "--iqm-max-jobs", "0", test_a=suite)
    assert "0 of 0 jobs (--iqm-max-jobs) are spent, and this takes 1" in run.output
    assert not {"ledger.py:", "supervisor.py:"} & {word.strip("0123456789") for word in run.output.split()}


def test_clients_that_tests_make_themselves_are_counted_and_cleaned_up_after(project, slow):
    suite = """
        import os
        from helper import submit
        from iqm.qiskit_iqm import IQMProvider

        def test_own():
            backend = IQMProvider(os.environ["IQM_SERVER_URL"], quantum_computer="adonis").get_backend()
            submit(backend)
            submit(backend)
        """
    run = project(slow.url, "--iqm-max-shots", "1500", test_a=suite)
    assert "1000 of 1500 shots" in run.output
    assert statuses(slow) == [JobStatus.CANCELLED]


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
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_an_interrupted_run_leaves_nothing(project, slow, workers, number):
    if workers:
        pytest.importorskip("xdist", reason="needs pytest-xdist")
    run = project(slow.url, *workers, test_a=WAITS, wait=False)
    wait_for(lambda: slow.jobs, run)
    if number == signal.SIGINT:
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
