"""A fake server for as long as a ``with`` block or a function takes, for programs that make their own client."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from responses import RequestsMock

from iqm_fakes.device.bundled import DEFAULT_DEVICE
from iqm_fakes.device.device import Device
from iqm_fakes.environment import set_variables
from iqm_fakes.server.server import FakeIQMServer
from iqm_fakes.vendor.layout import USER_AGENT
from iqm_fakes.web.api import Api
from iqm_fakes.web.handle import URL, Handle
from iqm_fakes.web.loopback import loopback

requests_mock: Any = import_module("requests_mock") if find_spec("requests_mock") else None
"""Another library that mocks `requests`, for users who have it."""

_SERVED: set[str | None] = set()
"""Host and port of what is served on sockets now, which an interception leaves alone."""

_Send = Callable[..., requests.Response]


@contextmanager
def served(
    *devices: str | os.PathLike[str] | Device | FakeIQMServer,
    token: str | None = None,
    latency: float = 0.0,
    **settings: Any,
) -> Iterator[str]:
    """Serve fake quantum computers on a loopback socket; a context manager, and a decorator.

    The environment variables that the vendor's client reads name the server and its first computer meanwhile.

    Args:
        devices: What to serve, as for :class:`FakeIQMServer`; or one such server, which stays yours to close.
        token: If given, every request has to carry it; the environment does.
        latency: Seconds by which every answer is late.
        settings: Of the server, as for :class:`FakeIQMServer`.

    Returns:
        The address.

    Raises:
        DeviceError: A device is unknown or its file is broken.
        ValueError: There are settings of a server that is there already, or what :class:`FakeIQMServer` raises.

    """
    with (
        _server(devices, settings) as server,
        loopback(Api(server, token=token, latency=latency)) as url,
        _named(server, url, token),
    ):
        _SERVED.add(host := _host(url))
        try:
            yield url
        finally:
            _SERVED.discard(host)


@contextmanager
def intercepted(*devices: str | os.PathLike[str] | Device | FakeIQMServer, **settings: Any) -> Iterator[FakeIQMServer]:
    """Answer what ``requests`` sends to IQM Servers; a context manager, and a decorator.

    Answered is what the vendor's client sends, to whatever host, by its header ``User-Agent``; and what anybody sends
    to the host (and port) of an IQM Server: to one that a vendor's client has sent something to meanwhile, so every one
    that a client was made for, and to the one that the environment variable ``IQM_SERVER_URL`` names, now or when
    this began. The environment variables that the vendor's client reads name a server and its first computer meanwhile.

    Everything else goes where it goes anyway, also to a fake that is :func:`served`. Mocks of the user's, of
    ``responses`` and ``requests_mock``, around this or inside, get that, and never see an IQM request. Of several
    interceptions the innermost answers.

    Args:
        devices: What answers, as for :class:`FakeIQMServer`; or one such server, which stays yours to close.
        settings: Of the server, as for :class:`FakeIQMServer`.

    Returns:
        The server.

    Raises:
        DeviceError: A device is unknown or its file is broken.
        ValueError: There are settings of a server that is there already, or what :class:`FakeIQMServer` raises.

    """
    with _server(devices, settings) as server, _Interception(Handle(server)), _named(server, URL):
        yield server


@contextmanager
def _server(devices: tuple[Any, ...], settings: dict[str, Any]) -> Iterator[FakeIQMServer]:
    """Give the server that is meant, and close it if it was made here."""
    given = [device for device in devices if isinstance(device, FakeIQMServer)]
    if given:
        if len(devices) > 1 or settings:
            raise ValueError("a server has its devices and settings already: give them to FakeIQMServer")
        yield given[0]
        return
    with closing(FakeIQMServer(*(devices or [DEFAULT_DEVICE]), **settings)) as server:
        yield server


@contextmanager
def _named(server: FakeIQMServer, url: str, token: str | None = None) -> Iterator[None]:
    """Let the environment name a server, and hold no credentials of others."""
    named = {
        "IQM_SERVER_URL": url,
        "IQM_QUANTUM_COMPUTER": next(iter(server.devices)),
        "IQM_TOKEN": token,
        "IQM_TOKENS_FILE": None,
    }
    give_back = set_variables(named)
    try:
        yield
    finally:
        give_back()


class _Interception(ExitStack):
    """Answers IQM requests where ``responses`` and others mock, before whatever mocks there, or will.

    Args:
        fake: What answers.

    """

    def __init__(self, fake: Handle) -> None:
        super().__init__()
        self._fake = fake
        self._hosts = {host for host in (_host(URL), _named_host()) if host}
        self._is_over = False

    def __enter__(self) -> _Interception:
        unbound = RequestsMock.unbound_on_send
        self.enter_context(patch.object(HTTPAdapter, "send", self._before(HTTPAdapter.send)))
        self.enter_context(patch.object(RequestsMock, "unbound_on_send", lambda mock: self._before(unbound(mock))))
        if requests_mock is not None:
            self.enter_context(patch.object(requests_mock.Adapter, "send", self._before(requests_mock.Adapter.send)))
        self.callback(setattr, self, "_is_over", True)  # somebody who mocked meanwhile may put us back
        return self

    def _before(self, send: _Send) -> _Send:
        def answer(adapter: BaseAdapter, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
            if not self._is_asked(request):
                return send(adapter, request, *args, **kwargs)
            asked = adapter if isinstance(adapter, HTTPAdapter) else HTTPAdapter()
            return self._fake.send(asked, request, *args, **kwargs)

        return answer

    def _is_asked(self, request: requests.PreparedRequest) -> bool:
        host = _host(request.url)
        if self._is_over or host is None or host in _SERVED:
            return False
        if USER_AGENT.search(str(request.headers.get("User-Agent"))):
            self._hosts.add(host)
        return host in self._hosts or host == _named_host()


def _named_host() -> str | None:
    return _host(os.environ.get("IQM_SERVER_URL"))


def _host(url: str | None) -> str | None:
    """Return host and port of a URL, or None if it is none."""
    try:
        parts = urlsplit(url or "")
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return None
    return f"{parts.hostname}:{port}" if parts.hostname else None
