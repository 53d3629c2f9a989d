"""The claims of a session: which α they have, and who hears of their verdicts. Light, because the plugin loads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pytest_iqm.statistics.verdict import Verdict

ALPHA = 1e-6
"""How often a true claim may fail, unless something else is asked for."""


class Session(Protocol):
    """What knows more than the counts: a test session."""

    alpha: float

    def judge(self, verdict: Verdict) -> bool:
        """Return what ``==`` says of a verdict."""

    def published_tolerance(self, counts: dict[str, int]) -> float | None:
        """Return the tolerance that a calibration implies for the circuit that counts are of, if it is known."""


_sessions: list[Session] = []


def alpha(asked: float | None) -> float:
    """Return the α of a claim: what was asked for, or the session's.

    Raises:
        ValueError: It does not lie between 0 and 1.

    """
    value = asked if asked is not None else _sessions[-1].alpha if _sessions else ALPHA
    if not 0 < value < 1:
        raise ValueError(f"alpha lies between 0 and 1, got {value!r}")
    return value


def holds(verdict: Verdict) -> bool:
    """Return what ``==`` says of a verdict; the session may know that the counts mean nothing."""
    return _sessions[-1].judge(verdict) if _sessions else verdict.passed


def published_tolerance(counts: dict[str, int]) -> float | None:
    """Return the tolerance that a calibration implies for the circuit that counts are of; None if nobody knows it."""
    return _sessions[-1].published_tolerance(counts) if _sessions else None


@contextmanager
def session(session: Session) -> Iterator[None]:
    """Let a session have a say in claims."""
    _sessions.append(session)
    try:
        yield
    finally:
        _sessions.remove(session)
