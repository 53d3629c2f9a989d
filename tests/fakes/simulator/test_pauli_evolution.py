"""Pauli evolution gives the exact distribution: as quantum_info computes it, and as Aer's density matrices do."""

from __future__ import annotations

from itertools import product
from math import pi

import numpy as np
import pytest
from exact_distributions import Truth
from hypothesis import given, settings
from hypothesis import strategies as st
from instructions import do
from numpy.typing import NDArray
from random_circuits import random_circuit
from simulators import QUBITS, simulator

from iqm_fakes.simulator import pauli_evolution
from iqm_fakes.simulator.circuit import Circuit, Instruction, Options
from iqm_fakes.simulator.methods import Evolution, PauliEvolution
from iqm_fakes.simulator.shots import outcome_probabilities
from iqm_fakes.simulator.subcircuits import Subcircuit

PRECISION = 1e-6
"""Total variation that single precision and the order of additions may make."""


def subcircuits(device: str, instructions: list[Instruction], *, noise: bool = True) -> tuple[int, list[Subcircuit]]:
    machine = simulator(device, noise=noise)
    program = machine.compile(Circuit("test", tuple(instructions)), Options())
    return program.bits, list(machine.plan(program, 1).subcircuits)


def distribution(device: str, instructions: list[Instruction], *, noise: bool) -> NDArray[np.float64]:
    """Probabilities of all records, shape (2,) · bits."""
    bits, parts = subcircuits(device, instructions, noise=noise)
    joint = np.ones((2,) * bits)
    for part in parts:
        alone = pauli_evolution.recorded_probabilities(part).reshape((2,) * len(part.bits))
        shape = [2 if bit in part.bits else 1 for bit in range(bits)]
        joint = joint * alone.transpose(range(len(part.bits))[::-1]).reshape(shape)
    return joint


@settings(max_examples=30, deadline=None)
@given(
    device=st.sampled_from(["chain", "star", "dephased"]),
    seed=st.integers(0, 2**32 - 1),
    early=st.integers(0, 3),
    noise=st.booleans(),
)
def test_everything_that_a_machine_does_has_its_exact_distribution(
    device: str, seed: int, early: int, *, noise: bool
) -> None:
    """Measurements in mid-circuit, feedback, resets, delays, MOVE sandwiches and waiting included."""
    instructions = random_circuit(device, np.random.default_rng(seed), steps=12, early=early)
    exact = Truth(device, instructions, noise=noise).distribution()
    computed = distribution(device, instructions, noise=noise)
    variation = sum(abs(exact.get(record, 0.0) - computed[record]) for record in product((0, 1), repeat=computed.ndim))
    assert variation / 2 < PRECISION


def layers(device: str, depth: int, seed: int) -> list[Instruction]:
    """Random rotations and CZ on neighbours in turns: nothing is finished before the end."""
    random, qubits = np.random.default_rng(seed), QUBITS[device]
    instructions = []
    for layer in range(depth):
        instructions += [do("prx", q, angle=random.uniform(0, pi), phase=random.uniform(0, pi)) for q in qubits]
        instructions += [do("cz", *qubits[left : left + 2]) for left in range(layer % 2, len(qubits) - 1, 2)]
    return [*instructions, do("measure", *qubits, key="m")]


@pytest.mark.parametrize(("device", "depth"), [("six", 30), ("ten", 3), ("ten", 9)])
@pytest.mark.parametrize("noise", [True, False])
def test_many_components_have_the_distribution_of_density_matrices(device: str, depth: int, *, noise: bool) -> None:
    _, (part,) = subcircuits(device, layers(device, depth, seed=depth), noise=noise)
    (expected,) = outcome_probabilities(Evolution("density_matrix"), [part])
    (computed,) = outcome_probabilities(PauliEvolution(), [part])
    assert computed.shape == expected.shape
    assert np.abs(computed - expected).sum() / 2 < PRECISION


def test_a_concentrated_distribution_is_as_precise() -> None:
    """All there and back again: one outcome has all the probability, and rounding errors could add up in the others."""
    there = layers("ten", 8, seed=1)[:-1]
    back = [
        do("prx", *step.locus, angle=-step.args["angle"], phase=step.args["phase"]) if step.name == "prx" else step
        for step in reversed(there)
    ]
    _, (part,) = subcircuits("ten", [*there, *back, do("measure", *QUBITS["ten"], key="m")], noise=False)
    probabilities = pauli_evolution.recorded_probabilities(part)
    assert abs(probabilities[0] - 1) + probabilities[1:].sum() < 2 * PRECISION


def test_the_same_circuit_has_the_same_numbers_every_time() -> None:
    _, (part,) = subcircuits("ten", layers("ten", 6, seed=2))
    _, (again,) = subcircuits("ten", layers("ten", 6, seed=2))
    first, second = (pauli_evolution.recorded_probabilities(each) for each in (part, again))
    assert np.array_equal(first, second)
