"""p-values and distances of counts against exact distributions."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
from instructions import do
from numpy.random import SeedSequence
from scipy.stats import kstest, power_divergence
from simulators import QUBITS, simulator

from iqm_fakes.agreement import chance
from iqm_fakes.simulator.circuit import Circuit, Options
from iqm_fakes.simulator.distribution import Distribution, Factor

SHOTS = 100


def p_value(distribution: Distribution, bits: np.ndarray, seed: int) -> float:
    outcomes, counts = np.unique(bits, axis=0, return_counts=True)
    seen = chance.tallies(distribution, outcomes, counts)
    drawn = chance.drawn_divergences(distribution, distribution, len(bits), 199, np.random.default_rng(seed))
    return chance.p_value(chance.divergence(seen, distribution), drawn)


@pytest.mark.parametrize("feedback", [False, True])
def test_p_values_are_uniform_where_the_fake_is_right(feedback: bool) -> None:
    """Of 100 samples by trajectories, which are another way than the evolution of exact distributions.

    False alarms: 1e-4 of all seeds, by Kolmogorov's test.
    """
    instructions = [do("prx", qubit, angle=pi / 3 + n, phase=0.2) for n, qubit in enumerate(QUBITS["chain"])]
    instructions += [do("cz", "QB1", "QB2"), do("prx", "QB1", angle=1.0, phase=0.0)]
    if feedback:
        instructions += [do("measure", "QB1", key="early", feedback_key="f")]
        instructions += [do("cc_prx", "QB3", angle=pi, phase=0.0, feedback_qubit="QB1", feedback_key="f")]
    circuit = Circuit("test", (*instructions, do("measure", *QUBITS["chain"], key="m")))
    machine = simulator("chain", method="statevector")
    program = machine.compile(circuit, Options())
    distribution = machine.distribution(program)
    bits = np.concatenate(list(machine.run(program, 100 * SHOTS, SeedSequence(8)).values()), axis=1)
    samples = bits.reshape(100, SHOTS, -1)
    values = [p_value(distribution, sample, seed) for seed, sample in enumerate(samples)]
    assert kstest(values, "uniform").pvalue > 1e-4


def test_p_values_are_small_where_it_is_wrong() -> None:
    right = Distribution((("m", 2),), (Factor((0, 1), np.array([0.4, 0.1, 0.1, 0.4])),))
    wrong = Distribution((("m", 2),), (Factor((0, 1), np.array([0.3, 0.2, 0.2, 0.3])),))
    assert p_value(wrong, right.draw(SHOTS, np.random.default_rng(1)), 2) == 1 / 200
    never = Distribution((("m", 1),), (Factor((0,), np.array([1.0, 0.0])),))
    assert p_value(never, np.array([[1], [0]], dtype=np.uint8), 3) == 1 / 200


def test_counts_that_can_not_be_less_likely_have_a_p_value_of_one() -> None:
    certain = Distribution((("m", 1),), (Factor((0,), np.array([1.0, 0.0])),))
    assert p_value(certain, np.zeros((10, 1), dtype=np.uint8), 1) == 1


def test_g_is_the_log_likelihood_ratio_of_scipy() -> None:
    random = np.random.default_rng(4)
    distribution = Distribution((("m", 3),), (Factor((2, 0, 1), random.dirichlet(np.ones(8))),))
    bits = distribution.draw(5000, random)
    outcomes, counts = np.unique(bits, axis=0, return_counts=True)
    frequencies = np.zeros(8)
    frequencies[outcomes.astype(int) @ (1, 2, 4)] = counts
    g = chance.divergence(chance.tallies(distribution, outcomes, counts), distribution)
    expected = power_divergence(frequencies, 5000 * distribution.joint(), lambda_="log-likelihood").statistic
    assert g == pytest.approx(expected)
    assert chance.distance(outcomes, counts, distribution) == pytest.approx(
        np.abs(frequencies / 5000 - distribution.joint()).sum() / 2
    )


@pytest.mark.parametrize("shots", [20, 4000])
def test_draws_one_by_one_and_of_all_outcomes_have_the_same_law(shots: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """False alarms: 1e-4, by the two-sample test of Kolmogorov and Smirnov."""
    distribution = Distribution(
        (("m", 6),), (Factor(tuple(range(6)), np.random.default_rng(1).dirichlet(np.ones(64))),)
    )
    drawn = []
    for sparse in (1e9, 0):
        monkeypatch.setattr(chance, "_SPARSE", sparse)
        random = np.random.default_rng(2)
        drawn.append(chance.drawn_divergences(distribution, distribution, shots, 500, random))
    assert kstest(*drawn).pvalue > 1e-4


def test_distance_by_chance_is_what_samples_have() -> None:
    """One coin: the mean distance of N tosses is 1/sqrt(2 pi N); 200 draws of it within five standard errors."""
    coin = Distribution((("m", 1),), (Factor((0,), np.array([0.5, 0.5])),))
    found = chance.distance_by_chance(coin, 1000, 200, np.random.default_rng(5))
    assert found == pytest.approx(1 / np.sqrt(2 * pi * 1000), rel=5 * 0.76 / np.sqrt(200))
