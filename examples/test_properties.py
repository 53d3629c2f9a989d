"""Hypothesis: properties of every circuit and every place on the chip. What fails shrinks to few, simple gates."""

from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile

from pytest_iqm import distribution
from pytest_iqm.strategies import circuits, layouts


@settings(max_examples=10, deadline=None)
@given(circuit=circuits(qubits=2, max_gates=4, measured=False))
def test_a_circuit_and_back_is_nothing(iqm_backend, circuit):
    there_and_back = circuit.compose(circuit.inverse())
    there_and_back.measure_all()
    native = transpile(there_and_back, iqm_backend, optimization_level=0)
    counts = iqm_backend.run(native, shots=200).result().get_counts()
    assert counts == distribution({"00": 1.0}, within="calibration")


@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_connected_qubits_make_a_bell_pair(iqm_backend, data):
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    pair = data.draw(layouts(iqm_backend, 2))
    native = transpile(bell, iqm_backend, initial_layout=pair)
    counts = iqm_backend.run(native, shots=200).result().get_counts()
    assert counts == distribution({"00": 0.5, "11": 0.5}, within="calibration")
