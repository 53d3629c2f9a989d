"""Sends requests to a real machine; those that change nothing are tried again while it is overloaded."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, ProtocolError, ReadTimeoutError
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


def send(
    call: Callable[..., requests.Response], url: str, *, deadline: float | None = None, **arguments: Any
) -> requests.Response:
    """Make a call of ``requests``; what changes nothing is tried again.

    Args:
        call: ``requests.get``, ``requests.post`` and so on, or what stands in for it.
        url: Its address.
        deadline: When to give up, on the monotonic clock.
        arguments: The others.

    """
    __tracebackhide__ = True
    method = call.__name__.upper()
    left = _Retries(
        total=4, read=1, backoff_factor=0.5, status_forcelist=(*OVERLOADED, 502, 504), allowed_methods=["GET"],
        raise_on_status=False,
    )  # fmt: skip
    left.deadline = math.inf if deadline is None else deadline
    allowed = arguments.get("timeout")
    while True:
        if deadline is not None:
            seconds = max(0.1, deadline - time.monotonic())
            arguments["timeout"] = min(seconds, allowed or seconds)
        try:
            response = call(url, **arguments)
        except requests.RequestException as error:
            if method != "GET" or not isinstance(error, requests.ConnectionError | requests.Timeout):
                raise
            try:
                left = left.increment(method, url, error=_cause(error))
            except (MaxRetryError, ConnectTimeoutError, ReadTimeoutError, ProtocolError):
                raise error from None
            left.sleep()
        else:
            retry_after = "Retry-After" in response.headers
            if not left.is_retry(method, response.status_code, retry_after) or not left.total:
                return response
            left = left.increment(method, url, response=response.raw)
            left.sleep(response.raw)


def _cause(error: requests.RequestException) -> Exception:
    """Return what urllib3 met, as far as it tells."""
    cause = error.args[0] if error.args else None
    cause = getattr(cause, "reason", cause)
    if isinstance(cause, Exception):
        return cause
    return ReadTimeoutError(None, "", str(error)) if isinstance(error, requests.Timeout) else ProtocolError(str(error))  # type: ignore[arg-type]  # there is no pool
