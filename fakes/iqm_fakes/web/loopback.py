"""The API on a socket of this machine, for clients in other processes and other languages."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


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
