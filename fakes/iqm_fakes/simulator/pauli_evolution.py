r"""Pauli evolution: the exact distribution of the recorded bits, by contracting a network of real tensors.

The state of a component is its four expectation values :math:`r_P = \mathrm{tr}(P\rho)` of I, X, Y and Z, and a channel
is a real matrix on them, :math:`R_{PQ} = \mathrm{tr}(P\,\Lambda(Q))/d`. A subcircuit is then a network of tensors: a
vector where a component appears, a matrix for each gate, and where a component is measured for the last time the two
rows that give the probabilities of reading 0 and 1. So a component that is finished is an axis of two numbers instead
of four. Noise costs nothing, nor do shots; :mod:`.contraction_order` decides how large tensors become.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial, reduce
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from iqm_fakes.device.readout import Readout
from iqm_fakes.simulator import channels
from iqm_fakes.simulator.channels import Matrix
from iqm_fakes.simulator.contraction_order import Order, best_order
from iqm_fakes.simulator.noise_model import NoisyGate
from iqm_fakes.simulator.subcircuits import Block, ConditionalGate, Measure, Subcircuit

Array: TypeAlias = NDArray[np.floating[Any]]

_PAULIS = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_NOTHING = np.eye(4)
_OUTCOMES = np.array([[1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, -1.0]])
"""The states 0 and 1; halved, what projects on them."""

_EXACT = 2**12
"""Up to so many numbers a tensor has double precision: those of single gates, where errors would add up."""
_TILE = 2**18
"""Multiplications in one call of BLAS, which up to here uses one thread: so results do not depend on the number of
threads, and nothing waits for one."""
_SIDE = 64
"""The longest side of the smaller matrix in such a call."""


class Tensor(NamedTuple):
    """A tensor of the network.

    Attributes:
        axes: The wires that its axes are; two tensors have a wire in common, or one has it alone, then it is recorded.
        make: Returns the numbers.

    """

    axes: tuple[int, ...]
    make: Callable[[], Array]


class Contraction(NamedTuple):
    """A network, and in which order to contract it.

    Attributes:
        tensors: The tensors.
        recorded: The wires of the recorded bits, in their order.
        order: The order.

    """

    tensors: tuple[Tensor, ...]
    recorded: tuple[int, ...]
    order: Order


def recorded_probabilities(subcircuit: Subcircuit) -> NDArray[np.float64]:
    """Return how likely the recorded bits of a subcircuit are, readout errors included.

    Returns:
        An array of 2^bits probabilities; bit k of an outcome's index is bit k of the subcircuit. They are exact but for
        rounding: their total variation from the true ones is below 1e-6.

    """
    network, recorded, order = contraction(subcircuit)
    used = _when_used(network, order)
    tensors = {number: _Numbers(tensor.axes, tensor.make()) for number, tensor in enumerate(network)}
    for number, (one, two) in enumerate(order.path, len(network)):
        tensors[number] = _contracted(tensors.pop(one), tensors.pop(two), used)
    (last,) = tensors.values()
    probabilities: NDArray[np.float64] = last.ordered(recorded[::-1]).array.ravel().astype(np.float64)
    probabilities = np.maximum(probabilities, 0)  # rounding may leave less than nothing
    normalized: NDArray[np.float64] = probabilities / probabilities.sum()
    return normalized


def _when_used(network: Sequence[Tensor], order: Order) -> dict[int, int]:
    """Return at which step each wire is contracted; wires of recorded bits after the last one."""
    owned = [frozenset(tensor.axes) for tensor in network]
    used = {wire: len(order.path) for axes in owned for wire in axes}
    for step, (one, two) in enumerate(order.path):
        used.update(dict.fromkeys(owned[one] & owned[two], step))
        owned.append(owned[one] ^ owned[two])
    return used


class _Numbers(NamedTuple):
    """The numbers of a tensor, and which wires the axes are."""

    axes: tuple[int, ...]
    array: Array

    def length(self, wire: int) -> int:
        """Return how long the axis of a wire is."""
        return int(self.array.shape[self.axes.index(wire)])

    def ordered(self, axes: Sequence[int]) -> _Numbers:
        """Return the tensor with its axes in this order, without gaps in memory."""
        array = self.array.transpose([self.axes.index(wire) for wire in axes])
        return _Numbers(tuple(axes), np.ascontiguousarray(array))


@lru_cache(maxsize=256)
def contraction(subcircuit: Subcircuit) -> Contraction:
    """Return how to compute the distribution of a subcircuit."""
    tensors, recorded, bits = _network(subcircuit)
    masks = [sum(1 << wire for wire in tensor.axes) for tensor in tensors]
    return Contraction(tensors, recorded, best_order(masks, bits))


def _network(subcircuit: Subcircuit) -> tuple[tuple[Tensor, ...], tuple[int, ...], int]:
    """Return the tensors of a subcircuit, the wires of its bits, and which wires are bits, as a mask."""
    last = {target: index for index, step in enumerate(subcircuit.steps) for target in step.targets}
    tensors: list[Tensor] = []
    at: dict[int, int] = {}  # component → the wire that it is on
    recorded: dict[int, int] = {}  # bit → its wire
    wires = bits = 0

    def add(inputs: Sequence[int], outputs: int, make: Callable[[], Array]) -> tuple[int, ...]:
        nonlocal wires
        new = tuple(range(wires, wires + outputs))
        wires += outputs
        tensors.append(Tensor((*new, *inputs), make))
        return new

    for index, step in enumerate(subcircuit.steps):
        for target in step.targets:
            if target not in at:
                (at[target],) = add((), 1, _zero)
        first = step.targets[0]
        if isinstance(step, Measure):
            if last[first] == index:
                (recorded[step.bit],) = add((at[first],), 1, partial(_read, step.readout))
            else:
                recorded[step.bit], at[first] = add((at[first],), 2, partial(_collapse, step.readout))
            bits |= 1 << recorded[step.bit]
            continue
        if isinstance(step, ConditionalGate):
            recorded[step.bit], at[first] = add((recorded[step.bit], at[first]), 2, partial(_conditional, step.gate))
            bits |= 1 << recorded[step.bit]
        else:
            moved = add([at[target] for target in step.targets], len(step.targets), partial(_block, step))
            at.update(zip(step.targets, moved, strict=True))
        for target in step.targets:
            if last[target] == index:
                add((at[target],), 0, _trace)
    return tuple(tensors), tuple(recorded[bit] for bit in sorted(recorded)), bits


@lru_cache(maxsize=8192)
def _transfer_matrix(gate: NoisyGate) -> NDArray[np.float64]:
    """Return a noisy gate as a matrix on expectation values, those of the first component the slow index."""
    d = math.isqrt(len(gate.channel))
    basis = _basis(d)
    matrix: NDArray[np.float64] = np.real(basis.conj().T @ gate.channel @ basis) / d
    return matrix


@lru_cache(maxsize=2)
def _basis(d: int) -> Matrix:
    """Return the Pauli operators on one component or two as columns, stacked as in :mod:`.channels`."""
    operators = _PAULIS if d == 2 else [np.kron(second, first) for first in _PAULIS for second in _PAULIS]
    return np.array([operator.ravel(order="F") for operator in operators]).T


def _zero() -> Array:
    return np.array([1.0, 0.0, 0.0, 1.0])


def _trace() -> Array:
    return np.array([1.0, 0.0, 0.0, 0.0])


def _block(block: Block) -> Array:
    """Return a block as a tensor: an axis for each target after it, then one for each before it."""
    alone = [reduce(lambda before, gate: _transfer_matrix(gate) @ before, gates, _NOTHING) for gates in block.alone]
    if block.joint is None:
        return alone[0]
    first, second = alone
    tensor: Array = first.T @ (_transfer_matrix(block.joint).reshape(16, 4, 4) @ second)
    return tensor.reshape(4, 4, 4, 4)


def _read(readout: Readout) -> Array:
    rows: Array = channels.readout_matrix(readout) @ _OUTCOMES / 2
    return rows


def _collapse(readout: Readout) -> Array:
    tensor: Array = np.einsum("rt,to,ti->roi", channels.readout_matrix(readout), _OUTCOMES, _OUTCOMES / 2)
    return tensor


def _conditional(gate: NoisyGate) -> Array:
    tensor = np.zeros((2, 4, 2, 4))
    tensor[0, :, 0], tensor[1, :, 1] = _NOTHING, _transfer_matrix(gate)
    return tensor


def _contracted(one: _Numbers, two: _Numbers, used: Mapping[int, int]) -> _Numbers:
    """Return two tensors contracted over the wires that they have in common.

    The axes of the larger one come first, and where it has to be copied, those that are used next do: so most
    contractions need no copy, or one with long rows.
    """
    few, many = sorted((one, two), key=lambda tensor: tensor.array.size)
    common = [wire for wire in many.axes if wire in few.axes]
    kept = [wire for wire in many.axes if wire not in common]
    new = sorted((wire for wire in few.axes if wire not in common), key=used.__getitem__)
    inner = math.prod(many.length(wire) for wire in common)
    shape = [many.length(wire) for wire in kept] + [few.length(wire) for wire in new]
    dtype = np.float64 if math.prod(shape) <= _EXACT else np.float32
    if many.axes[len(kept) :] == tuple(common):
        left = many.array.reshape(-1, inner)
    else:
        if many.axes[: len(common)] != tuple(common):
            kept.sort(key=used.__getitem__)
            shape[: len(kept)] = [many.length(wire) for wire in kept]
            many = many.ordered([*common, *kept])
        left = many.array.reshape(inner, -1).T
    right = few.ordered([*common, *new]).array.reshape(inner, -1)
    product = _product(left.astype(dtype, copy=False), right.astype(dtype, copy=False))
    return _Numbers((*kept, *new), product.reshape(shape))


def _product(left: Array, right: Array) -> Array:
    """Return the product of a tall matrix and a small one, tile by tile; all lengths are powers of two."""
    (n, k), m = left.shape, right.shape[1]
    if n * k * m <= _TILE:
        return left @ right
    columns, inner = min(m, _SIDE), min(k, _SIDE)
    rows = min(n, _TILE // (columns * inner))
    product = np.empty((n, m), dtype=left.dtype)
    tiles = product.reshape(n // rows, rows, m // columns, columns).transpose(0, 2, 1, 3)
    for start in range(0, k, inner):
        part = slice(start, start + inner)
        a = left[:, part].reshape(n // rows, 1, rows, inner)
        b = np.ascontiguousarray(right[part].reshape(inner, -1, columns).transpose(1, 0, 2))
        if start:
            tiles += np.matmul(a, b)
        else:
            np.matmul(a, b, out=tiles)
    return product
