"""Fake IQM quantum computers: what an IQM Server does, in this process or on a loopback socket.

Importing this package loads nothing heavy; each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iqm_fakes.agreement.comparison import compare, compare_recordings
    from iqm_fakes.agreement.results import Comparison
    from iqm_fakes.client import FakeIQMClient
    from iqm_fakes.device.bundled import bundled_devices
    from iqm_fakes.device.device import Calibration, Device, DeviceError
    from iqm_fakes.device.error_rates import MissingMetricsWarning
    from iqm_fakes.recordings.folder import RecordingNotFound, Recordings
    from iqm_fakes.recordings.from_server import record
    from iqm_fakes.recordings.recording import Recording, RecordingError
    from iqm_fakes.server.job import Job
    from iqm_fakes.server.limits import Limits
    from iqm_fakes.server.server import FakeIQMServer
    from iqm_fakes.server.workers import Workers
    from iqm_fakes.simulator.slow_simulations import SlowSimulationWarning
    from iqm_fakes.vendor.http import VENDOR_ERRORS
    from iqm_fakes.web.api import Api
    from iqm_fakes.web.serving import intercepted, served
    from iqm_fakes.wire.error_codes import ErrorCode, ServerError
    from iqm_fakes.wire.status import JobStatus

_HOME = {
    "Api": "web.api",
    "Calibration": "device.device",
    "Comparison": "agreement.results",
    "Device": "device.device",
    "DeviceError": "device.device",
    "ErrorCode": "wire.error_codes",
    "FakeIQMClient": "client",
    "FakeIQMServer": "server.server",
    "Job": "server.job",
    "JobStatus": "wire.status",
    "Limits": "server.limits",
    "MissingMetricsWarning": "device.error_rates",
    "Recording": "recordings.recording",
    "RecordingError": "recordings.recording",
    "RecordingNotFound": "recordings.folder",
    "Recordings": "recordings.folder",
    "ServerError": "wire.error_codes",
    "SlowSimulationWarning": "simulator.slow_simulations",
    "VENDOR_ERRORS": "vendor.http",
    "Workers": "server.workers",
    "bundled_devices": "device.bundled",
    "compare": "agreement.comparison",
    "compare_recordings": "agreement.comparison",
    "intercepted": "web.serving",
    "record": "recordings.from_server",
    "served": "web.serving",
}

__all__ = [
    "VENDOR_ERRORS",
    "Api",
    "Calibration",
    "Comparison",
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
    "SlowSimulationWarning",
    "Workers",
    "bundled_devices",
    "compare",
    "compare_recordings",
    "intercepted",
    "record",
    "served",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from iqm_fakes.vendor.quick_imports import quick_imports

    with quick_imports():
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
