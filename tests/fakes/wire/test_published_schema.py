"""What is refused at submission is what the vendor's published schema refuses; the rest fails as a job, or runs."""

import copy
import json
import math

import pytest
from api_client import NOBODY, PRX, Http, measure, submission
from hypothesis import given
from hypothesis import strategies as st

from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.wire.payload import CircuitJobPayload, InvalidPayload

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "number": int | float,
    "integer": int | float,
}


def fits(value, schema, root):
    """Whether a value is of a JSON schema, as far as the vendor's uses them; ``format`` says nothing."""
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return any(fits(value, option, root) for option in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kind = schema.get("type")
    if kind and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return False
    if kind == "integer" and value != math.floor(value):
        return False
    if "exclusiveMinimum" in schema and not value > schema["exclusiveMinimum"]:
        return False
    if kind == "object":
        known = schema.get("properties", {})
        return (
            all(name in value for name in schema.get("required", ()))
            and (schema.get("additionalProperties", True) or set(value) <= set(known))
            and all(fits(value[name], inner, root) for name, inner in known.items() if name in value)
        )
    if kind == "array":
        places = schema.get("prefixItems", [])
        return (
            schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf)
            and not (schema.get("uniqueItems") and len(set(map(json.dumps, value))) < len(value))
            and all(fits(element, inner, root) for element, inner in zip(value, places, strict=False))
            and all(fits(element, schema.get("items", {}), root) for element in value[len(places) :])
        )
    return True


@pytest.fixture(scope="module")
def schema():
    models = pytest.importorskip("iqm.station_control.interface.models.circuit")
    if not hasattr(models, "_Circuit"):
        pytest.skip("the schema of iqm-client 36 is what this is about")
    return models.PostJobsRequest.model_json_schema()


FULL = {
    "circuits": [
        {"name": "c", "instructions": [{**PRX, "implementation": None}, measure("QB1")], "metadata": {}},
        {"name": "d", "instructions": [{"name": "measure", "qubits": ["QB1"], "args": {"key": "m"}}]},
        "; ModuleID = 'q'",
    ],
    "calibration_set_id": NOBODY,
    "qubit_mapping": [{"logical_name": "QB1", "physical_name": "QB2"}],
    "shots": 10,
    "max_circuit_duration_over_t2": 1.0,
    "heralding_mode": "none",
    "move_gate_validation": "strict",
    "move_gate_frame_tracking": "full",
    "active_reset_cycles": 1,
    "dd_mode": "enabled",
    "dd_strategy": {
        "merge_contiguous_waits": True,
        "target_qubits": ["QB1", "QB2"],
        "skip_leading_wait": True,
        "skip_trailing_wait": False,
        "gate_sequences": [[9, "XYXY", "asap"], [2, [[3.14, 0.0]], "center"]],
    },
}

VALUES = [
    None, True, False, 0, 1, 1.0, 1.5, -1, 2**40, 1e300, "", "x", "yes", "1", "none", "default", "ASAP", "left",
    [], {}, [1], ["x"], [[]], ["x", "x"], {"a": 1}, [[1, "X", "asap"]], [[1, "X"]], [[1.0, [[1, 2]], "x", 3]],
    [["1", "X", "asap"]], [[1, [["1", "2"]], "asap"]], [[1, [[1]], "asap"]], [{"name": "c"}], [{"name": 1}],
    [{"logical_name": "a", "physical_name": "b", "c": "d"}],
    [{"logical_name": "a", "physical_name": "QB1"}, {"logical_name": "a", "physical_name": "QB1"}],
]  # fmt: skip
GONE = object()


def places(value, path=()):
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from places(inner, (*path, key))


def changed(document, path, value):
    document = copy.deepcopy(document)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    if value is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


def accepted(document):
    try:
        CircuitJobPayload.parse(json.dumps(document).encode())
    except InvalidPayload:
        return False
    return True


PLACES = [path for path in places(FULL) if path]


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_one_wrong_value_anywhere(schema, path):
    for value in (*VALUES, GONE):
        document = changed(FULL, path, value)
        assert accepted(document) == fits(document, schema, schema), (path, value)


@given(st.data())
def test_several_wrong_values(schema, data):
    document = FULL
    for _ in range(data.draw(st.integers(2, 4))):
        path = data.draw(st.sampled_from([path for path in places(document) if path] or [()]))
        if path:
            document = changed(document, path, data.draw(st.sampled_from([*VALUES, GONE])))
    assert accepted(document) == fits(document, schema, schema), document


def test_former_option_names_are_no_part_of_the_schema():
    """A wrong value there is accepted by the schema, and fails in the station; here it is refused at once."""
    assert not accepted({"circuits": [], "move_validation_mode": "x"})


# -- and then? ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def http():
    return Http(Api(FakeIQMServer("adonis", seed=1, noise=False)))


def run(http, payload):
    job = http.run(payload)
    return job["status"], [(error["error_code"], error["message"]) for error in job["errors"]]


INTERNAL = ("failed", [("unknown", "Internal server error occurred")])
HALF = {"angle": 0.3, "angle_t": 0.5, "phase": 0.0, "phase_t": 0.0}


@pytest.mark.parametrize(
    "payload",
    [
        submission(PRX, measure("QB1"), shots=20.0),
        submission({"name": "prx", "locus": ["QB1"], "args": HALF}, measure("QB1")),  # full turns win
        submission({**PRX, "qubits": ["QB2"]}, measure("QB1")),  # today's dialect wins
        submission(PRX, measure("QB1"), dd_strategy={"gate_sequences": [[2, "XX", "ASAP"]], "target_qubits": ["QB1"]}),
        submission(
            {**PRX, "locus": ["a"]},
            measure("b"),
            qubit_mapping=[
                {"logical_name": a, "physical_name": b} for a, b in (("a", "QB9"), ("a", "QB1"), ("b", "QB1"))
            ],
        ),
    ],
)
def test_what_runs(http, payload):
    job = http.run(payload)
    assert (job["status"], job["errors"]) == ("completed", [])
    assert http.ask("GET", f"/api/v1/jobs/{job['id']}/artifacts/measurements") == [{"m": [[1]] * 20}]


@pytest.mark.parametrize(
    "payload",
    [
        {"circuits": [], "shots": 10},
        {"circuits": [{"name": "c"}], "shots": 10},
        {"circuits": [{"name": "c", "instructions": []}], "shots": 10},
        submission(PRX, measure("QB1"), calibration_set_id="default"),
        submission(PRX, measure("QB1"), calibration_set_id="the best one"),
    ],
)
def test_what_breaks_the_station(http, payload, caplog):
    """The vendor's compiler, or its model, raises what is no error of the client's."""
    assert run(http, payload) == INTERNAL
    assert caplog.text  # says more


def test_none_and_full_fail_the_job_in_the_vendors_words(http):
    status, ((code, message),) = run(http, submission(PRX, measure("QB1"), move_gate_validation="none"))
    assert (status, code) == ("failed", "circuit_error")
    stage = 'Error in stage "circuit_stage" pass "validate_settings": '
    assert message == f"{stage}Full MOVE gate frame tracking requires MOVE gate validation to be turned on."


@pytest.mark.parametrize(
    "instructions",
    [
        [{"name": "prx", "args": PRX["args"]}, measure("QB1")],  # so of the former dialect, where locus is nothing
        [{**PRX, "locus": []}, measure("QB1")],
        [PRX, {"name": "measure", "qubits": ["QB1"], "args": {"key": "m"}}],
    ],
)
def test_an_instruction_without_a_locus_fails_the_job(http, instructions):
    status, ((code, message),) = run(http, submission(*instructions))
    assert (status, code) == ("failed", "circuit_error")
    assert message.startswith(("Circuit 0", "Error in stage"))


def test_a_negative_limit_fails_the_job(http):
    status, ((code, _),) = run(http, submission(PRX, measure("QB1"), max_circuit_duration_over_t2=-1))
    assert (status, code) == ("failed", "circuit_error")


@pytest.mark.parametrize("turns", ["x", None, 10**400])
def test_what_is_no_angle_fails_the_job(http, turns):
    instruction = {"name": "prx", "locus": ["QB1"], "args": {"angle_t": turns, "phase_t": 0}}
    status, ((_, message),) = run(http, submission(instruction, measure("QB1")))
    assert status == "failed"
    assert "Traceback" not in message
