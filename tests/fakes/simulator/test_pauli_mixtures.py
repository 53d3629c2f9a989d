"""A mixture of events is the same as the channel."""

from __future__ import annotations

from functools import reduce
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from qiskit.quantum_info import Kraus, SuperOp

from iqm_fakes.device.error_rates import Readout, Relaxation
from iqm_fakes.simulator import channels, pauli_mixtures
from iqm_fakes.simulator.pauli_mixtures import Mixture

PROBABILITY = st.floats(0, 1)
READOUT = st.builds(Readout, PROBABILITY, PROBABILITY)

LETTERS = {
    "I": [np.eye(2)],
    "X": [np.array([[0, 1], [1, 0]])],
    "Y": [np.array([[0, -1j], [1j, 0]])],
    "Z": [np.diag([1, -1])],
    "0": [np.array([[1, 0], [0, 0]]), np.array([[0, 1], [0, 0]])],
    "1": [np.array([[0, 0], [1, 0]]), np.array([[0, 0], [0, 1]])],
}


def channel_of(mixture: Mixture) -> NDArray[np.complex128]:
    """The first letter is the first component, which is the least significant; by Qiskit's own arithmetic."""
    total = 0
    for word, probability in mixture.items():
        assert probability >= 0
        operators = [reduce(np.kron, reversed(factors)) for factors in product(*(LETTERS[letter] for letter in word))]
        total = total + probability * SuperOp(Kraus(operators)).data
    return np.asarray(total)


@given(st.floats(1e-6, 1e-4), st.floats(0.01, 1), st.floats(0, 1e-4))
def test_relaxation_is_a_mixture_if_t2_is_at_most_t1(t1: float, ratio: float, duration: float) -> None:
    times = Relaxation(t1, t1 * ratio)
    mixture = pauli_mixtures.relaxation(times, duration)
    assert mixture is not None
    np.testing.assert_allclose(channel_of(mixture), channels.relaxation(times, duration), atol=1e-12)
    assert pauli_mixtures.relaxation(Relaxation(t1, t1 * 1.01), duration) is None


@pytest.mark.parametrize("components", [1, 2])
def test_depolarizing_is_a_mixture(components: int) -> None:
    mixture = pauli_mixtures.depolarizing(0.3, components)
    np.testing.assert_allclose(channel_of(mixture), channels.depolarizing(0.3, components), atol=1e-12)


@given(READOUT)
def test_errors_of_resets_and_records_are_mixtures(readout: Readout) -> None:
    np.testing.assert_allclose(
        channel_of(pauli_mixtures.measured_reset(readout)), channels.measured_reset(readout), atol=1e-12
    )
    record = np.ix_([0, 3], [0, 3])  # a record has no coherence
    np.testing.assert_allclose(
        channel_of(pauli_mixtures.readout_error(readout))[record], channels.readout_error(readout)[record], atol=1e-12
    )


@given(st.data())
def test_one_mixture_after_another_is_a_mixture(data: st.DataObject) -> None:
    weights = st.lists(st.floats(0.01, 1), min_size=6, max_size=6)
    drawn = data.draw(st.tuples(weights, weights))
    first, second = (dict(zip("IXYZ01", np.divide(one, sum(one)), strict=True)) for one in drawn)
    expected = channel_of(second) @ channel_of(first)
    np.testing.assert_allclose(channel_of(pauli_mixtures.compose(first, second)), expected, atol=1e-12)
