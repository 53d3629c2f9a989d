"""Test programs for IQM quantum computers, offline or live.

Importing this package loads nothing else; each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqm_fakes import FakeIQMClient, FakeIQMServer
    from pytest_iqm._version import __version__
    from pytest_iqm.backend import IQMBackend
    from pytest_iqm.claims import distribution, expectation, probability, same_as, support
    from pytest_iqm.errors import LiveAccessRefused
    from pytest_iqm.statistics.shots_needed import shots_for

_HOME = {
    "FakeIQMClient": "iqm_fakes",
    "FakeIQMServer": "iqm_fakes",
    "IQMBackend": "pytest_iqm.backend",
    "LiveAccessRefused": "pytest_iqm.errors",
    "__version__": "pytest_iqm._version",
    "distribution": "pytest_iqm.claims",
    "expectation": "pytest_iqm.claims",
    "probability": "pytest_iqm.claims",
    "same_as": "pytest_iqm.claims",
    "shots_for": "pytest_iqm.statistics.shots_needed",
    "support": "pytest_iqm.claims",
}

__all__ = [
    "FakeIQMClient",
    "FakeIQMServer",
    "IQMBackend",
    "LiveAccessRefused",
    "__version__",
    "distribution",
    "expectation",
    "probability",
    "same_as",
    "shots_for",
    "support",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from iqm_fakes.vendor.quick_imports import quick_imports

    with quick_imports():
        value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
