"""Without ``--iqm-live`` nothing reaches a real IQM Server by accident."""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_iqm.client_interception import ClientInterception
from pytest_iqm.errors import LiveAccessRefused
from pytest_iqm.settings import CREDENTIALS

if TYPE_CHECKING:
    import requests


class OfflineGuard:
    """Takes credentials out of the environment and refuses calls that leave this machine, until :meth:`lift`."""

    def __init__(self) -> None:
        self._credentials = {name: os.environ.pop(name) for name in CREDENTIALS if name in os.environ}
        self._interception = ClientInterception(LoopbackOnly())

    def lift(self) -> None:
        """Leave everything as it was found."""
        os.environ.update(self._credentials)
        self._interception.lift()


class LoopbackOnly:
    """A transport that stays on this machine."""

    def request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        """Send a request to a loopback address.

        Raises:
            LiveAccessRefused: It is another address.

        """
        import requests

        __tracebackhide__ = True
        if not _is_loopback(url):
            parts = urlsplit(url)
            raise LiveAccessRefused(
                f"a test is about to call the IQM Server at {parts.scheme}://{parts.netloc.rpartition('@')[2]}, and "
                "this run is offline. Either use the fixtures iqm_backend, iqm_client or iqm_url, which serve a fake; "
                "or, if the call is meant, run pytest with --iqm-live."
            )
        return requests.request(method, url, **arguments)  # noqa: S113  # the vendor's client sets the timeout


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
