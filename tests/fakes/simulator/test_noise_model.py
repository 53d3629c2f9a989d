"""Samples against the exact distributions that quantum_info, without Aer, computes from the published numbers."""

from __future__ import annotations

from itertools import product
from math import acos, log, pi
from typing import Any

import devices
import numpy as np
import pytest
from exact_distributions import Bits, Truth, assert_drawn_from
from instructions import do
from numpy.random import SeedSequence
from random_circuits import random_circuit
from simulators import sample

from iqm_fakes.simulator.circuit import Circuit, Options
from iqm_fakes.simulator.methods import Method, Trajectories
from iqm_fakes.simulator.simulator import Simulator

SMALL = ("chain", "star")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("device", SMALL)
def test_noisy_circuit_gives_the_exact_distribution(device: str, seed: int) -> None:
    instructions = random_circuit(device, np.random.default_rng(seed), steps=14, early=0)
    assert_drawn_from(sample(device, instructions, 50_000), Truth(device, instructions, noise=True).distribution())


@pytest.mark.parametrize("early", [0, 1])
def test_six_components_give_the_exact_distribution(early: int) -> None:
    instructions = random_circuit("six", np.random.default_rng([5, early]), steps=24, early=early)
    assert_drawn_from(sample("six", instructions, 50_000), Truth("six", instructions, noise=True).distribution())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("device", SMALL)
def test_feedback_and_early_measurements_give_the_exact_distribution(device: str, seed: int) -> None:
    instructions = random_circuit(device, np.random.default_rng([1, seed]), steps=12, early=2)
    assert_drawn_from(sample(device, instructions, 5000), Truth(device, instructions, noise=True).distribution())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("early", [0, 2])
@pytest.mark.parametrize("device", SMALL)
def test_noiseless_circuit_gives_the_exact_distribution(device: str, early: int, seed: int) -> None:
    instructions = random_circuit(device, np.random.default_rng([2, early, seed]), steps=12, early=early)
    distribution = Truth(device, instructions, noise=False).distribution()
    assert_drawn_from(sample(device, instructions, 5000, noise=False), distribution)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("device", SMALL)
def test_waiting_can_be_switched_off(device: str, seed: int) -> None:
    instructions = random_circuit(device, np.random.default_rng([4, seed]), steps=14, early=0)
    expected = Truth(device, instructions, noise=True, idle=False).distribution()
    assert_drawn_from(sample(device, instructions, 50_000, idle=False), expected)


@pytest.mark.parametrize("early", [0, 2])
@pytest.mark.parametrize("method", ["density_matrix", "statevector", "matrix_product_state"])
@pytest.mark.parametrize("device", SMALL)
def test_every_trajectory_gives_the_exact_distribution(
    device: str, method: Method, early: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iqm_fakes.simulator.method_choice.ENGINES", (Trajectories(method),))
    instructions = random_circuit(device, np.random.default_rng([3, early]), steps=14, early=early)
    assert_drawn_from(sample(device, instructions, 5000), Truth(device, instructions, noise=True).distribution())


FLIP: dict[str, Any] = {"angle": pi, "phase": 0.0}


def test_pulse_is_decided_by_the_recorded_bit_and_the_state_collapses_by_the_true_one() -> None:
    """With perfect gates: QB1 is true 1 with p = 0.3, read wrongly, and QB2 follows what was read."""
    p = 0.3
    calibration = devices.chain().calibration()
    metrics = dict(calibration.quality_metric_set)
    metrics["observations"] = [row for row in metrics["observations"] if ".ssro." in row["dut_field"]]
    simulator = Simulator(
        type(calibration)(calibration.calibration_set, metrics, calibration.dynamic_quantum_architecture)
    )
    instructions = (
        do("prx", "QB1", angle=acos(1 - 2 * p), phase=0.0),
        do("measure", "QB1", key="first", feedback_key="f"),
        do("cc_prx", "QB2", feedback_qubit="QB1", feedback_key="f", **FLIP),
        do("measure", "QB2", "QB1", key="then"),
    )
    bits = simulator.run(simulator.compile(Circuit("test", instructions), Options()), 20_000, SeedSequence(1))
    wrong = {qubit: {0: devices.READOUT[qubit][0], 1: devices.READOUT[qubit][1]} for qubit in ("QB1", "QB2")}

    def reads(qubit: str, true: int, read: int) -> float:
        return wrong[qubit][true] if true != read else 1 - wrong[qubit][true]

    expected: dict[Bits, float] = {
        (first, second, again): sum(
            (p if true else 1 - p) * reads("QB1", true, first) * reads("QB2", first, second) * reads("QB1", true, again)
            for true in (0, 1)
        )
        for first, second, again in product((0, 1), repeat=3)
    }
    assert_drawn_from(np.concatenate([bits["first"], bits["then"]], axis=1), expected)


@pytest.mark.parametrize("component", ["QB1", "QB2", "QB3", "QB4"])
def test_delay_relaxes_each_component_by_its_own_t1(component: str) -> None:
    """False alarms: 1e-6, by one exact binomial test."""
    delay = log(2) * devices.T1[component]
    others = {"QB1", "QB2", "QB3", "QB4"} - {component}
    instructions = [
        do("prx", component, **FLIP),
        do("delay", component, *sorted(others), duration=delay),
        do("measure", component, key="m"),
    ]
    assert_drawn_from(sample("chain", instructions, 50_000), Truth("chain", instructions, noise=True).distribution())


def test_measurement_takes_no_coherence_from_other_components() -> None:
    ramsey = [do("sx", "QB1"), do("measure", "QB2", key="other"), do("sx", "QB1"), do("measure", "QB1", key="m")]
    without = [do("sx", "QB1"), do("sx", "QB1"), do("measure", "QB1", key="m")]
    expected = Truth("chain", without, noise=True).distribution()
    assert_drawn_from(sample("chain", ramsey, 50_000)[:, 1:], expected)
