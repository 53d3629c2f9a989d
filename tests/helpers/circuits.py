"""Circuits that several tests run, and running them."""

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile

from pytest_iqm.statistics.observed import read


def bell(backend):
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return transpile(circuit, backend, seed_transpiler=1)


def two_circuits(backend):
    """Return a circuit with feedback and one without, with names and metadata."""
    first = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1, "a"), ClassicalRegister(2, "b"), metadata={"n": 1})
    first.name = "première"
    first.h(0)
    first.measure(0, 0)
    with first.if_test((first.cregs[0], 1)):
        first.x(1)
    first.measure([0, 1], [1, 2])
    second = QuantumCircuit(1, 1, name="second", metadata={"n": 2})
    second.x(0)
    second.measure(0, 0)
    return transpile([first, second], backend, seed_transpiler=1)


def submitted(backend, *circuits, shots=100):
    """Return a job, and its circuits' counts as Qiskit has them, without spaces."""
    job = backend.run(list(circuits), shots=shots)
    counts = job.result().get_counts()
    return str(job.job_id()), [read(each) for each in (counts if isinstance(counts, list) else [counts])]
