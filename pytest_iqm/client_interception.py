"""Hands every HTTP call of the vendor's client, whoever made the client, to a transport.

The vendor's module takes seconds to import and most test runs never do, so this waits for the import.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from iqm_fakes.vendor.layout import HTTP_CALLS, PARSERS, SERVER_CLIENT
from iqm_fakes.vendor.own_deprecations import unmentioned

if TYPE_CHECKING:
    from iqm_fakes.web.transport import Transport


class ClientInterception(importlib.abc.MetaPathFinder):
    """Puts a transport in the place of ``requests``, for the vendor's client only, until :meth:`lift`.

    Calls that something else answers (a fake client, a mock of ``requests``) are left alone.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._replaced: list[tuple[type, str, Any]] = []
        if SERVER_CLIENT in sys.modules:
            self._intercept(sys.modules[SERVER_CLIENT])
        else:
            sys.meta_path.insert(0, self)

    def lift(self) -> None:
        """Leave everything as it was found."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        for owner, name, original in self._replaced:
            setattr(owner, name, original)
        self._replaced.clear()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Let the others find the vendor's module, and intercept its calls once it is loaded."""
        if fullname != SERVER_CLIENT:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_and_intercept(module: ModuleType) -> None:
            load(module)
            self._intercept(module)

        spec.loader.exec_module = load_and_intercept  # type: ignore[method-assign]  # it serves this module only
        return spec

    def _intercept(self, module: ModuleType) -> None:
        on_transport = partial(_on_transport, self._transport)
        for calls, replaced in ((HTTP_CALLS, on_transport), (PARSERS, _without_deprecations)):
            for class_name, name in calls:
                owner = getattr(module, class_name, None)
                original = vars(owner).get(name) if isinstance(owner, type) else None
                if isinstance(owner, type) and original is not None:
                    static = isinstance(original, staticmethod)
                    call = replaced(getattr(owner, name))
                    setattr(owner, name, staticmethod(call) if static else call)
                    self._replaced.append((owner, name, original))


def _on_transport(transport: Transport, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return the vendor's call, made on the transport if it would be made by ``requests``."""

    @functools.wraps(original)
    def call(self: Any, http_method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if _leaves_the_process(http_method):
            from iqm_fakes.web.transport import caller

            http_method = caller(transport, http_method)
        return original(self, http_method, *args, **kwargs)

    return call


def _without_deprecations(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return the vendor's call, in which it doesn't warn of its own parts: under ``-W error``, no test would pass."""

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        with unmentioned():
            return original(*args, **kwargs)

    return call


def _leaves_the_process(http_method: Callable[..., Any]) -> bool:
    """Whether the call would be made by requests itself, not by a stand-in for it."""
    import requests
    from urllib3.connectionpool import HTTPSConnectionPool

    send, session = requests.adapters.HTTPAdapter.send, requests.Session.send
    real = send.__module__ == "requests.adapters" and session.__module__ == "requests.sessions"
    cassette = getattr(HTTPSConnectionPool.ConnectionCls, "cassette", None)  # of vcrpy
    plays = cassette is not None and cassette.write_protected  # and sends nothing
    return http_method.__module__ == "requests.api" and real and not plays
