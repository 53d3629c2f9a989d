"""A circuit that ran: found by its counts, and run again by the machine or by its fake."""

import pytest
from circuits import bell, submitted
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile

from iqm_fakes import FakeIQMClient, FakeIQMServer
from iqm_fakes.vendor.http import get
from pytest_iqm import IQMBackend, strategies
from pytest_iqm.errors import ExecutionError
from pytest_iqm.executions import Execution, Executions, in_qiskit_order
from pytest_iqm.prediction import Predictors

PERFECT = IQMBackend(FakeIQMClient("adonis", seed=2, noise=False))


@settings(max_examples=25)
@given(st.data())
def test_bits_are_in_qiskits_order(data):
    """Registers in any number, bits that are not measured, measurements in any order."""
    lengths = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    registers = [ClassicalRegister(length, f"c{index}_{length}") for index, length in enumerate(lengths)]
    circuit = QuantumCircuit(QuantumRegister(5), *registers)
    bits = data.draw(st.lists(st.sampled_from(circuit.clbits), unique=True, min_size=1, max_size=5))
    for qubit in data.draw(st.sets(st.integers(0, 4))):
        circuit.x(qubit)
    for qubit, bit in enumerate(bits):
        circuit.measure(qubit, bit)
    # registers without any measurement are lost on the wire, in the vendor's results, too
    job, (counts,) = submitted(PERFECT, transpile(circuit, PERFECT, seed_transpiler=1))
    execution = Execution(Predictors(PERFECT.client), job, 0)
    assert execution.counts == counts
    assert execution.simulated(100) == execution.simulated(100, noise=False) == counts
    (outcome,) = counts
    other = outcome[:-1] + "10"[int(outcome[-1])]
    for noise in (False, True):
        exact = execution.exact(noise=noise)
        assert exact.likely(0.5) == [outcome]
        assert list(exact.probabilities([other, outcome])) == pytest.approx([0, 1])


def test_there_is_an_exact_distribution_unless_it_takes_too_long(monkeypatch):
    job, _ = submitted(PERFECT, bell(PERFECT))
    execution = Execution(Predictors(PERFECT.client), job, 0)
    assert sum(execution.exact().probabilities(["00", "11"])) == pytest.approx(1)
    monkeypatch.setattr("pytest_iqm.executions.LONGEST", 0.0)
    assert execution.exact() is None


def test_there_is_none_of_what_does_not_fit_into_memory():
    backend = IQMBackend(FakeIQMClient("emerald", seed=1))
    circuit = QuantumCircuit(40)
    circuit.h(0)
    for qubit in range(39):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    job, _ = submitted(backend, transpile(circuit, backend, seed_transpiler=1), shots=10)
    assert Execution(Predictors(backend.client), job, 0).exact() is None


@settings(max_examples=15)
@given(strategies.batches(strategies.circuits(qubits=3, max_gates=5)), st.data())
def test_counts_lead_to_their_circuit(batch, data):
    native = transpile(batch, PERFECT, seed_transpiler=1)
    job, counts = submitted(PERFECT, *native)
    index = data.draw(st.integers(0, len(batch) - 1))
    execution = Executions(PERFECT.client).find([job], counts[index])
    assert execution.gave(counts[index])
    submission = get(PERFECT.client, f"jobs/{job}/payload")
    assert execution.payload == {**submission, "circuits": [submission["circuits"][execution.index]]}
    assert execution.job == job


def test_the_latest_job_that_gave_just_these_counts_is_preferred():
    zero, one = QuantumCircuit(2, 2), QuantumCircuit(2, 2)
    one.x(0)
    for circuit in (zero, one):
        circuit.measure([0, 1], [0, 1])
    jobs = [submitted(PERFECT, transpile(c, PERFECT, initial_layout=[0, 1]))[0] for c in (one, zero, zero)]
    executions = Executions(PERFECT.client)
    assert executions.find(jobs, {"00": 100}).job == jobs[2]
    assert executions.find(jobs, {"01": 100}).job == jobs[0]
    renamed = executions.find(jobs, {"10": 100})
    assert renamed.job == jobs[2]
    assert not renamed.gave({"10": 100})
    assert executions.find(jobs, {"10": 99}) is None
    assert executions.find(jobs, {"1": 100}) is None
    assert executions.find_in_job(jobs[2], {"1": 100}).job == jobs[2]


def test_an_execution_is_simulated_like_its_machine_and_independently_of_it():
    for noise in (True, False):
        backend = IQMBackend(FakeIQMClient("deneb", seed=2, noise=noise))
        job, (counts,) = submitted(backend, bell(backend), shots=10_000)
        execution = Executions(backend.client).find([job], counts)
        simulated = execution.simulated(10_000)
        assert simulated != counts
        assert simulated == execution.simulated(10_000)
        assert set(simulated) == set(counts) == ({"00", "01", "10", "11"} if noise else {"00", "11"})
        assert set(execution.simulated(1000, noise=False)) == {"00", "11"}


def test_it_runs_once_more_on_the_same_machine():
    backend = IQMBackend(FakeIQMClient("adonis", seed=2))
    job, counts = submitted(backend, bell(backend), bell(backend), shots=1000)
    again = Executions(backend.client).find([job], counts[0]).repeat({"use_timeslot": "false"})
    assert again.job == str(backend.client.server.jobs[-1].id) != job
    assert sum(again.counts.values()) == 1000
    assert again.counts not in counts


def test_a_failed_run_says_why():
    server = FakeIQMServer("adonis", seed=1)
    backend = IQMBackend(FakeIQMClient(server=server))
    job, (counts,) = submitted(backend, bell(backend))
    server.faults.job().fails("a cryostat warmed up")
    again = Executions(backend.client).find([job], counts).repeat({})
    with pytest.raises(ExecutionError, match=f"job {again.job}: a cryostat warmed up"):
        _ = again.counts
    assert not again.gave(counts)


def test_other_measurement_keys_are_nobodys_bits():
    with pytest.raises(ExecutionError, match="not Qiskit's: m0, m1"):
        in_qiskit_order(["m0", "m1"], {"00": 1})
