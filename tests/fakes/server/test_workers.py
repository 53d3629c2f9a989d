"""Processes that simulate: what they are given comes back, and what they do can be stopped."""

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from multiprocessing.process import BaseProcess

import in_other_processes
import pytest

from iqm_fakes import Workers
from iqm_fakes.server.workers import WorkerDied

PATIENCE = 60
"""Seconds after which a test gives up."""


def until(true):
    """Wait until something is true."""
    deadline = time.monotonic() + PATIENCE
    while not (value := true()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return value


def lives(process):
    """Whether there is such a process, and it is no zombie."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return bool(found.stdout.strip()) and not found.stdout.startswith("Z")


def refuse(process):
    """Start no process."""
    raise OSError("too many processes")


def text_in(path):
    return until(lambda: path.exists() and path.read_text())


@pytest.fixture(scope="module")
def worker():
    """One process."""
    with Workers(1) as workers:
        yield workers


def test_a_task_is_done_in_another_process_that_stays(worker):
    one, two = (worker.submit(in_other_processes.process).result(PATIENCE) for _ in range(2))
    assert one == two != os.getpid()


def test_an_error_comes_back_and_says_where_it_was(worker):
    with pytest.raises(ZeroDivisionError, match="oh") as error:
        worker.submit(in_other_processes.divide_by_zero).result(PATIENCE)
    assert "in_other_processes.py" in error.value.__notes__[0]


def test_what_can_t_be_sent_is_refused_and_the_next_task_is_done(worker):
    with pytest.raises((AttributeError, TypeError, ValueError), match=r"pickle|local object"):
        worker.submit(lambda: 1).result(PATIENCE)
    assert worker.submit(in_other_processes.process).result(PATIENCE)


def test_a_task_that_runs_can_be_stopped(worker, tmp_path):
    task = worker.submit(in_other_processes.wait_long, tmp_path / "process")
    waiting = worker.submit(in_other_processes.process)
    dropped = worker.submit(in_other_processes.process)
    process = int(text_in(tmp_path / "process"))
    assert dropped.cancel()
    assert task.cancel()
    with pytest.raises(CancelledError):
        task.result(PATIENCE)
    assert dropped.cancelled()
    assert waiting.result(PATIENCE) != process
    assert not lives(process)


def test_a_task_that_is_done_can_t_be_stopped(worker):
    task = worker.submit(in_other_processes.process)
    process = task.result(PATIENCE)
    assert not task.cancel()
    assert worker.submit(in_other_processes.process).result(PATIENCE) == process


def test_a_process_that_is_killed_fails_its_task_and_another_takes_its_place(worker, tmp_path):
    task = worker.submit(in_other_processes.wait_long, tmp_path / "process")
    os.kill(int(text_in(tmp_path / "process")), signal.SIGKILL)
    with pytest.raises(WorkerDied, match="was ended by SIGKILL, perhaps because memory was short"):
        task.result(PATIENCE)
    assert worker.submit(in_other_processes.process).result(PATIENCE)


def test_a_process_that_is_killed_between_two_tasks_is_missed_by_nobody(worker):
    process = worker.submit(in_other_processes.process).result(PATIENCE)
    os.kill(process, signal.SIGKILL)
    until(lambda: not lives(process))
    assert worker.submit(in_other_processes.process).result(PATIENCE) != process


def test_a_process_that_ends_by_itself_says_how(worker):
    with pytest.raises(WorkerDied, match="ended with status 3"):
        worker.submit(in_other_processes.leave, 3).result(PATIENCE)


def test_what_a_task_reports_is_heard_while_it_runs(worker, tmp_path):
    task = worker.submit(in_other_processes.report_halves, tmp_path / "go")
    until(lambda: task.reported == 1.0)
    assert not task.done()
    (tmp_path / "go").touch()
    assert task.result(PATIENCE) == "done"


def test_outside_nobody_hears_a_report(tmp_path):
    (tmp_path / "go").touch()
    assert in_other_processes.report_halves(tmp_path / "go") == "done"


def test_shutting_down_waits_for_tasks_and_takes_no_more():
    with Workers(2) as workers:
        tasks = [workers.submit(in_other_processes.process) for _ in range(8)]
    processes = {task.result(0) for task in tasks}
    assert not any(map(lives, processes))
    with pytest.raises(RuntimeError, match="shut down"):
        workers.submit(in_other_processes.process)
    workers.shutdown()


def test_what_waits_can_be_dropped_when_they_are_shut_down(tmp_path):
    workers = Workers(1)
    first = workers.submit(in_other_processes.report_halves, tmp_path / "go")
    second = workers.submit(in_other_processes.process)
    until(lambda: first.reported)
    workers.shutdown(wait=False, cancel_futures=True)
    (tmp_path / "go").touch()
    assert first.result(PATIENCE) == "done"
    assert second.cancelled()


def test_they_end_with_the_process_that_started_them(tmp_path):
    script = (
        "import in_other_processes, time\n"
        "from iqm_fakes import Workers\n"
        "if __name__ == '__main__':\n"
        "    workers = Workers(2)\n"
        "    print(*{workers.submit(in_other_processes.process).result() for _ in range(9)}, flush=True)\n"
        "    time.sleep(600)\n"
    )
    path = tmp_path / "starts_workers.py"
    path.write_text(script)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True, env=environment) as starter:
        processes = [int(process) for process in re.findall(r"\d+", starter.stdout.readline())]
        starter.kill()
    assert processes
    until(lambda: not any(map(lives, processes)))


def test_a_program_that_starts_itself_again_ends_and_says_why(tmp_path):
    path = tmp_path / "without_a_guard.py"
    path.write_text(
        "import in_other_processes\n"
        "from iqm_fakes import Workers\n"
        f"print(Workers(1).submit(in_other_processes.process).result({PATIENCE}))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, env=environment, check=False, timeout=2 * PATIENCE
    )
    assert ended.returncode == 1
    assert "if __name__ == '__main__':" in ended.stderr
    assert "WorkerDied: the process that simulated it ended with status 1\n" in ended.stderr


def test_a_process_that_can_t_be_started_fails_the_task_and_the_next_one_tries_again(monkeypatch):
    with Workers(1) as workers:
        process = workers.submit(in_other_processes.process).result(PATIENCE)
        with monkeypatch.context() as patch:
            patch.setattr(BaseProcess, "start", refuse)
            os.kill(process, signal.SIGKILL)
            until(lambda: not lives(process))
            with pytest.raises(OSError, match="too many"):
                workers.submit(in_other_processes.process).result(PATIENCE)
        assert workers.submit(in_other_processes.process).result(PATIENCE) != process


@pytest.mark.parametrize("number", [0, -1])
def test_there_is_at_least_one(number):
    with pytest.raises(ValueError, match="at least one worker"):
        Workers(number)


def test_without_a_number_there_is_one_for_each_core(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    with Workers() as workers:
        assert len(workers._threads) == 3
