"""Control over HTTP, below ``/_fake/``: what tests in Python do with a :class:`FakeIQMServer`, for other languages.

Requests and answers are JSON objects. Whatever changes something answers how the server is now. A fault is the sentence
that it is in Python: ``{"on": "submit", "does": "answers", "error": 503, "times": 2}`` is
``faults.on("submit").answers(503, times=2)``. Control itself meets no faults.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter, signature
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

from werkzeug.routing import Rule, Submount
from werkzeug.wrappers import Request, Response

from iqm_fakes.server.job import Job
from iqm_fakes.web.responses import json_response
from iqm_fakes.wire.error_codes import ErrorCode, ServerError

if TYPE_CHECKING:
    from iqm_fakes.server.server import FakeIQMServer

PATH = "/_fake"

_WORDS: Mapping[Any, str] = {str: "a text", int: "a whole number", float: "a number", NoneType: "null"}
"""Kind of value → what it is called in JSON."""


def answer(endpoint: Callable[..., Any], server: FakeIQMServer, request: Request) -> Response:
    """Do what a request asks for.

    Raises:
        ServerError: ``invalid_input``, ``conflict``, or what the server says.

    """
    try:
        return json_response(endpoint(server, _said(request)))
    except ValueError as error:
        raise ServerError(ErrorCode.INVALID_INPUT, str(error)) from None


def _state(server: FakeIQMServer, said: dict[str, Any]) -> Any:
    _call(_nothing, said)
    return _now(server)


def _jobs(server: FakeIQMServer, said: dict[str, Any]) -> Any:
    _call(_nothing, said)
    server.queue.tick()
    return {"jobs": [_job(server, job) for job in server.jobs]}


def _reset(server: FakeIQMServer, said: dict[str, Any]) -> Any:
    def reset(*, seed: int | None = None) -> None:
        pace = server.queue.pace
        server.reset(seed=server.seed if seed is None else seed)
        if pace:
            server.queue.takes(waiting=pace[0], processing=pace[1])

    _call(reset, said)
    return _now(server)


def _arm(server: FakeIQMServer, said: dict[str, Any]) -> Any:
    operations, verb = said.pop("on", None), said.pop("does", None)
    if operations == "job":
        begin: Callable[..., Any] = server.faults.job
    else:
        named = [operations] if isinstance(operations, str) else operations
        if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
            raise ValueError(f'"on" is an operation, a list of them, or "job", got {json.dumps(operations)}')

        def begin(*, after: int = 0, job: str | None = None) -> Any:
            return server.faults.on(*named, after=after, job=job)

    begun = _call(begin, {name: said.pop(name) for name in signature(begin).parameters if name in said})
    verbs = [name for name, method in vars(type(begun)).items() if callable(method) and not name.startswith("_")]
    if verb not in verbs:
        raise ValueError(f'"does" is one of {", ".join(verbs)}, got {json.dumps(verb)}')
    _call(getattr(begun, verb), said, server.recalibrate)
    return _now(server)


def _disarm(server: FakeIQMServer, said: dict[str, Any]) -> Any:
    _call(server.faults.clear, said)
    return _now(server)


def _recalibrate(server: FakeIQMServer, said: dict[str, Any]) -> Any:
    calibration = _call(server.recalibrate, said)
    return {**_now(server), "calibration_set_id": calibration.id}


def _maintain(server: FakeIQMServer, said: dict[str, Any]) -> Any:
    if list(said) != ["maintenance"] or not isinstance(said["maintenance"], bool):
        raise ValueError(f'a request says {{"maintenance": true}} or false, got {json.dumps(said)}')
    server.maintenance = said["maintenance"]
    return _now(server)


def _hold(server: FakeIQMServer, said: dict[str, Any]) -> Any:
    _call(_nothing, said)
    if not server.queue.is_held:
        server.queue.hold()
    return _now(server)


def _release(server: FakeIQMServer, said: dict[str, Any]) -> Any:
    _call(_nothing, said)
    if server.queue.is_held:
        server.queue.release()
    return _now(server)


def _start(server: FakeIQMServer, said: dict[str, Any]) -> Any:
    return _step(server, said, server.queue.start_next)


def _finish(server: FakeIQMServer, said: dict[str, Any]) -> Any:
    return _step(server, said, server.queue.finish_next)


def _step(server: FakeIQMServer, said: dict[str, Any], step: Callable[[], Job | None]) -> Any:
    if not server.queue.is_held:
        raise ServerError(ErrorCode.CONFLICT, f"The queue runs by itself: hold it first, POST {PATH}/queue/hold.")
    job = _call(step, said)
    return {**_now(server), "job": None if job is None else _job(server, job)}


def _nothing() -> None:
    """Take no arguments."""


def _now(server: FakeIQMServer) -> dict[str, Any]:
    """Return how the server is."""
    return {
        "seed": server.seed,
        "maintenance": server.maintenance,
        "queue": {"held": server.queue.is_held, "length": len(server.queue)},
        "unfired_faults": server.faults.unfired(),
    }


def _job(server: FakeIQMServer, job: Job) -> dict[str, Any]:
    """Return a job as the API describes it, and what it is not told there."""
    more = {"quantum_computer": job.computer, "client": job.client, "explanation": job.explanation}
    return {**server.job_document(job), **more, "payload": job.payload}


def _said(request: Request) -> dict[str, Any]:
    """Return what the body of a request says; nothing is an empty object."""
    body = request.get_data()
    try:
        said = json.loads(body or b"{}")
    except ValueError as error:
        raise ValueError(f"the body is no JSON: {error}") from None
    if not isinstance(said, dict):
        raise ValueError(f"the body is a JSON object, got {json.dumps(said)}")
    return said


def _call(method: Callable[..., Any], said: Mapping[str, Any], more: Callable[..., Any] | None = None) -> Any:
    """Call a method with what a request says.

    Args:
        method: It has arguments by name, and says of what kind they are.
        said: The arguments.
        more: What the method passes on to, if it takes any arguments.

    Raises:
        ValueError: It has no such arguments, needs others, or they are of another kind; or what the method raises.

    """
    parameters = dict(signature(method, eval_str=True).parameters)
    if more is not None and any(each.kind is Parameter.VAR_KEYWORD for each in parameters.values()):
        parameters |= signature(more, eval_str=True).parameters
    known = {name: each for name, each in parameters.items() if each.kind is not Parameter.VAR_KEYWORD}
    for name, value in said.items():
        if name not in known:
            can = f"can say {', '.join(known)}" if known else "has nothing more to say"
            raise ValueError(f'"{name}" means nothing here: a request {can}')
        _check(name, value, known[name].annotation)
    for name, each in known.items():
        if each.default is Parameter.empty and name not in said:
            raise ValueError(f'"{name}" is missing')
    return method(**{name: _plain(value) for name, value in said.items()})


def _check(name: str, value: Any, annotation: Any) -> None:
    kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    if not any(_is(value, kind) for kind in kinds):
        words = [_WORDS.get(kind, "a list of names, or of lists of names") for kind in kinds]
        raise ValueError(f'"{name}" is {" or ".join(words)}, got {json.dumps(value)}')


def _is(value: Any, kind: Any) -> bool:
    if get_origin(kind) is Iterable:
        lists = [entry if isinstance(entry, list) else [entry] for entry in value] if isinstance(value, list) else [[0]]
        return all(isinstance(name, str) for names in lists for name in names)
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return isinstance(value, kind)


def _plain(value: Any) -> Any:
    """Return a value as Python's methods want it: loci are tuples."""
    return [tuple(entry) if isinstance(entry, list) else entry for entry in value] if isinstance(value, list) else value


_ENDPOINTS: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("GET", "/"): _state,
    ("GET", "/jobs"): _jobs,
    ("POST", "/reset"): _reset,
    ("POST", "/faults"): _arm,
    ("DELETE", "/faults"): _disarm,
    ("POST", "/recalibrate"): _recalibrate,
    ("POST", "/maintenance"): _maintain,
    ("POST", "/queue/hold"): _hold,
    ("POST", "/queue/release"): _release,
    ("POST", "/queue/start"): _start,
    ("POST", "/queue/finish"): _finish,
}
"""Method and path → what it does, with what the request says."""

RULES = Submount(
    PATH, [Rule(path, methods=[method], endpoint=endpoint) for (method, path), endpoint in _ENDPOINTS.items()]
)

ENDPOINTS = frozenset(_ENDPOINTS.values())
