"""A handle on a fake server: a call in the server's process, a request on the server's socket in any other.

Every copy of a handle, pickled ones too, is a handle on the same server, as two clients of a real one would be. So a
server has one address: a loopback socket, opened when somebody first needs it, and closed with the server.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, connection_from_url
from urllib3.exceptions import NewConnectionError

from iqm_fakes.web.api import Api
from iqm_fakes.web.loopback import LoopbackServer
from iqm_fakes.web.transport import Detour, InProcess, Transport

if TYPE_CHECKING:
    from iqm_fakes.server.server import FakeIQMServer

URL = "https://fake.invalid"
"""An address that exists nowhere (RFC 2606): if it is ever looked up, something went around the transport."""

_HANDLED: WeakSet[FakeIQMServer] = WeakSet()
"""Servers of this process, or of the one that it was forked from, that have a handle."""

_SOCKETS: WeakKeyDictionary[FakeIQMServer, LoopbackServer] = WeakKeyDictionary()
"""Those of them that have an address."""


class Handle:
    """A transport to a fake server in this process; in processes that are forked from it, too."""

    def __init__(self, server: FakeIQMServer) -> None:
        self.server = server
        self._in_process = InProcess(Api(server))
        _HANDLED.add(server)

    def request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        """Answer a request, see :meth:`Transport.request`."""
        return self._way().request(method, url, **arguments)

    def send(
        self, adapter: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Answer what an adapter was asked, see :meth:`Detour.send`."""
        return self._way().send(adapter, request, *args, **kwargs)

    def _way(self) -> Detour:
        return self._in_process if self.server.process == os.getpid() else _OnSocket(self._address())

    def __copy__(self) -> Handle:
        return self

    def __deepcopy__(self, memo: Any) -> Handle:
        return self

    def __reduce__(self) -> Any:
        return _restored, (self._address(),)

    def _address(self) -> str:
        if self.server.process == os.getpid():
            return address(self.server)
        if self.server not in _SOCKETS:
            raise requests.ConnectionError("the fake IQM Server of this client is in another process, without a socket")
        return _SOCKETS[self.server].url


class _OnSocket(Detour):
    """A transport to a fake server in another process."""

    def __init__(self, url: str) -> None:
        self._url = url

    def connections(self, url: str) -> HTTPConnectionPool:
        """Return connections to the server's address."""
        return connection_from_url(self._url)

    def send(
        self, adapter: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Answer what an adapter was asked, see :meth:`Detour.send`.

        Raises:
            requests.ConnectionError: The server is gone, or a fault breaks the connection.

        """
        try:
            return super().send(adapter, request, *args, **kwargs)
        except requests.ConnectionError as error:
            if not isinstance(getattr(error.args[0], "reason", None), NewConnectionError):
                raise
            raise requests.ConnectionError(
                f"the fake IQM Server that this client is connected to is gone: it was at {self._url}, and its "
                "process has ended, or closed it"
            ) from None

    def __reduce__(self) -> Any:
        return _restored, (self._url,)


def _restored(url: str) -> Transport:
    """Return a handle on the server with this address; a call, if that server is in this process."""
    for server, socket in _SOCKETS.items():
        if socket.url == url and socket.is_open:
            return Handle(server)
    return _OnSocket(url)


def address(server: FakeIQMServer) -> str:
    """Return the address of a server of this process on a loopback socket.

    Raises:
        OSError: No socket can be opened.

    """
    if server not in _SOCKETS or not _SOCKETS[server].is_open:
        socket = _SOCKETS[server] = LoopbackServer(Api(server))
        server.at_close.callback(socket.close)
    _SOCKETS[server].start()
    return _SOCKETS[server].url


def _before_fork() -> None:
    """Give every server an address that children know."""
    for server in _HANDLED:
        if server.process == os.getpid():
            with suppress(OSError):
                address(server)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)  # is called before those that the sockets registered
