"""A fake server for as long as a ``with`` block or a function takes, for programs that make their own client."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from iqm_fakes.device.bundled import DEFAULT_DEVICE
from iqm_fakes.device.device import Device
from iqm_fakes.server.server import FakeIQMServer
from iqm_fakes.web.api import Api
from iqm_fakes.web.handle import URL, Handle
from iqm_fakes.web.loopback import loopback

IQM_PATHS = re.compile(
    r"/(?:about|cocos/.*|api/(?:v1|latest)/(?:about|quantum-computers|calibration-sets|jobs)(?:/.*)?)"
)
"""Paths of an IQM Server, whatever its host."""


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
        yield url


@contextmanager
def intercepted(*devices: str | os.PathLike[str] | Device | FakeIQMServer, **settings: Any) -> Iterator[FakeIQMServer]:
    """Answer what ``requests`` sends to IQM Servers, on any host; a context manager, and a decorator.

    What is an IQM Server's is told by the path, and by the vendor's client in the header ``User-Agent``. Everything
    else goes where it goes anyway, also to mocks of the user's (``responses`` and others that replace adapters). The
    environment variables that the vendor's client reads name a server and the first computer meanwhile.

    Args:
        devices: What answers, as for :class:`FakeIQMServer`; or one such server, which stays yours to close.
        settings: Of the server, as for :class:`FakeIQMServer`.

    Returns:
        The server.

    Raises:
        DeviceError: A device is unknown or its file is broken.
        ValueError: There are settings of a server that is there already, or what :class:`FakeIQMServer` raises.

    """
    with _server(devices, settings) as server, _named(server, URL), _answered_by(Handle(server)):
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
    former = {name: os.environ.get(name) for name in named}
    _set(named)
    try:
        yield
    finally:
        _set(former)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def _answered_by(transport: Handle) -> Iterator[None]:
    send = requests.Session.send

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
