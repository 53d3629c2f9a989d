"""What makes jobs reproducible and tells them apart: the entropy of their shots, their ids, who submitted them."""

from __future__ import annotations

import hashlib
import multiprocessing
import secrets
import threading
from collections import Counter
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from iqm_fakes.server.job import Job

_scope = ""
_begun: Counter[tuple[str, int]] = Counter()
_lock = threading.Lock()


def enter_scope(name: str) -> str:
    """Let ids of servers that start from now on depend on a name, such as a test's; returns the former one.

    Within a scope, ids depend on what was submitted in it before, and on nothing else; in another one they are others.
    """
    global _scope  # servers are made anywhere, also by programs that know of no scope
    former, _scope = _scope, name
    return former


def entropy(seed: int, job: int, circuit: int) -> list[int]:
    """Return what determines the shots of a circuit, for numpy's ``SeedSequence``.

    Numpy puts numbers together as words of 32 bits, so a seed of several has to say how many there are.
    """
    words = -(-seed.bit_length() // 32)
    return [seed, job, circuit, *([words] if words > 1 else [])]


class Seeds:
    """Ids and numbers of the jobs that are submitted with a seed.

    Numbers, on which shots depend, start at 0. Ids are reproducible, too, but nobody else's: not those of another
    server, of the same one before a reset, of another scope, or of another process.

    Args:
        seed: Determines all; ``None`` draws one.
        scope: What ids depend on besides; None is what :func:`enter_scope` said last.

    Raises:
        ValueError: The seed is negative.

    """

    def __init__(self, seed: int | None, scope: str | None = None) -> None:
        if seed is not None and seed < 0:
            raise ValueError(f"a seed is a non-negative integer, got {seed}")
        self.seed = secrets.randbits(64) if seed is None else seed
        self._scope = _scope if scope is None else scope
        self._identity: tuple[str | int, ...] | None = None
        self._submitted = 0

    def next(self, computer: str) -> tuple[UUID, int]:
        """Return the id and the number of the next job, which is for this computer; not safe in threads."""
        if self._identity is None:  # not before, because what is never used must not change ids
            self._identity = self._begin()
        name = repr((*self._identity, computer, self._submitted))
        self._submitted += 1
        return UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4), self._submitted - 1

    def _begin(self) -> tuple[str | int, ...]:
        process = multiprocessing.current_process().name if multiprocessing.parent_process() else ""
        with _lock:
            number = _begun[self._scope, self.seed]
            _begun[self._scope, self.seed] += 1
        return process, self._scope, self.seed, number


class Submitter:
    """Somebody whose jobs are numbered and listed by themselves, see :meth:`FakeIQMServer.used_by`.

    Args:
        name: What he is called.
        seed: What the results of his jobs depend on, besides their number; ``None`` draws one.
        scope: What ids of his jobs depend on, see :class:`Seeds`.

    Attributes:
        jobs: His jobs, in the order of their submission.

    Raises:
        ValueError: The seed is negative.

    """

    def __init__(self, name: str, seed: int | None, scope: str | None = None) -> None:
        self.name = name
        self.seeds = Seeds(seed, scope)
        self.jobs: list[Job] = []
