"""Submissions in every dialect become one; what is malformed is refused with its place."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqm_fakes.simulator.circuit import Refused
from iqm_fakes.wire.payload import CircuitJobPayload, InvalidPayload


def body(*instructions, **fields):
    circuit = {"name": "c", "instructions": list(instructions)}
    return json.dumps({"circuits": [circuit], "shots": 10, **fields}).encode()


def measure(name="QB1", key="locus"):
    return {"name": "measure", key: [name], "args": {"key": "m"}}


@pytest.mark.parametrize("where", ["locus", "qubits"])
@pytest.mark.parametrize("turns", [False, True])
@given(angle=st.floats(-10, 10), phase=st.floats(-10, 10))
def test_all_four_dialects_mean_the_same(where, turns, angle, phase):
    args = {"angle_t": angle / math.tau, "phase_t": phase / math.tau} if turns else {"angle": angle, "phase": phase}
    payload = CircuitJobPayload.parse(body({"name": "prx", where: ["QB1"], "args": args}))
    (instruction,) = payload.circuit(0).instructions
    assert (instruction.name, instruction.locus) == ("prx", ("QB1",))
    assert instruction.args == pytest.approx({"angle": angle, "phase": phase}, abs=1e-12)


def test_former_operation_names_are_understood():
    former = [
        {"name": "phased_rx", "qubits": ["QB1"], "args": {"angle_t": 0.5, "phase_t": 0}},
        {"name": "measurement", "qubits": ["QB1"], "args": {"key": "m"}},
    ]
    circuit = CircuitJobPayload.parse(body(*former)).circuit(0)
    assert [instruction.name for instruction in circuit.instructions] == ["prx", "measure"]


def test_a_mapping_renames_loci_and_nothing_else():
    feedback = {"angle": 1.0, "phase": 0.0, "feedback_qubit": "QB1", "feedback_key": "m"}
    mapping = [{"logical_name": a, "physical_name": b} for a, b in (("QB1", "QB3"), ("QB3", "QB1"))]
    instructions = [measure(), {"name": "cc_prx", "locus": ["QB3"], "args": feedback}]
    measured, fed = CircuitJobPayload.parse(body(*instructions, qubit_mapping=mapping)).circuit(0).instructions
    assert (measured.locus, measured.args) == (("QB3",), {"key": "m"})
    assert (fed.locus, fed.args["feedback_qubit"]) == (("QB1",), "QB1")


def test_a_name_that_is_not_mapped_is_named():
    mapping = [{"logical_name": "a", "physical_name": "QB3"}]
    payload = CircuitJobPayload.parse(body(measure("b"), qubit_mapping=mapping))
    with pytest.raises(Refused, match="Logical qubit 'b' does not map to a physical qubit"):
        payload.circuit(0)


def test_option_names_of_both_kinds_are_understood():
    for name in ("move_gate_validation", "move_validation_mode"):
        assert CircuitJobPayload.parse(body(measure(), **{name: "allow_prx"})).options().move_validation == "allow_prx"


def test_the_smallest_submission_is_legal():
    circuits = [{"name": "c", "instructions": [measure()], "metadata": None}]
    payload = CircuitJobPayload.parse(json.dumps({"circuits": circuits, "made up": 1}).encode())
    assert payload.shots == 1


def test_qir_is_accepted_and_not_run():
    payload = CircuitJobPayload.parse(json.dumps({"circuits": ["; ModuleID = 'q'"], "shots": 1}).encode())
    with pytest.raises(NotImplementedError, match="QIR programs are not supported"):
        payload.circuit(0)


STRATEGY = {"gate_sequences": [[9, "XYXYYXYX", "asap"], [2, [[3.14, 0.0]], "center"]], "target_qubits": ["QB1"]}


def test_dynamical_decoupling_is_accepted():
    assert CircuitJobPayload.parse(body(measure(), dd_mode="enabled", dd_strategy=STRATEGY)).dd_mode == "enabled"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "body: Invalid JSON"),
        (b"\xff", "body: Invalid JSON"),
        (b"[]", "body: Input should be an object"),
        (b'{"shots": 5}', "circuits: Field required"),
        (body(measure(), shots=0), "shots: Input should be greater than 0"),
        (body(measure(), shots="5"), "shots: Input should be a valid integer"),
        (body(measure(), shots=True), "shots: Input should be a valid integer"),
        (body(measure(), shots=1.5), "shots: Input should be a valid integer"),
        (body(measure(), calibration_set_id=5), "calibration_set_id.str: Input should be a valid string"),
        (body(measure(), heralding_mode="ones"), "heralding_mode: Input should be 'none' or 'zeros'"),
        (
            body(measure(), max_circuit_duration_over_t2="1"),
            "max_circuit_duration_over_t2: Input should be a valid num",
        ),
        (body(measure(), active_reset_cycles=0.5), "active_reset_cycles: Input should be a valid integer"),
        (body(measure(), dd_strategy={"gate_sequences": [[1, "X", 5]]}), "dd_strategy.gate_sequences.0.2"),
        (body(measure(), dd_strategy={"merge_contiguous_waits": "yes"}), "dd_strategy.merge_contiguous_waits"),
        (body(measure(), dd_strategy={"target_qubits": ["QB1", "QB1"]}), "target_qubits: names are repeated"),
        (body(measure(), qubit_mapping={"a": "QB1"}), "qubit_mapping: Input should be a valid array"),
        (
            body(measure(), qubit_mapping=[{"logical_name": "a", "physical_name": "QB1", "x": 1}]),
            "qubit_mapping.0.x: Extra inputs are not permitted",
        ),
        (body({"locus": ["QB1"]}), "instructions.0.name: Field required"),
        (body({"name": "prx", "qubits": "QB1"}), "instructions.0.qubits: Input should be a valid array"),
        (body({"name": "prx", "locus": ["QB1"], "args": None}), "instructions.0.args: Input should be an object"),
    ],
)
def test_a_malformed_submission_says_what_and_where(text, message):
    with pytest.raises(InvalidPayload, match=message):
        CircuitJobPayload.parse(text)


@given(
    st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_nothing_a_client_can_send_breaks_the_parser(text):
    with pytest.raises(InvalidPayload):
        CircuitJobPayload.parse(text)


@pytest.mark.parametrize(
    ("instructions", "loci"),
    [
        ([{"name": "prx", "locus": ["QB1"], "qubits": ["QB2"]}, measure("QB3")], [("QB1",), ("QB3",)]),
        ([{"name": "prx", "locus": ["QB1"]}, measure("QB3", "qubits")], [(), ("QB3",)]),
        ([{"name": "prx", "locus": "QB1", "qubits": ["QB2"]}, measure("QB3")], [("QB2",), ()]),
        ([{"name": "prx"}], [()]),
    ],
)
def test_the_dialect_is_that_of_the_vendors_model(instructions, loci):
    """Today's if every instruction has a locus; else the former one, in which ``locus`` is nothing."""
    payload = CircuitJobPayload.parse(body(*instructions))
    assert [step.locus for step in payload.circuit(0).instructions] == loci
    models = pytest.importorskip("iqm.station_control.interface.models.circuit")
    if not hasattr(models, "_Circuit"):
        pytest.skip("before iqm-client 34 there was one dialect")
    (circuit,) = models.PostJobsRequest.model_validate_json(body(*instructions)).circuits
    assert [step.locus if hasattr(step, "locus") else step.qubits for step in circuit.instructions] == loci


def test_full_turns_win():
    args = {"angle": 0.1, "angle_t": 0.5, "phase_t": 0.25, "phase": 7.0}
    (step,) = CircuitJobPayload.parse(body({"name": "prx", "locus": ["QB1"], "args": args})).circuit(0).instructions
    assert step.args == {"angle": math.pi, "phase": math.pi / 2}
