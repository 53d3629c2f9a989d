"""Batched trajectories: shots from the exact distributions, whatever threads and batches they are taken in."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from math import pi

import numpy as np
import pytest
from exact_distributions import Truth, assert_drawn_from
from hypothesis import given, settings
from hypothesis import strategies as st
from instructions import compiled, do
from numpy.random import SeedSequence
from programs import cz, measure, program, prx
from qiskit.quantum_info import Choi, SuperOp
from random_circuits import random_circuit
from simulators import QUBITS, sample, simulator

from iqm_fakes.device.error_rates import Relaxation
from iqm_fakes.device.readout import Readout
from iqm_fakes.simulator import batched_trajectories, channels
from iqm_fakes.simulator.batched_trajectories import plan
from iqm_fakes.simulator.channels import Matrix
from iqm_fakes.simulator.circuit import Instruction
from iqm_fakes.simulator.fused_gates import FusedGates, split
from iqm_fakes.simulator.noise_model import Error
from iqm_fakes.simulator.subcircuits import Subcircuit


@settings(max_examples=20, deadline=None)
@given(
    device=st.sampled_from(["chain", "star", "dephased"]),
    seed=st.integers(0, 2**32 - 1),
    early=st.integers(0, 3),
    noise=st.booleans(),
)
def test_everything_that_a_machine_does_has_its_exact_distribution(
    device: str, seed: int, early: int, *, noise: bool
) -> None:
    """Measurements in mid-circuit, feedback, resets, delays, MOVE sandwiches, waiting, and T2 > T1 included.

    False alarms: ``FALSE_ALARM`` for each example, two-sided exact binomial tests of every record.
    """
    instructions = random_circuit(device, np.random.default_rng(seed), steps=14, early=early)
    bits = sample(device, instructions, 5000, noise=noise, method="batched")
    assert_drawn_from(bits, Truth(device, instructions, noise=noise).distribution())


@pytest.mark.parametrize("early", [0, 2])
@pytest.mark.parametrize("device", ["chain", "star", "dephased"])
def test_many_shots_have_the_exact_distribution(device: str, early: int) -> None:
    instructions = random_circuit(device, np.random.default_rng([7, early]), steps=20, early=early)
    bits = sample(device, instructions, 40_000, method="batched")
    assert_drawn_from(bits, Truth(device, instructions, noise=True).distribution())


def entangled(device: str, layers: int) -> list[Instruction]:
    random, qubits = np.random.default_rng(layers), QUBITS[device]
    steps = []
    for layer in range(layers):
        steps += [do("prx", q, angle=random.uniform(0, pi), phase=random.uniform(0, pi)) for q in qubits]
        steps += [do("cz", *qubits[left : left + 2]) for left in range(layer % 2, len(qubits) - 1, 2)]
    return [*steps, do("measure", *qubits, key="m")]


def part(device: str, instructions: list[Instruction], *, noise: bool = True) -> Subcircuit:
    machine = simulator(device, noise=noise, method="batched")
    (only,) = machine.plan(compiled(machine, *instructions), 1).subcircuits
    return only


def test_wide_states_are_precise() -> None:
    """All there and back again: 15 components in use at a time, and nothing but rounding errors in the end."""
    width, random = 15, np.random.default_rng(5)
    there = [
        step
        for _ in range(4)
        for n in range(width)
        for step in (prx(n, float(random.uniform(-pi, pi))), cz(n, (n + 1) % width))
    ]
    back = [prx(*step.targets, -step.parameters[0]) if step.name == "prx" else step for step in reversed(there)]
    machine = simulator("chain", noise=False, method="batched")
    steps = program(width, width, *there, *back, *(measure(n, n) for n in range(width)))
    (only,) = machine.plan(steps, 1).subcircuits
    assert max(step.width for step in plan(only)) == width
    assert not any(bits.any() for bits in batched_trajectories.sample(only, 60, SeedSequence(1), 1))


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched_trajectories, "MOST_SHOTS_AT_ONCE", 40)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("seed", [1, 2])
def test_threads_change_nothing(seed: int) -> None:
    only = part("ten", entangled("ten", 4))
    one, three = (
        np.concatenate(list(batched_trajectories.sample(only, 250, SeedSequence(seed), threads))) for threads in (1, 3)
    )
    assert len(one) == 250
    assert np.array_equal(one, three)


@pytest.mark.usefixtures("small_batches")
def test_seeds_and_batches_are_independent() -> None:
    only = part("ten", entangled("ten", 4))
    first, second = batched_trajectories.sample(only, 80, SeedSequence(1), 1)
    (other,) = batched_trajectories.sample(only, 40, SeedSequence(2), 1)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)


WIDE = """
import hashlib
import numpy as np
from numpy.random import SeedSequence
from programs import cz, measure, program, prx
from simulators import simulator
from iqm_fakes.simulator import batched_trajectories

machine = simulator("chain")
width = 16
layer = [step for n in range(width) for step in (prx(n, 0.3), cz(n, (n + 1) % width))]
steps = program(width, width, *layer, *layer, *layer, *(measure(n, n) for n in range(width)))
(part,) = machine.plan(steps, 1).subcircuits
assert max(step.width for step in batched_trajectories.plan(part)) == width
bits = np.concatenate(list(batched_trajectories.sample(part, 30, SeedSequence(1), 1)))
print(hashlib.sha256(bits.tobytes()).hexdigest())
"""


def test_the_number_of_threads_of_blas_changes_nothing() -> None:
    """With 16 components in use the products of whole states would be spread over threads."""
    path = os.pathsep.join(sys.path)
    digests = [
        subprocess.run(
            [sys.executable, "-c", WIDE],
            stdout=subprocess.PIPE,
            check=True,
            timeout=300,
            env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
        ).stdout
        for threads in ("1", "2", "4")
    ]
    assert len(set(digests)) == 1


class Cancelled(Exception):
    pass


@pytest.mark.usefixtures("small_batches")
def test_what_is_cancelled_ends_with_the_piece_that_is_being_done() -> None:
    machine = simulator("ten", method="batched")
    program = compiled(machine, *entangled("ten", 4))
    pieces: list[float] = []

    def done(seconds: float) -> None:
        pieces.append(seconds)
        if len(pieces) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        machine.run_all([machine.plan(program, 10_000)], [SeedSequence(1)], done)
    assert len(pieces) == 2


@pytest.mark.parametrize(
    ("device", "layers", "noise"),
    [("ten", 12, True), ("ten", 12, False), ("ten", 2, True), ("chain", 20, True), ("star", 0, True)],
)
def test_memory_is_what_was_estimated(device: str, layers: int, *, noise: bool) -> None:
    random = np.random.default_rng(3)
    instructions = entangled(device, layers) if layers else random_circuit(device, random, steps=40, early=3)
    only = part(device, instructions, noise=noise)
    batch = batched_trajectories.shots_at_once(max(step.width for step in plan(only)))
    list(batched_trajectories.sample(only, 1, SeedSequence(1), 1))  # what is kept afterwards is not counted
    tracemalloc.start()
    try:
        list(batched_trajectories.sample(only, batch, SeedSequence(1), 1))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.5 < peak / batched_trajectories.memory(only) < 2


def test_gates_on_few_components_are_one_step() -> None:
    """All gates that a pair has before others come are in one matrix, their errors, too."""
    first, second, *_ = qubits = QUBITS["dephased"]
    again = [step for _ in range(5) for step in (do("sx", first), do("sx", second), do("cz", first, second))]
    only = part("dephased", [*again, do("measure", *qubits[:2], key="m")])
    gates = [step.does for step in plan(only) if isinstance(step.does, FusedGates)]
    assert [len(each.targets) for each in gates] == [2]


@pytest.mark.parametrize(
    "channel",
    [
        channels.depolarizing(0.1, 2),
        channels.depolarizing(1.2, 1),
        channels.relaxation(Relaxation(1e-6, 0.5e-6), 1e-7),
        channels.relaxation(Relaxation(1e-6, 1.5e-6), 1e-7),
        channels.relaxation(Relaxation(1e-6, 2e-6), 1e-7),
        channels.readout_error(Readout(0.1, 0.2)),
        channels.measured_reset(Readout(0.1, 0.2)),
        channels.measured_reset(Readout(0.0, 0.0)),
        channels.IDENTITY_CHANNEL,
    ],
)
def test_an_error_is_nothing_as_often_as_possible_and_the_rest(channel: Matrix) -> None:
    """By quantum_info: together they are the channel, and of a little more nothing the rest would be no channel."""
    nothing, operators = split(Error((0,), channel, None))
    rest = channel - nothing * np.eye(len(channel))
    kraus = channels.from_kraus(list(operators)) if len(operators) else np.zeros_like(channel)
    assert np.abs(kraus - rest).max() < 1e-9
    too_little = Choi(SuperOp(channel - (nothing + 1e-3) * np.eye(len(channel)))).data
    assert np.linalg.eigvalsh(too_little)[0] < -1e-8
