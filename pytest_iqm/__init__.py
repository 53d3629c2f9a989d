"""Test programs for IQM quantum computers, offline or live.

Importing this package loads neither qiskit nor iqm-client; each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from iqm_fakes.vendor.quick_imports import quick_imports
from pytest_iqm._version import __version__

if TYPE_CHECKING:
    from iqm_fakes import FakeIQMClient, FakeIQMServer
    from pytest_iqm.backend import IQMBackend
    from pytest_iqm.live.guard import LiveAccessRefused
    from pytest_iqm.statistics import distribution, expectation, probability, same_as, shots_for, support

_HOME = {
    "FakeIQMClient": "iqm_fakes",
    "FakeIQMServer": "iqm_fakes",
    "IQMBackend": "pytest_iqm.backend",
    "LiveAccessRefused": "pytest_iqm.live.guard",
    "distribution": "pytest_iqm.statistics",
    "expectation": "pytest_iqm.statistics",
    "probability": "pytest_iqm.statistics",
    "same_as": "pytest_iqm.statistics",
    "shots_for": "pytest_iqm.statistics",
    "support": "pytest_iqm.statistics",
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
    with quick_imports():
        value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
