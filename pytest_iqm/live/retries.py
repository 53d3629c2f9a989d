"""Sends requests to a real machine; those that change nothing are tried again while it is overloaded."""

from __future__ import annotations

import math
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from iqm_fakes.vendor.layout import OVERLOADED

LONGEST_WAIT = 30.0
"""Seconds that a request waits at most if the server asks it to wait."""


class _Retries(Retry):
    """What is tried again, until a time on the monotonic clock."""

    deadline = math.inf

    def new(self, **changes: Any) -> _Retries:
        """Return what is left after an attempt."""
        left = super().new(**changes)
        left.deadline = self.deadline
        return left

    def increment(self, *args: Any, **kwargs: Any) -> _Retries:
        """Count an attempt."""
        if time.monotonic() > self.deadline:
            self.total = 0
        return super().increment(*args, **kwargs)

    def get_retry_after(self, response: Any) -> float | None:
        """Return how long the server asks to wait, within reason."""
        seconds = super().get_retry_after(response)
        return None if seconds is None else max(0.0, min(seconds, LONGEST_WAIT, self.deadline - time.monotonic()))


def send(method: str, url: str, *, deadline: float | None = None, **arguments: Any) -> requests.Response:
    """Send a request; the arguments are those of ``requests.request``.

    Args:
        method: Its method.
        url: Its address.
        deadline: When to give up, on the monotonic clock.
        arguments: The others.

    """
    __tracebackhide__ = True
    retries = _Retries(
        total=4, read=1, backoff_factor=0.5, status_forcelist=(*OVERLOADED, 502, 504), allowed_methods=["GET"],
        raise_on_status=False,
    )  # fmt: skip
    if deadline is not None:
        retries.deadline = deadline
        left = max(0.1, deadline - time.monotonic())
        arguments["timeout"] = min(left, arguments.get("timeout") or left)
    with requests.Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=retries))
        return session.request(method, url, **arguments)
