"""Before any test runs: whether the machine is there, takes our credentials, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pytest_iqm.errors import LiveTimeout
from pytest_iqm.settings import RealMachine

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from pytest_iqm.live.transport import LiveTransport


@dataclass(frozen=True)
class Preflight:
    """What the machine said.

    Attributes:
        calibration_set: Id of the default calibration set.
        unavailable: Why the machine can't be used now; None if it can.

    """

    calibration_set: str | None
    unavailable: str | None


def preflight(machine: RealMachine, transport: LiveTransport) -> Preflight:
    """Ask the machine.

    Args:
        machine: Which one.
        transport: Gives up in time.

    Raises:
        pytest.UsageError: It can't be reached, or refuses; or it can't be used now, and tests are to fail then.

    """
    # Takes seconds, which are not the machine's.
    from iqm_fakes.vendor.http import OVERLOADED_ERRORS, VENDOR_ERRORS, dynamic_quantum_architecture

    calibration_set = None
    try:
        with transport.within(machine.rules.preflight):
            client = machine.connect()
            unavailable = why_unavailable(client)
            if unavailable is None:
                calibration_set = str(dynamic_quantum_architecture(client)["calibration_set_id"])
    except LiveTimeout as error:
        raise pytest.UsageError(f"--iqm-live can't use {machine.computer} at {machine.url}: {error}") from None
    except VENDOR_ERRORS as error:
        unavailable = _text(error) if isinstance(error, OVERLOADED_ERRORS) else None
        if unavailable is None:
            raise pytest.UsageError(
                f"--iqm-live can't use {machine.computer} at {machine.url} with the credentials from "
                f"{machine.credentials}: {_text(error)}"
            ) from None
    if unavailable is not None and not machine.rules.skip_if_unavailable.value:
        raise pytest.UsageError(
            f"--iqm-live can't use {machine.computer} at {machine.url} now: {unavailable}. With --iqm-unavailable=skip "
            "its tests would be skipped."
        )
    return Preflight(calibration_set, unavailable)


def why_unavailable(client: IQMClient) -> str | None:
    """Return why a machine takes no jobs now, as far as it says so.

    Raises:
        Exception: The vendor's client's, if it can't be asked.

    """
    from iqm_fakes.device.health import ONLINE, Health
    from iqm_fakes.vendor.http import get, quantum_computer_alias

    computer = f"quantum-computers/{quantum_computer_alias(client)}"
    described, health = (Health.read(_optional(client, path)) for path in (computer, f"{computer}/health"))
    for operational in (described.operational, health.operational):
        if operational != ONLINE:
            return f"it is in {operational}"
    if (described if health.healthy is None else health).healthy is False:
        return "it says that it is not healthy"
    now = datetime.now(UTC)
    start, end = (moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (now, now + timedelta(hours=1)))
    queue = get(
        client,
        f"{computer}/queue-availability",
        missing=True,
        params={"timerange_start": start, "timerange_end": end},
    )
    if queue is not None and queue.get("available") == []:
        return "its queue is closed"
    return None


def _optional(client: IQMClient, path: str) -> dict[str, Any]:
    """Return a document that not every server has."""
    from iqm_fakes.vendor.http import get

    document = get(client, path, missing=True)
    return document if isinstance(document, dict) else {}


def _text(error: Exception) -> str:
    from iqm_fakes.vendor.http import told

    return told(error).strip() or type(error).__name__
