"""A machine is recalibrated while a program runs. Only the fake can be told to, so this skips with --iqm-live."""

import pytest
from qiskit import QuantumCircuit, transpile

from pytest_iqm import IQMBackend


def test_recalibration(iqm_backend, iqm_client, iqm_server):
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    circuit = transpile(qc, iqm_backend)
    new = iqm_server.recalibrate(seed=1, lost=["QB3"])
    with pytest.warns(UserWarning, match="default calibration set"):
        job = iqm_backend.run(circuit, shots=100)  # as on hardware: it keeps the calibration that it was made with
    assert job.result().success
    assert IQMBackend(iqm_client).num_qubits == iqm_backend.num_qubits - 1
    assert str(iqm_client.get_dynamic_quantum_architecture().calibration_set_id) == new.id
