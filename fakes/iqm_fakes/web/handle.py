"""A handle on a fake server: a call in the server's process, a request on the server's socket in any other.

Every copy of a handle, pickled ones too, is a handle on the same server, as two clients of a real one would be. So a
server has one address: a loopback socket, opened when somebody first needs it, and closed with the server.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary, WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError

from iqm_fakes.web.api import Api
from iqm_fakes.web.loopback import LoopbackServer
from iqm_fakes.web.transport import InProcess, Transport

if TYPE_CHECKING:
    from iqm_fakes.server.server import FakeIQMServer

_HANDLED: WeakSet[FakeIQMServer] = WeakSet()
"""Servers of this process, or of the one that it was forked from, that have a handle."""

_SOCKETS: WeakKeyDictionary[FakeIQMServer, LoopbackServer] = WeakKeyDictionary()
"""Those of them that have an address."""

_send = HTTPAdapter.send  # mocks and iqm_http replace what leads to it; this call is nobody's business


class Handle:
    """A transport to a fake server in this process; in processes that are forked from it, too."""

    def __init__(self, server: FakeIQMServer) -> None:
        self.server = server
        self._in_process = InProcess(Api(server))
        _HANDLED.add(server)

    def request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        """Answer a request, see :meth:`Transport.request`."""
        if self.server.process == os.getpid():
            return self._in_process.request(method, url, **arguments)
        return _OnSocket(self._address()).request(method, url, **arguments)

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


class _OnSocket:
    """A transport to a fake server in another process."""

    def __init__(self, url: str) -> None:
        self._url = url

    def request(self, method: str, url: str, *, timeout: float | None = None, **arguments: Any) -> requests.Response:
        """Answer a request, see :meth:`Transport.request`.

        Raises:
            requests.ConnectionError: The server is gone, or a fault breaks the connection.

        """
        arguments.pop("allow_redirects", None)  # a fake server redirects nobody
        request = requests.Request(method, self._url + urlsplit(url).path, **arguments).prepare()
        with closing(HTTPAdapter()) as adapter:
            try:
                response = _send(adapter, request, timeout=timeout)
                _ = response.content  # is read here
                return response
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
    socket = _socket(server)
    socket.start()
    return socket.url


def _socket(server: FakeIQMServer) -> LoopbackServer:
    if server not in _SOCKETS or not _SOCKETS[server].is_open:
        socket = _SOCKETS[server] = LoopbackServer(Api(server))
        server.at_close.callback(socket.close)
    return _SOCKETS[server]


def _before_fork() -> None:
    """Give every server an address that children know, and stop the threads: they don't survive a fork."""
    for server in _HANDLED:
        if server.process == os.getpid():
            with suppress(OSError):
                _socket(server)
    for socket in _SOCKETS.values():
        socket.halt()


def _after_fork() -> None:
    """Answer again, as soon as this process goes on.

    Python warns of a fork if there are threads when all of this has been called, as if they had been there before.
    """
    if not _SOCKETS or sys.getprofile() is not None:
        _start()
        return
    forking = sys._getframe(1)

    def goes_on(frame: FrameType, event: str, argument: Any) -> None:
        if frame is forking:
            sys.setprofile(None)
            _start()

    sys.setprofile(goes_on)


def _start() -> None:
    for socket in _SOCKETS.values():
        socket.start()


def _in_child() -> None:
    for socket in _SOCKETS.values():
        socket.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)
