"""Without ``--iqm-live`` nothing reaches a real IQM Server by accident.

Credentials leave the environment for the session, and the vendor's one HTTP call is refused unless it stays on this
machine. The vendor's module takes seconds to import and most test runs never do, so the guard waits for the import.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import ipaddress
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from pytest_iqm.settings import CREDENTIALS

MODULE = "iqm.iqm_server_client.iqm_server_client"
CALLS = (("IQMServerClient", "send_request"), ("_IQMServerClient", "_send_request"))
"""The vendor's HTTP call: class and method in iqm-client 36, and before."""


class LiveAccessRefused(RuntimeError):
    """A test was about to call a real IQM Server in a run without ``--iqm-live``."""


class Guard(importlib.abc.MetaPathFinder):
    """Takes credentials out of the environment and refuses calls that leave this machine, until :meth:`lift`."""

    def __init__(self) -> None:
        self._credentials = {name: os.environ.pop(name) for name in CREDENTIALS if name in os.environ}
        self._guarded: list[tuple[type, str, Callable[..., Any]]] = []
        if MODULE in sys.modules:
            self._watch(sys.modules[MODULE])
        else:
            sys.meta_path.insert(0, self)

    def lift(self) -> None:
        """Leave everything as it was found."""
        os.environ.update(self._credentials)
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        for owner, name, original in self._guarded:
            setattr(owner, name, original)
        self._guarded.clear()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Let the vendor's module be found by the others, and watch it once it is loaded."""
        if fullname != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_and_watch(module: ModuleType) -> None:
            load(module)
            self._watch(module)

        spec.loader.exec_module = load_and_watch  # type: ignore[method-assign]  # this loader serves this module only
        return spec

    def _watch(self, module: ModuleType) -> None:
        for class_name, name in CALLS:
            owner = getattr(module, class_name, None)
            original = getattr(owner, name, None)
            if owner is not None and original is not None:
                setattr(owner, name, _guarded(original))
                self._guarded.append((owner, name, original))


def _guarded(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, http_method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if _leaves_the_process(http_method) and not _is_loopback(self.root_url):
            raise LiveAccessRefused(
                f"a test is about to call the IQM Server at {self.root_url}, and this run is offline. Either use the "
                "fixtures iqm_backend, iqm_client or iqm_url, which serve a fake; or, if the call is meant, run "
                "pytest with --iqm-live."
            )
        return original(self, http_method, *args, **kwargs)

    return call


def _leaves_the_process(http_method: Callable[..., Any]) -> bool:
    """Whether the call would be made by requests itself, not by a stand-in for it."""
    import requests

    send, session = requests.adapters.HTTPAdapter.send, requests.Session.send
    real = send.__module__ == "requests.adapters" and session.__module__ == "requests.sessions"
    return http_method.__module__ == "requests.api" and real


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
