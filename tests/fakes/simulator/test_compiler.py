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

from iqm_fakes.simulator.circuit import CircuitError, Instruction, Operation, Program
from iqm_fakes.simulator.simulator import Simulator

CHAIN = Simulator(devices.chain().calibration(), idle=False)
STAR = Simulator(devices.star().calibration(), idle=False)

REFUSED_ON_CHAIN = [
    # arguments
    ([do("prx", "QB1", angle=1.0)], "argument 'phase' is missing; 'prx' takes angle, phase"),
    ([prx("QB1", lam=1.0)], "unexpected argument 'lam'"),
    ([do("cz", "QB1", "QB2", angle=1.0)], "unexpected argument 'angle'; 'cz' takes none"),
    ([do("prx", "QB1", angle_t=1.0, phase_t=1.0)], "argument 'angle' is missing"),
    ([prx("QB1", angle="1.0")], "argument 'angle' has to be a number, got '1.0'"),
    ([prx("QB1", angle=True)], "argument 'angle' has to be a number, got True"),
    ([prx("QB1", angle=None)], "argument 'angle' has to be a number, got None"),
    ([prx("QB1", angle=nan)], "argument 'angle' has to be a finite number"),
    ([prx("QB1", angle=-inf)], "argument 'angle' has to be a finite number"),
    ([prx("QB1", angle=10**400)], "argument 'angle' has to be a finite number"),
    ([do("measure", "QB1")], "argument 'key' is missing"),
    ([do("measure", "QB1", key=1)], "argument 'key' has to be a string, got 1"),
    ([do("measure", "QB1", key="m", feedback_key=None)], "argument 'feedback_key' has to be a string, got None"),
    ([do("delay", "QB1", duration=0.2)], "a delay takes 0 to 0.1 s, got 0.2 s"),
    ([do("delay", "QB1", duration=-1e-9)], "a delay takes 0 to 0.1 s"),
    # operations
    ([do("h", "QB1")], "unknown quantum operation 'h'; known operations: prx, cz, move, measure"),
    ([do("prx_12", "QB1", angle=1.0, phase=0.0)], "needs a qutrit"),
    ([do("measure_012", "QB1", key="m")], "needs a qutrit"),
    ([do("rz_physical", "QB1")], "calibration-dependent"),
    ([do("move", "QB1", "QB2")], "'move' is not available in this calibration"),
    ([do("lru", "QB1")], "'lru' is not available in this calibration; available: prx, measure"),
    ([do("measure_fidelity", "QB1", key="m")], "'measure_fidelity' is not available"),
    # loci
    ([prx("QB9")], "component QB9 does not exist on the QPU; it has QB1, QB2, QB3, QB4"),
    ([do("rz", "QB9", angle=1.0)], "component QB9 does not exist"),
    ([do("barrier", "QB1", "QB9")], "component QB9 does not exist"),
    ([do("prx", "QB1", "QB2", angle=1.0, phase=0.0)], "'prx' acts on 1 component(s), its locus has 2"),
    ([do("cz", "QB1")], "'cz' acts on 2 component(s), its locus has 1"),
    ([do("cz", "QB1", "QB1")], "component QB1 is repeated"),
    ([do("measure", "QB1", "QB2", "QB1", key="m")], "component QB1 is repeated"),
    ([do("measure", key="m")], "its locus is empty"),
    ([do("reset")], "its locus is empty"),
    ([do("cz", "QB1", "QB3")], "('QB1', 'QB3') is not allowed as locus for 'cz'; calibrated: QB1-QB2"),
    ([conditional("QB4", "QB1")], "('QB4',) is not allowed as locus for 'cc_prx'; calibrated: QB1, QB2, QB3"),
    # implementations
    (
        [do("prx", "QB2", implementation="drag_crf", angle=1.0, phase=0.0)],
        "'prx' has no implementation 'drag_crf' in this calibration; available: drag_crf_sx, drag_gaussian",
    ),
    (
        [do("prx", "QB1", implementation="drag_gaussian", angle=1.0, phase=0.0)],
        "('QB1',) is not allowed as locus for 'prx.drag_gaussian'; calibrated: QB2",
    ),
    (
        [do("measure", "QB1", "QB2", implementation="fast_constant", key="m")],
        "('QB2',) is not allowed as locus for 'measure.fast_constant'; calibrated: QB1",
    ),
    ([do("rz", "QB1", implementation="physical", angle=1.0)], "available: virtual, prx_composite"),
    ([do("cz", "QB1", "QB2", implementation="")], "'cz' has no implementation ''"),
    # measurement keys and feedback
    ([do("measure", "QB2", key="m"), do("measure", "QB1", key="m")], "measurement key 'm' is already used"),
    ([do("measure", "QB1", key="__HERALD")], "measurement key '__HERALD' is reserved"),
    ([do("measure", "QB1", key="__ONLY_PROBE")], "is reserved"),
    ([do("measure", "QB1", key="__ADDITIONAL_SUBSCRIPTION")], "is reserved"),
    ([conditional("QB1", "QB2")], "no earlier measure of QB2 has the feedback_key 'f'"),
    ([do("measure", "QB2", key="f"), conditional("QB1", "QB2")], "no earlier measure of QB2 has the feedback_key 'f'"),
    (
        [do("measure", "QB3", key="a", feedback_key="f"), conditional("QB1", "QB2")],
        "no earlier measure of QB2 has the feedback_key 'f'",
    ),
    ([conditional("QB1", "QB9")], "component QB9 does not exist"),
]


@pytest.mark.parametrize(("instructions", "reason"), REFUSED_ON_CHAIN, ids=lambda value: str(value)[:60])
def test_impossible_instruction_is_refused_with_its_place(instructions: list[Instruction], reason: str) -> None:
    guilty = instructions[-1]
    where = f"instruction {len(instructions)} ('{guilty.name}' on {', '.join(guilty.locus)}): "
    with pytest.raises(CircuitError) as refusal:
        compiled(CHAIN, do("barrier", "QB1"), *instructions, do("measure", "QB4", key="end"))
    assert str(refusal.value).startswith(where)
    assert reason in str(refusal.value)


def test_circuit_without_instructions_is_refused() -> None:
    with pytest.raises(CircuitError, match="circuit 'test' has no instructions"):
        compiled(CHAIN)


def test_circuit_without_measurement_is_refused() -> None:
    with pytest.raises(CircuitError, match="circuit 'test' measures nothing; add a measure instruction"):
        compiled(CHAIN, prx("QB1"))


@pytest.mark.parametrize(
    "instruction",
    [
        do("cz", "QB2", "QB1"),
        do("cz", "QB1", "QB2", implementation="crf_crf"),
        prx("QB1", angle=1, phase=-100),
        do("u", "QB4", theta=1.0, phi=2.0, lam=3.0),
        do("sx", "QB4", implementation="prx_sx"),
        do("rz", "QB4", angle=1.0),
        do("rz", "QB4", implementation="prx_composite", angle=1.0),
        do("reset", "QB4", "QB1"),
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


def test_uncalibrated_implementations_work_on_resonators() -> None:
    compiled(STAR, do("rz", "COMPR1", angle=1.0), do("delay", "COMPR1", duration=1e-6), do("reset", "COMPR1"), READ)


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


def test_place_without_the_default_implementation_uses_another_one() -> None:
    calibration = devices.chain().calibration()
    architecture: dict[str, Any] = deepcopy(dict(calibration.dynamic_quantum_architecture))
    architecture["gates"]["prx"]["default_implementation"] = "drag_gaussian"
    simulator = Simulator(replace(calibration, dynamic_quantum_architecture=architecture))
    program = compiled(simulator, prx("QB1"), prx("QB2"), READ)
    assert [operation.implementation for operation in program.operations[:2]] == ["drag_crf_sx", "drag_gaussian"]


def test_checking_does_not_import_qiskit() -> None:
    heavy = "{'qiskit', 'qiskit_aer', 'scipy', 'iqm'}"
    code = f"import sys, iqm_fakes.simulator.simulator; assert not {heavy} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
