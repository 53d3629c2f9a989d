"""Hypothesis: a property of every rotation angle, checked on the same backend."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile


@settings(max_examples=10, deadline=None)
@given(angle=st.floats(0, math.pi))
def test_rotation_and_back_is_nothing(iqm_backend, angle):
    qc = QuantumCircuit(1)
    qc.rx(angle, 0)
    qc.barrier()
    qc.rx(-angle, 0)
    qc.measure_all()
    counts = iqm_backend.run(transpile(qc, iqm_backend), shots=200).result().get_counts()
    assert counts.get("0", 0) > 150
