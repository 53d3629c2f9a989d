"""Clifford gates are recognised, and no others."""

from __future__ import annotations

from math import pi

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator, random_unitary

from iqm_fakes.simulator import channels
from iqm_fakes.simulator.cliffords import clifford_gates


@given(st.tuples(*[st.integers(-4, 4)] * 2), st.integers(-4, 4))
def test_clifford_gates_are_recognised(pulse: tuple[int, int], turn: int) -> None:
    unitary = channels.rz(turn * pi / 2) @ channels.prx(pulse[0] * pi / 2, pulse[1] * pi / 2)
    names = clifford_gates(unitary)
    assert names is not None
    circuit = QuantumCircuit(1)
    for name in names:
        getattr(circuit, name)(0)
    assert Operator(circuit).equiv(Operator(unitary))


@pytest.mark.parametrize("seed", range(5))
def test_other_gates_are_not(seed: int) -> None:
    assert clifford_gates(random_unitary(2, seed=seed).data) is None
    assert clifford_gates(random_unitary(4, seed=seed).data) is None
    assert clifford_gates(channels.prx(pi / 2 + 1e-6, 0.0)) is None
