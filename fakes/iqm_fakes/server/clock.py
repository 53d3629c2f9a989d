"""The server's time: real, or owned by a test, in which waiting clients make it pass instead of sleeping."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from unittest import mock

from iqm_fakes.vendor.layout import WAITING


class Clock:
    """Says what time it is.

    Everything that the server dates, and the pace of its queue (:meth:`JobQueue.takes`), goes by it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moment: datetime | None = None

    def now(self) -> datetime:
        """Return the time, in UTC."""
        with self._lock:
            return datetime.now(UTC) if self._moment is None else self._moment

    @property
    def is_owned(self) -> bool:
        """Whether time stands still until somebody moves it."""
        return self._moment is not None

    def advance(self, **time: float) -> None:
        """Let time pass in a moment; the arguments are those of :class:`datetime.timedelta`.

        Raises:
            RuntimeError: The clock is not owned.
            ValueError: Time would run backwards.

        """
        step = timedelta(**time)
        if step < timedelta():
            raise ValueError(f"time does not run backwards, got {step.total_seconds()} seconds")
        with self._lock:
            if self._moment is None:
                raise RuntimeError("real time can't be moved: use it inside 'with server.clock.owned():'")
            self._moment += step

    @contextmanager
    def owned(self) -> Iterator[Clock]:
        """Stop time inside the ``with`` block; it passes by :meth:`advance`, and while the vendor's client waits.

        In this process the vendor's client, wherever it waits for a job, moves this clock instead of sleeping, and
        measures its time-outs by it. Everything is restored afterwards.

        Raises:
            RuntimeError: The clock is owned already.

        """
        with self._lock:
            if self._moment is not None:
                raise RuntimeError("the clock is owned already")
            self._moment = datetime.now(UTC)
        try:
            with ExitStack() as stack:
                for module in (sys.modules[name] for name in WAITING if name in sys.modules):
                    if hasattr(module, "sleep"):
                        stack.enter_context(mock.patch.object(module, "sleep", self._sleep))
                    if hasattr(module, "datetime"):
                        stack.enter_context(mock.patch.object(module, "datetime", self._datetime(module.datetime)))
                yield self
        finally:
            with self._lock:
                self._moment = None

    def _sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)

    def _datetime(self, real: Any) -> Any:
        clock = self

        class Datetime(real):  # type: ignore[misc]  # the vendor's module may have a stand-in already
            """What the vendor's client asks for the time."""

            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:
                moment = clock.now()
                return moment.astimezone(tz) if tz else moment.astimezone().replace(tzinfo=None)

        return Datetime


def timestamp(time: datetime) -> str:
    """Return a time as the API writes it: RFC 3339, UTC, microseconds, ``Z``."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
