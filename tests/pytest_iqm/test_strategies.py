"""Strategies give what they promise, and shrink to the simplest example."""

import math
import random
import re

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import Operator, Statevector

from iqm_fakes import FakeIQMClient
from pytest_iqm import IQMBackend, distribution, strategies

BACKENDS = {name: IQMBackend(FakeIQMClient(name, seed=1, noise=False)) for name in ("adonis", "garnet", "deneb")}
backends = st.sampled_from(sorted(BACKENDS)).map(BACKENDS.get)
some = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def gates(circuit):
    return [step for step in circuit.data if step.operation.name != "measure"]


@some
@given(st.data(), backends, st.integers(1, 4))
def test_layouts_are_connected(data, backend, size):
    layout = data.draw(strategies.layouts(backend, size))
    assert len(set(layout)) == size
    edges = {frozenset(edge) for edge in backend.coupling_map.get_edges()}
    for index in range(1, size):
        assert any(frozenset((layout[index], before)) in edges for before in layout[:index])


def test_a_layout_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="backend 'adonis' has no 6 connected qubits"):
        find(strategies.layouts(BACKENDS["adonis"], 6), lambda layout: True)


@some
@given(strategies.circuits(qubits=3))
def test_standard_circuits_transpile_to_the_same_unitary(circuit):
    bare = circuit.remove_final_measurements(inplace=False)
    native = transpile(bare, basis_gates=["r", "cz"], optimization_level=0)
    assert Operator(native).equiv(Operator(bare))


@some
@given(st.data(), backends)
def test_native_circuits_run_as_they_are(data, backend):
    circuit = data.draw(strategies.circuits(backend, qubits=3, gates="native", max_gates=6))
    counts = backend.run(circuit, shots=200).result().get_counts()
    measured = [circuit.find_bit(step.qubits[0]).index for step in circuit.data if step.operation.name == "measure"]
    used = sorted({circuit.find_bit(qubit).index for step in circuit.data for qubit in step.qubits})
    small = QuantumCircuit(len(used))
    for step in gates(circuit):
        places = [used.index(circuit.find_bit(qubit).index) for qubit in step.qubits]
        if step.operation.name == "move":  # of a state into an empty resonator, or back
            small.swap(*places)
        else:
            small.append(step.operation, places)
    exact = Statevector(small).probabilities_dict([used.index(qubit) for qubit in measured])
    total = sum(exact.values())
    assert counts == distribution({key: value / total for key, value in exact.items()}, within=0.01)


def test_qubits_meet_in_a_resonator():
    strategy = strategies.circuits(BACKENDS["deneb"], qubits=2, gates="native")
    circuit = find(strategy, lambda circuit: "cz" in circuit.count_ops())
    assert [step.operation.name for step in gates(circuit)] == ["move", "cz", "move"]
    assert circuit.num_qubits == 7


def test_circuits_shrink_to_the_fewest_gates():
    assert not gates(find(strategies.circuits(), lambda circuit: True))
    (step,) = gates(find(strategies.circuits(), lambda circuit: len(gates(circuit)) > 0))
    assert step.operation.name == "x"
    (step,) = gates(find(strategies.circuits(), lambda c: any(len(step.qubits) == 2 for step in gates(c))))
    assert step.operation.name == "cx"


def test_the_smallest_failing_circuit_is_drawn(suite):
    source = """
    from hypothesis import given, settings
    from pytest_iqm.strategies import circuits

    @settings(database=None, deadline=None)
    @given(circuits(qubits=2))
    def test_no_cx(circuit):
        assert "cx" not in circuit.count_ops()
    """
    drawn = suite(test_a=source).stdout.str()
    assert re.search(r"q_0: ──■─.*\n.*\n.*q_1: ┤ X ├", drawn)


def test_angles_are_all_multiples_the_simplest_first():
    first = [strategies._angle(index) / math.pi for index in range(5 + 4 + 8 + 16)]
    assert sorted(first[:5]) == [-2, -1, 0, 1, 2]
    assert sorted(first[:9]) == [n / 2 for n in range(-4, 5)]
    assert sorted(first[:17]) == [n / 4 for n in range(-8, 9)]
    assert sorted(first) == pytest.approx([n / 8 for n in range(-16, 17)])


@given(strategies.angles())
def test_angles_are_in_range(angle):
    assert -2 * math.pi <= angle <= 2 * math.pi


@pytest.mark.parametrize("name", sorted(BACKENDS))
@pytest.mark.parametrize("seed", range(5))
def test_native_circuits_shrink_to_one_gate(name, seed):
    strategy = strategies.circuits(BACKENDS[name], qubits=2, gates="native")
    circuit = find(strategy, lambda c: "cz" in c.count_ops(), random=random.Random(seed))
    assert [step.operation.name for step in gates(circuit) if step.operation.name != "move"] == ["cz"]


def test_angles_shrink_to_simple_ones():
    assert find(strategies.angles(), lambda angle: True) == 0
    assert find(strategies.angles(), lambda angle: angle > 3) == pytest.approx(math.pi)
    circuit = find(
        strategies.circuits(gates="native", qubits=1), lambda c: any(abs(s.operation.params[0]) > 1 for s in gates(c))
    )
    (step,) = gates(circuit)
    assert [abs(parameter) for parameter in step.operation.params] == pytest.approx([math.pi / 2, 0]) or (
        [abs(parameter) for parameter in step.operation.params] == pytest.approx([math.pi, 0])
    )


@given(strategies.counts(bits=3, shots=500))
def test_counts_are_so_many_shots(counts):
    assert sum(counts.values()) == 500
    assert all(len(key) == 3 and count > 0 for key, count in counts.items())


def test_counts_and_batches_shrink():
    assert find(strategies.counts(bits=2, shots=10), lambda counts: True) == {"00": 10}
    batch = find(strategies.batches(strategies.circuits()), lambda batch: True)
    assert [len(gates(circuit)) for circuit in batch] == [0]
