"""Requests handed to the API in the same process, without a socket.

`requests` and urllib3 do what they do on a socket, retries and errors included; but at the other end of urllib3's
connection is the application itself, or the one address that a fake server has.

The vendor's client makes every request by calling ``requests.get``, ``requests.post`` and so on with a URL and keyword
arguments. A :class:`Transport` offers the same calls.
"""

from __future__ import annotations

import io
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from http.client import IncompleteRead, RemoteDisconnected
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_to_bytes, urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from responses import _real_send  # that of HTTPAdapter, whoever has replaced it when this module is imported
from urllib3 import HTTPConnectionPool, HTTPHeaderDict, HTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError, ProtocolError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
"""Names of functions of ``requests``."""

IN_PROCESS = "iqm_fakes.in_process"
"""Set in the environment of a request that an exception can reach, because no socket is in between."""


class Interrupted(Exception):
    """A connection in the process ends; ``str()`` says how: ``refused``, ``reset`` or ``timeout``."""


_MET: Mapping[str, Callable[[HTTPConnection], Exception]] = {
    "refused": lambda connection: NewConnectionError(connection, "Connection refused by a fault"),
    "reset": lambda connection: RemoteDisconnected("Remote end closed connection without response, by a fault"),
    "timeout": lambda connection: TimeoutError("timed out, by a fault"),
}
"""What urllib3 meets on a socket that ends so."""

_RAISED: Mapping[str, type[requests.RequestException]] = {
    "refused": requests.ConnectionError,
    "reset": requests.ConnectionError,
    "timeout": requests.ReadTimeout,
}
"""What `requests` makes of it."""


class Transport(Protocol):
    """What carries a request to a server."""

    def request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        """Answer a request; the arguments are those of :func:`requests.request`."""


class Detour(ABC):
    """A transport that takes every request to one server, whatever its URL."""

    @abstractmethod
    def connections(self, url: str) -> HTTPConnectionPool:
        """Return connections to the server, for a request to a URL."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        timeout: float | None = None,
        **ignored: Any,
    ) -> requests.Response:
        """Answer a request; ``allow_redirects`` has no meaning, as a fake server redirects nobody."""
        request = requests.Request(method, url, headers=headers, params=params, data=data).prepare()
        response = self.send(HTTPAdapter(), request, timeout=timeout)
        _ = response.content  # is read here
        return response

    def send(
        self,
        adapter: HTTPAdapter,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        *ignored: Any,
        **more: Any,
    ) -> requests.Response:
        """Answer what an adapter was asked, with its retries and the responses that it builds.

        The arguments are those of :meth:`HTTPAdapter.send`; certificates and proxies have no meaning.

        Raises:
            requests.RequestException: The connection ends before there is an answer.

        """
        return _real_send(_DetourAdapter(adapter, self.connections(str(request.url))), request, stream, timeout)


class _DetourAdapter(HTTPAdapter):
    """An adapter like another one, on connections that lead elsewhere than the URL says."""

    def __init__(self, adapter: HTTPAdapter, connections: HTTPConnectionPool) -> None:
        super().__init__(max_retries=adapter.max_retries)
        self._connections = connections
        self.add_headers = adapter.add_headers  # type: ignore[method-assign]
        self.build_response = adapter.build_response  # type: ignore[method-assign]

    def get_connection_with_tls_context(self, *arguments: Any, **more: Any) -> HTTPConnectionPool:
        return self._connections

    def cert_verify(self, *arguments: Any) -> None:
        """Find no fault with certificates: there are none."""


class InProcess(Detour):
    """A transport that calls a WSGI application: no sockets, no threads."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._pools: dict[str, HTTPConnectionPool] = {}

    def connections(self, url: str) -> HTTPConnectionPool:
        """Return connections to the application; errors will name the host of the URL."""
        host = urlsplit(url).hostname or ""
        if host not in self._pools:
            self._pools[host] = _Pool(host, maxsize=64, application=self._application)
        return self._pools[host]

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
        """Answer a request of the vendor's client at once, as it looks at no more than what an answer says."""
        path = f"{urlsplit(url).path}?{urlencode(params or {}, doseq=True)}"
        try:
            raw = _answer(self._application, method, path, headers or {}, data or b"", preload_content=True)
        except Interrupted as how:
            raise _RAISED[str(how)](f"{method} {url}: {how} by a fault") from None
        except ProtocolError as error:
            raise requests.exceptions.ChunkedEncodingError(error) from None
        response = requests.Response()
        response.status_code = raw.status
        response.headers.update(raw.headers)
        response.encoding = "utf-8"
        response.reason = str(raw.reason)
        response.url = url
        response.raw = raw
        response._content = raw.data
        return response


class _Connection(HTTPConnection):
    """A connection with a WSGI application at its other end."""

    def __init__(self, host: str, *arguments: Any, application: WSGIApplication, **settings: Any) -> None:
        super().__init__(host, *arguments, **settings)
        self._application = application

    def request(  # type: ignore[override]  # urllib3's own does not match that of its base, either
        self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None, **how: Any
    ) -> None:
        del how["chunked"]
        self._request = method, url, headers or {}, _bytes_of(body)
        self._how = how

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's
        try:
            return _answer(self._application, *self._request, **self._how)
        except Interrupted as how:
            raise _MET[str(how)](self) from None


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _Body(io.BytesIO):
    """The body of an answer, and what is asked of the standard library's response that it stands for."""

    msg: HTTPHeaderDict
    """The headers, where cookies are looked for."""
    is_cut = False
    """Whether there is more, which never comes."""

    def isclosed(self) -> bool:
        """Whether everything has been read."""
        return self.closed

    def read(self, amount: int | None = -1, /) -> bytes:
        data = super().read(amount)
        if self.is_cut and (amount is None or amount < 0):
            raise IncompleteRead(data)
        return data


def _bytes_of(body: Any) -> bytes:
    """Return what urllib3 would send of a body: bytes, text, a file, or an iterable of the former."""
    if body is None or isinstance(body, bytes):
        return body or b""
    parts = [body] if isinstance(body, str) else [body.read()] if hasattr(body, "read") else body
    return b"".join(part.encode() if isinstance(part, str) else part for part in parts)


def _answer(
    application: WSGIApplication, method: str, url: str, headers: Mapping[str, Any], body: bytes, **how: Any
) -> HTTPResponse:
    """Return what an application answers.

    Args:
        application: What is asked.
        method: Of the request.
        url: Path and query.
        headers: Of the request.
        body: Of the request.
        how: Arguments of urllib3's response.

    Raises:
        Interrupted: The connection ends before there is an answer. If it ends later, the answer is incomplete.

    """
    head: list[Any] = []
    answer = _Body()

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
        head[:] = status, headers
        return answer.write

    try:
        for part in application(_environ(method, url, headers, body), start):
            answer.write(part)
    except Interrupted:
        if not head:
            raise
        answer.is_cut = True
    answer.seek(0)
    status, fields = head
    code, _, reason = status.partition(" ")
    answer.msg = HTTPHeaderDict(fields)
    return HTTPResponse(
        answer,
        answer.msg,
        int(code),
        version=11,
        reason=reason,
        original_response=answer,  # type: ignore[arg-type]  # as far as somebody looks at it
        request_method=method,
        request_url=url,
        **how,
    )


def _environ(method: str, url: str, headers: Mapping[str, Any], body: bytes) -> WSGIEnvironment:
    """Return a request as WSGI has it."""
    path, _, query = url.partition("?")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "fake.invalid",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        IN_PROCESS: True,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = text
    return environ


def caller(transport: Transport, method: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    """Return the counterpart of ``requests.get`` (or ``post``, ...) on a transport, under the same name.

    Raises:
        TypeError: Somebody has replaced it, and not under its name: nobody knows what the vendor's client calls.

    """
    name = getattr(method, "__name__", "")
    if name not in METHODS:
        raise TypeError(
            f"IQM's client would call {method!r:.80} in place of a function of requests. Whoever replaces one of these "
            "and passes calls on keeps its name (functools.wraps); to answer other servers' requests, use responses"
        )

    def call(url: str, **arguments: Any) -> requests.Response:
        return transport.request(name.upper(), url, **arguments)

    call.__name__ = name
    return call
