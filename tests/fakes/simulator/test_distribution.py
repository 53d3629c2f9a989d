"""Exact distributions: those of quantum_info, joined and looked at in every way."""

from __future__ import annotations

from itertools import combinations, product
from math import pi

import devices
import numpy as np
import pytest
from exact_distributions import Truth
from instructions import do
from programs import cz, measure, program, prx
from random_circuits import random_circuit
from simulators import QUBITS, simulator

from iqm_fakes.simulator.circuit import Circuit, CircuitError, Instruction, Options
from iqm_fakes.simulator.distribution import Distribution, Factor
from iqm_fakes.simulator.simulator import Simulator


def exact(device: str, instructions: list[Instruction], *, noise: bool = True, **options: bool) -> Distribution:
    machine = simulator(device, noise=noise)
    return machine.distribution(machine.compile(Circuit("test", tuple(instructions)), Options(**options)))


@pytest.mark.parametrize("noise", [True, False])
@pytest.mark.parametrize("early", [0, 2])
@pytest.mark.parametrize("device", ["chain", "star", "dephased"])
def test_it_is_that_of_quantum_info(device: str, early: int, noise: bool) -> None:
    """Of random circuits, with measurements in the middle, feedback, resets and MOVE."""
    for seed in range(12):
        instructions = random_circuit(device, np.random.default_rng([19, seed]), steps=4, early=early)
        truth = Truth(device, instructions, noise=noise).distribution()
        distribution = exact(device, instructions, noise=noise)
        outcomes = np.array(list(product((0, 1), repeat=distribution.width)), dtype=np.uint8)
        expected = [truth.get(tuple(outcome), 0.0) for outcome in outcomes.tolist()]
        assert distribution.probabilities(outcomes) == pytest.approx(np.array(expected), abs=1e-9)
        reverse = tuple(reversed(range(distribution.width)))  # so that the first bit is the most significant
        assert distribution.joint(reverse) == pytest.approx(np.array(expected), abs=1e-9)


def made_up(random: np.random.Generator) -> Distribution:
    """Return a product of three factors, their bits mixed up."""
    factors = [Factor(bits, random.dirichlet(np.ones(2 ** len(bits)))) for bits in ((4, 1), (0,), (2, 5, 3))]
    return Distribution((("a", 2), ("b", 3), ("c", 1)), tuple(factors))


def test_marginals_are_sums_of_the_joint_probabilities() -> None:
    distribution = made_up(np.random.default_rng(1))
    everything = distribution.joint()
    assert everything.sum() == pytest.approx(1)
    index = np.arange(2**6)
    for number in range(7):
        for bits in combinations((3, 0, 5, 1, 4, 2), number):
            values = sum(((index >> bit) & 1) << place for place, bit in enumerate(bits)) + 0 * index
            expected = np.bincount(values, weights=everything, minlength=2**number)
            assert distribution.joint(bits) == pytest.approx(expected)


def test_bits_belong_to_measurement_keys() -> None:
    distribution = made_up(np.random.default_rng(1))
    assert [distribution.bits_of(key) for key in ("a", "b", "c")] == [(0, 1), (2, 3, 4), (5,)]
    with pytest.raises(KeyError):
        distribution.bits_of("d")


@pytest.mark.parametrize("bits", [(0, 0), (6,), (-1,)])
def test_bits_that_make_no_sense_are_refused(bits: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="each of the bits 0 to 5 can be asked for once, got"):
        made_up(np.random.default_rng(1)).joint(bits)


def test_drawn_shots_have_the_probabilities() -> None:
    """Each of 64 outcomes within 5.5 standard deviations: a false alarm in 400 000 seeds."""
    distribution, shots = made_up(np.random.default_rng(2)), 100_000
    drawn = distribution.draw(shots, np.random.default_rng(3)).astype(int) @ (1 << np.arange(6))
    p = distribution.joint()
    assert np.all(np.abs(np.bincount(drawn, minlength=64) - shots * p) < 5.5 * np.sqrt(shots * p * (1 - p)))


def test_wide_circuits_of_independent_parts_are_products() -> None:
    """60 qubits in pairs: 2^60 outcomes, none of which is written down."""
    machine = Simulator(devices.row(1, 10).calibration(), noise=False)
    steps = [step for n in range(0, 60, 2) for step in (prx(n), prx(n + 1, pi), cz(n, n + 1))]
    distribution = machine.distribution(program(60, 60, *steps, *(measure(n, n) for n in range(60))))
    assert distribution.width == 60
    assert distribution.probabilities(np.tile([[0, 1]], (1, 30))) == pytest.approx([0.5**30])
    with pytest.raises(ValueError, match=r"60 bits have 2\^60 joint probabilities; ask for 24 bits at most"):
        distribution.joint()


def test_what_is_too_large_is_refused_with_the_reason() -> None:
    machine = Simulator(devices.row(1, 10).calibration())
    everyone = [cz(*pair) for pair in combinations(range(20), 2)]
    steps = [*(prx(n, 0.3) for n in range(20)), *everyone, *(prx(n, 0.4) for n in range(20))]
    large = program(20, 20, *steps, *(measure(n, n) for n in range(20)))
    for refused in (machine.distribution, machine.distribution_seconds):
        with pytest.raises(CircuitError, match="the exact distribution of 20 connected components") as error:
            refused(large)
        assert "density_matrix: the state of 20 components takes 16,384 GiB" in str(error.value)
        assert "without noise 26" in str(error.value)


def test_the_method_does_not_matter() -> None:
    instructions = [do("prx", "QB1", angle=0.3, phase=0.1), do("measure", *QUBITS["chain"], key="m")]
    machine = simulator("chain", method="stabilizer")
    program = machine.compile(Circuit("test", tuple(instructions)), Options())
    assert np.array_equal(machine.distribution(program).joint(), exact("chain", instructions).joint())


def test_heralding_keeps_what_is_read_as_zero_and_leaves_what_that_reading_leaves() -> None:
    instructions = [do("prx", "QB1", angle=0.3, phase=0.1), do("barrier", "QB3"), do("measure", "QB1", "QB3", key="m")]
    heralded, plain = exact("chain", instructions, heralding=True), exact("chain", instructions)
    assert heralded.kept == pytest.approx((1 - devices.READOUT["QB1"][0]) * (1 - devices.READOUT["QB3"][0]))
    assert plain.kept == 1
    left = devices.instrument("QB3")[0, 0] / devices.instrument("QB3")[0, 0].sum()
    p_1_given_0, p_0_given_1 = devices.READOUT["QB3"]
    assert plain.joint([1])[1] == pytest.approx(p_1_given_0)
    assert heralded.joint([1])[1] == pytest.approx(left[0] * p_1_given_0 + left[1] * (1 - p_0_given_1))


@pytest.mark.parametrize("least", [0.3, 0.05, 0.004, 1e-9])
def test_likely_outcomes_are_found_without_the_whole_product(least: float) -> None:
    random = np.random.default_rng(4)
    factors = [Factor((2, 0), random.dirichlet([0.3] * 4)), Factor((1,), np.array([0.9, 0.1]))]
    factors.append(Factor((3, 5, 4), random.dirichlet([0.3] * 8)))
    distribution = Distribution((("m", 6),), tuple(factors))
    joint = distribution.joint()
    found = {int(row @ (1 << np.arange(6))) for row in distribution.likely(least)}
    assert found == set(np.flatnonzero(joint >= least))
