"""Which method is chosen, and which circuits none can simulate."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations
from math import pi
from pathlib import Path

import devices
import pytest
from instructions import do
from numpy.random import SeedSequence
from programs import cz, measure, program
from simulators import simulator

from iqm_fakes.simulator.circuit import Circuit, CircuitError, Instruction, Operation, Options, Program
from iqm_fakes.simulator.simulator import Simulator

CALIBRATION = devices.row(1, 10).calibration()


def chosen(simulator: Simulator, count: int, angle: float, shots: int) -> str:
    everyone = [cz(a, b) for a in range(count) for b in range(a)]
    pulses = [Operation("prx", (n,), "drag_crf_sx", (angle, 0.0)) for n in range(count)]
    operations = [*pulses, *everyone, *pulses]
    plan = simulator.plan(program(count, count, *operations, *(measure(n, n) for n in range(count))), shots)
    (choice,) = plan.choices
    return f"{choice.engine.method} {choice.engine.name}"


def test_the_cheapest_engine_is_chosen() -> None:
    noisy, perfect = Simulator(CALIBRATION), Simulator(CALIBRATION, noise=False)
    assert chosen(noisy, 4, 0.3, 1000) == "density_matrix evolution"
    assert chosen(noisy, 12, 1.3, 10).endswith("trajectories")
    assert chosen(perfect, 10, 0.3, 100_000) == "statevector evolution"
    assert chosen(Simulator(devices.row(5, 10).calibration()), 6, pi / 2, 10).startswith("density_matrix")


def test_aer_simulates_unless_another_engine_saves_half_the_time_and_20_ms() -> None:
    """So everything small is Aer's, and so is what is as fast there; dense circuits are not."""
    noisy = Simulator(CALIBRATION)
    assert chosen(noisy, 6, 0.3, 1024) == "density_matrix evolution"
    assert chosen(noisy, 8, 0.3, 1024) == "pauli evolution"
    assert chosen(noisy, 10, 0.3, 100_000) == "pauli evolution"
    assert chosen(noisy, 12, 0.3, 100) == "batched trajectories"
    assert chosen(Simulator(CALIBRATION, method="pauli"), 2, 0.3, 10) == "pauli evolution"
    assert chosen(Simulator(CALIBRATION, method="batched"), 2, 0.3, 10) == "batched trajectories"


def test_batched_trajectories_are_refused_where_one_shot_is_too_large() -> None:
    machine = Simulator(devices.chain().calibration(), method="batched")
    with pytest.raises(CircuitError, match=r"batched: the state of 40 components takes .* GiB"):
        machine.plan(entangled(40, 0.3), 1)


def test_pauli_evolution_is_refused_where_its_tensors_would_be_too_large() -> None:
    machine = Simulator(devices.chain().calibration(), method="pauli")
    with pytest.raises(CircuitError, match=r"pauli: the state of 20 components takes .* GiB"):
        machine.plan(entangled(20, 0.3), 1)
    with pytest.raises(CircuitError, match="pauli: 40 recorded bits have too many outcomes"):
        machine.plan(entangled(40, 0.3), 1)


@pytest.mark.parametrize(
    ("device", "instruction", "reason"),
    [
        ("dephased", do("prx", "QB5", angle=0.3, phase=0.0), "there is a gate on QB5 that is no Clifford gate"),
        (
            "chain",
            do("sx", "QB2"),
            "the relaxation on QB2 is no mixture of Pauli errors and resets, because T2 > T1",
        ),
    ],
)
def test_a_method_that_is_impossible_is_refused_with_the_reason(
    device: str, instruction: Instruction, reason: str
) -> None:
    qubit = instruction.locus[0]
    steps = (
        instruction,
        do("sx", qubit),
        do("measure", qubit, key="m"),
        do("sx", qubit),
        do("measure", qubit, key="n"),
    )
    machine = simulator(device, method="stabilizer")
    with pytest.raises(CircuitError, match=reason) as refused:
        machine.plan(machine.compile(Circuit("test", steps), Options()), 10)
    assert str(refused.value).endswith("or another method than 'stabilizer'")


def test_a_method_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no simulation method 'magic'; choose auto, density_matrix, "):
        Simulator(devices.chain().calibration(), method="magic")  # type: ignore[arg-type]


NOISY = Simulator(devices.chain().calibration())


def entangled(count: int, angle: float) -> Program:
    """Every qubit has met every other one before any is measured."""
    names = tuple(f"QB{number}" for number in range(1, count + 1))
    pulses = [Operation("prx", (index,), "drag_crf_sx", (angle, 0.0)) for index in range(count)]
    meetings = [Operation("cz", pair, "crf_crf") for pair in combinations(range(count), 2)]
    measurements = [Operation("measure", (index,), "constant", bit=index) for index in range(count)]
    return Program(names, (*pulses, *meetings, *pulses, *measurements), (("m", count),))


def test_too_many_components_are_refused_before_anything_is_simulated() -> None:
    with pytest.raises(CircuitError) as refused:
        NOISY.plan(entangled(40, 0.3), 1)
    message = str(refused.value)
    assert message.startswith("40 connected components (QB1, QB2, QB3, QB4, QB5 and 35 more) can't be simulated")
    assert "density_matrix: the state of 40 components takes " in message
    assert "statevector: the state of 40 components takes 16,384 GiB" in message
    assert "stabilizer: there is a gate on " in message
    assert message.endswith("What works: at most 27 components in use at a time, or only Clifford gates")


def test_clifford_circuits_may_be_large() -> None:
    machine = Simulator(devices.chain().calibration(), noise=False)
    bits = machine.run(entangled(40, pi / 2), 20, SeedSequence(1))["m"]
    assert bits.shape == (20, 40)
    assert 0.3 < bits.mean() < 0.7


MEMORY = """
import devices
from numpy.random import SeedSequence
from programs import cz, measure, program, prx
from iqm_fakes.simulator import aer
from iqm_fakes.simulator.method_choice import no_pilot_run
from iqm_fakes.simulator.methods import Evolution
from iqm_fakes.simulator.shots import Task, take
from iqm_fakes.simulator.simulator import Simulator

ENGINE = Evolution("statevector")

def peak():
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return 1024 * int(line.split()[1])

machine = Simulator(devices.chain().calibration(), noise=False)
chain = [step for n in range(20) for step in (prx(n, 0.3), prx(n + 1, 0.3), cz(n, n + 1))]
(part,) = machine.plan(program(21, 21, *chain, *(measure(n, n) for n in range(21))), 100).subcircuits
before = peak()
take(ENGINE, [Task(part, 100, SeedSequence(1))])
print((peak() - before) / ENGINE.estimate(part, 100, no_pilot_run).memory)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no such file")
def test_the_memory_of_a_state_vector_is_what_was_estimated() -> None:
    """The probabilities at the end take as much as the state, while that is still there."""
    run = subprocess.run(
        [sys.executable, "-c", MEMORY], stdout=subprocess.PIPE, text=True, check=True, env=environment()
    )
    assert 0.8 < float(run.stdout) < 1.2


def environment() -> dict[str, str]:
    """Return the environment of a process that imports what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
