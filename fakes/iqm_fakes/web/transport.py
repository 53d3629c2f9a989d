"""Requests handed to the API in the same process, without a socket.

The vendor's client makes every request by calling ``requests.get``, ``requests.post`` and so on with a URL and keyword
arguments. A :class:`Transport` offers the same calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import requests
from werkzeug.test import Client, EnvironBuilder

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


IN_PROCESS = "iqm_fakes.in_process"
"""Set in the environment of a request that an exception can reach, because no socket is in between."""


class Interrupted(Exception):
    """A request in the process that ends as if its connection had broken; ``str()`` says how."""


_INTERRUPTIONS: Mapping[str, type[requests.RequestException]] = {
    "refused": requests.ConnectionError,
    "reset": requests.ConnectionError,
    "timeout": requests.ReadTimeout,
    "truncated": requests.exceptions.ChunkedEncodingError,
}
"""What ``requests`` raises on a socket."""


class Transport(Protocol):
    """What carries a request to a server."""

    def request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        """Answer a request; the arguments are those of :func:`requests.request`."""


class InProcess:
    """A transport that calls a WSGI application: no sockets, no threads."""

    def __init__(self, application: WSGIApplication) -> None:
        self._client = Client(application)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        **ignored: Any,
    ) -> requests.Response:
        """Answer a request; ``timeout`` and ``allow_redirects`` have no meaning here."""
        builder = EnvironBuilder(
            path=urlsplit(url).path,
            method=method,
            query_string=params,
            headers=list((headers or {}).items()),
            data=data,
            environ_base={IN_PROCESS: True},
        )
        try:
            answer = self._client.open(builder, buffered=True)
        except Interrupted as how:
            raise _INTERRUPTIONS[str(how)](f"{method} {url}: {how} by a fault") from None
        response = requests.Response()
        response.status_code = answer.status_code
        response.headers.update(answer.headers)
        response.encoding = "utf-8"
        response.reason = answer.status.partition(" ")[2]
        response.url = url
        response._content = answer.get_data()
        return response


def caller(transport: Transport, method: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    """Return the counterpart of ``requests.get`` (or ``post``, ...) on a transport, under the same name."""
    name = method.__name__

    def call(url: str, **arguments: Any) -> requests.Response:
        return transport.request(name.upper(), url, **arguments)

    call.__name__ = name
    return call
