"""FakeIQMClient: the vendor's client with its one HTTP call handed to a fake server in the same process.

The only module that knows how the vendor's classes are laid out in each version. Nothing of the vendor is copied or
patched: its client asks for ``requests.get`` to be called, and we call something else.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Literal

import requests
from iqm.iqm_client import IQMClient
from pydantic import BaseModel, ValidationError

from iqm_fakes.api import Api
from iqm_fakes.device import Device
from iqm_fakes.server import FakeIQMServer
from iqm_fakes.simulator import Method
from iqm_fakes.transport import InProcess, Transport, caller

COMPOSED = hasattr(IQMClient, "from_url")
"""Whether IQMClient is put together from an executor and a storage (iqm-client ≥ 36), or makes its own connection."""

_vendor: Any = import_module("iqm.iqm_server_client.iqm_server_client")
_ServerClient: Any = _vendor.IQMServerClient if COMPOSED else _vendor._IQMServerClient

_models: Any = import_module("iqm.iqm_client")
_ObservationSet: type[BaseModel] = import_module(
    "iqm.station_control.interface.models.observation_set"
).ObservationSetWithObservations

_NotFound: type[Exception] = _vendor.map_from_status_code_to_error(404)

VENDOR_ERRORS: tuple[type[Exception], ...] = (
    *_NotFound.__bases__,  # of all that an error response is turned into
    _vendor.ClientConfigurationError,
    requests.RequestException,
)
"""What the vendor's client raises if the server can't be reached, or refuses."""

URL = "https://fake.invalid"
"""An address that exists nowhere (RFC 2606): if it is ever looked up, something went around the transport."""


class TransportedServerClient(_ServerClient):  # type: ignore[misc]  # its base depends on the vendor's version
    """The vendor's server client on a transport; it needs no credentials and never sees any."""

    def __init__(self, transport: Transport, computer: str) -> None:
        self._transport = transport
        super().__init__(URL, quantum_computer=computer)

    # The vendor's constructor fills this from IQM_TOKEN or the tokens file, if the environment has one.
    _auth_header_callback = property(lambda self: None, lambda self, callback: None)

    def send_request(self, http_method: Callable[..., requests.Response], *args: Any, **kwargs: Any) -> Any:
        """Make the vendor's one HTTP call on the transport (its name in iqm-client 36; below, its name before)."""
        return super().send_request(caller(self._transport, http_method), *args, **kwargs)

    def _send_request(self, http_method: Callable[..., requests.Response], *args: Any, **kwargs: Any) -> Any:
        return super()._send_request(caller(self._transport, http_method), *args, **kwargs)


class FakeIQMClient(IQMClient):
    """The vendor's ``IQMClient``, connected to a simulated quantum computer in this process.

    Args:
        device: Name of a bundled device, a device file or a :class:`Device`. With ``server``, the alias of one of its
            quantum computers. The default is the server's only one, or garnet.
        seed: Makes results reproducible, see :class:`FakeIQMServer`.
        noise: False simulates a perfect quantum computer.
        idle: False lets components that wait for others keep their state, see :class:`FakeIQMServer`.
        method: How Aer simulates; ``auto`` takes what is fastest for a circuit, see :class:`FakeIQMServer`.
        server: A server to connect to, instead of a new one. Several clients may share a server.

    Raises:
        DeviceError: The device is unknown or its file is broken.
        ValueError: Both ``server`` and a property of a server (all others) were given, or the method is unknown.

    """

    def __init__(
        self,
        device: str | os.PathLike[str] | Device | None = None,
        *,
        seed: int | None = None,
        noise: bool = True,
        idle: bool = True,
        method: Method | Literal["auto"] = "auto",
        server: FakeIQMServer | None = None,
    ) -> None:
        if server is None:
            machine = "garnet" if device is None else device
            server = FakeIQMServer(machine, seed=seed, noise=noise, idle=idle, method=method)
            computer = next(iter(server.devices))
        else:
            if (seed, noise, idle, method) != (None, True, True, "auto"):
                raise ValueError("seed, noise, idle and method are properties of a server: give them to FakeIQMServer")
            computer = _computer_on(server, device)
        self.server = server
        connection = TransportedServerClient(InProcess(Api(server)), computer)
        if COMPOSED:
            from iqm.iqm_server_client.iqm_server_executor import IQMServerExecutor
            from iqm.iqm_server_client.iqm_server_storage import IQMServerStorage

            super().__init__(executor=IQMServerExecutor(connection), storage=IQMServerStorage(connection))
        else:
            # the vendor's constructor sets just these two, after making an HTTP connection of its own
            vars(self).update(_iqm_server_client=connection, _dynamic_quantum_architectures={})

    def __repr__(self) -> str:
        return f"FakeIQMClient({quantum_computer_alias(self)!r}, seed={self.server.seed})"


def _computer_on(server: FakeIQMServer, device: str | os.PathLike[str] | Device | None) -> str:
    if device is None:
        if len(server.devices) > 1:
            raise ValueError(f"the server has several quantum computers, name one: {', '.join(server.devices)}")
        return next(iter(server.devices))
    return server.device(device.alias if isinstance(device, Device) else os.fspath(device)).alias


def connect(url: str, *, quantum_computer: str | None = None) -> IQMClient:
    """Return the vendor's own client for a server, with credentials from the vendor's environment variables."""
    if COMPOSED:
        return IQMClient.from_url(url, quantum_computer=quantum_computer)
    legacy: Callable[..., IQMClient] = IQMClient
    return legacy(url, quantum_computer=quantum_computer)


def quantum_computer_alias(client: IQMClient) -> str:
    """Return the alias of the quantum computer that a client is connected to."""
    alias: str = _connection(client).quantum_computer
    return alias


def get(client: IQMClient, path: str, *, missing: bool = False) -> Any:
    """Return the JSON document that the server of a client has, with all its fields.

    Args:
        client: What sends the request, with its credentials and its errors.
        path: From the API's root on.
        missing: Return None if the server answers that there is no such document, instead of raising.

    """
    connection = _connection(client)
    send = connection.send_request if COMPOSED else connection._send_request
    try:
        return send(requests.get, path).json()
    except _NotFound:
        if missing:
            return None
        raise


def refused(device: Device) -> Iterator[tuple[str, str]]:
    """Yield where the vendor's models refuse what a device publishes, and why."""
    yield from _refusals(
        _models.StaticQuantumArchitecture, device.static_quantum_architecture, "static_quantum_architecture"
    )
    for index, calibration in enumerate(device.calibrations.values()):
        place = f"calibrations[{index}]"
        yield from _refusals(_ObservationSet, calibration.calibration_set, f"{place}.calibration_set")
        if calibration.quality_metric_set is not None:
            yield from _refusals(_ObservationSet, calibration.quality_metric_set, f"{place}.quality_metric_set")
        architecture = f"{place}.dynamic_quantum_architecture"
        yield from _refusals(_models.DynamicQuantumArchitecture, calibration.dynamic_quantum_architecture, architecture)


def _refusals(model: type[BaseModel], document: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the vendor's own use of what it deprecated
            model.model_validate(document)
    except ValidationError as errors:
        for error in errors.errors():
            inner = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in error["loc"])
            yield place + inner, error["msg"]


def _connection(client: IQMClient) -> Any:
    return client._executor.client if COMPOSED else vars(client)["_iqm_server_client"]
