"""FakeIQMClient: the vendor's client with its one HTTP call handed to a fake server in the same process.

The only module that knows how the vendor's classes are laid out in each version. Nothing of the vendor is copied or
patched: its client asks for ``requests.get`` to be called, and we call something else.
"""

from __future__ import annotations

import json
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

_authentication: Any = import_module("iqm.station_control.client.authentication")
_models: Any = import_module("iqm.iqm_client")
_ObservationSet: type[BaseModel] = import_module(
    "iqm.station_control.interface.models.observation_set"
).ObservationSetWithObservations

_NotFound: type[Exception] = _vendor.map_from_status_code_to_error(404)

VENDOR_ERRORS: tuple[type[Exception], ...] = (
    *_NotFound.__bases__,  # of all that an error response is turned into
    _vendor.ClientConfigurationError,
    _authentication.ClientAuthenticationError,
    requests.RequestException,
)
"""What the vendor's client raises if the server can't be reached, or refuses."""

AWAY_ERRORS: tuple[type[Exception], ...] = tuple(_vendor.map_from_status_code_to_error(status) for status in (429, 503))
"""Those of them that say that the server, or its machine, can't be used now."""

URL = "https://fake.invalid"
"""An address that exists nowhere (RFC 2606): if it is ever looked up, something went around the transport."""


class _FakeServerClient(_ServerClient):  # type: ignore[misc]  # its base depends on the vendor's version
    """The vendor's server client, its one HTTP call made on a transport; it needs no credentials and never sees any."""

    # The vendor's constructor fills this from IQM_TOKEN or the tokens file, if the environment has one.
    _auth_header_callback = property(lambda self: None, lambda self, callback: None)

    def __init__(self, transport: Transport, url: str, computer: str | None) -> None:
        self._transport = transport
        super().__init__(url, quantum_computer=computer)

    def send_request(self, http_method: Callable[..., requests.Response], *args: Any, **kwargs: Any) -> Any:
        """Make the vendor's one HTTP call on the transport (its name in iqm-client 36; below, its name before)."""
        return super().send_request(caller(self._transport, http_method), *args, **kwargs)

    def _send_request(self, http_method: Callable[..., requests.Response], *args: Any, **kwargs: Any) -> Any:
        return super()._send_request(caller(self._transport, http_method), *args, **kwargs)


def _assemble(client: IQMClient, connection: _FakeServerClient) -> None:
    """Do what the vendor's constructor does, with a connection that is there already."""
    if COMPOSED:
        from iqm.iqm_server_client.iqm_server_executor import IQMServerExecutor
        from iqm.iqm_server_client.iqm_server_storage import IQMServerStorage

        IQMClient.__init__(client, executor=IQMServerExecutor(connection), storage=IQMServerStorage(connection))
    else:
        # the vendor's constructor sets just these two, after making an HTTP connection of its own
        vars(client).update(_iqm_server_client=connection, _dynamic_quantum_architectures={})


class FakeIQMClient(IQMClient):
    """The vendor's ``IQMClient``, connected to a simulated quantum computer in this process.

    Args:
        device: Name of a bundled device, a device file or a :class:`Device`. With ``server``, the alias of one of its
            quantum computers. The default is the server's only one, or garnet.
        seed: Makes results reproducible, see :class:`FakeIQMServer`.
        noise: False simulates a perfect quantum computer.
        idle: False lets components that wait for others keep their state, see :class:`FakeIQMServer`.
        method: How Aer simulates; ``auto`` takes what is fastest for a circuit, see :class:`FakeIQMServer`.
        recordings: Folder of recorded jobs, which can be retrieved. Without ``device``, their computer is replayed:
            what is run is answered by its recording, see :class:`FakeIQMServer`.
        server: A server to connect to, instead of a new one. Several clients may share a server.

    Raises:
        DeviceError: The device is unknown or its file is broken.
        RecordingNotFound: There are no recordings to replay.
        ValueError: Both ``server`` and a property of a server (all others) were given, or the method is unknown; or it
            is not clear which of several recorded computers is meant.

    """

    def __init__(
        self,
        device: str | os.PathLike[str] | Device | None = None,
        *,
        seed: int | None = None,
        noise: bool = True,
        idle: bool = True,
        method: Method | Literal["auto"] = "auto",
        recordings: str | os.PathLike[str] | None = None,
        server: FakeIQMServer | None = None,
    ) -> None:
        if server is None:
            machines = [device] if device is not None else [] if recordings is not None else ["garnet"]
            server = FakeIQMServer(*machines, seed=seed, noise=noise, idle=idle, method=method, recordings=recordings)
            computer = _computer_on(server, None)
        else:
            if (seed, noise, idle, method, recordings) != (None, True, True, "auto", None):
                raise ValueError(
                    "seed, noise, idle, method and recordings are properties of a server: give them to FakeIQMServer"
                )
            computer = _computer_on(server, device)
        self.server = server
        _assemble(self, _FakeServerClient(InProcess(Api(server)), URL, computer))

    def __repr__(self) -> str:
        return f"FakeIQMClient({quantum_computer_alias(self)!r}, seed={self.server.seed})"


def _computer_on(server: FakeIQMServer, device: str | os.PathLike[str] | Device | None) -> str:
    if device is None:
        if len(server.devices) > 1:
            raise ValueError(f"the server has several quantum computers, name one: {', '.join(server.devices)}")
        return next(iter(server.devices))
    return server.device(device.alias if isinstance(device, Device) else os.fspath(device)).alias


def connect(url: str, *, quantum_computer: str | None = None) -> IQMClient:
    """Return the vendor's own client for a server, with credentials from the vendor's environment variables.

    Args:
        url: Address of the server.
        quantum_computer: Alias; None if the server has only one.

    """
    if COMPOSED:
        return IQMClient.from_url(url, quantum_computer=quantum_computer)
    legacy: Callable[..., IQMClient] = IQMClient
    return legacy(url, quantum_computer=quantum_computer)


def quantum_computer_alias(client: IQMClient) -> str:
    """Return the alias of the quantum computer that a client is connected to."""
    alias: str = _connection(client).quantum_computer
    return alias


def get(client: IQMClient, path: str, *, missing: bool = False, params: Mapping[str, str] | None = None) -> Any:
    """Return the JSON document that the server of a client has, with all its fields.

    Args:
        client: What sends the request, with its credentials and its errors.
        path: From the API's root on.
        missing: Return None if the server answers that there is no such document, instead of raising.
        params: Of the query.

    """
    try:
        return _send(client)(requests.get, path, params=params).json()
    except _NotFound:
        if missing:
            return None
        raise


def dynamic_quantum_architecture(client: IQMClient, computer: str | None = None) -> dict[str, Any]:
    """Return what a quantum computer, if not named the client's own, can execute now: by its default calibration."""
    alias = quantum_computer_alias(client) if computer is None else computer
    document: dict[str, Any] = get(client, f"calibration-sets/{alias}/default/dynamic-quantum-architecture")
    return document


def post(client: IQMClient, path: str, document: Any = None, *, params: Mapping[str, str] | None = None) -> Any:
    """Return what the server of a client answers when a JSON document is posted; the arguments are those of `get`."""
    body = None if document is None else json.dumps(document)
    return _send(client)(requests.post, path, params=params, json_data=body).json()


def cancel(client: IQMClient, job_id: str) -> None:
    """Cancel a job; one that has ended is an error of the vendor's."""
    _send(client)(requests.post, f"jobs/{job_id}/cancel")


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


def _send(client: IQMClient) -> Callable[..., requests.Response]:
    connection = _connection(client)
    send: Callable[..., requests.Response] = connection.send_request if COMPOSED else connection._send_request
    return send


def _connection(client: IQMClient) -> Any:
    return client._executor.client if COMPOSED else vars(client)["_iqm_server_client"]
