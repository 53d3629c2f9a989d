"""Requests through any client of the vendor's: with its credentials, its connection and its errors.

Nothing of the vendor is copied or patched.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import requests
from iqm.iqm_client import IQMClient
from pydantic import BaseModel, ValidationError
from urllib3.exceptions import NameResolutionError

from iqm_fakes.vendor import layout

COMPOSED = hasattr(IQMClient, "from_url")
"""Whether IQMClient is put together from an executor and a storage (iqm-client ≥ 36), or makes its own connection."""

_server_client: Any = import_module(layout.SERVER_CLIENT)

ServerClient: Any = next(
    getattr(_server_client, name) for name, _ in layout.HTTP_CALLS if hasattr(_server_client, name)
)
"""The vendor's class that makes every HTTP call."""

_NotFound: type[Exception] = _server_client.map_from_status_code_to_error(404)

VENDOR_ERRORS: tuple[type[Exception], ...] = (
    *_NotFound.__bases__,  # of all that an error response is turned into
    _server_client.ClientConfigurationError,
    import_module(layout.AUTHENTICATION).ClientAuthenticationError,
    requests.RequestException,
)
"""What the vendor's client raises if the server can't be reached, or refuses; the same in every supported version."""

OVERLOADED_ERRORS: tuple[type[Exception], ...] = tuple(
    _server_client.map_from_status_code_to_error(status) for status in layout.OVERLOADED
)
"""Those of them that say that the server, or its machine, can't be used now."""


def told(error: BaseException) -> str:
    """Return what an error of :data:`VENDOR_ERRORS` says; of a server that does not answer, which, and what to do."""
    request = getattr(error, "request", None)
    if not isinstance(error, requests.ConnectionError | requests.Timeout) or request is None:
        return str(error)
    where = urlsplit(str(request.url))
    address = f"{where.scheme}://{where.netloc.rpartition('@')[2]}"
    if isinstance(error, requests.Timeout):
        return f"no answer from {address} in time: is the server busy, or unreachable from here?"
    if isinstance(getattr(error.args[0] if error.args else None, "reason", None), NameResolutionError):
        return f"no answer from {address}: nobody knows this host; is the address right?"
    if isinstance(error, requests.exceptions.SSLError):
        return f"no answer from {address} that can be trusted: {error.args[0]}"
    return f"no answer from {address}: is the server on, and is the address right?"


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


def address(client: IQMClient) -> str:
    """Return the address of the server that a client is connected to."""
    return str(_connection(client).root_url)


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


_MODELS: Mapping[str, type[BaseModel]] = {
    kind: getattr(import_module(module), name) for kind, (module, name) in layout.DOCUMENT_MODELS.items()
}


def refused(kind: str, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where the vendor's model refuses a published document, and why.

    Args:
        kind: What it is: ``static_quantum_architecture``, ``dynamic_quantum_architecture``, ``calibration_set`` or
            ``quality_metric_set``.
        document: As the server sends it.

    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the vendor's own use of what it deprecated
            _MODELS[kind].model_validate(document)
    except ValidationError as errors:
        for error in errors.errors():
            yield "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in error["loc"]), error["msg"]


def _send(client: IQMClient) -> Callable[..., requests.Response]:
    connection = _connection(client)
    send: Callable[..., requests.Response] = connection.send_request if COMPOSED else connection._send_request
    return send


def _connection(client: IQMClient) -> Any:
    return client._executor.client if COMPOSED else vars(client)["_iqm_server_client"]
