"""From operations to what is simulated: pruned, folded, fused, split, laid out in registers."""

from __future__ import annotations

import devices
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import SeedSequence
from programs import cz, measure, program, prx
from qiskit.quantum_info import SuperOp

from iqm_fakes.device.error_rates import Noise
from iqm_fakes.simulator import method_choice, shots, subcircuits
from iqm_fakes.simulator.circuit import Operation
from iqm_fakes.simulator.noise_model import NoiseModel
from iqm_fakes.simulator.subcircuits import Block, ConditionalGate, Gate, Measure

CALIBRATION = devices.row(1, 10).calibration()
NOISE_MODEL = NoiseModel(Noise(CALIBRATION))
PROJECTIVE = NoiseModel(Noise(devices.projective(CALIBRATION)))
"""The same, but measurements change the state by nothing but collapse."""


def names_of(steps: object) -> list[tuple[str, tuple[int, ...]]]:
    return [(type(step).__name__, step.targets) for step in steps]  # type: ignore[attr-defined]


def test_what_no_measurement_sees_is_dropped() -> None:
    whole = program(3, 1, prx(0), prx(1), cz(0, 1), prx(2), measure(0, 0), prx(0), cz(1, 2))
    assert names_of(subcircuits.bind_noise(whole.light_cone(), PROJECTIVE)) == [
        ("Gate", (0,)),
        ("Gate", (1,)),
        ("Gate", (0, 1)),
        ("Measure", (0,)),
    ]


def test_noise_before_the_last_measurement_becomes_readout_error() -> None:
    delay = Operation("delay", (0,), "wait", (1e-6,))
    bound = subcircuits.bind_noise(
        program(1, 2, prx(0), delay, measure(0, 0), prx(0), delay, delay, measure(0, 1)), PROJECTIVE
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
    bound = subcircuits.bind_noise(program(2, 1, prx(0), prx(0), prx(1), cz(0, 1), prx(1), measure(1, 0)), PROJECTIVE)
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


def test_a_measurement_changes_the_state_unless_nothing_looks_at_it_afterwards() -> None:
    bound = subcircuits.bind_noise(program(1, 2, prx(0), measure(0, 0), measure(0, 1)), NOISE_MODEL)
    kept = subcircuits.fold_into_readout(bound)
    assert names_of(kept) == [("Gate", (0,)), ("Gate", (0,)), ("Measure", (0,)), ("Measure", (0,))]
    last = kept[-1]
    assert isinstance(last, Measure)
    instrument = devices.instrument("QB1")
    left = instrument.sum(axis=1) @ instrument.sum(axis=2)  # read once, then read again
    read = devices.transitions((last.readout.p_1_given_0, last.readout.p_0_given_1)).T
    before = devices.transitions(
        tuple(0.8 * min(pair) for pair in zip(devices.READOUT["QB1"], devices.CHANGE["QB1"], strict=True))
    )
    np.testing.assert_allclose(before.T @ read, left, atol=1e-9)


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
