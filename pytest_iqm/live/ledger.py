"""What this session has submitted: one account for all processes of the session, kept before anything is sent.

It is an SQLite file, so that a reservation is a transaction, and what a killed worker wrote stays known to the others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_iqm.settings import Budget

TERMINAL = ("completed", "failed", "cancelled", "deleted")
"""States of jobs that will not change any more; ``deleted`` is ours."""

_SCHEMA = """
create table submissions (
    id integer primary key, worker text, test text, longer integer, url text,
    circuits integer, shots integer, job text unique, status text
);
create table notes (name text primary key, value text)
"""


class BudgetExceeded(RuntimeError):
    """A job was not submitted, because the session's budget does not allow it."""


class SessionOver(RuntimeError):
    """A job was not submitted, because the session has ended."""


def refused(excinfo: Any) -> bool:
    """Whether pytest leaves out the frames of a module (its ``__tracebackhide__``): of jobs that were not submitted."""
    return issubclass(excinfo.type, (BudgetExceeded, SessionOver))


__tracebackhide__ = refused


@dataclass(frozen=True)
class Submission:
    """A job that was to be submitted.

    Attributes:
        worker: The process that submitted it, as xdist names it.
        test: The test that did.
        url: Where it was sent to.
        circuits: The number of its circuits.
        shots: The number of shots of all its circuits.
        job: Its id; None as long as the server has not answered.
        status: As last heard: ``sending``, ``unanswered`` if the connection broke, or the job's.

    """

    worker: str
    test: str
    url: str
    circuits: int
    shots: int
    job: str | None = None
    status: str = "sending"

    def __str__(self) -> str:
        name = f"job {self.job}" if self.job else "a submission without an answer, whose job may exist,"
        return f"{name} of {self.test or 'no test'}: {self.status}, {self.shots} shots"


class Ledger:
    """The account.

    Args:
        path: Its file; :meth:`create` makes one.

    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, folder: Path) -> Ledger:
        """Open an account."""
        ledger = cls(folder / "ledger.sqlite")
        with closing(sqlite3.connect(ledger.path)) as connection:
            connection.executescript(_SCHEMA)
        return ledger

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as connection:
            connection.execute("begin immediate")
            try:
                yield connection
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")

    def reserve(self, budget: Budget, submission: Submission, *, longer: bool) -> int:
        """Enter a job before it is sent.

        Args:
            budget: What the session may spend.
            submission: What is going to be sent.
            longer: Whether it belongs to a fixture that lives longer than the test.

        Returns:
            The number of the submission.

        Raises:
            BudgetExceeded: There is not enough left.
            SessionOver: :meth:`close` was called.

        """
        with self._transaction() as connection:
            if self._note(connection, "closed"):
                raise SessionOver("this job was not submitted: the session has ended")
            refusal = budget.refusal(self._spent(connection), (1, submission.shots))
            if refusal is not None:
                raise BudgetExceeded(
                    f"this job was not submitted, the budget does not allow it: {refusal}; raise the limit, take fewer "
                    "shots or select fewer tests"
                )
            cursor = connection.execute(
                "insert into submissions (worker, test, longer, url, circuits, shots, status) "
                "values (?, ?, ?, ?, ?, ?, 'sending')",
                (
                    submission.worker,
                    submission.test,
                    longer,
                    submission.url,
                    submission.circuits,
                    submission.shots,
                ),
            )
            return int(cursor.lastrowid or 0)

    def answered(self, number: int, job: str, status: str) -> None:
        """Enter that the server accepted a submission."""
        self._execute("update submissions set job = ?, status = ? where id = ?", job, status, number)

    def refused(self, number: int) -> None:
        """Enter that the server refused a submission: it costs nothing."""
        self._execute("delete from submissions where id = ?", number)

    def unanswered(self, number: int) -> None:
        """Enter that nobody knows whether a submission arrived: it counts."""
        self._execute("update submissions set status = 'unanswered' where id = ?", number)

    def seen(self, job: str, status: str) -> None:
        """Enter what the server says of a job; jobs that the session did not submit are ignored."""
        self._execute("update submissions set status = ? where job = ? and status <> ?", status, job, status)

    def pending(self, *, worker: str | None = None, test: str | None = None) -> list[Submission]:
        """Return what has not ended: everything, or what a worker or a test (but not its longer fixtures) submitted."""
        where, arguments = f"status not in ({', '.join('?' * len(TERMINAL))})", [*TERMINAL]
        if worker is not None:
            where, arguments = f"{where} and worker = ?", [*arguments, worker]
        if test is not None:
            where, arguments = f"{where} and test = ? and not longer", [*arguments, test]
        return self._submissions(where, *arguments)

    def submissions(self) -> list[Submission]:
        """Return everything, in the order of submission."""
        return self._submissions("1")

    def spent(self) -> tuple[int, int]:
        """Return how many jobs and shots were submitted."""
        with self._transaction() as connection:
            return self._spent(connection)

    def close(self) -> None:
        """Let nothing be submitted any more."""
        self.note("closed", "yes")

    def note(self, name: str, value: str) -> None:
        """Tell all processes something."""
        self._execute("insert or replace into notes values (?, ?)", name, value)

    def noted(self, name: str) -> str | None:
        """Return what was told."""
        with self._transaction() as connection:
            return self._note(connection, name)

    @staticmethod
    def _note(connection: sqlite3.Connection, name: str) -> str | None:
        row = connection.execute("select value from notes where name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    @staticmethod
    def _spent(connection: sqlite3.Connection) -> tuple[int, int]:
        jobs, shots = connection.execute("select count(*), coalesce(sum(shots), 0) from submissions").fetchone()
        return int(jobs), int(shots)

    def _submissions(self, where: str, *arguments: Any) -> list[Submission]:
        columns = "worker, test, url, circuits, shots, job, status"
        with self._transaction() as connection:
            rows = connection.execute(
                f"select {columns} from submissions where {where} order by id",  # noqa: S608  # our own words only
                arguments,
            )
            return [Submission(*row) for row in rows]

    def _execute(self, statement: str, *arguments: Any) -> None:
        with self._transaction() as connection:
            connection.execute(statement, arguments)


@contextmanager
def turn(ledger: Ledger) -> Iterator[None]:
    """Wait until no other process of the session is in such a block; a process that dies leaves it."""
    path = ledger.path.with_name("turn.sqlite")
    with closing(sqlite3.connect(path, timeout=10**6, isolation_level=None)) as connection:
        connection.execute("begin exclusive")
        yield
        connection.execute("rollback")
