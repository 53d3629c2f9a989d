"""Processes of this machine that simulate: an executor whose tasks can be stopped in the middle.

A pool of the standard library's can't stop a task that runs, and is lost with one of its processes.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import suppress
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import Empty, SimpleQueue
from typing import Any

_SPAWN = get_context("spawn")  # a fork copies locks, but not the threads that hold them

LAST_WORDS = 5
"""Seconds that a process may take to end after it has let go of its connection."""

PING = b""
"""What a process sends back. That it lives can't be asked the system: one that was killed takes a while to die."""

_client: Connection | None = None
"""In a worker: who waits for its task."""


class WorkerDied(BrokenExecutor):
    """The process that worked on a task has ended. Another one takes its place."""


class Task(Future[Any]):
    """What comes of a task that was given to :class:`Workers`.

    Attributes:
        call: The task.
        reported: Seconds that it has told with :func:`report`, added up.
        is_stopped: Whether it was cancelled while it ran.

    """

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__()
        self.call = call
        self.reported = 0.0
        self._process: BaseProcess | None = None
        self.is_stopped = False
        self._lock = threading.Lock()

    def cancel(self) -> bool:
        """Stop the task, even if it runs; return False if it is done."""
        with self._lock:
            if self._process is None:
                return super().cancel()
            self.is_stopped = True
            self._process.kill()
            return True

    def begin(self, process: BaseProcess) -> bool:
        """Say which process works on it from now on; return False if it was cancelled."""
        with self._lock:
            begins = self.set_running_or_notify_cancel()
            self._process = process if begins else None
            return begins

    def end(self, result: Any = None, error: BaseException | None = None) -> None:
        """Say what came of it."""
        with self._lock:
            self._process = None
        if self.is_stopped:
            error = CancelledError()
        if error is None:
            self.set_result(result)
        else:
            self.set_exception(error)


class Workers(Executor):
    """Processes of this machine, which start at once.

    Args:
        number: How many; by default as many as there are cores.

    Raises:
        ValueError: There is not one.

    """

    def __init__(self, number: int | None = None) -> None:
        number = (os.cpu_count() or 1) if number is None else number
        if number < 1:
            raise ValueError(f"there is at least one worker, got {number}")
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._is_open = True
        self._lock = threading.Lock()
        workers = [_Worker() for _ in range(number)]  # not in threads: what goes wrong is for who asked for them
        self._threads = [
            threading.Thread(target=self._serve, args=(worker,), name="iqm-fake-worker", daemon=True)
            for worker in workers
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Task:
        """Call a function in one of the processes.

        Raises:
            RuntimeError: The workers were shut down.

        """
        task = Task(partial(function, *args, **kwargs))
        with self._lock:
            if not self._is_open:
                raise RuntimeError("the workers were shut down")
            self._tasks.put(task)
        return task

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes when their tasks, and those that wait unless they are cancelled, are done."""
        with self._lock:
            is_first, self._is_open = self._is_open, False
        with suppress(Empty):
            while cancel_futures:
                if (task := self._tasks.get_nowait()) is not None:
                    task.cancel()
        if is_first or cancel_futures:
            for _ in self._threads:
                self._tasks.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _serve(self, worker: _Worker) -> None:
        """Give tasks to a process, one after the other."""
        while (task := self._tasks.get()) is not None:
            worker.do(task)
            with suppress(Exception):  # the next task will hear of it
                worker.revive()  # so that it needs not wait for the start of a process
        worker.end()


class _Worker:
    """A process that works on tasks, seen from the process of those who wait for them."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        connection, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_work, args=(theirs,), name="iqm-fake-worker", daemon=True)
        with theirs:  # closed here, it is closed when the process ends
            process.start()
        self._connection, self.process = connection, process

    def revive(self) -> None:
        """Start another process if this one has ended."""
        try:
            self._connection.send_bytes(PING)
            self._connection.recv_bytes()
        except (EOFError, OSError):
            self.end()
            self._start()

    def do(self, task: Task) -> None:
        """Let the process do a task."""
        try:
            self.revive()
        except Exception as error:
            if task.set_running_or_notify_cancel():
                task.end(error=error)
            return
        if not task.begin(self.process):
            return
        try:
            self._connection.send(task.call)
            while True:
                kind, content = self._connection.recv()
                if kind == "reported":
                    task.reported += content
                else:
                    task.end(**{kind: content})
                    return
        except (EOFError, OSError):
            self.process.join(LAST_WORDS)
            self.end()
            task.end(error=WorkerDied(f"the process that simulated it {_ending(self.process.exitcode)}"))
        except Exception as error:  # it can't be sent
            task.end(error=error)
        finally:
            if task.is_stopped:
                self.end()

    def end(self) -> None:
        """Let the process end."""
        self._connection.close()
        self.process.kill()
        self.process.join()


def report(seconds: float) -> None:
    """Tell who waits for the task that this process works on that a part of it is done; other processes tell nobody."""
    if _client is not None:
        try:
            _client.send(("reported", seconds))
        except OSError:
            raise SystemExit from None  # nobody waits any more


def _work(client: Connection) -> None:
    """Do tasks until nobody wants any more."""
    global _client
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all processes
    import_module("iqm_fakes.simulator.aer")  # takes a second, which the first task would wait
    _client = client
    with suppress(EOFError, OSError):
        while True:
            if (call := client.recv_bytes()) == PING:
                client.send_bytes(PING)
                continue
            try:
                answer = "result", pickle.loads(call)()  # noqa: S301  # from the process that started this one
            except Exception as error:
                error.add_note(traceback.format_exc())
                answer = "error", error
            client.send(answer)


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with status {code}"
    name = signal.Signals(-code).name
    return f"was ended by {name}" + (", perhaps because memory was short" if name == "SIGKILL" else "")
