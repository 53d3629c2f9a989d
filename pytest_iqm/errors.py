"""The exceptions that users see. What is wrong with a claim or with counts is said by those of ``statistics``."""

from __future__ import annotations

from typing import Any


class LiveAccessRefused(RuntimeError):
    """A test was about to call a real IQM Server in a run without ``--iqm-live``."""


class BudgetExceeded(RuntimeError):
    """A job was not submitted, because the session's budget does not allow it."""


class SessionOver(RuntimeError):
    """A job was not submitted, because the session has ended."""


class LiveTimeout(RuntimeError):
    """A test took longer on the machine than ``iqm_timeout`` allows."""


class ExecutionError(RuntimeError):
    """A circuit gave no results, or none in Qiskit's order of bits."""


def hide_frames(excinfo: Any) -> bool:
    """Whether tracebacks leave out a module's frames: where a session's rules end a test, the test's line is shown.

    For the ``__tracebackhide__`` of a module, by which pytest asks.
    """
    return issubclass(excinfo.type, (BudgetExceeded, LiveTimeout, SessionOver))
