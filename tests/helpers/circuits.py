"""Circuits that several tests run."""

from qiskit import QuantumCircuit, transpile


def bell(backend):
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return transpile(circuit, backend, seed_transpiler=1)
