"""The stages of the simulator, each alone."""

from __future__ import annotations

from functools import reduce
from itertools import product
from math import pi

import devices
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import SeedSequence
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.quantum_info import Kraus, Operator, SuperOp, random_unitary

from iqm_fakes.device.error_rates import Noise, Readout, Relaxation
from iqm_fakes.simulator import channels, method_choice, pauli_mixtures, shots, subcircuits
from iqm_fakes.simulator.circuit import Operation, Program
from iqm_fakes.simulator.cliffords import clifford_gates
from iqm_fakes.simulator.noise_model import NoiseModel
from iqm_fakes.simulator.pauli_mixtures import Mixture
from iqm_fakes.simulator.simulator import Simulator
from iqm_fakes.simulator.subcircuits import Block, ConditionalGate, Gate, Measure

CALIBRATION = devices.row(1, 10).calibration()
NOISE_MODEL = NoiseModel(Noise(CALIBRATION))
PROBABILITY = st.floats(0, 1)
READOUT = st.builds(Readout, PROBABILITY, PROBABILITY)

# -- noise: a mixture of events is the same as the channel ------------------------------------------------------------

LETTERS = {
    "I": [np.eye(2)],
    "X": [np.array([[0, 1], [1, 0]])],
    "Y": [np.array([[0, -1j], [1j, 0]])],
    "Z": [np.diag([1, -1])],
    "0": [np.array([[1, 0], [0, 0]]), np.array([[0, 1], [0, 0]])],
    "1": [np.array([[0, 0], [1, 0]]), np.array([[0, 0], [0, 1]])],
}


def channel_of(mixture: Mixture) -> NDArray[np.complex128]:
    """The first letter is the first component, which is the least significant; by Qiskit's own arithmetic."""
    total = 0
    for word, probability in mixture.items():
        assert probability >= 0
        operators = [reduce(np.kron, reversed(factors)) for factors in product(*(LETTERS[letter] for letter in word))]
        total = total + probability * SuperOp(Kraus(operators)).data
    return np.asarray(total)


@given(st.floats(1e-6, 1e-4), st.floats(0.01, 1), st.floats(0, 1e-4))
def test_relaxation_is_a_mixture_if_t2_is_at_most_t1(t1: float, ratio: float, duration: float) -> None:
    times = Relaxation(t1, t1 * ratio)
    mixture = pauli_mixtures.relaxation(times, duration)
    assert mixture is not None
    np.testing.assert_allclose(channel_of(mixture), channels.relaxation(times, duration), atol=1e-12)
    assert pauli_mixtures.relaxation(Relaxation(t1, t1 * 1.01), duration) is None


@pytest.mark.parametrize("components", [1, 2])
def test_depolarizing_is_a_mixture(components: int) -> None:
    mixture = pauli_mixtures.depolarizing(0.3, components)
    np.testing.assert_allclose(channel_of(mixture), channels.depolarizing(0.3, components), atol=1e-12)


@given(READOUT)
def test_errors_of_resets_and_records_are_mixtures(readout: Readout) -> None:
    np.testing.assert_allclose(
        channel_of(pauli_mixtures.measured_reset(readout)), channels.measured_reset(readout), atol=1e-12
    )
    record = np.ix_([0, 3], [0, 3])  # a record has no coherence
    np.testing.assert_allclose(
        channel_of(pauli_mixtures.readout_error(readout))[record], channels.readout_error(readout)[record], atol=1e-12
    )


@given(st.data())
def test_one_mixture_after_another_is_a_mixture(data: st.DataObject) -> None:
    weights = st.lists(st.floats(0.01, 1), min_size=6, max_size=6)
    drawn = data.draw(st.tuples(weights, weights))
    first, second = (dict(zip("IXYZ01", np.divide(one, sum(one)), strict=True)) for one in drawn)
    expected = channel_of(second) @ channel_of(first)
    np.testing.assert_allclose(channel_of(pauli_mixtures.compose(first, second)), expected, atol=1e-12)


# -- Clifford gates ---------------------------------------------------------------------------------------------------


@given(st.tuples(*[st.integers(-4, 4)] * 2), st.integers(-4, 4))
def test_clifford_gates_are_recognised(pulse: tuple[int, int], turn: int) -> None:
    unitary = channels.rz(turn * pi / 2) @ channels.prx(pulse[0] * pi / 2, pulse[1] * pi / 2)
    names = clifford_gates(unitary)
    assert names is not None
    circuit = QuantumCircuit(1)
    for name in names:
        getattr(circuit, name)(0)
    assert Operator(circuit).equiv(Operator(unitary))


@pytest.mark.parametrize("seed", range(5))
def test_other_gates_are_not(seed: int) -> None:
    assert clifford_gates(random_unitary(2, seed=seed).data) is None
    assert clifford_gates(random_unitary(4, seed=seed).data) is None
    assert clifford_gates(channels.prx(pi / 2 + 1e-6, 0.0)) is None


# -- from operations to subcircuits -----------------------------------------------------------------------------------


def prx(target: int, angle: float = 0.3) -> Operation:
    return Operation("prx", (target,), "drag_crf_sx", (angle, 0.1))


def cz(*targets: int) -> Operation:
    return Operation("cz", targets, "crf_crf")


def measure(target: int, bit: int) -> Operation:
    return Operation("measure", (target,), "constant", bit=bit)


def program(components: int, bits: int, *operations: Operation) -> Program:
    names = tuple(f"QB{number}" for number in range(1, components + 1))
    return Program(names, operations, (("m", bits),))


def names_of(steps: object) -> list[tuple[str, tuple[int, ...]]]:
    return [(type(step).__name__, step.targets) for step in steps]  # type: ignore[attr-defined]


def test_what_no_measurement_sees_is_dropped() -> None:
    bound = subcircuits.bind_noise(
        program(3, 1, prx(0), prx(1), cz(0, 1), prx(2), measure(0, 0), prx(0), cz(1, 2)), NOISE_MODEL
    )
    assert names_of(subcircuits.prune_unobserved(bound)) == [
        ("Gate", (0,)),
        ("Gate", (1,)),
        ("Gate", (0, 1)),
        ("Measure", (0,)),
    ]


def test_noise_before_the_last_measurement_becomes_readout_error() -> None:
    delay = Operation("delay", (0,), "wait", (1e-6,))
    bound = subcircuits.bind_noise(
        program(1, 2, prx(0), delay, measure(0, 0), prx(0), delay, delay, measure(0, 1)), NOISE_MODEL
    )
    absorbed = subcircuits.fold_into_readout(bound)
    assert names_of(absorbed) == [("Gate", (0,)), ("Gate", (0,)), ("Measure", (0,)), ("Gate", (0,)), ("Measure", (0,))]
    first, _, early, second, last = absorbed
    assert isinstance(first, Gate)
    assert isinstance(second, Gate)
    assert first.gate.errors
    assert not second.gate.errors
    assert isinstance(early, Measure)
    assert isinstance(last, Measure)
    assert early.readout == devices.READOUT["QB1"]
    assert last.readout.p_0_given_1 > 1 - (1 - early.readout.p_0_given_1) * np.exp(-2e-6 / devices.T1["QB1"])


def test_gates_on_one_component_join_the_next_gate_on_two() -> None:
    bound = subcircuits.bind_noise(program(2, 1, prx(0), prx(0), prx(1), cz(0, 1), prx(1), measure(1, 0)), NOISE_MODEL)
    fused = subcircuits.fuse_gates(bound)
    assert names_of(fused) == [("Block", (0, 1)), ("Block", (1,)), ("Measure", (1,))]
    block = fused[0]
    assert isinstance(block, Block)
    gates = [step.gate for step in bound if isinstance(step, Gate)]
    one = np.kron(gates[2].unitary, gates[1].unitary @ gates[0].unitary)  # the second component is more significant
    np.testing.assert_allclose(block.unitary(), gates[3].unitary @ one, atol=1e-12)
    noise = [SuperOp(gate.channel) for gate in gates]
    expected = noise[2].tensor(noise[0].compose(noise[1])).compose(noise[3])
    np.testing.assert_allclose(block.channel(), expected.data, atol=1e-12)


def test_what_has_nothing_to_do_with_each_other_is_simulated_in_subcircuits() -> None:
    conditional = Operation("cc_prx", (4,), "prx_composite", (0.3, 0.1), bit=1)
    operations = [prx(0), cz(0, 1), prx(2), measure(2, 1), conditional, prx(3)]
    operations += [measure(0, 0), measure(1, 2), measure(3, 3), measure(4, 4)]
    separate = subcircuits.split(program(5, 5, *operations), NOISE_MODEL)
    assert {(subcircuit.components, subcircuit.bits) for subcircuit in separate} == {
        (("QB1", "QB2"), (0, 2)),
        (("QB3", "QB5"), (1, 4)),
        (("QB4",), (3,)),
    }


@given(st.data())
def test_a_layout_keeps_the_order_on_each_component_and_never_shares_a_register(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 6))
    pairs = st.lists(st.tuples(*[st.integers(0, count - 1)] * 2), max_size=15)
    operations = [prx(a) if a == b else cz(a, b) for a, b in data.draw(pairs)]
    operations += [measure(target, target) for target in data.draw(st.permutations(range(count)))]
    for subcircuit in subcircuits.split(program(count, count, *operations), NOISE_MODEL):
        where: dict[int, int] = {}
        order: dict[int, list[object]] = {}
        for step, registers, released in subcircuit.layout.steps:
            for target, register in zip(step.targets, registers, strict=True):
                order.setdefault(target, []).append(step)
                assert where.setdefault(target, register) == register
            assert len(set(where.values())) == len(where) <= subcircuit.layout.width
            where = {target: register for target, register in where.items() if register not in released}
        assert not where
        for target, steps in order.items():
            assert [id(step) for step in steps] == [id(step) for step in subcircuit.steps if target in step.targets]


def test_a_chain_needs_two_registers_whatever_its_length() -> None:
    chain = [prx(0), *(operation for n in range(9) for operation in (prx(n + 1), cz(n, n + 1), prx(n + 1)))]
    (subcircuit,) = subcircuits.split(program(10, 10, *chain, *(measure(n, n) for n in range(10))), NOISE_MODEL)
    assert subcircuit.layout.width == 2


# -- the choice -------------------------------------------------------------------------------------------------------


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
    assert chosen(noisy, 10, 0.3, 100) == "statevector trajectories"
    assert chosen(perfect, 10, 0.3, 100_000) == "statevector evolution"
    assert chosen(Simulator(devices.row(5, 10).calibration()), 6, pi / 2, 10).startswith("density_matrix")


def test_pulses_are_kept_with_the_measurements_that_decide_them() -> None:
    pulse = Operation("cc_prx", (1,), "prx_composite", (0.3, 0.1), bit=0)
    (subcircuit,) = subcircuits.split(program(2, 2, prx(0), measure(0, 0), pulse, measure(1, 1)), NOISE_MODEL)
    order = [type(placed.step) for placed in subcircuit.layout.steps]
    assert order.index(Measure) < order.index(ConditionalGate)
    assert subcircuit.mid_circuit == {0}
    bits = shots.take(
        method_choice.choose(subcircuit, 100, "auto").engine, [shots.Task(subcircuit, 100, SeedSequence(1))]
    )
    assert bits[0].shape == (100, 2)
