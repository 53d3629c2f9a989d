"""The claims of a session: which α they have, and who hears of their verdicts. Light, because the plugin loads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_iqm.statistics.verdict import Verdict

ALPHA = 1e-6
"""How often a true claim may fail, unless something else is asked for."""

_sessions: list[tuple[float, Callable[[Verdict], bool]]] = []


def alpha(asked: float | None) -> float:
    """Return the α of a claim: what was asked for, or the session's.

    Raises:
        ValueError: It does not lie between 0 and 1.

    """
    value = asked if asked is not None else _sessions[-1][0] if _sessions else ALPHA
    if not 0 < value < 1:
        raise ValueError(f"alpha lies between 0 and 1, got {value!r}")
    return value


def holds(verdict: Verdict) -> bool:
    """Return what ``==`` says of a verdict; the session may know that the counts mean nothing."""
    return _sessions[-1][1](verdict) if _sessions else verdict.passed


@contextmanager
def session(alpha: float, judge: Callable[[Verdict], bool]) -> Iterator[None]:
    """Let claims have this α, and ask ``judge`` what ``==`` says of their verdicts."""
    entry = (alpha, judge)
    _sessions.append(entry)
    try:
        yield
    finally:
        _sessions.remove(entry)
