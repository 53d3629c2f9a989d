"""What this session has submitted: one account for all its processes, in which a job is entered before it is sent.

It is an SQLite file, so that a reservation is a transaction, and what a killed worker wrote stays known to the others.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from iqm_fakes.wire.status import JobStatus
from iqm_fakes.words import several
from pytest_iqm.budget import Budget
from pytest_iqm.errors import BudgetExceeded, SessionOver, hide_frames

FINAL = (*(status.value for status in JobStatus if status.terminal), "deleted")
"""States of jobs that will not change any more; ``deleted`` is ours."""

UNAVAILABLE = "unavailable"
"""Name of the note that tells all processes why the machine can't be used."""

ACCOUNT = "submissions.sqlite"

ALIVE = ".alive"
"""How the names of files end that are locked as long as a process of the session lives."""

CONTROLLER = "main"
"""The process that reports the session, as its file is named."""

PREFIX = "pytest-iqm-"
"""How the names of folders of sessions begin, in the system's folder of temporary files."""

BEGINNING = 3600.0
"""Seconds after which a folder without an account is no session that begins."""

_SCHEMA = """
create table submissions (
    id integer primary key, worker text, test text, wider_scope integer, url text,
    circuits integer, shots integer, job text unique, status text
);
create table notes (name text primary key, value text)
"""


__tracebackhide__ = hide_frames


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

    @property
    def server(self) -> str:
        """The address of the server it was sent to."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def __str__(self) -> str:
        name = f"job {self.job}" if self.job else "a submission without an answer, whose job may exist,"
        return f"{name} of {self.test or 'no test'}: {self.status}, {several(self.shots, 'shot')}"


class Submissions:
    """The account.

    Args:
        path: Its file, which :meth:`create` makes.

    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls) -> tuple[Submissions, Callable[[], None]]:
        """Open an account, in a folder of its own; returns what :meth:`keep_alive` does, too."""
        submissions = cls(Path(tempfile.mkdtemp(prefix=PREFIX)) / ACCOUNT)
        end = submissions.keep_alive(CONTROLLER)  # first: an account that nobody keeps alive may be removed
        with closing(sqlite3.connect(submissions.path)) as connection:
            connection.executescript(_SCHEMA)
        return submissions, end

    def keep_alive(self, process: str) -> Callable[[], None]:
        """Let others know that a process of the session lives, until the function returned is called or it ends."""
        lock = sqlite3.connect(self.path.with_name(f"{process}{ALIVE}"), isolation_level=None)
        lock.execute("begin exclusive")
        return lock.close

    def lives(self, process: str) -> bool:
        """Whether a process of the session lives."""
        file = self.path.with_name(f"{process}{ALIVE}").as_uri()
        try:
            with closing(sqlite3.connect(f"{file}?mode=rw", uri=True, timeout=0, isolation_level=None)) as lock:
                lock.execute("begin exclusive")
        except sqlite3.OperationalError as error:
            return error.sqlite_errorcode == sqlite3.SQLITE_BUSY
        return False

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

    def reserve(self, budget: Budget, submission: Submission, *, wider_scope: bool) -> int:
        """Enter a job before it is sent.

        Args:
            budget: What the session may spend.
            submission: What is going to be sent.
            wider_scope: Whether it belongs to a fixture whose scope is wider than the test.

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
                "insert into submissions (worker, test, wider_scope, url, circuits, shots, status) "
                "values (?, ?, ?, ?, ?, ?, 'sending')",
                (
                    submission.worker,
                    submission.test,
                    wider_scope,
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

    def update(self, job: str, status: str) -> None:
        """Enter what the server says of a job; jobs that the session did not submit are ignored."""
        self._execute("update submissions set status = ? where job = ? and status <> ?", status, job, status)

    def pending(self, *, worker: str | None = None, test: str | None = None) -> list[Submission]:
        """Return what has not ended: everything, or what a worker or a test submitted.

        What a fixture of wider scope submitted is not the test's.
        """
        where, arguments = f"status not in ({', '.join('?' * len(FINAL))})", [*FINAL]
        if worker is not None:
            where, arguments = f"{where} and worker = ?", [*arguments, worker]
        if test is not None:
            where, arguments = f"{where} and test = ? and not wider_scope", [*arguments, test]
        return self._select(where, *arguments)

    def of(self, test: str) -> list[Submission]:
        """Return what a test submitted."""
        return self._select("test = ?", test)

    def all(self) -> list[Submission]:
        """Return everything, in the order of submission."""
        return self._select("1")

    def spent(self) -> tuple[int, int]:
        """Return how many jobs and shots were submitted."""
        with self._transaction() as connection:
            return self._spent(connection)

    def close(self) -> None:
        """Let nothing be submitted any more."""
        self.note("closed", "yes")

    def remove(self) -> None:
        """Remove the account, and its folder."""
        shutil.rmtree(self.path.parent, ignore_errors=True)

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

    def _select(self, where: str, *arguments: Any) -> list[Submission]:
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


def dead_sessions() -> Iterator[Submissions]:
    """Yield the accounts of this user's sessions that were killed and may have left something on machines.

    The folders of the others are removed.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        account = Submissions(folder / ACCOUNT)
        try:
            if not _is_own(folder) or any(account.lives(lock.stem) for lock in folder.glob(f"*{ALIVE}")):
                continue
            if not account.path.exists():
                if time.time() - folder.stat().st_mtime > BEGINNING:
                    shutil.rmtree(folder, ignore_errors=True)
                continue
            left = account.pending()
        except (OSError, sqlite3.Error):  # it ends at this moment
            continue
        if left:
            yield account
        else:
            account.remove()


def _is_own(folder: Path) -> bool:
    """Whether a folder is this user's: what others put there is not believed."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())
