"""How the real machine differs from the device files that offline runs use."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest

from pytest_iqm.settings import RealMachine

SHOWN = 12
"""Changes that the header lists; ``iqm-fake diff --all`` lists all."""


def calibration_drift(machine: RealMachine, files: Iterable[str]) -> list[str]:
    """Return header lines that compare the real machine, as it is now, with device files.

    Raises:
        pytest.UsageError: The machine can't be reached, or refuses.

    """
    from iqm_fakes.device.comparison import and_more, changes
    from iqm_fakes.device.device import Device, DeviceError
    from iqm_fakes.vendor.http import VENDOR_ERRORS

    errors: tuple[type[Exception], ...] = (*VENDOR_ERRORS, DeviceError)
    try:
        now = Device.snapshot(machine.connect())
        devices = {file: Device.load(file) for file in files}
    except errors as error:
        raise pytest.UsageError(f"--iqm-live can't compare {machine.computer} with a device file: {error}") from None
    lines = []
    for path, device in devices.items():
        file = os.path.relpath(path)
        found = changes(device, now)
        calibration = f"calibration set {now.default_calibration_set_id}"
        if not found:
            lines.append(f"iqm: {calibration} is as in {file}")
            continue
        places = "place" if len(found) == 1 else "places"
        lines.append(f"iqm: {calibration} differs from {file} in {len(found)} {places}:")
        lines += [f"  {change}" for change in found[:SHOWN]]
        if more := and_more(found, SHOWN):
            lines.append(f"  {more}: iqm-fake snapshot, then iqm-fake diff")
    return lines
