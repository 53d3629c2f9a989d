"""Which circuits are refused, and what programs the others become."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy
from dataclasses import FrozenInstanceError, replace
from math import inf, nan, pi
from typing import Any

import devices
import pytest
from instructions import READ, compiled, conditional, do, prx

from iqm_fakes.simulator.circuit import CircuitError, Instruction, Operation, Program, Refused
from iqm_fakes.simulator.simulator import Simulator

CHAIN = Simulator(devices.chain().calibration(), idle=False)
STAR = Simulator(devices.star().calibration(), idle=False)

REFUSED_ON_CHAIN = [
    # arguments
    ([do("prx", "QB1", phase=1.0)], "argument 'angle' is missing; 'prx' takes angle, phase"),
    ([prx("QB1", lam=1.0)], "unexpected argument 'lam'"),
    ([do("cz", "QB1", "QB2", angle=1.0)], "unexpected argument 'angle'; 'cz' takes none"),
    ([do("prx", "QB1", angle_t=1.0, phase_t=1.0)], "argument 'angle' is missing"),
    ([prx("QB1", angle="1.0")], "argument 'angle' has to be a number, got '1.0'"),
    ([prx("QB1", angle=None)], "argument 'angle' has to be a number, got None"),
    ([prx("QB1", angle=10**400)], "argument 'angle' is too large for a number, got 1000"),
    ([do("measure", "QB1")], "it has no key"),
    ([do("measure", "QB1", key=1)], "argument 'key' has to be a string, got 1"),
    ([do("delay", "QB1", duration=0.2)], "the delay is too long"),
    ([do("delay", duration=1e-6)], "a delay needs at least one qubit"),
    # operations
    ([do("h", "QB1")], "unknown quantum operation 'h'; known operations: prx, cz, move, measure"),
    ([do("lru", "QB1")], "'lru' is not available in this calibration; available: prx, measure"),
    ([do("measure_fidelity", "QB1", key="m")], "'measure_fidelity' is not available"),
    # loci
    ([prx("QB9")], "QB9 does not exist on the QPU, which has QB1, QB2, QB3, QB4; 'prx' acts on qubits"),
    ([do("prx", "QB1", "QB2", angle=1.0, phase=0.0)], "'prx' acts on qubits; calibrated: QB1, QB2, QB3, QB4"),
    ([do("cz", "QB1")], "calibrated: QB1-QB2, QB2-QB1, QB2-QB3"),
    ([do("cz", "QB1", "QB3")], "calibrated: QB1-QB2"),
    ([do("reset")], "calibrated: QB1, QB2, QB3, QB4"),
    ([do("cz", "QB1", "QB2", implementation="crf")], "calibrated: QB1-QB2"),
    ([conditional("QB4", "QB1")], "calibrated: QB1, QB2, QB3"),
    ([do("reset", "QB1", "QB4")], "calibrated: QB1, QB2, QB3"),
    # implementations
    (
        [do("prx", "QB2", implementation="nope", angle=1.0, phase=0.0)],
        "'prx' has no implementation 'nope'; it has 'drag_crf_sx', 'drag_gaussian', 'drag_crf', 'drag_gaussian_sx'",
    ),
    ([do("prx", "QB1", implementation="drag_gaussian", angle=1.0, phase=0.0)], "calibrated: QB1, QB2"),
    ([do("measure", "QB1", key="m", implementation="nope")], "it has 'constant', 'fast_constant', 'constant_bias'"),
    # keys and feedback
    ([do("measure", "QB1", key="__HERALD")], "choose another key"),
    ([conditional("QB1", "QB9")], "feedback_qubit 'QB9' is not one of the qubits QB1, QB2, QB3, QB4"),
]


@pytest.mark.parametrize(("instructions", "reason"), REFUSED_ON_CHAIN, ids=lambda value: str(value)[:60])
def test_impossible_instruction_is_refused_with_its_place(instructions: list[Instruction], reason: str) -> None:
    guilty = instructions[-1]
    where = f"instruction {len(instructions)} ('{guilty.name}' on {', '.join(guilty.locus)}): "
    with pytest.raises(Refused) as refusal:
        compiled(CHAIN, do("barrier", "QB1"), *instructions, do("measure", "QB4", key="end"))
    assert refusal.value.explanation.startswith(where)
    assert reason in refusal.value.explanation
    assert refusal.value.__notes__ == [refusal.value.explanation]


def test_circuit_without_instructions_is_refused() -> None:
    with pytest.raises(Refused, match=r"No calibration data for 'reset_wait\.reset_wait' at \(\)"):
        compiled(CHAIN)


def test_circuit_without_measurement_is_accepted_and_has_no_results() -> None:
    assert compiled(CHAIN, prx("QB1")).keys == ()


@pytest.mark.parametrize("angle", [nan, inf, -inf])
def test_angle_that_is_not_finite_is_not_simulated(angle: float) -> None:
    with pytest.raises(CircuitError, match=r"instruction 0 \('prx' on QB1\): 'prx' of .* can't be simulated"):
        compiled(CHAIN, prx("QB1", angle=angle), READ)


def test_gate_of_three_levels_is_not_simulated_where_it_is_calibrated() -> None:
    calibration = devices.chain().calibration()
    architecture: dict[str, Any] = deepcopy(dict(calibration.dynamic_quantum_architecture))
    architecture["gates"]["prx_12"] = {
        "implementations": {"modulated_drag_crf": {"loci": [["QB1"]]}},
        "default_implementation": "modulated_drag_crf",
        "override_default_implementation": {},
    }
    simulator = Simulator(replace(calibration, dynamic_quantum_architecture=architecture), idle=False)
    with pytest.raises(CircuitError, match="needs a qutrit"):
        compiled(simulator, do("prx_12", "QB1", angle=1.0, phase=0.0), READ)


def test_bits_of_one_key_are_those_of_all_its_measurements() -> None:
    program = compiled(
        CHAIN, do("measure", "QB1", key="a"), do("measure", "QB2", key="b"), prx("QB3"), do("measure", "QB3", key="a")
    )
    assert program.keys == (("a", 2), ("b", 1))
    assert [operation.bit for operation in program.operations if operation.name == "measure"] == [0, 2, 1]


@pytest.mark.parametrize(
    "steps",
    [
        [do("measure", "QB1", key="a__b")],
        [do("measure", "QB1", key="a"), prx("QB1"), do("measure", "QB1", "QB2", key="a")],
        [do("measure", "QB1", "QB1", key="a")],
    ],
)
def test_results_that_the_machine_can_not_read_are_noted(steps: list[Instruction]) -> None:
    assert compiled(CHAIN, *steps).unreadable


def test_empty_key_is_the_default_one() -> None:
    assert compiled(CHAIN, do("measure", "QB1", key="")).keys == (("readout.result", 1),)


def test_condition_without_a_measurement_takes_its_time_and_is_noted() -> None:
    program = compiled(CHAIN, conditional("QB1", "QB2"), READ)
    assert [operation.name for operation in program.operations] == ["delay", "measure"]
    (remark,) = program.remarks
    assert "no earlier measurement of QB2 has the feedback_key 'f', so it is never applied" in remark


def test_condition_on_another_measurement_than_the_latest_is_noted() -> None:
    first, second = (do("measure", "QB1", key=key, feedback_key=key) for key in "ab")
    assert not compiled(CHAIN, first, conditional("QB2", "QB1", "a"), READ).remarks
    assert not compiled(CHAIN, first, second, conditional("QB2", "QB1", "b"), READ).remarks
    (remark,) = compiled(CHAIN, first, second, *[conditional("QB2", "QB1", "a")] * 2, READ).remarks
    assert "instruction 2 ('cc_prx' on QB2)" in remark
    assert "with software before iqm-pulla 15" in remark


@pytest.mark.parametrize(
    "instruction",
    [
        do("cz", "QB2", "QB1"),
        do("cz", "QB1", "QB2", implementation="crf_crf"),
        prx("QB1", angle=1, phase=-100),
        prx("QB1", angle=True),
        do("prx", "QB1", angle=1.0),
        do("delay", "QB1", duration=-1e-9),
        do("barrier", "QB1", "QB1"),
        do("u", "QB4", theta=1.0, phi=2.0, lam=3.0),
        do("sx", "QB4", implementation="prx_sx"),
        do("rz", "QB4", angle=1.0),
        do("rz", "QB4", implementation="prx_composite", angle=1.0),
        do("reset", "QB3", "QB1"),
        do("reset_wait", "QB4", "QB1"),
        do("delay", "QB4", "QB1", duration=0.1),
        do("delay", "QB4", implementation="wait", duration=0),
        do("barrier"),
        do("barrier", "QB4", "QB1", implementation=""),
        do("measure", "QB4", "QB2", key="other"),
        do("measure", "QB1", key="other", implementation="fast_constant"),
    ],
    ids=str,
)
def test_possible_instruction_is_accepted(instruction: Instruction) -> None:
    compiled(CHAIN, instruction, READ)


def test_resonators_can_wait_and_be_reset_and_turn_their_phase() -> None:
    compiled(STAR, do("rz", "COMPR1", angle=1.0), do("reset_wait", "COMPR1"), do("barrier", "COMPR1", "QB1"), READ)


def test_program_has_the_used_components_in_order_of_use() -> None:
    program = compiled(
        CHAIN,
        do("barrier", "QB1", "QB2", "QB3", "QB4"),
        do("cz", "QB3", "QB2"),
        do("measure", "QB4", "QB2", key="b", feedback_key="f"),
        conditional("QB2", "QB4"),
        do("measure", "QB2", key="a", implementation="constant"),
    )
    assert program == Program(
        components=("QB3", "QB2", "QB4"),
        operations=(
            Operation("cz", (0, 1), "crf_crf"),
            Operation("measure", (2,), "constant", bit=0),
            Operation("measure", (1,), "constant", bit=1),
            Operation("cc_prx", (1,), "prx_composite", (pi, 0.0), bit=0),
            Operation("measure", (1,), "constant", bit=2),
        ),
        keys=(("b", 2), ("a", 1)),
    )
    assert hash(program) == hash(replace(program))
    with pytest.raises(FrozenInstanceError):
        program.components = ()  # type: ignore[misc]


def test_condition_is_the_latest_measurement_with_the_key() -> None:
    program = compiled(
        CHAIN,
        do("measure", "QB1", key="a", feedback_key="f"),
        do("measure", "QB1", "QB2", key="b", feedback_key="f"),
        conditional("QB3", "QB1"),
        do("measure", "QB1", key="c", feedback_key="other"),
        conditional("QB3", "QB2"),
    )
    assert [operation.bit for operation in program.operations if operation.name == "cc_prx"] == [1, 2]


OPEN = do("move", "QB1", "COMPR1")


def test_heralding_measures_active_components_that_have_measure() -> None:
    program = compiled(STAR, OPEN, do("cz", "QB3", "COMPR1"), OPEN, READ, heralding=True)
    assert program.heralded == ("QB1", "QB3")


def test_heralding_measures_what_only_a_barrier_names() -> None:
    program = compiled(CHAIN, prx("QB1"), do("barrier", "QB1", "QB4"), READ, heralding=True)
    assert program.heralded == ("QB1", "QB4")
    assert program.components == ("QB1",)


def test_default_implementation_honours_overrides() -> None:
    calibration = devices.chain().calibration()
    architecture: dict[str, Any] = deepcopy(dict(calibration.dynamic_quantum_architecture))
    architecture["gates"]["prx"]["override_default_implementation"] = {"QB2": "drag_gaussian"}
    architecture["gates"]["cz"]["implementations"]["tgss"] = {"loci": [["QB1", "QB2"], ["QB2", "QB3"]]}
    architecture["gates"]["cz"]["override_default_implementation"] = {"QB1,QB2": "tgss"}
    simulator = Simulator(replace(calibration, dynamic_quantum_architecture=architecture), idle=False)
    program = compiled(
        simulator, prx("QB1"), prx("QB2"), do("cz", "QB2", "QB1"), do("cz", "QB2", "QB3"), do("measure", "QB1", key="m")
    )
    chosen = [operation.implementation for operation in program.operations]
    assert chosen == ["drag_crf_sx", "drag_gaussian", "tgss", "crf_crf", "constant"]


def test_the_override_for_the_order_in_which_a_locus_is_written_comes_first() -> None:
    calibration = devices.chain().calibration()
    architecture: dict[str, Any] = deepcopy(dict(calibration.dynamic_quantum_architecture))
    architecture["gates"]["cz"]["implementations"]["tgss"] = {"loci": [["QB1", "QB2"]]}
    architecture["gates"]["cz"]["override_default_implementation"] = {"QB1,QB2": "tgss", "QB2,QB1": "crf_crf"}
    simulator = Simulator(replace(calibration, dynamic_quantum_architecture=architecture), idle=False)
    program = compiled(simulator, do("cz", "QB1", "QB2"), do("cz", "QB2", "QB1"), READ)
    assert [operation.implementation for operation in program.operations] == ["tgss", "crf_crf", "constant"]


def test_place_without_the_default_implementation_is_not_calibrated() -> None:
    calibration = devices.chain().calibration()
    architecture: dict[str, Any] = deepcopy(dict(calibration.dynamic_quantum_architecture))
    architecture["gates"]["prx"]["default_implementation"] = "drag_gaussian"
    simulator = Simulator(replace(calibration, dynamic_quantum_architecture=architecture))
    compiled(simulator, prx("QB2"), READ)
    with pytest.raises(Refused, match=r"No calibration data for 'prx.drag_gaussian' at \('QB1',\)\."):
        compiled(simulator, prx("QB1"), READ)


def test_checking_does_not_import_qiskit() -> None:
    heavy = "{'qiskit', 'qiskit_aer', 'scipy', 'iqm'}"
    code = f"import sys, iqm_fakes.simulator.simulator; assert not {heavy} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
