"""Fake IQM quantum computers: what an IQM Server does, in this process or on a loopback socket.

Importing this package loads nothing heavy; each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from iqm_fakes.startup import quick_imports

if TYPE_CHECKING:
    from iqm_fakes.api import Api
    from iqm_fakes.client import FakeIQMClient
    from iqm_fakes.device import Calibration, Device, DeviceError, bundled_devices
    from iqm_fakes.errors import ErrorCode, ServerError
    from iqm_fakes.jobs import Job, JobStatus
    from iqm_fakes.recordings import Recording, RecordingError, RecordingNotFound, Recordings, record
    from iqm_fakes.server import FakeIQMServer, Limits, MissingMetricsWarning
    from iqm_fakes.transport import loopback

_HOME = {
    "Api": "api",
    "Calibration": "device",
    "Device": "device",
    "DeviceError": "device",
    "ErrorCode": "errors",
    "FakeIQMClient": "client",
    "FakeIQMServer": "server",
    "Job": "jobs",
    "JobStatus": "jobs",
    "Limits": "server",
    "MissingMetricsWarning": "server",
    "Recording": "recordings",
    "RecordingError": "recordings",
    "RecordingNotFound": "recordings",
    "Recordings": "recordings",
    "ServerError": "errors",
    "bundled_devices": "device",
    "loopback": "transport",
    "record": "recordings",
}

__all__ = [
    "Api",
    "Calibration",
    "Device",
    "DeviceError",
    "ErrorCode",
    "FakeIQMClient",
    "FakeIQMServer",
    "Job",
    "JobStatus",
    "Limits",
    "MissingMetricsWarning",
    "Recording",
    "RecordingError",
    "RecordingNotFound",
    "Recordings",
    "ServerError",
    "bundled_devices",
    "loopback",
    "record",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with quick_imports():
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
