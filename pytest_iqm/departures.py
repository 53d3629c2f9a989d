"""What really leaves the process, seen at urllib3's own connections, below every wrapper and mock of ``requests``.

A mock answers above them; a cassette (vcrpy) puts other connections in their place, whose answers are no departures.
What has HTTP of its own (httpx, ``http.client``) is not seen.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from iqm_fakes.environment import set_variables
from iqm_fakes.vendor.layout import USER_AGENT
from pytest_iqm.on_import import OnImport

POOLS = "urllib3.connectionpool"


@dataclass(frozen=True)
class Departure:
    """A request that is about to leave.

    Attributes:
        url: Where to, with its path.
        headers: Its headers.
        through: The host of the connection: the address's, or a proxy.

    """

    url: str
    headers: Mapping[str, Any]
    through: str

    @property
    def is_vendors(self) -> bool:
        """Whether the vendor's software sends it, as it says."""
        agent = next((value for name, value in self.headers.items() if str(name).lower() == "user-agent"), "")
        return USER_AGENT.search(agent.decode("latin-1") if isinstance(agent, bytes) else str(agent)) is not None

    @property
    def stays_here(self) -> bool:
        """Whether it stays on this machine."""
        return is_loopback(urlsplit(self.url).hostname) and is_loopback(self.through)


_leaving: ContextVar[Departure | None] = ContextVar("leaving", default=None)
_supervised: ContextVar[Callable[[], None] | None] = ContextVar("supervised", default=None)


@contextmanager
def supervised(leaves: Callable[[], None]) -> Iterator[None]:
    """Call something when a request leaves that is made inside the ``with`` block; it may raise."""
    token = _supervised.set(leaves)
    try:
        yield
    finally:
        _supervised.reset(token)


class Departures:
    """Looks at every request that leaves, until :meth:`lift`.

    Args:
        refuse: Raises if a request must not leave that nobody supervises.

    """

    def __init__(self, refuse: Callable[[Departure], None]) -> None:
        self._refuse = refuse
        self._undo = ExitStack()
        self._undo.callback(OnImport(POOLS, self._watch).forget)

    def lift(self) -> None:
        """Leave everything as it was found."""
        self._undo.close()

    def _watch(self, pools: ModuleType) -> None:
        import urllib3.connection as connections

        self._replace(pools.HTTPConnectionPool, "urlopen", _noting)
        there = (*connections.HTTPConnection.__mro__, *connections.HTTPSConnection.__mro__)
        own = (
            owner for owner in there if owner.__module__ == connections.__name__
        )  # a cassette stands in front of them
        for owner in dict.fromkeys(own):
            for name in ("connect", "request"):
                if name in vars(owner):
                    self._replace(owner, name, self._seeing)

    def _replace(self, owner: type, name: str, replaced: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        original = vars(owner)[name]
        self._undo.callback(setattr, owner, name, original)
        setattr(owner, name, replaced(original))

    def _seeing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def call(connection: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            leaving = _leaving.get()
            if leaving is not None:
                leaves = _supervised.get()
                if leaves is not None:
                    leaves()
                else:
                    self._refuse(Departure(leaving.url, leaving.headers, str(connection.host)))
            return original(connection, *args, **kwargs)

        return call


def _noting(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def urlopen(pool: Any, method: str, url: str, body: Any = None, headers: Any = None, *args: Any, **how: Any) -> Any:
        __tracebackhide__ = True
        whole = url if urlsplit(url).scheme else f"{pool.scheme}://{pool.host}:{pool.port}{url}"
        token = _leaving.set(Departure(whole, headers or {}, pool.host))
        try:
            return original(pool, method, url, body, headers, *args, **how)
        finally:
            _leaving.reset(token)

    return urlopen


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine."""
    name = (host or "").strip("[]")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def past_proxies() -> Callable[[], None]:
    """Let calls to this machine go past proxies that the environment names, if it does; returns what undoes it."""
    if not any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name in os.environ):
        return lambda: None
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    past = ",".join(filter(None, [known, "localhost", "127.0.0.1", "::1"]))
    return set_variables({"no_proxy": past, "NO_PROXY": past})
