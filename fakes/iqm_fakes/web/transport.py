"""Requests handed to the API in the same process, without a socket.

The vendor's client makes every request by calling ``requests.get``, ``requests.post`` and so on with a URL and keyword
arguments. A :class:`Transport` offers the same calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import requests
from werkzeug.test import EnvironBuilder, run_wsgi_app

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
        self._application = application

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
        environ = EnvironBuilder(
            path=urlsplit(url).path,
            method=method,
            query_string=params,
            headers=list((headers or {}).items()),
            data=data,
            environ_base={IN_PROCESS: True},
        ).get_environ()
        try:
            body, status, answered = run_wsgi_app(self._application, environ, buffered=True)
        except Interrupted as how:
            raise _INTERRUPTIONS[str(how)](f"{method} {url}: {how} by a fault") from None
        response = requests.Response()
        code, _, response.reason = status.partition(" ")
        response.status_code = int(code)
        response.headers.update(answered)
        response.encoding = "utf-8"
        response.url = url
        response._content = b"".join(body)
        return response


def caller(transport: Transport, method: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    """Return the counterpart of ``requests.get`` (or ``post``, ...) on a transport, under the same name."""
    name = method.__name__

    def call(url: str, **arguments: Any) -> requests.Response:
        return transport.request(name.upper(), url, **arguments)

    call.__name__ = name
    return call
