"""The API on a socket of this machine, for clients in other processes and other languages."""

from __future__ import annotations

import io
import logging
import os
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import urlsplit
from weakref import WeakSet

from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wsgi import get_input_stream

from iqm_fakes.web.responses import error_response
from iqm_fakes.web.same_origin import SameOrigin
from iqm_fakes.wire.error_codes import ErrorCode, ServerError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)


LARGEST_BODY = 128 * 2**20
"""Bytes that a request may have: about a million instructions."""

PART = 2**16
"""Bytes of a body that are read at a time."""

PATIENCE = 60
"""Seconds that a connection may be silent."""


class _Handler(WSGIRequestHandler):
    """One connection. Werkzeug's own handler closes it after one answer; this one waits for the next request."""

    protocol_version = "HTTP/1.1"
    timeout = PATIENCE
    disable_nagle_algorithm = True  # else a body waits for the acknowledgement of its headers
    connections: ClassVar[set[socket.socket]]
    """Those that are open."""
    closed: ClassVar[threading.Event]
    """Whether nothing is answered any more."""
    same_origin: ClassVar[SameOrigin]
    """Who may ask."""

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
        application = self.server.app
        try:
            environ: WSGIEnvironment = {"REQUEST_METHOD": self.command}
            try:
                self._check_head()
                environ |= self.make_environ()
                self.same_origin.check(environ)
                body = _body(environ)  # what stayed unread would be taken for the next request
                environ |= {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
            except ServerError as error:
                self.close_connection = True
                application = error_response(error.code, str(error))
            self._answer(application, environ)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception:
            LOG.exception("%s %s", self.command, self.path)
            self.close_connection = True
            if not self._begun:
                self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _check_head(self) -> None:
        """Refuse a request of which it is not clear where its body ends, or who is asked.

        Raises:
            ServerError: ``invalid_input``.

        """
        for name, most in (("Host", 1), ("Content-Length", 1), ("Transfer-Encoding", 1), ("Origin", 1)):
            if len(self.headers.get_all(name, ())) > most:
                raise ServerError(ErrorCode.INVALID_INPUT, f"the header {name} is there more than once")
        try:
            urlsplit(self.path)
        except ValueError as error:
            raise ServerError(ErrorCode.INVALID_INPUT, f"'{self.path}' is no address: {error}") from None
        length, coding = self.headers.get("Content-Length"), self.headers.get("Transfer-Encoding")
        if length is not None and not (length.isascii() and length.isdecimal()):
            raise ServerError(ErrorCode.INVALID_INPUT, f"Content-Length is a whole number, got '{length}'")
        if coding is not None and (coding.lower() != "chunked" or length is not None):
            raise ServerError(
                ErrorCode.INVALID_INPUT, "Transfer-Encoding is chunked, without a Content-Length, or it is not there"
            )

    def _answer(self, application: WSGIApplication, environ: WSGIEnvironment) -> None:
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

        parts = application(environ, start)
        try:
            for part in parts:
                self.wfile.write(part)
        finally:
            if hasattr(parts, "close"):
                parts.close()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing about requests that were answered."""

    def log_error(self, format: str, *args: Any) -> None:  # noqa: A002  # the standard library's name
        """Say little about requests that are none: they are no error of ours."""
        LOG.info(format, *args)


def _body(environ: WSGIEnvironment) -> bytes:
    """Return the body of a request.

    Raises:
        ServerError: ``request_payload_too_large``, or ``invalid_input``: it ends too early, or its chunks are none.

    """
    stream, body = cast(io.BufferedIOBase, get_input_stream(environ)), bytearray()
    part = memoryview(bytearray(PART))  # of a size that nobody changes: werkzeug counts a short chunk as a whole one
    length = int(environ.get("CONTENT_LENGTH") or 0)
    try:
        while max(len(body), length) <= LARGEST_BODY:
            size = stream.readinto(part)
            body += part[:size]
            if not size:
                return bytes(body)
    except (ClientDisconnected, OSError, ValueError):
        is_chunked = "HTTP_TRANSFER_ENCODING" in environ
        wrong = "the body does not consist of chunks" if is_chunked else "the body is shorter than its Content-Length"
        raise ServerError(ErrorCode.INVALID_INPUT, wrong) from None
    raise ServerError(ErrorCode.REQUEST_PAYLOAD_TOO_LARGE, f"a request has at most {LARGEST_BODY} bytes here")


_SERVERS: WeakSet[LoopbackServer] = WeakSet()
_HALTED: list[LoopbackServer] = []


class LoopbackServer:
    """A WSGI application on a socket, one thread a connection.

    Args:
        application: What answers.
        host: Address to bind; the default is reachable from this machine only.
        port: 0 picks a free one; :attr:`url` says which.
        names: Names that it is reached by, besides those of this machine.

    Raises:
        OSError: The address can't be bound.

    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Collection[str] = (),
    ) -> None:
        self._connections: set[socket.socket] = set()
        self._closed = threading.Event()
        shared = {
            "connections": self._connections,
            "closed": self._closed,
            "same_origin": SameOrigin(host, names),
        }
        handler = type("Handler", (_Handler,), shared)
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
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # all addresses of the machine
        authority = f"[{here}]" if ":" in here else here
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
def loopback(application: WSGIApplication, *, names: Collection[str] = ()) -> Iterator[str]:
    """Serve an application on a free loopback port inside the ``with`` block; gives its URL."""
    server = LoopbackServer(application, names=names)
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
