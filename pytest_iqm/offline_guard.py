"""Without ``--iqm-live`` nothing reaches a real IQM Server by accident."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from pytest_iqm.client_interception import ClientInterception
from pytest_iqm.departures import Departure, Departures
from pytest_iqm.errors import LiveAccessRefused
from pytest_iqm.settings import CREDENTIALS


class OfflineGuard:
    """Takes credentials out of the environment and refuses what would leave this machine, until :meth:`lift`."""

    def __init__(self) -> None:
        self._credentials = {name: os.environ.pop(name) for name in CREDENTIALS if name in os.environ}
        self._departures = Departures(stay_here)
        self._interception = ClientInterception()

    def lift(self) -> None:
        """Leave everything as it was found."""
        os.environ.update(self._credentials)
        self._departures.lift()
        self._interception.lift()


def stay_here(departure: Departure) -> None:
    """Let the vendor's software send requests to this machine only.

    Raises:
        LiveAccessRefused: It is another one.

    """
    __tracebackhide__ = True
    if departure.is_vendors and not departure.stays_here:
        parts = urlsplit(departure.url)
        host = parts.hostname if parts.port in (None, 80, 443) else f"{parts.hostname}:{parts.port}"
        raise LiveAccessRefused(
            f"a test is about to call the IQM Server at {parts.scheme}://{host}, and "
            "this run is offline. Either use the fixtures iqm_backend, iqm_client or iqm_url, which serve a fake; "
            "or, if the call is meant, run pytest with --iqm-live."
        )
