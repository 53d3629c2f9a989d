"""The REST API of an IQM Server, version 1, as a WSGI application.

Only this room knows paths and headers. To add a route, write an endpoint and its line in :data:`ROUTES`. What CUDA-Q
speaks is older: :mod:`.older_circuit_api`. People see a page: :mod:`.page`.
"""

from __future__ import annotations

import hmac
import logging
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule, Submount
from werkzeug.wrappers import Request, Response

from iqm_fakes.recordings.folder import RecordingNotFound
from iqm_fakes.recordings.recording import RecordingError
from iqm_fakes.server.faults import Answer, Broken, Event, Operation
from iqm_fakes.web import control, older_circuit_api, query
from iqm_fakes.web.page import routes as page
from iqm_fakes.web.responses import JSON, error_response, json_response
from iqm_fakes.web.transport import IN_PROCESS, Interrupted
from iqm_fakes.wire.error_codes import ErrorCode, ServerError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from iqm_fakes.server.job import Job
    from iqm_fakes.server.server import FakeIQMServer

LOG = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds that a status request waits for a running job, so that a polling client sees it finish at once."""

LONGEST_POLL = 30
"""Seconds that a client may ask a status request to wait for the end of a job."""

ROUTES = Map(
    [
        Rule("/", methods=["GET"], endpoint="root"),
        Rule("/about", methods=["GET"], endpoint="about"),
        Rule("/api/versions", methods=["GET"], endpoint="versions"),
        *(
            Submount(
                prefix,
                [
                    Rule("/about", methods=["GET"], endpoint="about"),
                    Rule("/quantum-computers", methods=["GET"], endpoint="quantum_computers"),
                    Rule("/quantum-computers/<qc>", methods=["GET"], endpoint="quantum_computer"),
                    Rule("/quantum-computers/<qc>/health", methods=["GET"], endpoint="health"),
                    Rule("/quantum-computers/<qc>/limits", methods=["GET"], endpoint="limits"),
                    Rule("/quantum-computers/<qc>/queue-availability", methods=["GET"], endpoint="queue_availability"),
                    Rule("/quantum-computers/<qc>/timeslots", methods=["GET"], endpoint="timeslots"),
                    Rule("/quantum-computers/<qc>/timeslots", methods=["POST"], endpoint="book_timeslot"),
                    Rule("/quantum-computers/<qc>/artifacts/<kind>", methods=["GET"], endpoint="qc_artifact"),
                    Rule("/calibration-sets/<qc>/<cal>", methods=["GET"], endpoint="calibration_set"),
                    Rule("/calibration-sets/<qc>/<cal>/metrics", methods=["GET"], endpoint="metrics"),
                    Rule(
                        "/calibration-sets/<qc>/<cal>/dynamic-quantum-architecture",
                        methods=["GET"],
                        endpoint="dynamic_quantum_architecture",
                    ),
                    Rule("/jobs/<qc>/<kind>", methods=["POST"], endpoint="submit"),
                    Rule("/jobs/<job_id>", methods=["GET"], endpoint="job"),
                    Rule("/jobs/<job_id>", methods=["DELETE"], endpoint="delete"),
                    Rule("/jobs/<job_id>/payload", methods=["GET"], endpoint="payload"),
                    Rule("/jobs/<job_id>/cancel", methods=["POST"], endpoint="cancel"),
                    Rule("/jobs/<job_id>/artifacts/<kind>", methods=["GET"], endpoint="job_artifact"),
                ],
            )
            for prefix in ("/api/v1", "/api/latest")
        ),
        *older_circuit_api.RULES,
        control.RULES,
        page.RULES,
    ],
    merge_slashes=False,
    redirect_defaults=False,
    strict_slashes=False,
)


OPERATIONS: dict[Any, Operation] = {
    "submit": Operation.SUBMIT,
    "job": Operation.STATUS,
    "payload": Operation.PAYLOAD,
    "job_artifact": Operation.RESULTS,
    "cancel": Operation.CANCEL,
    "delete": Operation.DELETE,
    "calibration_set": Operation.CALIBRATION,
    "metrics": Operation.CALIBRATION,
    "dynamic_quantum_architecture": Operation.CALIBRATION,
    "qc_artifact": Operation.ARCHITECTURE,
    "health": Operation.HEALTH,
    "quantum_computers": Operation.COMPUTERS,
    "quantum_computer": Operation.COMPUTERS,
    **older_circuit_api.OPERATIONS,
}
"""Endpoint → the operation that faults know it by; others meet no faults."""


class Api:
    """A :class:`FakeIQMServer` as a WSGI application.

    Args:
        server: What answers.
        token: If given, every request has to carry ``Authorization: Bearer <token>``.
        latency: Seconds by which every answer is late.
        controlled: Let everybody control the server, see :mod:`.control`.

    Raises:
        ValueError: The latency is negative.

    """

    def __init__(
        self, server: FakeIQMServer, *, token: str | None = None, latency: float = 0.0, controlled: bool = False
    ) -> None:
        if latency < 0:
            raise ValueError(f"a latency is not negative, got {latency} seconds")
        self._server = server
        self._token = token
        self._latency = latency
        self._controlled = controlled

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        if self._latency:
            time.sleep(self._latency)
        try:
            response = page.file(request) or self._routed(request)
        except ServerError as error:
            response = error_response(error.code, str(error))
        except (RecordingNotFound, RecordingError) as error:
            if environ.get(IN_PROCESS):
                raise
            missing = isinstance(error, RecordingNotFound)
            response = error_response(
                ErrorCode.RECORDING_NOT_FOUND if missing else ErrorCode.INTERNAL_ERROR, str(error)
            )
        except HTTPException as error:
            code = ErrorCode.METHOD_NOT_ALLOWED if error.code == 405 else ErrorCode.NOT_FOUND
            response = error_response(code, f"{request.method} {request.path}: {error.description}")
        level = logging.DEBUG if request.path.startswith(page.PATH) else logging.INFO  # the page asks each second
        LOG.log(level, "%s %s %d", request.method, request.path, response.status_code)
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def _routed(self, request: Request) -> Response:
        self._authenticate(request)
        endpoint, arguments = ROUTES.bind_to_environ(request.environ).match()
        if endpoint in control.ENDPOINTS:
            return self._control(request, endpoint)
        if endpoint in page.ENDPOINTS:
            return page.answer(endpoint, self._server, request, arguments)
        return self._answer(request, endpoint, arguments)

    def _answer(self, request: Request, endpoint: Any, arguments: Mapping[str, Any]) -> Response:
        """Answer a request that may meet a fault."""
        effect = self._server.faults.meet(OPERATIONS.get(endpoint), _job_id(arguments))
        if isinstance(effect, Answer):
            headers = {} if effect.retry_after is None else {"Retry-After": str(effect.retry_after)}
            return error_response(effect.code, effect.message, headers)
        if isinstance(effect, Broken) and effect.how in ("refused", "timeout"):
            _interrupt(request, effect)
        if isinstance(effect, Event):
            effect.act()
        response: Response
        if callable(endpoint):
            response = endpoint(self._server, request, **arguments)
        else:
            response = getattr(self, f"_{endpoint}")(request, **arguments)
        if isinstance(effect, Broken):
            return _broken(request, effect, response)
        return response

    def _control(self, request: Request, endpoint: Any) -> Response:
        if not self._controlled:
            raise ServerError(
                ErrorCode.NOT_FOUND,
                f"{request.path}: nobody controls this server; start it with iqm-fake serve --control.",
            )
        return control.answer(endpoint, self._server, request)

    def _authenticate(self, request: Request) -> None:
        if self._token is None:
            return
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token.encode()):
            raise ServerError(ErrorCode.UNAUTHORIZED, "Missing or invalid authentication credentials")

    # -- the server and its quantum computers ----------------------------------------------------------------------

    def _root(self, request: Request) -> Response:
        document = {
            "message": "This is a fake IQM Server, iqm-fake of pytest-iqm: its quantum computers are simulated.",
            "quantum_computers": list(self._server.devices),
            "seed": self._server.seed,
            "api": "/api/v1",
            "control": control.PATH if self._controlled else None,
        }
        response = json_response(document)
        response.vary.add("Accept")  # browsers get the page
        return response

    def _about(self, request: Request) -> Response:
        return json_response({"version": "fake"})

    def _versions(self, request: Request) -> Response:
        return json_response({"versions": ["v1"], "latest": "v1"})

    def _quantum_computers(self, request: Request) -> Response:
        return json_response(self._server.quantum_computers())

    def _quantum_computer(self, request: Request, qc: str) -> Response:
        return json_response(self._server.quantum_computer(qc))

    def _health(self, request: Request, qc: str) -> Response:
        return json_response(self._server.health(qc))

    def _limits(self, request: Request, qc: str) -> Response:
        return json_response(self._server.limits(qc))

    def _queue_availability(self, request: Request, qc: str) -> Response:
        length = self._server.queue_length(qc)
        start = query.moment(request, "timerange_start", "2000-01-01T00:00:00Z")
        end = query.moment(request, "timerange_end", "2100-01-01T00:00:00Z")
        available = [] if self._server.maintenance else [{"start": start, "end": end}]
        return json_response({"queue_length": length, "available": available})

    def _timeslots(self, request: Request, qc: str) -> Response:
        return json_response(self._server.timeslots(qc))

    def _book_timeslot(self, request: Request, qc: str) -> Response:
        self._server.device(qc)
        raise ServerError(ErrorCode.BAD_REQUEST, "This server has no timeslots to book: its queue is always open.")

    def _qc_artifact(self, request: Request, qc: str, kind: str) -> Response:
        artifact = self._server.artifact(qc, kind)
        if isinstance(artifact, bytes):
            return Response(artifact, mimetype="application/protobuf")
        return json_response(artifact)

    def _calibration_set(self, request: Request, qc: str, cal: str) -> Response:
        return json_response(self._server.calibration(qc, cal).calibration_set)

    def _metrics(self, request: Request, qc: str, cal: str) -> Response:
        return json_response(self._server.quality_metric_set(qc, cal))

    def _dynamic_quantum_architecture(self, request: Request, qc: str, cal: str) -> Response:
        return json_response(self._server.calibration(qc, cal).dynamic_quantum_architecture)

    # -- jobs --------------------------------------------------------------------------------------------------------

    def _submit(self, request: Request, qc: str, kind: str) -> Response:
        self._server.device(qc)
        if kind != "circuit":
            raise ServerError(
                ErrorCode.UNSUPPORTED_JOB_TYPE, f"Job type '{kind}' is not supported: this server takes 'circuit' jobs."
            )
        job = self._server.submit(
            qc,
            request.get_data(),
            tag=query.short(request, "tag", 50),
            client=request.headers.get("User-Agent"),
            use_timeslot=query.boolean(request, "use_timeslot"),
        )
        if LOG.isEnabledFor(logging.INFO):  # the payload would have to be parsed once more
            LOG.info("job %s submitted: %d circuits, %d shots each", job.id, job.outline.circuits, job.outline.shots)
        return self._job_response(job)

    def _job(self, request: Request, job_id: str) -> Response:
        job = self._server.job(job_id)
        long_poll = query.boolean(request, "wait_until_terminal")
        if long_poll:
            self._server.queue.wait(job, query.whole(request, "timeout_seconds", 10, LONGEST_POLL))
        elif not self._server.queue.is_held:
            self._server.queue.wait(job, PATIENCE)
        response = self._job_response(job)
        if long_poll and not job.status.terminal:
            response.headers["IQM-Long-Poll-Timed-Out"] = "true"
        return response

    def _job_response(self, job: Job) -> Response:
        return json_response(self._server.job_document(job))

    def _payload(self, request: Request, job_id: str) -> Response:
        body = self._server.job(job_id).body
        return Response(body, mimetype="application/json", headers={"IQM-Job-Type": "circuit"})

    def _cancel(self, request: Request, job_id: str) -> Response:
        return self._job_response(self._server.cancel(job_id))

    def _delete(self, request: Request, job_id: str) -> Response:
        self._server.delete(job_id)
        return Response(status=204)

    def _job_artifact(self, request: Request, job_id: str, kind: str) -> Response:
        documents: dict[str, Callable[[str], bytes]] = {
            "runtime_estimates": self._server.runtime_estimates,
            "measurements": self._server.measurements,
            "measurement_counts": self._server.measurement_counts,
        }
        if kind in documents:
            return Response(documents[kind](job_id), content_type=JSON)
        self._server.job(job_id)
        raise ServerError(ErrorCode.JOB_ARTIFACT_NOT_FOUND, f"A circuit job has no artifact '{kind}'.")


def _job_id(arguments: Mapping[str, Any]) -> str | None:
    """Return the id of the job that a request is about, as the server writes it."""
    try:
        return str(uuid.UUID(arguments["job_id"]))
    except (KeyError, ValueError):
        return None


def _broken(request: Request, effect: Broken, response: Response) -> Response:
    """Return an answer that arrives late or is not what it should be; or break the connection."""
    if effect.how == "slow":
        time.sleep(effect.seconds)
        return response
    if effect.how == "garbled":
        return Response("<html><body>502</body></html>", content_type="text/html")
    if effect.how == "truncated":
        body = response.get_data()
        response.headers["Content-Length"] = str(len(body))
        response.response = _first_half(request, body)
        return response
    return _interrupt(request, effect)


def _first_half(request: Request, body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    _interrupt(request, Broken("reset"))


def _interrupt(request: Request, effect: Broken) -> NoReturn:
    """End a request without an answer."""
    if request.environ.get(IN_PROCESS):
        raise Interrupted(effect.how)
    connection = request.environ["werkzeug.socket"]
    if effect.how == "timeout":
        connection.settimeout(effect.seconds)
        with suppress(OSError):
            connection.recv(1)  # until the client gives up
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError(effect.how)  # the handler takes it for a client that has gone
