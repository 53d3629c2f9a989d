"""FakeIQMClient: the vendor's client with its one HTTP call handed to a fake server in the same process."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Literal

import requests
from iqm.iqm_client import IQMClient

from iqm_fakes.device.bundled import DEFAULT_DEVICE
from iqm_fakes.device.device import Device
from iqm_fakes.server.server import FakeIQMServer
from iqm_fakes.simulator.methods import Method
from iqm_fakes.vendor.http import COMPOSED, ServerClient, address, quantum_computer_alias
from iqm_fakes.web.handle import URL, Handle
from iqm_fakes.web.transport import Transport, caller


class _FakeServerClient(ServerClient):  # type: ignore[misc]  # its base depends on the vendor's version
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

    A copy of it is connected to the same server; so is one that was pickled, in this process and in others.

    Args:
        device: Name of a bundled device, a device file or a :class:`Device`. With ``server``, the alias of one of its
            quantum computers. The default is the server's only one, or garnet.
        seed: Makes results reproducible, see :class:`FakeIQMServer`.
        noise: False simulates a perfect quantum computer.
        idle: False: no relaxation while a component waits for others, see :class:`FakeIQMServer`.
        method: How circuits are simulated; ``auto`` takes what is fastest for a circuit, see :class:`FakeIQMServer`.
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
            machines = [device] if device is not None else [] if recordings is not None else [DEFAULT_DEVICE]
            server = FakeIQMServer(*machines, seed=seed, noise=noise, idle=idle, method=method, recordings=recordings)
            computer = _computer_on(server, None)
        else:
            if (seed, noise, idle, method, recordings) != (None, True, True, "auto", None):
                raise ValueError(
                    "seed, noise, idle, method and recordings are properties of a server: give them to FakeIQMServer"
                )
            computer = _computer_on(server, device)
        self._transport: Transport = Handle(server)
        _assemble(self, _FakeServerClient(self._transport, URL, computer))

    @property
    def server(self) -> FakeIQMServer:
        """The server.

        Raises:
            RuntimeError: The client was pickled, and the server is in the process that it comes from.

        """
        if not isinstance(self._transport, Handle):
            raise RuntimeError("the server of this client is in another process: steer it there")
        return self._transport.server

    def __repr__(self) -> str:
        where = f"seed={self.server.seed}" if isinstance(self._transport, Handle) else "in another process"
        return f"FakeIQMClient({quantum_computer_alias(self)!r}, {where})"


def place(client: IQMClient) -> str:
    """Return where the jobs of a client go, in words."""
    if not isinstance(client, FakeIQMClient):
        return f"at {address(client)}"
    if not isinstance(client._transport, Handle):
        return "fake in another process"
    return "as recorded" if client.server.replays else f"fake, seed {client.server.seed}"


def _computer_on(server: FakeIQMServer, device: str | os.PathLike[str] | Device | None) -> str:
    if device is None:
        if len(server.devices) > 1:
            raise ValueError(f"the server has several quantum computers, name one: {', '.join(server.devices)}")
        return next(iter(server.devices))
    return server.device(device.alias if isinstance(device, Device) else os.fspath(device)).alias
