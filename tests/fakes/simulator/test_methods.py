"""Every method gives the same distribution: against each other, and against trajectories in plain numpy."""

from __future__ import annotations

from functools import cache
from itertools import combinations, product
from math import pi

import devices
import numpy as np
import pytest
from exact_distributions import FALSE_ALARM, Bits, Truth
from hypothesis import given, settings
from hypothesis import strategies as st
from instructions import do
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray
from qiskit.quantum_info import Kraus, SuperOp
from random_circuits import Writer
from scipy.stats import hypergeom
from simulators import QUBITS, sample, simulator

from iqm_fakes.simulator.circuit import Circuit, Instruction, Options
from iqm_fakes.simulator.methods import METHODS, Method

Shots = NDArray[np.uint8]


def alike(first: Shots, second: Shots, level: float) -> bool:
    """Whether an event was seen about as often in two samples: Fisher's exact test, doubled one-sided p ≥ level."""
    hits, all_hits = int(first.sum()), int(first.sum() + second.sum())
    total, draws = len(first) + len(second), len(first)
    tail = min(hypergeom.cdf(hits, total, all_hits, draws), hypergeom.sf(hits - 1, total, all_hits, draws))
    return bool(2 * tail >= level)


def assert_same_distribution(samples: dict[str, Shots], false_alarm: float) -> None:
    """Compare how often each outcome was seen, for each pair; by the union bound a false alarm has that probability."""
    outcomes = {tuple(row) for bits in samples.values() for row in bits.tolist()}
    pairs = list(combinations(samples, 2))
    level = false_alarm / (len(outcomes) * len(pairs))
    for (one, two), outcome in product(pairs, outcomes):
        seen = [np.all(samples[name] == outcome, axis=1) for name in (one, two)]
        assert alike(*seen, level), f"{outcome}: {seen[0].sum()} with {one}, {seen[1].sum()} with {two}"


class CliffordWriter(Writer):
    def angle(self) -> float:
        return float(self.random.integers(-4, 5)) * pi / 2


EXAMPLES = 12


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), clifford=st.booleans(), measured=st.booleans())
def test_each_pair_of_methods(seed: int, *, clifford: bool, measured: bool) -> None:
    random = np.random.default_rng(seed)
    writer = (CliffordWriter if clifford else Writer)("dephased", random)
    for step in range(12):
        if measured and step == 6:
            writer.measure()
        writer.operation()
    instructions = [*writer.instructions, do("measure", *QUBITS["dephased"], key="end")]
    methods = [method for method in METHODS if clifford or method != "stabilizer"]
    samples: dict[str, Shots] = {method: sample("dephased", instructions, 2000, method=method) for method in methods}
    assert_same_distribution(samples, FALSE_ALARM / EXAMPLES)


class Trajectories(Truth):
    """Many shots at once, each a state vector; noise is drawn by the probabilities of its Kraus operators."""

    def __init__(self, device: str, instructions: list[Instruction], shots: int, random: Generator) -> None:
        self.random = random
        self.states = np.zeros((shots, 2 ** len({c for step in instructions for c in step.locus})), dtype=complex)
        self.states[:, 0] = 1
        self.columns: list[Shots] = []
        super().__init__(device, instructions, noise=True)

    def evolve(self, channel: SuperOp, locus: tuple[str, ...], condition: object = None) -> None:
        shots, n = len(self.states), len(self.components)
        places = [self.components.index(component) for component in locus]
        axes = [n - place for place in reversed(places)]  # the first component of a locus is the least significant
        operators = np.array(Kraus(channel).data)
        front = np.moveaxis(self.states.reshape(shots, *[2] * n), axes, range(1, len(axes) + 1))
        shape = front.shape
        local = front.reshape(shots, 2 ** len(axes), -1)
        reduced = np.einsum("sir,sjr->sij", local, local.conj())
        weights = np.real(np.einsum("kji,sil,kjl->sk", operators, reduced, operators.conj()))
        choices = (
            np.cumsum(weights, axis=1) < self.random.random((shots, 1)) * weights.sum(axis=1, keepdims=True)
        ).sum(1)
        after = np.einsum("sij,sjr->sir", operators[choices], local)
        after /= np.linalg.norm(after, axis=(1, 2), keepdims=True)
        self.states = np.moveaxis(after.reshape(shape), range(1, len(axes) + 1), axes).reshape(shots, -1)

    def measure(self, component: str, implementation: str) -> None:
        shots, n = len(self.states), len(self.components)
        parts = self.states.reshape(shots, 2 ** (n - 1 - self.components.index(component)), 2, -1)
        ones = self.random.random(shots) < np.sum(np.abs(parts[:, :, 1]) ** 2, axis=(1, 2))
        collapsed = parts.copy()
        collapsed[ones, :, 0] = 0
        collapsed[~ones, :, 1] = 0
        self.states = collapsed.reshape(shots, -1)
        self.states /= np.linalg.norm(self.states, axis=1, keepdims=True)
        wrong = np.where(ones, devices.READOUT[component][1], devices.READOUT[component][0])
        self.columns.append((ones ^ (self.random.random(shots) < wrong)).astype(np.uint8))


def test_the_reference_is_right_where_the_exact_distribution_is_known() -> None:
    instructions = entangling("dephased", np.random.default_rng(3))
    reference = Trajectories("dephased", instructions, 20_000, np.random.default_rng(4))
    expected: dict[Bits, float] = Truth("dephased", instructions, noise=True).distribution()
    rows, counts = np.unique(np.stack(reference.columns, axis=1), axis=0, return_counts=True)
    for row, count in zip(rows.tolist(), counts, strict=True):
        p = expected[tuple(row)]
        assert abs(count - 20_000 * p) < 6 * np.sqrt(20_000 * p * (1 - p)) + 1


@cache
def reference(shots: int) -> Shots:
    instructions = entangling("ten", np.random.default_rng(1))
    return np.stack(Trajectories("ten", instructions, shots, np.random.default_rng(2)).columns, axis=1)


@pytest.mark.parametrize("method", ["auto", "matrix_product_state", "batched"])
def test_marginals_correlations_and_parities_of_ten_components(method: Method) -> None:
    """False alarms: FALSE_ALARM, by the union bound over all events."""
    shots = 3000
    instructions = entangling("ten", np.random.default_rng(1))
    expected = reference(shots)
    bits = sample("ten", instructions, shots, method=method)
    events = [(a,) for a in range(10)] + list(combinations(range(10), 2)) + [tuple(range(k)) for k in range(3, 11)]
    for event in events:
        seen = [data[:, list(event)].sum(axis=1) % 2 for data in (bits, expected)]
        assert alike(*seen, FALSE_ALARM / len(events)), event


def entangling(device: str, random: Generator) -> list[Instruction]:
    """Rotations, then CZ on all neighbours, a few times."""
    qubits = QUBITS[device]
    instructions = []
    for layer in range(3):
        instructions += [
            do("prx", qubit, angle=float(random.uniform(0, pi)), phase=float(random.uniform(0, pi))) for qubit in qubits
        ]
        instructions += [do("cz", *qubits[left : left + 2]) for left in range(layer % 2, len(qubits) - 1, 2)]
    instructions += [do("delay", qubits[0], duration=2e-7), do("reset", qubits[1]), do("sx", qubits[1])]
    return [*instructions, do("measure", *qubits, key="m")]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("cores", [1, 2, 3, 8])
def test_the_number_of_cores_changes_nothing(method: Method, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(9)
    writer = CliffordWriter("dephased", random)
    for step in range(10):
        if step == 5:
            writer.measure()
        writer.operation()
    instructions = (*writer.instructions, do("measure", *QUBITS["dephased"], key="end"))
    machine = simulator("dephased", method=method)
    program = machine.compile(Circuit("test", instructions), Options())
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    alone = machine.run(program, 300, SeedSequence(5))
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    again = machine.run(program, 300, SeedSequence(5))
    assert all(np.array_equal(alone[key], again[key]) for key in alone)
