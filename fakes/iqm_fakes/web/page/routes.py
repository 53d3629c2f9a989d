"""The page's files, and what it asks for, below ``/_page/``: read-only, and met by no fault.

Browsers can't send a token before a page asks for one; so the files, which say nothing of a server, need none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.routing import Rule, Submount
from werkzeug.wrappers import Request, Response

from iqm_fakes.html.pages import STYLE
from iqm_fakes.web.page.chip_view import chip
from iqm_fakes.web.page.job_view import job
from iqm_fakes.web.page.state import state
from iqm_fakes.web.responses import json_response

if TYPE_CHECKING:
    from iqm_fakes.server.server import FakeIQMServer

PATH = "/_page"

_HERE = Path(__file__).parent

_FILES: Mapping[str, Path] = {
    "/": _HERE / "index.html",
    f"{PATH}/style.css": STYLE,
    f"{PATH}/page.css": _HERE / "page.css",
    f"{PATH}/page.js": _HERE / "page.js",
}
"""Path → file."""

_KINDS: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
"""What files are, whatever the system thinks of their names."""

_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept",
}
"""What a browser is told of each answer: it runs and loads what comes from this server, and nothing else."""


def file(request: Request) -> Response | None:
    """Answer a request for the page or one of its files; None is for everything else.

    Programs that ask for ``/`` want JSON, unless they say that they prefer HTML, as browsers do.
    """
    found = _FILES.get(request.path) if request.method in ("GET", "HEAD") else None
    if found is None or (request.path == "/" and not _prefers_html(request)):
        return None
    return Response(found.read_bytes(), content_type=_KINDS[found.suffix], headers=dict(_HEADERS))


def answer(
    endpoint: Callable[..., Any], server: FakeIQMServer, request: Request, arguments: Mapping[str, Any]
) -> Response:
    """Answer what the page asks for.

    Raises:
        ServerError: There is no such job, computer or metric.
        RecordingError: The recording of a job is broken.

    """
    response = json_response(endpoint(server, request, **arguments))
    response.headers.update(_HEADERS)
    return response


def _prefers_html(request: Request) -> bool:
    accepted = request.accept_mimetypes
    return accepted.quality("text/html") > accepted.quality("application/json")


RULES = Submount(
    PATH,
    [
        Rule("/state", methods=["GET"], endpoint=state),
        Rule("/jobs/<job_id>", methods=["GET"], endpoint=job),
        Rule("/chips/<computer>", methods=["GET"], endpoint=chip),
    ],
)

ENDPOINTS = frozenset((state, job, chip))
