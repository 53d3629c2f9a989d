"""A star device: qubits meet in a resonator, and MOVE takes a qubit's state there and back."""

import pytest
from iqm.qiskit_iqm import transpile_to_IQM
from qiskit import QuantumCircuit

from pytest_iqm import distribution


@pytest.mark.iqm(device="deneb")
def test_ghz_through_the_resonator(iqm_backend):
    qc = QuantumCircuit(3)
    qc.h(0)
    qc.cx(0, 1)
    qc.cx(0, 2)
    qc.measure_all()
    native = transpile_to_IQM(qc, iqm_backend)
    assert native.count_ops()["move"] == 2

    counts = iqm_backend.run(native, shots=1000).result().get_counts()
    assert counts == distribution({"000": 0.5, "111": 0.5}, within="fake")
