"""What claims ask of the test session: its α, its judgement, and the circuit that counts are of.

The session installs its hooks here; without any, claims judge by themselves. Loading it costs nothing, since the plugin
does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALPHA = 1e-6
"""How often a true claim may fail, unless something else is asked for."""


def hide_frames(excinfo: Any) -> bool:
    """Whether tracebacks leave out a module's frames: of errors in how a claim is made, the test's line is shown.

    For the ``__tracebackhide__`` of a module, by which pytest asks.
    """
    return issubclass(excinfo.type, (ValueError, TypeError))


__tracebackhide__ = hide_frames


class Verdict(Protocol):
    """What a claim says of counts."""

    @property
    def passed(self) -> bool:
        """Whether the counts are compatible with the claim."""


class Claim(Protocol):
    """What can judge counts; see :mod:`pytest_iqm.statistics.claim_types`."""

    def check(self, counts: Any) -> Verdict:
        """Judge counts."""


class Exact(Protocol):
    """A distribution that is known; see :mod:`pytest_iqm.executions`."""

    def probabilities(self, outcomes: Sequence[str]) -> NDArray[np.float64]:
        """Return how likely outcomes are."""

    def likely(self, least: float) -> list[str]:
        """Return the outcomes that are at least so likely."""


class Execution(Protocol):
    """A circuit that a machine has run, and what its calibration says of it; see :mod:`pytest_iqm.executions`."""

    def gave(self, counts: dict[str, int]) -> bool:
        """Whether these are its counts, with the bits in Qiskit's order."""

    def tolerance(
        self, counts: dict[str, int], places: Collection[int] | None = None, *, uncertain: bool = True
    ) -> float:
        """Return the tolerance that the calibration implies for these places of the bits that counts are of."""

    def exact(self, *, noise: bool = True) -> Exact | None:
        """Return the exact distribution of the machine's fake, where it can be computed."""

    def simulated(self, shots: int, *, noise: bool = True) -> dict[str, int]:
        """Return counts of the machine's fake."""


class Hooks(Protocol):
    """What a test session knows and decides; its claims are those of :mod:`pytest_iqm.statistics`."""

    alpha: float

    def judge_equal(self, claim: Any, counts: Any) -> bool:
        """Return what ``counts == claim`` is."""

    def judge_not_equal(self, claim: Any, counts: Any) -> bool:
        """Return what ``counts != claim`` is."""

    def execution(self, counts: dict[str, int]) -> Execution | None:
        """Return the circuit that counts are of, if it is known."""


_installed: list[Hooks] = []


@contextmanager
def installed(hooks: Hooks) -> Iterator[None]:
    """Let claims ask a session inside the ``with`` block; may be nested, and the latest is asked."""
    _installed.append(hooks)
    try:
        yield
    finally:
        _installed.remove(hooks)


def alpha(asked: float | None) -> float:
    """Return the α of a claim: what was asked for, or the session's.

    Raises:
        ValueError: It does not lie between 0 and 1.

    """
    value = float(asked) if asked is not None else _installed[-1].alpha if _installed else ALPHA
    if not 0 < value < 1:
        raise ValueError(f"alpha lies between 0 and 1, got {value!r}")
    return value


def equal(claim: Claim, counts: Any) -> bool:
    """Return what ``counts == claim`` is; the session may know that counts mean nothing, or get fresh ones."""
    return _installed[-1].judge_equal(claim, counts) if _installed else claim.check(counts).passed


def not_equal(claim: Claim, counts: Any) -> bool:
    """Return what ``counts != claim`` is."""
    return _installed[-1].judge_not_equal(claim, counts) if _installed else not claim.check(counts).passed


def execution(counts: dict[str, int]) -> Execution | None:
    """Return the circuit that counts are of; None if nobody knows it."""
    return _installed[-1].execution(counts) if _installed else None
