"""What makes jobs reproducible: their ids and numbers, from a seed."""

from __future__ import annotations

import random
import secrets
from uuid import UUID


class Seeds:
    """Ids and numbers of the jobs that are submitted with a seed.

    Args:
        seed: Determines all; ``None`` draws one.

    Raises:
        ValueError: The seed is negative.

    """

    def __init__(self, seed: int | None) -> None:
        if seed is not None and seed < 0:
            raise ValueError(f"a seed is a non-negative integer, got {seed}")
        self.seed = secrets.randbits(64) if seed is None else seed
        self._ids = random.Random(self.seed)  # noqa: S311  # ids have to be reproducible, not secret
        self._submitted = 0

    def next(self) -> tuple[UUID, int]:
        """Return the id and the number of the next job; not safe in threads."""
        self._submitted += 1
        return UUID(int=self._ids.getrandbits(128), version=4), self._submitted - 1
