"""How requests reach the API: in the process, or through a loopback socket.

The vendor's client makes every request by calling ``requests.get``, ``requests.post`` and so on with a URL and keyword
arguments. A :class:`Transport` offers the same calls.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import requests
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
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


IQM_PATHS = re.compile(
    r"/(?:about|cocos/.*|api/(?:v1|latest)/(?:about|quantum-computers|calibration-sets|jobs)(?:/.*)?)"
)
"""Paths of an IQM Server, whatever its host."""


@contextmanager
def intercepted(application: WSGIApplication) -> Iterator[None]:
    """Let an application answer, inside the ``with`` block, what ``requests`` sends to IQM Servers, on any host.

    What is an IQM Server's is told by the path, and by the vendor's client in the header ``User-Agent``. Everything
    else goes where it goes anyway, also to mocks of the user's (``responses`` and others that replace adapters).
    """
    transport, send = InProcess(application), requests.Session.send

    def answer(session: requests.Session, request: requests.PreparedRequest, **arguments: Any) -> requests.Response:
        url = urlsplit(str(request.url))
        if "iqm-client" not in str(request.headers.get("User-Agent")) and not IQM_PATHS.fullmatch(url.path):
            return send(session, request, **arguments)
        body = request.body.encode() if isinstance(request.body, str) else request.body
        response = transport.request(
            str(request.method),
            str(request.url),
            headers=request.headers,
            params=dict(parse_qsl(url.query)),
            data=body,
        )
        response.request = request
        return response

    requests.Session.send = answer  # type: ignore[method-assign, assignment]  # given back below
    try:
        yield
    finally:
        requests.Session.send = send  # type: ignore[method-assign]


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open and answers Expect: 100-continue

    def handle_expect_100(self) -> bool:
        return True  # werkzeug sends the interim response itself

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing about requests that were answered."""


class LoopbackServer:
    """A WSGI application on a socket, one thread a connection.

    Args:
        application: What answers.
        host: Address to bind; the default is reachable from this machine only.
        port: 0 picks a free one; :attr:`url` says which.

    Raises:
        OSError: The address can't be bound.

    """

    def __init__(self, application: WSGIApplication, *, host: str = "127.0.0.1", port: int = 0) -> None:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as listener:
            # bound here because werkzeug ends the process when an address is taken
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(128)
            self._server: BaseWSGIServer = make_server(
                host,
                listener.getsockname()[1],
                application,
                threaded=True,
                request_handler=_Handler,
                fd=listener.fileno(),
            )
        self._server.daemon_threads = True  # type: ignore[attr-defined]  # of the threaded subclass
        authority = f"[{host}]" if ":" in host else host
        self.url = f"http://{authority}:{self._server.server_address[1]}"

    def serve_forever(self) -> None:
        """Answer requests until :meth:`close` or Ctrl-C."""
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def loopback(application: WSGIApplication) -> Iterator[str]:
    """Serve an application on a free loopback port inside the ``with`` block; gives its URL."""
    server = LoopbackServer(application)
    thread = threading.Thread(target=server.serve_forever, name="iqm-fake-server", daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.close()
        thread.join()
