"""Effects that only a device file states: residual ZZ interaction, and relaxation before readout."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import devices
import numpy as np
import pytest
from exact_distributions import Bits, assert_drawn_from
from instructions import do
from numpy.random import SeedSequence
from qiskit.circuit.library import CZGate, RGate, RZGate, UGate
from qiskit.quantum_info import DensityMatrix, Operator
from random_circuits import random_circuit
from simulators import spans

from iqm_fakes.device.device import Calibration
from iqm_fakes.device.error_rates import Noise
from iqm_fakes.simulator.circuit import Circuit, Instruction, Options
from iqm_fakes.simulator.simulator import Simulator
from iqm_fakes.simulator.tolerance import tolerance

RATES = {("QB1", "QB2"): 4.0e5, ("QB3", "QB2"): -9.0e5, ("QB1", "QB4"): 6.0e5}


def stating(profile: Mapping[str, Any], *, perfect: bool = True) -> Calibration:
    """The chain of four qubits with a noise profile; gates, components and readout are perfect otherwise."""
    calibration = devices.chain().calibration()
    if perfect:
        calibration = replace(
            calibration, quality_metric_set={**(calibration.quality_metric_set or {}), "observations": []}
        )
    return replace(calibration, noise=profile)


ZZ = stating({"zz": {",".join(pair): rate for pair, rate in RATES.items()}})


def exact(instructions: list[Instruction], rates: Mapping[tuple[str, str], float] = RATES) -> dict[Bits, float]:
    """The outcomes with ideal gates and interaction all the time, but for that of a pair during a gate on it."""
    qubits = ["QB1", "QB2", "QB3", "QB4"]
    state, now = DensityMatrix.from_label("0000"), 0.0
    times = spans("chain", instructions)
    busy = [(set(i.locus), span) for i, span in zip(instructions, times, strict=True) if i.name == "cz"]
    measured: list[str] = []
    for step, span in sorted(zip(instructions, times, strict=True), key=lambda entry: entry[1].start):
        if step.name == "barrier":
            continue
        for pair, rate in rates.items():
            gates = (other for locus, other in busy if locus == set(pair))
            overlap = sum(max(min(span.start, other.end) - max(now, other.start), 0.0) for other in gates)
            angle = 2 * math.pi * rate * (span.start - now - overlap)
            state = state.evolve(Operator(np.diag([1, 1, 1, np.exp(-1j * angle)])), [qubits.index(q) for q in pair])
        now = span.start
        places = [qubits.index(q) for q in step.locus]
        args = step.args
        if step.name == "measure":
            measured += step.locus
        elif step.name in ("reset", "reset_wait"):
            state = state.reset(places)
        elif step.name != "delay":
            gate = {
                "prx": lambda args=args: RGate(args["angle"], args["phase"]),
                "sx": lambda: RGate(math.pi / 2, 0),
                "u": lambda args=args: UGate(args["theta"], args["phi"], args["lam"]),
                "rz": lambda args=args: RZGate(args["angle"]),
                "cz": CZGate,
            }[step.name]()
            state = state.evolve(Operator(gate), places)
    found: dict[Bits, float] = {}
    for text, probability in state.probabilities_dict([qubits.index(q) for q in measured]).items():
        found[tuple(map(int, text[::-1]))] = probability
    return found


def taken(calibration: Calibration, instructions: list[Instruction], **settings: Any) -> Any:
    simulator = Simulator(calibration, **settings)
    program = simulator.compile(Circuit("test", tuple(instructions)), Options())
    return np.concatenate(list(simulator.run(program, 20_000, SeedSequence(3)).values()), axis=1)


@pytest.mark.parametrize("seed", range(6))
def test_interaction_of_several_pairs_gives_the_exact_distribution(seed: int) -> None:
    """False alarms: 1e-6 each, by exact binomial tests."""
    instructions = random_circuit("chain", np.random.default_rng([8, seed]), steps=14, early=0)
    assert_drawn_from(taken(ZZ, instructions), exact(instructions))


HALF, FLIP = ({"angle": angle, "phase": 0.0} for angle in (math.pi / 2, math.pi))
WAIT = do("delay", "QB1", duration=4e-7)


RAMSEY = [do("prx", "QB1", **HALF), WAIT, do("prx", "QB1", **HALF)]
ECHO = [do("prx", "QB1", **HALF), WAIT, do("prx", "QB1", **FLIP), WAIT, do("prx", "QB1", **HALF)]
NEIGHBOUR = [do("prx", "QB2", **FLIP), do("barrier", "QB1", "QB2")]


@pytest.mark.parametrize(("steps", "one"), [(RAMSEY, 1.0), (ECHO, 0.0)])
def test_without_a_neighbour_in_1_nothing_is_seen(steps: list[Instruction], one: float) -> None:
    assert (taken(ZZ, [*steps, do("measure", "QB1", key="m")]) == one).all()


def test_an_echo_turns_the_phase_back() -> None:
    """But for 40 ns: the flip is two pulses, and the quarter turns are one each."""
    steps = [*NEIGHBOUR, *ECHO, do("measure", "QB1", key="m")]
    one = math.sin(math.pi * RATES["QB1", "QB2"] * 40e-9) ** 2
    assert_drawn_from(taken(ZZ, steps), {(0,): 1 - one, (1,): one})


def test_a_neighbour_in_1_turns_the_phase() -> None:
    steps = [*NEIGHBOUR, *RAMSEY, do("measure", "QB1", key="m")]
    start, end = (span.start for span in spans("chain", steps)[2:5:2])
    one = math.cos(math.pi * RATES["QB1", "QB2"] * (end - start)) ** 2
    assert one < 0.9
    assert_drawn_from(taken(ZZ, steps), {(0,): 1 - one, (1,): one})


def test_without_waiting_there_is_no_interaction() -> None:
    steps = [
        do("prx", "QB2", **FLIP),
        do("barrier", "QB1", "QB2"),
        do("prx", "QB1", **HALF),
        WAIT,
        do("prx", "QB1", **HALF),
    ]
    assert taken(ZZ, [*steps, do("measure", "QB1", key="m")], idle=False).all()


@pytest.mark.parametrize("name", ["measure", "reset"])
def test_a_qubit_relaxes_before_it_is_read_as_long_as_stated(name: str) -> None:
    """False alarms: 1e-6."""
    seconds = 5e-7
    profile = {"readout": {"QB1": {"relaxing": seconds, "p_0_given_1": 0.25}}, "relaxation": {"QB1": {"t1": 1e-6}}}
    calibration = stating({**profile, "gates": {"prx": {"QB1": {"duration": 0.0, "depolarizing": 0.0}}}})
    stays = math.exp(-seconds / 1e-6)
    steps = [
        do("prx", "QB1", **FLIP),
        *([do("reset", "QB1")] if name == "reset" else []),
        do("measure", "QB1", key="m"),
    ]
    before = stays * 0.25 if name == "reset" else 1.0  # in 1 after a reset that did not see it
    one = before * stays * 0.75
    assert_drawn_from(taken(calibration, steps, idle=False), {(0,): 1 - one, (1,): one})


@pytest.mark.parametrize("seed", range(8))
def test_what_is_stated_is_tolerated(seed: int) -> None:
    instructions = random_circuit("chain", np.random.default_rng([9, seed]), steps=4, early=0)
    tolerated = tolerance(Simulator(ZZ).compile(Circuit("", tuple(instructions)), Options()), Noise(ZZ))
    noisy, perfect = exact(instructions), exact(instructions, {})
    outcomes = {*noisy, *perfect}
    distance = sum(abs(noisy.get(outcome, 0.0) - perfect.get(outcome, 0.0)) for outcome in outcomes) / 2
    assert distance <= tolerated + 1e-12
