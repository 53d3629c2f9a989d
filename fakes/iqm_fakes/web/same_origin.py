"""Keeps the pages of others out: a browser lets any page send requests to servers on this machine.

Such a page says where it is from (``Origin``, ``Sec-Fetch-Site``), and could submit, but not read what is answered. It
could read if it came by a name of its own that it lets point here (DNS rebinding); then ``Host`` has that name.
Programs send none of the former, and a name of this machine as the latter.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from iqm_fakes.wire.error_codes import ErrorCode, ServerError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def is_loopback(host: str) -> bool:
    """Return whether an address, or a name, is of this machine only."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


class SameOrigin:
    """Who may ask a server.

    Args:
        bound: The address that it listens on.
        names: Names that it is reached by besides: of a proxy before it, of a container.

    """

    def __init__(self, bound: str, names: Collection[str] = ()) -> None:
        self._is_open = not is_loopback(bound)
        own = {bound, *((socket.gethostname(), socket.getfqdn()) if self._is_open else ())}
        self._names = {name.lower() for name in (*own, *names)}

    def check(self, environ: WSGIEnvironment) -> None:
        """Refuse a request of somebody else's page.

        Raises:
            ServerError: ``forbidden``, or ``invalid_input``: it names no host.

        """
        host = environ.get("HTTP_HOST")
        if not host:
            raise ServerError(ErrorCode.INVALID_INPUT, "the header Host is missing")
        if not self._is_ours(name := _name(host)):
            raise ServerError(
                ErrorCode.FORBIDDEN,
                f"this server is not known as '{name}' (header Host): start it with iqm-fake serve --allow-host {name}",
            )
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and origin.rpartition("//")[2] != host and _name(origin) not in self._names:
            raise ServerError(
                ErrorCode.FORBIDDEN,
                f"a web page of {origin} asks (header Origin), and only pages of this server may: start it with "
                "iqm-fake serve --allow-host and the name of that one",
            )
        if environ.get("HTTP_SEC_FETCH_SITE") == "cross-site" and origin is None:
            raise ServerError(ErrorCode.FORBIDDEN, "a web page of another site asks (header Sec-Fetch-Site)")

    def _is_ours(self, name: str) -> bool:
        if name in self._names or is_loopback(name):
            return True
        return self._is_open and _is_address(name)  # a number can't be made to point elsewhere


def _name(host_or_origin: str) -> str:
    """Return the name in a header, without port."""
    _, _, host = host_or_origin.rpartition("//")
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return host


def _is_address(name: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(name))
    return False
