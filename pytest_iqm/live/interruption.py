"""What ends a session before its time: signals; and, for an xdist worker, that the controller is gone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import FrameType

from pytest_iqm.live.submissions import Submissions

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Ctrl-C, a polite end, a terminal that is closed: all of them mean the same."""

LOOKS = 0.3
"""Seconds between two looks at the controller."""


def heed_signals(interrupt: Callable[[], None]) -> Callable[[], None]:
    """Let signals end the session, if this is the main thread; returns what gives the former handlers back."""

    def heard(number: int, frame: FrameType | None) -> None:
        interrupt()

    undo = ExitStack()
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as in the background of a shell, or below nohup
                undo.callback(signal.signal, number, signal.signal(number, heard))
    return undo.close


def ignore_signals() -> None:
    """Let nothing end what a process does last."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def watch(submissions: Submissions, controller: str) -> Callable[[], None]:
    """Close the account of a session when its controller is gone, and end this worker as Ctrl-C does.

    Args:
        submissions: The account.
        controller: The controller's name in it.

    Returns:
        What ends the watch.

    """
    over = threading.Event()
    main = threading.main_thread().ident
    handler = signal.getsignal(signal.SIGTERM)

    def look() -> None:
        while not over.wait(LOOKS):
            if not submissions.lives(controller):
                submissions.close()
                heeded = callable(handler) and signal.getsignal(signal.SIGTERM) is handler
                if heeded and main is not None and hasattr(signal, "pthread_kill"):
                    signal.pthread_kill(main, signal.SIGTERM)  # interrupts what it waits for
                return

    thread = threading.Thread(target=look, name="pytest-iqm-watch", daemon=True)
    thread.start()
    return partial(_end, over, thread)


def _end(over: threading.Event, thread: threading.Thread) -> None:
    over.set()
    thread.join()
