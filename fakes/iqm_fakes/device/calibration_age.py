"""How old the calibration of a device is, and the command that gets a newer one."""

from __future__ import annotations

import shlex
from calendar import month_name
from datetime import datetime, timedelta

from iqm_fakes.device.bundled import bundled_devices
from iqm_fakes.device.device import Calibration, Device
from iqm_fakes.device.snapshot import SOURCE
from iqm_fakes.documents import moment

MAX_AGE = 14.0
"""Days from which on a calibration is old."""


def age(device: Device, file: str, now: datetime, max_age: float = MAX_AGE) -> str:
    """Return how old a device's default calibration is, for people; from an age on, with the command that renews it.

    A calibration is as old as the latest figures that are published of it.

    Args:
        device: A device.
        file: Its file, or the name of a bundled device.
        now: The time, with its zone.
        max_age: Days from which on a snapshot or an imported file is old; others can't be renewed by a command.

    """
    measured = measured_at(device.calibration())
    if measured is None:
        return "of unknown age"
    if file in bundled_devices():
        return f"catalogue, {month_name[measured.month]} {measured.year}"
    days = max((now - measured) / timedelta(days=1), 0.0)
    command = _renewal(device, file)
    if days <= max_age or command is None:
        return f"calibrated {_ago(days)}"
    return f"calibrated {_ago(days)}, more than {max_age:g} days; to renew it: {command}"


def measured_at(calibration: Calibration) -> datetime | None:
    """Return when the figures of a calibration were published; None if that is no time."""
    documents = (calibration.calibration_set, calibration.quality_metric_set)
    moments = [moment(str(document["created_timestamp"])) for document in documents if document]
    known = [each for each in moments if each is not None]
    return max(known) if len(known) == len(moments) else None


def _ago(days: float) -> str:
    hours = int(days * 24)
    if hours < 1:
        return "less than an hour ago"
    number, unit = (hours, "hour") if hours < 48 else (int(days), "day")
    return f"{number} {unit}{'' if number == 1 else 's'} ago"


def _renewal(device: Device, file: str) -> str | None:
    like, out = device.document.get("imported_like"), shlex.quote(file)
    if like is not None:
        return f"iqm-fake import METRICS.json --like {shlex.quote(str(like))} --out {out} --force"
    return f"iqm-fake snapshot --out {out}" if device.document.get("source") == SOURCE else None
