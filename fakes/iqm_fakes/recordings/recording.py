"""Recording: one job, as it is kept in a file of the schema ``iqm-job/1``.

It is the job as users know it, not the HTTP that carried it: circuits, shots and options; the job document with its
timeline, messages and errors; all shots in order, and counts for people. Headers, addresses, tokens and users have no
place in it, and circuit metadata only if asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqm_fakes.documents import ALIAS, TIME, UUID, Either, That, loads, misshapen, one_of, unwritable
from iqm_fakes.printed import printable
from iqm_fakes.recordings.codec import line, packed, parsed, unpacked
from iqm_fakes.simulator.circuit import Refused
from iqm_fakes.wire.payload import CircuitJobPayload, InvalidPayload
from iqm_fakes.wire.results import histogram, ranked
from iqm_fakes.wire.status import JobStatus
from iqm_fakes.words import several

SCHEMA = "iqm-job/1"
PRECISION = 9
"""Decimals to which arguments of instructions have to agree in a replay."""

COUNTED = 64
"""Outcomes whose counts are written beside the shots."""

JOB_FIELDS = (
    "type",
    "qc",
    "tag",
    "queue_position",
    "runtime_ms",
    "compilation",
    "execution",
    "artifacts",
    "messages",
    "errors",
)
"""What is kept of a job document as it is, beside what has a place of its own."""

MIGRATIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Former schema → what makes a document of it one of the next schema."""


def _are_digits(shots: Sequence[Sequence[int]]) -> bool:
    """Return whether shots that are not written as bits are those of a measurement."""
    widths = {len(shot) for shot in shots}
    return len(widths) == 1 and all(0 <= digit <= 9 for shot in shots for digit in shot)


HEAD: Mapping[str, Any] = {
    "schema": one_of(SCHEMA),
    "id": UUID,
    "fingerprint": str,
    "status": one_of(*(status for status in JobStatus if status.terminal)),
    "computer": ALIAS,
    "calibration_set": UUID,
    "submitted_at": TIME,
    "recorded_at": TIME,
    "tests": [str],
}
"""What the first lines of a file have to say; the shapes are those of :mod:`iqm_fakes.documents`."""

_SHAPE: Mapping[str, Any] = {
    **HEAD,
    "recorded_with": {str: str},
    "request": {
        "options": {"shots?": int},
        "circuits": [Either({"name": str, "instructions": list, "metadata?": Either(dict, None)}, str)],
    },
    "job": {
        "timeline": [(str, str, TIME)],
        "type?": one_of("circuit", "run"),
        "qc?": Either({"id": str}, None),
        "queue_position?": Either(int, None),
        "compilation?": Either({"calibration_set_id?": Either(UUID, None)}, None),
        "execution?": Either({"progress": {str: {"value": int, "max_value": int}}}, None),
        "artifacts?": [{"type": str}],
        "messages?": [{"source": str, "message": str}],
        "errors?": [{"source?": str, "error_code": str, "message": str}],
    },
    "results": Either(
        [
            {
                "counts": {str: int},
                "shots": {str: Either(str, That([[int]], "lists of digits, one a shot", _are_digits))},
            }
        ],
        None,
    ),
    "digest": str,
}
"""What a file has to say."""


class RecordingError(Exception):
    """A recording can't be read or written; the message names the file, the reason and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass(frozen=True)
class Recording:
    """One recorded job.

    Attributes:
        id: The job's id.
        status: ``completed``, ``failed`` or ``cancelled``.
        computer: Alias of the quantum computer.
        calibration_set: Id of the calibration set that the job ran with, or would have.
        timeline: (source, status, timestamp), in order.
        request: The submission: what the client sent, perhaps without the metadata of circuits.
        job: The rest of the job document, see :data:`JOB_FIELDS`.
        results: For each circuit, measurement key → outcomes of shape (shots, components of the measurement); None if
            the job has no results.
        recorded_at: When it was recorded: RFC 3339, UTC.
        recorded_with: Versions of the packages that recorded it.
        tests: Ids of the tests that submitted or retrieved it.

    """

    id: str
    status: str
    computer: str
    calibration_set: str
    timeline: Sequence[tuple[str, str, str]]
    request: Mapping[str, Any] = field(repr=False)
    job: Mapping[str, Any] = field(repr=False)
    results: Sequence[Mapping[str, NDArray[np.uint8]]] | None = field(repr=False)
    recorded_at: str
    recorded_with: Mapping[str, str] = field(default_factory=dict)
    tests: Sequence[str] = ()

    @property
    def submitted_at(self) -> str:
        """When the job was submitted."""
        return self.timeline[0][2] if self.timeline else self.recorded_at

    @property
    def fingerprint(self) -> str:
        """What has to be submitted to get this recording in a replay."""
        return fingerprint(self.request, self.computer)

    def job_document(self) -> dict[str, Any]:
        """Return the job as the API describes it."""
        timeline = [{"source": s, "status": status, "timestamp": moment} for s, status, moment in self.timeline]
        return {**self.job, "id": self.id, "status": self.status, "timeline": timeline}

    def text(self) -> str:
        """Return the file."""
        document = {
            "schema": SCHEMA,
            "id": self.id,
            "fingerprint": self.fingerprint,
            "status": self.status,
            "computer": self.computer,
            "calibration_set": self.calibration_set,
            "submitted_at": self.submitted_at,
            "recorded_at": self.recorded_at,
            "tests": list(self.tests),
            "recorded_with": dict(self.recorded_with),
            "request": {
                "options": {name: value for name, value in self.request.items() if name != "circuits"},
                "circuits": [_circuit_out(circuit) for circuit in self.request["circuits"]],
            },
            "job": {"timeline": [list(entry) for entry in self.timeline], **self.job},
            "results": None if self.results is None else [_results_out(circuit) for circuit in self.results],
        }
        return _pretty({**document, "digest": _digest(document)}) + "\n"

    @classmethod
    def from_text(cls, text: str | bytes) -> Recording:
        """Read a file.

        Raises:
            RecordingError: It is not a whole, unchanged recording of a known schema; the message says why.

        """
        try:
            document = migrated(loads(text))
            if document.get("digest") != _digest({name: value for name, value in document.items() if name != "digest"}):
                raise RecordingError(
                    "it was changed after it was recorded: its digest does not fit; restore it, or record the job again"
                )
            for problem in misshapen(document, _SHAPE):
                raise RecordingError(problem)
            return _recording(document)
        except ValueError as error:
            raise RecordingError(str(error)) from None


def migrated(document: Any) -> dict[str, Any]:
    """Return a document of today's schema.

    Raises:
        RecordingError: Its schema is unknown, or newer.

    """
    for problem in (*unwritable(document), *misshapen(document, {"schema": str})):
        raise RecordingError(problem)
    current: dict[str, Any] = document
    while (schema := current["schema"]) in MIGRATIONS:
        current = MIGRATIONS[schema](current)
    if schema != SCHEMA:
        family, _, version = schema.partition("/")
        newer = family == "iqm-job" and version.isdecimal() and int(version) > int(SCHEMA.partition("/")[2])
        raise RecordingError(
            f"its schema is {schema!r}, " + ("which is newer: upgrade pytest-iqm" if newer else f"not '{SCHEMA}'")
        )
    return current


def fingerprint(request: Mapping[str, Any], computer: str) -> str:
    """Return what identifies a submission: instructions, shots and options; not names, metadata or calibration set."""
    return _hash(computer, canonical(request))


def fingerprints(request: Mapping[str, Any], computer: str) -> tuple[str, str]:
    """Return the fingerprint of a submission, and the one that it has in recordings of a version that refused it."""
    return fingerprint(request, computer), _hash(computer, verbatim(request))


def _hash(computer: str, lines: Sequence[str]) -> str:
    said = "\n".join(lines)
    return "sha256:" + hashlib.sha256(f"{computer}\n{said}".encode()).hexdigest()


def canonical(request: Mapping[str, Any]) -> list[str]:
    """Return a submission as lines: equal lines for submissions that do the same, whatever the client's dialect."""
    try:
        payload = CircuitJobPayload.parse(json.dumps(request).encode())
        circuits = [payload.circuit(index) for index in range(len(payload.circuits))]
    except (InvalidPayload, Refused, NotImplementedError):  # a submission that fails is recorded, too
        return verbatim(request)
    options = payload.model_dump(exclude={"circuits", "calibration_set_id", "qubit_mapping"})
    lines = [f"{name} {json.dumps(value)}" for name, value in options.items()]
    for index, circuit in enumerate(circuits):
        lines.append(f"circuit {index}")
        lines += [
            f"  {_rounded_line(step.name, step.implementation, step.locus, step.args)}" for step in circuit.instructions
        ]
    return lines


def verbatim(request: Mapping[str, Any]) -> list[str]:
    """Return a submission that can't be understood as lines."""
    circuits = [json.dumps(_anonymous(circuit), sort_keys=True) for circuit in request["circuits"]]
    return [f"shots {request.get('shots')}", *circuits]


def _rounded_line(name: str, implementation: str | None, locus: Sequence[str], args: Mapping[str, Any]) -> str:
    rounded = {
        key: round(value, PRECISION) + 0.0 if isinstance(value, float) else value for key, value in sorted(args.items())
    }
    label = f"{name}:{implementation}" if implementation else name
    return " ".join([label, ",".join(locus), *(f"{key}={json.dumps(value)}" for key, value in rounded.items())])


def _anonymous(circuit: Any) -> Any:
    if not isinstance(circuit, Mapping):
        return circuit
    return {name: value for name, value in circuit.items() if name not in ("name", "metadata")}


def _recording(document: Mapping[str, Any]) -> Recording:
    job, request = document["job"], document["request"]
    results = document["results"]
    recording = Recording(
        id=document["id"],
        status=document["status"],
        computer=document["computer"],
        calibration_set=document["calibration_set"],
        timeline=[(source, status, moment) for source, status, moment in job["timeline"]],
        request={**request["options"], "circuits": [_circuit_in(circuit) for circuit in request["circuits"]]},
        job={name: value for name, value in job.items() if name != "timeline"},
        results=None if results is None else [_results_in(circuit) for circuit in results],
        recorded_at=document["recorded_at"],
        recorded_with=document["recorded_with"],
        tests=document["tests"],
    )
    if document["fingerprint"] not in fingerprints(recording.request, recording.computer):
        raise ValueError("the fingerprint is not that of the request")
    if results is not None and len(results) != len(request["circuits"]):
        given, there = several(len(results), "circuit"), several(len(request["circuits"]), "circuit")
        raise ValueError(f"it has results of {given}, and {there}")
    return recording


def _circuit_out(circuit: Any) -> Any:
    if not isinstance(circuit, Mapping):
        return circuit  # QIR
    return {**circuit, "instructions": [line(instruction) for instruction in circuit["instructions"]]}


def _circuit_in(circuit: Any) -> Any:
    if not isinstance(circuit, Mapping):
        return circuit
    instructions = [parsed(text) for text in circuit["instructions"]]
    if None in instructions:
        raise ValueError(f"{circuit['instructions'][instructions.index(None)]!r:.80} is not an instruction")
    return {**circuit, "instructions": instructions}


def _results_out(circuit: Mapping[str, NDArray[np.uint8]]) -> dict[str, Any]:
    return {
        **_counts(circuit),
        "shots": {key: packed(outcomes) for key, outcomes in circuit.items()},  # type: ignore[arg-type]
    }


def _results_in(circuit: Mapping[str, Any]) -> dict[str, NDArray[np.uint8]]:
    outcomes = {key: unpacked(shots) for key, shots in circuit["shots"].items()}
    if _counts(outcomes) != {name: value for name, value in circuit.items() if name != "shots"}:
        raise ValueError("counts and shots disagree")
    return outcomes


def _counts(circuit: Mapping[str, NDArray[np.uint8]]) -> dict[str, Any]:
    """Return the most frequent outcomes, for people, and how many shots had others."""
    counts = histogram(list(circuit.values())) if circuit else {}
    frequent = dict(ranked(counts)[:COUNTED])
    others = sum(counts.values()) - sum(frequent.values())
    return {"counts": frequent, "others": others} if others else {"counts": frequent}


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, ensure_ascii=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _pretty(value: Any, indent: str = "") -> str:
    """Return JSON in which each instruction, timeline entry and measurement is a line."""
    flat = json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    nested = isinstance(value, dict | list) and bool(value)
    if not nested or (indent and len(flat) + len(indent) <= 100 and not _has_depth(value)):
        return flat
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_pretty(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    return "[\n" + ",\n".join(f"{inner}{_pretty(item, inner)}" for item in value) + f"\n{indent}]"


def _has_depth(value: Any) -> bool:
    elements = value.values() if isinstance(value, dict) else value
    return any(isinstance(element, dict | list) and element for element in elements)
