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
from numpy.typing import NDArray
from qiskit.circuit.library import CZGate, RGate, RZGate, SwapGate, UGate
from qiskit.quantum_info import DensityMatrix, Kraus, Operator, SuperOp, average_gate_fidelity
from scipy.stats import binom
from simulators import spans

from iqm_fakes.simulator.circuit import Instruction

FALSE_ALARM = 1e-6
"""How often one test with a random sample fails although nothing is wrong, at most."""

Bits = tuple[int, ...]


class Truth:
    """The exact joint distribution of the recorded bits: for every record its unnormalised density matrix.

    Components that have been used relax until they are used again.
    """

    def __init__(self, device: str, instructions: list[Instruction], *, noise: bool, idle: bool = True) -> None:
        self.noise = noise
        self.idle = idle
        self.done: dict[str, float] = {}
        self.components = sorted({component for instruction in instructions for component in instruction.locus})
        self.branches: dict[Bits, DensityMatrix] = {(): DensityMatrix.from_label("0" * len(self.components))}
        self.latest: dict[tuple[str, str], int] = {}
        self.bits = 0
        for instruction, (start, end) in zip(instructions, spans(device, instructions), strict=True):
            if instruction.name != "barrier":
                self.wait(instruction, start)
                self.act(instruction)
                self.done.update(dict.fromkeys(instruction.locus, end))

    def distribution(self) -> dict[Bits, float]:
        return {record: float(np.real(state.trace())) for record, state in self.branches.items()}

    def wait(self, step: Instruction, start: float) -> None:
        for component in step.locus:
            waited = start - self.done.get(component, start)
            if self.idle and waited > 1e-12:
                self.evolve(SuperOp(self.decay(component, waited)), (component,))

    def act(self, step: Instruction) -> None:
        if step.name in ("measure", "measure_fidelity"):
            for component in step.locus:
                self.measure(component, step.implementation or "constant")
                if "feedback_key" in step.args:
                    self.latest[component, step.args["feedback_key"]] = self.bits
                self.bits += 1
        elif step.name == "cc_prx":
            deciding = self.latest[step.args["feedback_qubit"], step.args["feedback_key"]]
            angle, phase = step.args["angle"], step.args["phase"]
            for turn, relaxation, depolarization in self.pulses(step, angle, phase):
                applied = SuperOp(turn).compose(depolarization)
                self.evolve(applied, step.locus, lambda record: record[deciding] == 1)
                self.evolve(relaxation, step.locus)
        elif step.name in ("reset", "reset_wait", "delay"):
            for component in step.locus:
                if step.name == "delay":
                    self.evolve(SuperOp(self.decay(component, step.args["duration"])), (component,))
                else:
                    self.evolve(SuperOp(self.to_zero(component, measured=step.name == "reset")), (component,))
        else:
            self.evolve(self.gate(step), step.locus)

    def evolve(
        self, channel: SuperOp, locus: tuple[str, ...], condition: Callable[[Bits], bool] = lambda record: True
    ) -> None:
        places = [self.components.index(component) for component in locus]
        for record, state in self.branches.items():
            if condition(record):
                self.branches[record] = state.evolve(channel, places)

    def measure(self, component: str, implementation: str) -> None:
        """The state collapses, is recorded, perhaps wrongly, and perhaps left as the other one."""
        place = [self.components.index(component)]
        probability = self.instrument(component, implementation)
        after: dict[Bits, DensityMatrix] = {}
        for (record, state), read in product(self.branches.items(), (0, 1)):
            operators = []
            for true, left in product((0, 1), (0, 1)):
                operator = np.zeros((2, 2))
                operator[left, true] = sqrt(max(probability[true, read, left], 0.0))
                operators.append(operator)
            after[*record, read] = state.evolve(Kraus(operators), place)
        self.branches = after

    def instrument(self, component: str, implementation: str) -> NDArray[np.float64]:
        if self.noise and implementation == "constant":
            return devices.instrument(component)
        errors = devices.transitions(devices.FAST_READOUT[component] if self.noise else (0.0, 0.0))
        return np.einsum("ri,il->irl", errors, np.eye(2))

    def to_zero(self, component: str, *, measured: bool) -> Kraus:
        """A reset measures and flips what reads as 1."""
        probability = devices.instrument(component) if self.noise and measured else np.zeros((2, 2, 2))
        operators = []
        for before, read, left in product((0, 1), repeat=3):
            operator = np.zeros((2, 2))
            operator[left ^ read, before] = sqrt(max(probability[before, read, left], 0.0))
            if not (self.noise and measured):
                operator[0, before] = read == left == before
            operators.append(operator)
        return Kraus(operators)

    def decay(self, component: str, duration: float, t2: Mapping[str, float] = devices.T2) -> Kraus:
        if not self.noise:
            return Kraus(np.eye(2))
        lost = 1 - exp(-duration / devices.T1[component])
        damping = Kraus([np.diag([1, sqrt(1 - lost)]), np.array([[0, sqrt(lost)], [0, 0]])])
        flipped = (1 - exp(duration / (2 * devices.T1[component]) - duration / t2[component])) / 2
        dephasing = Kraus([sqrt(1 - flipped) * np.eye(2), sqrt(max(flipped, 0)) * np.diag([1, -1])])
        return damping.compose(dephasing)

    def gate(self, step: Instruction) -> SuperOp:
        ideal, args = Operator(_ideal(step)), step.args
        if not self.noise or (step.name == "rz" and step.implementation != "prx_composite"):
            return SuperOp(ideal)
        if step.name in ("cz", "move"):
            return self.in_turn([(ideal, *self.errors(step))])
        if step.name == "rz":  # two half turns
            return self.in_turn([(ideal, *self.errors(step))] + [(Operator(np.eye(2)), *self.errors(step))] * 3)
        if step.name == "u":
            before, after = Operator(RZGate(args["lam"])), Operator(RZGate(args["phi"]))
            turn = self.in_turn(self.pulses(step, args["theta"], pi / 2))
            return SuperOp(before).compose(turn).compose(SuperOp(after))
        angle, phase = (pi / 2, 0.0) if step.name == "sx" else (args["angle"], args["phase"])
        return self.in_turn(self.pulses(step, angle, phase))

    def pulses(self, step: Instruction, angle: float, phase: float) -> list[tuple[Operator, SuperOp, SuperOp]]:
        """The pulses of a rotation: quarter turns between virtual rotations about z, or one pulse by drag_gaussian."""
        relaxation, depolarization = self.errors(step)
        turned = abs(angle + pi) % (2 * pi) - pi
        if step.implementation == "drag_gaussian" or abs(abs(turned) - pi / 2) < 1e-9 or not self.noise:
            return [(Operator(RGate(angle, phase)), relaxation, depolarization)]
        quarter = Operator(RGate(pi / 2, 0))
        if abs(abs(turned) - pi) < 1e-9:
            first = second = Operator(RGate(pi / 2, phase if angle > 0 else phase + pi))
        else:
            first = Operator(RZGate(-phase - pi / 2)).compose(quarter).compose(Operator(RZGate(phase + pi / 2)))
            second = Operator(RZGate(-phase - pi / 2)).compose(Operator(RZGate(pi - angle))).compose(quarter)
            second = second.compose(Operator(RZGate(phase - pi / 2)))
        return [(first, relaxation, depolarization), (second, relaxation, depolarization)]

    def errors(self, step: Instruction) -> tuple[SuperOp, SuperOp]:
        """What follows one pulse: relaxation, and what else makes the published fidelity."""
        if not self.noise:
            return SuperOp(np.eye(4)), SuperOp(np.eye(4))
        duration, fidelity = _published(step)
        relaxation = self.relaxation(step.locus, duration)
        d = 2 ** len(step.locus)
        relaxed = average_gate_fidelity(relaxation)
        depolarizing = max((relaxed - fidelity) / (relaxed - 1 / d), 0)
        paulis = [reduce(np.kron, factors) for factors in product(_PAULIS, repeat=len(step.locus))]
        weights = [depolarizing / d**2] * len(paulis)
        weights[0] += 1 - depolarizing
        return SuperOp(relaxation), SuperOp(
            Kraus([sqrt(weight) * pauli for weight, pauli in zip(weights, paulis, strict=True)])
        )

    @staticmethod
    def in_turn(pulses: list[tuple[Operator, SuperOp, SuperOp]]) -> SuperOp:
        """One after the other: a turn, then relaxation, then depolarisation."""
        each = [SuperOp(turn).compose(relaxation).compose(rest) for turn, relaxation, rest in pulses]
        return reduce(lambda one, other: one.compose(other), each)

    def relaxation(self, locus: tuple[str, ...], duration: float) -> Kraus:
        # Qiskit's tensor product puts its left factor last.
        return reduce(
            lambda first, second: second.tensor(first),
            [self.decay(component, duration, {**devices.T2, **devices.T2_ECHO}) for component in locus],
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
