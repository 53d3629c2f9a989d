"""The claims of a session: which α they have, and who hears of their verdicts. Light, because the plugin loads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pytest_iqm.statistics.claims import Claim

ALPHA = 1e-6
"""How often a true claim may fail, unless something else is asked for."""


def misuse(excinfo: Any) -> bool:
    """Whether pytest leaves out the frames of a module (its ``__tracebackhide__``): of errors in how claims are made.

    What is then shown is the line of the test.
    """
    return issubclass(excinfo.type, ValueError)


__tracebackhide__ = misuse


class Execution(Protocol):
    """A circuit that a machine has run, and what its calibration says of it; see :mod:`pytest_iqm.twin`."""

    def gave(self, counts: dict[str, int]) -> bool:
        """Whether these are its counts, with the bits in Qiskit's order."""

    def tolerance(self) -> float:
        """Return the tolerance that the calibration implies."""

    def simulated(self, shots: int, *, noise: bool = True) -> dict[str, int]:
        """Return counts of the machine's fake."""


class Session(Protocol):
    """What knows more than the counts: a test session."""

    alpha: float

    def judge(self, claim: Claim, counts: Any) -> bool:
        """Return what ``==`` says of counts."""

    def oppose(self, claim: Claim, counts: Any) -> bool:
        """Return what ``!=`` says of counts."""

    def execution(self, counts: dict[str, int]) -> Execution | None:
        """Return the circuit that counts are of, if it is known."""


_sessions: list[Session] = []


def alpha(asked: float | None) -> float:
    """Return the α of a claim: what was asked for, or the session's.

    Raises:
        ValueError: It does not lie between 0 and 1.

    """
    value = float(asked) if asked is not None else _sessions[-1].alpha if _sessions else ALPHA
    if not 0 < value < 1:
        raise ValueError(f"alpha lies between 0 and 1, got {value!r}")
    return value


def holds(claim: Claim, counts: Any) -> bool:
    """Return what ``==`` says of counts; the session may know that they mean nothing, or ask for others."""
    return _sessions[-1].judge(claim, counts) if _sessions else claim.check(counts).passed


def refuted(claim: Claim, counts: Any) -> bool:
    """Return what ``!=`` says of counts."""
    return _sessions[-1].oppose(claim, counts) if _sessions else not claim.check(counts).passed


def execution(counts: dict[str, int]) -> Execution | None:
    """Return the circuit that counts are of; None if nobody knows it."""
    return _sessions[-1].execution(counts) if _sessions else None


@contextmanager
def session(session: Session) -> Iterator[None]:
    """Let a session have a say in claims."""
    _sessions.append(session)
    try:
        yield
    finally:
        _sessions.remove(session)
