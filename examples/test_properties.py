"""Hypothesis: a property of every circuit, checked on the same backend. A failing one shrinks to few, simple gates."""

from hypothesis import given, settings
from qiskit import transpile

from pytest_iqm import distribution
from pytest_iqm.strategies import circuits


@settings(max_examples=10, deadline=None)
@given(circuit=circuits(qubits=2, max_gates=4, measured=False))
def test_a_circuit_and_back_is_nothing(iqm_backend, circuit):
    there_and_back = circuit.compose(circuit.inverse())
    there_and_back.measure_all()
    native = transpile(there_and_back, iqm_backend, optimization_level=0)
    counts = iqm_backend.run(native, shots=200).result().get_counts()
    assert counts == distribution({"00": 1.0}, within="calibration")
