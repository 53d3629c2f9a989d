"""What a session does around calls of the vendor's client, whoever made the client.

The vendor's module takes seconds to import and most test runs never do, so this waits for the import.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from iqm_fakes.vendor.layout import HTTP_CALLS, PARSERS, SERVER_CLIENT
from iqm_fakes.vendor.own_deprecations import unmentioned
from pytest_iqm.on_import import OnImport

if TYPE_CHECKING:
    import requests


class Supervisor(Protocol):
    """What supervises the vendor's HTTP calls."""

    def request(self, call: Callable[..., requests.Response], url: str, **arguments: Any) -> requests.Response:
        """Make a call: ``requests.get``, ``requests.post`` and so on, or whatever stands in for it."""


class ClientInterception:
    """Lets somebody supervise every HTTP call, and lets answers be parsed in silence, until :meth:`lift`.

    Args:
        supervisor: Who; None lets calls be.

    """

    def __init__(self, supervisor: Supervisor | None = None) -> None:
        self._supervisor = supervisor
        self._undo = ExitStack()
        self._undo.callback(OnImport(SERVER_CLIENT, self._intercept).forget)

    def lift(self) -> None:
        """Leave everything as it was found."""
        self._undo.close()

    def _intercept(self, module: ModuleType) -> None:
        if self._supervisor is not None:
            self._replace(module, HTTP_CALLS, functools.partial(_supervised, self._supervisor))
        self._replace(module, PARSERS, _without_deprecations)

    def _replace(
        self,
        module: ModuleType,
        calls: tuple[tuple[str, str], ...],
        replaced: Callable[[Callable[..., Any]], Callable[..., Any]],
    ) -> None:
        for class_name, name in calls:
            owner = getattr(module, class_name, None)
            if isinstance(owner, type) and name in vars(owner):
                original = vars(owner)[name]
                call = replaced(getattr(owner, name))
                setattr(owner, name, staticmethod(call) if isinstance(original, staticmethod) else call)
                self._undo.callback(setattr, owner, name, original)


def _supervised(supervisor: Supervisor, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, http_method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True

        @functools.wraps(http_method)  # the vendor reads its name
        def request(url: str, **arguments: Any) -> requests.Response:
            __tracebackhide__ = True
            return supervisor.request(http_method, url, **arguments)

        return original(self, request, *args, **kwargs)

    return call


def _without_deprecations(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return the vendor's call, in which it doesn't warn of its own parts: under ``-W error``, no test would pass."""

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        with unmentioned():
            return original(*args, **kwargs)

    return call
