"""What circuits do, computed from the published numbers by quantum_info, without Aer; and whether samples agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from itertools import product
from math import exp, pi, sqrt
from typing import Any

import devices
import numpy as np
import pytest
from instructions import do
from numpy.typing import NDArray
from qiskit.circuit.library import CZGate, RGate, RZGate, SwapGate, UGate
from qiskit.quantum_info import DensityMatrix, Kraus, Operator, average_gate_fidelity
from scipy.stats import binom

from iqm_fakes.simulator.circuit import Instruction

FALSE_ALARM = 1e-6
"""How often one test with a random sample fails although nothing is wrong, at most."""

Bits = tuple[int, ...]


class Truth:
    """The exact joint distribution of the recorded bits: for every record its unnormalised density matrix.

    Everything starts as soon as its components are free; meanwhile those that have been used relax.
    """

    def __init__(self, instructions: list[Instruction], *, noise: bool, idle: bool = True) -> None:
        self.noise = noise
        self.idle = idle
        self.free: dict[str, float] = {}
        self.done: dict[str, float] = {}
        self.known: dict[str, float] = {}
        self.components = sorted({component for instruction in instructions for component in instruction.locus})
        self.branches: dict[Bits, DensityMatrix] = {(): DensityMatrix.from_label("0" * len(self.components))}
        self.latest: dict[tuple[str, str], int] = {}
        self.bits = 0
        for instruction in instructions:
            self.apply(instruction)

    def distribution(self) -> dict[Bits, float]:
        return {record: float(np.real(state.trace())) for record, state in self.branches.items()}

    def apply(self, step: Instruction) -> None:
        start = max(self.free.get(component, 0.0) for component in step.locus)
        if step.name == "cc_prx":
            start = max(start, self.known[step.args["feedback_qubit"]])
        if step.name != "barrier":
            for component in step.locus:
                waited = start - self.done.get(component, start)
                if self.idle and waited:
                    self.evolve(self.decay(component, waited), (component,))
                self.done[component] = start + _duration(step)
                if step.name == "measure":
                    self.known[component] = self.done[component]
        for component in step.locus:
            self.free[component] = start + (0.0 if step.name == "barrier" else _duration(step))
        self.act(step)

    def act(self, step: Instruction) -> None:
        if step.name in ("measure", "measure_fidelity"):
            for component in step.locus:
                self.measure(component, step.implementation or "constant")
                if "feedback_key" in step.args:
                    self.latest[component, step.args["feedback_key"]] = self.bits
                self.bits += 1
        elif step.name == "cc_prx":
            deciding = self.latest[step.args["feedback_qubit"], step.args["feedback_key"]]
            pulse = do("prx", *step.locus, angle=step.args["angle"], phase=step.args["phase"])
            self.evolve(self.gate(pulse), step.locus, lambda record: record[deciding] == 1)
        elif step.name in ("reset", "reset_wait", "delay"):
            for component in step.locus:
                if step.name == "delay":
                    self.evolve(self.decay(component, step.args["duration"]), (component,))
                else:
                    self.evolve(self.to_zero(component, measured=step.name == "reset"), (component,))
        elif step.name != "barrier":
            self.evolve(self.gate(step), step.locus)

    def evolve(
        self, channel: Kraus, locus: tuple[str, ...], condition: Callable[[Bits], bool] = lambda record: True
    ) -> None:
        places = [self.components.index(component) for component in locus]
        for record, state in self.branches.items():
            if condition(record):
                self.branches[record] = state.evolve(channel, places)

    def measure(self, component: str, implementation: str) -> None:
        table = devices.FAST_READOUT if implementation == "fast_constant" else devices.READOUT
        p_1_given_0, p_0_given_1 = table[component] if self.noise else (0.0, 0.0)
        right = [[1 - p_1_given_0, p_1_given_0], [p_0_given_1, 1 - p_0_given_1]]
        place = [self.components.index(component)]
        after: dict[Bits, DensityMatrix] = {}
        for (record, state), true, read in product(self.branches.items(), (0, 1), (0, 1)):
            projected = state.evolve(Operator(np.diag([1 - true, true])), place)
            after[*record, read] = after.get((*record, read), 0 * projected) + right[true][read] * projected
        self.branches = after

    def to_zero(self, component: str, *, measured: bool) -> Kraus:
        """A reset measures and flips what reads as 1."""
        p_1_given_0, p_0_given_1 = devices.READOUT[component] if self.noise and measured else (0.0, 0.0)
        jumps = {(0, 0): 1 - p_1_given_0, (1, 0): p_1_given_0, (1, 1): p_0_given_1, (0, 1): 1 - p_0_given_1}
        operators = []
        for (after, before), probability in jumps.items():
            operator = np.zeros((2, 2))
            operator[after, before] = sqrt(probability)
            operators.append(operator)
        return Kraus(operators)

    def decay(self, component: str, duration: float) -> Kraus:
        if not self.noise:
            return Kraus(np.eye(2))
        lost = 1 - exp(-duration / devices.T1[component])
        damping = Kraus([np.diag([1, sqrt(1 - lost)]), np.array([[0, sqrt(lost)], [0, 0]])])
        flipped = (1 - exp(-duration / devices.T2[component]) / sqrt(1 - lost)) / 2
        dephasing = Kraus([sqrt(1 - flipped) * np.eye(2), sqrt(max(flipped, 0)) * np.diag([1, -1])])
        return damping.compose(dephasing)

    def gate(self, step: Instruction) -> Kraus:
        ideal = Operator(_ideal(step))
        if not self.noise or (step.name == "rz" and step.implementation != "prx_composite"):
            return Kraus(ideal)
        pulses = 2 if step.name == "rz" else 1
        duration, fidelity = _published(step)
        relaxation = self.relaxation(step.locus, duration)
        d = 2 ** len(step.locus)
        relaxed = average_gate_fidelity(relaxation)
        depolarizing = max((relaxed - fidelity) / (relaxed - 1 / d), 0)
        survives = (1 - depolarizing) ** pulses
        paulis = [reduce(np.kron, factors) for factors in product(_PAULIS, repeat=len(step.locus))]
        weights = [(1 - survives) / d**2] * len(paulis)
        weights[0] += survives
        depolarization = Kraus([sqrt(weight) * pauli for weight, pauli in zip(weights, paulis, strict=True)])
        return Kraus(ideal).compose(self.relaxation(step.locus, pulses * duration)).compose(depolarization)

    def relaxation(self, locus: tuple[str, ...], duration: float) -> Kraus:
        # Qiskit's tensor product puts its left factor last.
        return reduce(
            lambda first, second: second.tensor(first), [self.decay(component, duration) for component in locus]
        )


_PAULIS = [np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]


def _ideal(step: Instruction) -> Any:
    args = step.args
    return {
        "prx": lambda: RGate(args["angle"], args["phase"]),
        "sx": lambda: RGate(pi / 2, 0),
        "u": lambda: UGate(args["theta"], args["phi"], args["lam"]),
        "rz": lambda: RZGate(args["angle"]),
        "cz": lambda: CZGate(),
        "move": lambda: SwapGate(),
    }[step.name]()


def _published(step: Instruction) -> tuple[float, float]:
    if step.name in ("cz", "move"):
        table: Mapping[Any, tuple[float, float]] = devices.CZ if step.name == "cz" else devices.MOVE
        return table[step.locus] if step.locus in table else table[step.locus[::-1]]
    slow = step.implementation == "drag_gaussian"
    return (devices.SLOW_PRX if slow else devices.PRX)[step.locus[0]]


def _duration(step: Instruction) -> float:
    def measurement(component: str) -> float:
        fast = step.implementation == "fast_constant"
        return 0.4e-6 if fast else 1.0e-6 + 1e-7 * (int(component[2:]) - 1)

    if step.name == "delay":
        return float(step.args["duration"])
    if step.name == "measure":
        return max(measurement(component) for component in step.locus)
    if step.name == "reset":
        return max(measurement(component) + devices.PRX[component][0] for component in step.locus)
    if step.name == "reset_wait" or (step.name == "rz" and step.implementation != "prx_composite"):
        return 0.0
    return _published(step)[0] * (2 if step.name == "rz" else 1)


def assert_drawn_from(bits: NDArray[np.uint8], distribution: Mapping[Bits, float]) -> None:
    """Two-sided exact binomial test of every outcome; by the union bound a false alarm has probability FALSE_ALARM."""
    rows, counts = np.unique(bits, axis=0, return_counts=True)
    seen = {tuple(row): int(count) for row, count in zip(rows.tolist(), counts, strict=True)}
    assert sum(distribution.values()) == pytest.approx(1)
    assert seen.keys() <= {outcome for outcome, probability in distribution.items() if probability > 1e-12}
    level = FALSE_ALARM / len(distribution)
    for outcome, probability in distribution.items():
        count, p = seen.get(outcome, 0), min(max(probability, 0.0), 1.0)
        p_value = 2 * min(binom.cdf(count, len(bits), p), binom.sf(count - 1, len(bits), p))
        assert p_value >= level, f"{outcome}: {count} of {len(bits)} shots, expected {len(bits) * p:.1f}"
