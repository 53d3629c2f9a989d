"""Outcomes are written as Qiskit writes them, and those of other programs in the order of their keys."""

import random

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile

from iqm_fakes import FakeIQMClient
from iqm_fakes.vendor.http import get
from iqm_fakes.wire.qiskit_order import IN_KEY_ORDER, IN_QISKIT_ORDER, OutcomeOrder, order_notes
from pytest_iqm import IQMBackend


def wire_counts(job, backend):
    (document,) = get(backend.client, f"jobs/{job.job_id()}/artifacts/measurement_counts")
    return document["measurement_keys"], document["counts"]


@pytest.mark.parametrize("seed", range(6))
def test_it_is_that_of_get_counts(seed):
    """Registers of any widths, measured in any order, some of their bits not at all."""
    dice = random.Random(seed)
    registers = [ClassicalRegister(dice.randint(1, 3), f"c_{n}") for n in range(dice.randint(1, 3))]
    circuit = QuantumCircuit(QuantumRegister(5), *registers)
    bits = [bit for register in registers for bit in dice.sample(list(register), dice.randint(1, len(register)))][:5]
    dice.shuffle(bits)
    for qubit, bit in enumerate(bits):
        circuit.ry(0.3 + qubit, qubit)
        circuit.measure(qubit, bit)
    backend = IQMBackend(FakeIQMClient("adonis", seed=seed))
    job = backend.run(transpile(circuit, backend, seed_transpiler=1), shots=300)
    keys, counts = wire_counts(job, backend)
    order = OutcomeOrder.of((key, 1) for key in keys)
    assert order.is_qiskit
    assert order.counts(counts) == job.result().get_counts()


@pytest.mark.parametrize(
    ("keys", "heading", "outcome"),
    [
        ([("a", 1), ("b", 1), ("c", 1)], "outcome of a b c", "011"),
        ([("left", 2), ("right", 1)], "outcome of left right", "01 1"),
        ([("m_2_0_0", 2), ("m_2_0_1", 1)], "outcome of m_2_0_0 m_2_0_1", "01 1"),  # one of Qiskit's is of one bit
        ([("m_2_0_0", 1), ("m_2_0_2", 1), ("m_2_0_1", 1)], "outcome of m_2_0_0 m_2_0_2 m_2_0_1", "011"),  # no bit 2
        ([("m_3_0_2", 1), ("m_3_0_1", 1), ("m_3_0_0", 1)], "outcome of m", "011"),
        ([("m_3_0_0", 1), ("m_3_0_1", 1), ("m_3_0_2", 1)], "outcome of m", "110"),
        ([("m_2_1_0", 1), ("a_1_0_0", 1), ("m_2_1_1", 1)], "outcome of m a", "10 1"),
    ],
)
def test_other_keys_keep_their_order(keys, heading, outcome):
    order = OutcomeOrder.of(keys)
    assert (order.heading, list(order.counts({"011": 7}))) == (heading, [outcome])


def test_many_keys_are_named_in_short():
    assert OutcomeOrder.of((f"q{n}", 1) for n in range(20)).heading == "outcome of q0 q1 q2 q3 q4 … q19"


def test_the_order_is_said_once():
    qiskits, others = (OutcomeOrder.of([(key, 1)]).is_qiskit for key in ("m_1_0_0", "m"))
    assert order_notes([qiskits, qiskits]) == [IN_QISKIT_ORDER]
    assert order_notes([others, qiskits]) == [IN_QISKIT_ORDER, IN_KEY_ORDER]
    assert order_notes([]) == []


def test_without_measurements_there_are_no_bits():
    assert OutcomeOrder.of([]).counts({"": 3}) == {"": 3}
