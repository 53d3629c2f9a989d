"""A lock by which xdist's workers take turns at the machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Wait until no other process is in a ``with`` block of the same folder; a process that dies leaves it."""
    with closing(sqlite3.connect(folder / "turn.sqlite", timeout=10**6, isolation_level=None)) as connection:
        connection.execute("begin exclusive")
        yield
        connection.execute("rollback")
