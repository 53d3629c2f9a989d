"""Sends requests to a real machine; those that change nothing are tried again while it is overloaded."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from iqm_fakes.vendor.layout import OVERLOADED

LONGEST_WAIT = 30.0
"""Seconds that a request waits at most if the server asks it to wait."""


class _Retries(Retry):
    def get_retry_after(self, response: Any) -> float | None:
        """Return how long the server asks to wait, within reason."""
        seconds = super().get_retry_after(response)
        return None if seconds is None else min(seconds, LONGEST_WAIT)


RETRIES = _Retries(
    total=4, read=1, backoff_factor=0.5, status_forcelist=(*OVERLOADED, 502, 504), allowed_methods=["GET"],
    raise_on_status=False,
)  # fmt: skip


def send(method: str, url: str, **arguments: Any) -> requests.Response:
    """Send a request; the arguments are those of ``requests.request``."""
    __tracebackhide__ = True
    with requests.Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=RETRIES))
        return session.request(method, url, **arguments)
