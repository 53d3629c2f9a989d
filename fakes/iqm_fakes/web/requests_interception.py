"""Calls of ``requests`` to any IQM Server, answered by a fake one: for programs that make their own client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import requests

from iqm_fakes.web.transport import InProcess

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

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
