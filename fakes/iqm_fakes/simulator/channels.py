r"""Superoperators of gates and noise, as matrices.

A channel on :math:`n` components, :math:`d = 2^n`, is a complex :math:`(d^2, d^2)` matrix that acts on the density
matrix stacked column by column, :math:`\mathrm{vec}(\rho)_{jd+i} = \rho_{ij}`. The first component of a locus is
the least significant bit of :math:`i` and :math:`j`. Both conventions are Qiskit's.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from iqm_fakes.device.error_rates import Relaxation
from iqm_fakes.device.readout import Readout

Matrix: TypeAlias = NDArray[np.complex128]

ROUNDING = 1e-14
"""Kraus operators of less weight than this are rounding errors."""

IDENTITY: Matrix = np.eye(2, dtype=complex)
CZ: Matrix = np.diag([1, 1, 1, -1]).astype(complex)
SWAP: Matrix = np.eye(4, dtype=complex)[[0, 2, 1, 3]]
IDENTITY_CHANNEL: Matrix = np.eye(4, dtype=complex)
"""The channel that does nothing to one component."""


def prx(angle: float, phase: float) -> Matrix:
    """Return the unitary rotation by ``angle`` about the equatorial axis at ``phase``, in radians; shape (2, 2)."""
    return u(angle, phase - math.pi / 2, math.pi / 2 - phase)


def rz(angle: float) -> Matrix:
    """Return the unitary rotation by ``angle`` radians about z; shape (2, 2)."""
    return np.diag(np.exp([-0.5j * angle, 0.5j * angle]))


def u(theta: float, phi: float, lam: float) -> Matrix:
    """Return the general unitary of one qubit by its Euler angles in radians, as OpenQASM's U; shape (2, 2)."""
    cos, sin = math.cos(theta / 2), math.sin(theta / 2)
    left, right = np.exp([1j * phi, 1j * lam])  # their product, because the sum of two large angles is not finite
    return np.array([[cos, -right * sin], [left * sin, left * right * cos]], dtype=complex)


def from_unitary(unitary: Matrix) -> Matrix:
    """Return the channel ρ ↦ U ρ U†."""
    return from_kraus([unitary])


def from_kraus(operators: list[Matrix]) -> Matrix:
    """Return the channel ρ ↦ Σ K ρ K†."""
    channel: Matrix = np.sum([np.kron(operator.conj(), operator) for operator in operators], axis=0)
    return channel


def to_kraus(channel: Matrix) -> list[Matrix]:
    """Return Kraus operators of a channel, the most probable ones first."""
    d = math.isqrt(len(channel))
    choi = np.einsum("abcd->bdac", channel.reshape(d, d, d, d)).reshape(d * d, d * d)
    weights, vectors = np.linalg.eigh(choi)
    order = [index for index in np.argsort(-weights) if weights[index] > ROUNDING]
    return [np.sqrt(weights[index]) * vectors[:, index].reshape(d, d) for index in order]


def relaxation(times: Relaxation, duration: float) -> Matrix:
    """Return one component's decay by T1 and T2 for ``duration`` seconds, towards 0."""
    coherence = math.exp(-duration / times.t2)
    survival = math.exp(-duration / times.t1)
    channel = np.diag([1, coherence, coherence, survival]).astype(complex)
    channel[0, 3] = 1 - survival
    return channel


def depolarizing(probability: float, components: int) -> Matrix:
    """Return ρ ↦ (1-p) ρ + p I/d on some components."""
    d = 2**components
    identity = np.eye(d, dtype=complex).ravel()
    mixed: Matrix = (1 - probability) * np.eye(d * d) + probability / d * np.outer(identity, identity)
    return mixed


def tensor(channels: list[Matrix]) -> Matrix:
    """Return the channel on several components of which each goes through its own; the first is least significant."""
    return reduce(_tensor, channels)


def conditional(channel: Matrix) -> Matrix:
    """Return the channel on a first component, applied if a second one, which holds a recorded bit, is 1."""
    zero, one = from_unitary(np.diag([1, 0])), from_unitary(np.diag([0, 1]))
    return _tensor(np.eye(4, dtype=complex), zero) + _tensor(channel, one)


def readout_matrix(readout: Readout) -> NDArray[np.float64]:
    """Return the probability of each recorded bit (row) for each true outcome (column)."""
    return np.array([[1 - readout.p_1_given_0, readout.p_0_given_1], [readout.p_1_given_0, 1 - readout.p_0_given_1]])


def measured_reset(readout: Readout) -> Matrix:
    """Return the reset of one component by measurement and a flip where 1 is read, wrongly or not."""
    channel = np.zeros((4, 4), dtype=complex)
    channel[0, [0, 3]] = 1 - readout.p_1_given_0, 1 - readout.p_0_given_1
    channel[3, [0, 3]] = readout.p_1_given_0, readout.p_0_given_1
    return channel


def readout_error(readout: Readout) -> Matrix:
    """Return the errors of a recorded bit, as a channel on a component that holds the true outcome."""
    channel = np.zeros((4, 4), dtype=complex)
    channel[np.ix_([0, 3], [0, 3])] = readout_matrix(readout)
    return channel


def measure_into(readout: Readout) -> Matrix:
    """Return the measurement of a first component whose bit is recorded, with errors, in a second one.

    The first component collapses by its true outcome; the second one becomes the recorded bit.
    """
    given = readout_matrix(readout)
    operators = []
    for true, recorded, before in np.ndindex(2, 2, 2):
        operator = np.zeros((4, 4), dtype=complex)
        operator[2 * recorded + true, 2 * before + true] = math.sqrt(given[recorded, true])
        operators.append(operator)
    return from_kraus(operators)


def _tensor(first: Matrix, second: Matrix) -> Matrix:
    """Return the channel on (components of ``first``, components of ``second``), the first ones less significant."""
    a, b = math.isqrt(len(first)), math.isqrt(len(second))
    product: Matrix = np.einsum("abcd,efgh->aebfcgdh", second.reshape(b, b, b, b), first.reshape(a, a, a, a))
    return product.reshape((a * b) ** 2, (a * b) ** 2)
