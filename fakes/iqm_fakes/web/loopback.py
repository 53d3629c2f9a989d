"""The API on a socket of this machine, for clients in other processes and other languages."""

from __future__ import annotations

import io
import logging
import os
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakSet

from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wsgi import get_input_stream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)


class _Handler(WSGIRequestHandler):
    """One connection. Werkzeug's own handler closes it after one answer; this one waits for the next request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits for the acknowledgement of its headers
    connections: ClassVar[set[socket.socket]]
    """Those that are open."""
    closed: ClassVar[threading.Event]
    """Whether nothing is answered any more."""

    def setup(self) -> None:
        super().setup()
        self.connections.add(self.connection)

    def finish(self) -> None:
        self.connections.discard(self.connection)
        super().finish()

    def run_wsgi(self) -> None:
        """Answer one request."""
        if self.closed.is_set():  # a request may still arrive, although nobody reads
            self.close_connection = True
            return
        self._begun = False
        try:
            environ = self.make_environ()
            body = get_input_stream(environ).read()  # what stayed unread would be taken for the next request
            self._answer(environ | {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True})
        except (ConnectionError, ClientDisconnected):
            self.close_connection = True
        except Exception:
            LOG.exception("%s %s", self.command, self.path)
            self.close_connection = True
            if not self._begun:
                self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _answer(self, environ: WSGIEnvironment) -> None:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
            self._begun = True
            code, _, reason = status.partition(" ")
            bare = code in ("204", "304") or any(name.lower() == "content-length" for name, _ in headers)
            if not bare:
                self.close_connection = True  # which says where the body ends
            self.send_response(int(code), reason)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Connection", "close" if self.close_connection else "keep-alive")
            self.end_headers()
            return self.wfile.write

        parts = self.server.app(environ, start)
        try:
            for part in parts:
                self.wfile.write(part)
        finally:
            if hasattr(parts, "close"):
                parts.close()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing about requests that were answered."""


_SERVERS: WeakSet[LoopbackServer] = WeakSet()
_HALTED: list[LoopbackServer] = []


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
        self._connections: set[socket.socket] = set()
        self._closed = threading.Event()
        handler = type("Handler", (_Handler,), {"connections": self._connections, "closed": self._closed})
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
                request_handler=handler,
                fd=listener.fileno(),
            )
        self._server.daemon_threads = True  # type: ignore[attr-defined]  # of the threaded subclass
        self._thread: threading.Thread | None = None
        _SERVERS.add(self)
        authority = f"[{host}]" if ":" in host else host
        self.url = f"http://{authority}:{self._server.server_address[1]}"

    def serve_forever(self) -> None:
        """Answer requests until :meth:`halt`, :meth:`close` or Ctrl-C."""
        socketserver.BaseServer.serve_forever(self._server, poll_interval=0.05)  # werkzeug's closes the socket, too

    @property
    def is_open(self) -> bool:
        """Whether somebody may answer."""
        return not self._closed.is_set()

    def start(self) -> None:
        """Answer requests in a thread, if it is open."""
        if self.is_open and self._thread is None:
            self._thread = threading.Thread(target=self.serve_forever, name="iqm-fake-server", daemon=True)
            self._thread.start()

    def halt(self) -> bool:
        """Stop answering until :meth:`start`; who connects meanwhile waits. Return whether a thread answered."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._server.shutdown()
            thread.join()
        return thread is not None

    def close(self) -> None:
        """Stop answering and free the port; open connections end with the answer that is under way."""
        self.halt()
        self._server.server_close()
        self._closed.set()
        for connection in list(self._connections):
            with suppress(OSError):  # it has just been closed
                connection.shutdown(socket.SHUT_RD)

    def leave(self) -> None:
        """Leave the socket to the process that this one was forked from."""
        self._thread = None
        self._closed.set()
        self._server.socket.close()


@contextmanager
def loopback(application: WSGIApplication) -> Iterator[str]:
    """Serve an application on a free loopback port inside the ``with`` block; gives its URL."""
    server = LoopbackServer(application)
    server.start()
    with closing(server):
        yield server.url


def _before_fork() -> None:
    """Stop the threads: they don't survive a fork."""
    _HALTED[:] = [server for server in _SERVERS if server.halt()]


def _after_fork() -> None:
    """Answer again, as soon as this process goes on.

    Python warns of a fork if there are threads when all of this has been called, as if they had been there before.
    """
    if not _HALTED or sys.getprofile() is not None:
        _go_on()
        return
    forking = sys._getframe(1)

    def step(frame: FrameType, event: str, argument: Any) -> None:
        if frame is forking:
            sys.setprofile(None)
            _go_on()

    sys.setprofile(step)


def _go_on() -> None:
    for server in _HALTED:
        server.start()


def _in_child() -> None:
    for server in _SERVERS:
        server.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)
