"""Batched trajectories: the state vectors of many shots in one array, with noise drawn for each of them.

Fused gates (:mod:`.fused_gates`) act on all shots in products of matrices by BLAS. In which shots which of their errors
happen is drawn beforehand, and these are few. What such an error does is drawn from its Kraus operators by the reduced
state of the components, so that all that happens to a shot within fused gates is one small matrix.

A component is an axis of the array from its first gates to its last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from iqm_fakes.simulator.channels import Matrix
from iqm_fakes.simulator.fused_gates import FusedGates, Matrices, PlacedError, fused
from iqm_fakes.simulator.subcircuits import Measure, Subcircuit

States: TypeAlias = NDArray[np.complex64]

AT_ONCE = 2**22
"""Bytes of the states that are in one array: few steps in Python, and most of it stays in caches."""
MOST_SHOTS_AT_ONCE = 2**11
"""Where states are small, what errors take for each shot is larger."""

_AMPLITUDE = 8
"""Bytes of a number of a state."""
_SUMMED = 2**9
"""Numbers that are added up in single precision."""
_TILE = 2**15
"""Complex multiplications in one call of BLAS, which up to here uses one thread: so results do not depend on the number
of threads, and nothing waits for one."""


class Step(NamedTuple):
    """A step of a shot.

    Attributes:
        does: What happens.
        released: Components that are never used afterwards.
        width: How many components are in use.

    """

    does: FusedGates | Measure
    released: tuple[int, ...]
    width: int


@lru_cache(maxsize=256)
def plan(subcircuit: Subcircuit) -> tuple[Step, ...]:
    """Return what happens in each shot of a subcircuit."""
    does = fused(subcircuit.layout.steps)
    last = {target: index for index, each in enumerate(does) for target in each.targets}
    used: set[int] = set()
    steps = []
    for index, each in enumerate(does):
        used.update(each.targets)
        released = tuple(target for target in each.targets if last[target] == index)
        steps.append(Step(each, released, len(used)))
        used.difference_update(released)
    return tuple(steps)


def shots_at_once(width: int) -> int:
    """Return how many shots are in one array, if so many components are in use; other numbers give other results."""
    return max(1, min(MOST_SHOTS_AT_ONCE, AT_ONCE // (_AMPLITUDE << width)))


def memory(subcircuit: Subcircuit) -> float:
    """Return about how many bytes a batch takes: its states a few times over, and what errors take for each shot."""
    steps = plan(subcircuit)
    width = max((step.width for step in steps), default=0)
    gates = [step.does for step in steps if isinstance(step.does, FusedGates)]
    hit = max((each.hit for each in gates), default=0.0)
    errors = max((each.hit * 4 ** len(each.targets) for each in gates), default=0.0)
    return shots_at_once(width) * (_AMPLITUDE * 2.0**width * (3 + hit) + 16 * _AMPLITUDE * errors)


def sample(subcircuit: Subcircuit, shots: int, seed: SeedSequence, threads: int) -> Iterator[NDArray[np.uint8]]:
    """Take shots, as many at once as are good for caches; the number of threads changes nothing.

    Yields:
        Recorded bits, readout errors included, shape (shots, bits); together as many shots as were asked for.

    """
    steps = plan(subcircuit)
    once = shots_at_once(max(step.width for step in steps))
    sizes = [min(once, shots - start) for start in range(0, shots, once)]
    everything = [
        (step.does.matrices() if isinstance(step.does, FusedGates) else step.does, step.released) for step in steps
    ]

    def batch(index: int) -> NDArray[np.uint8]:
        own = SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, index), pool_size=seed.pool_size)
        batch = _Batch(sizes[index], len(subcircuit.bits), np.random.default_rng(own))
        for does, released in everything:
            batch.take(does, released)
        return batch.bits

    if threads == 1 or len(sizes) == 1:
        yield from map(batch, range(len(sizes)))
        return
    with ThreadPoolExecutor(min(threads, len(sizes))) as pool:
        try:
            yield from pool.map(batch, range(len(sizes)))
        finally:
            pool.shutdown(cancel_futures=True)


class _Batch:
    """Shots that are taken together; ``states`` has the shots in rows, and an axis of two for each of ``axes``."""

    def __init__(self, shots: int, bits: int, random: Generator) -> None:
        self.random = random
        self.bits = np.zeros((shots, bits), dtype=np.uint8)
        self.axes: tuple[int, ...] = ()
        self.states: States = np.ones((shots, 1), dtype=np.complex64)

    def take(self, does: Matrices | Measure, released: tuple[int, ...]) -> None:
        """Take a step, after which these components are not in use."""
        if isinstance(does, Measure):
            ones = self._collapse(does.targets[0], forget=bool(released))
            p_1_given_0, p_0_given_1 = does.readout
            self.bits[:, does.bit] = self.random.random(len(ones)) < np.where(ones, 1 - p_0_given_1, p_1_given_0)
            return
        states = self._in_front(does.targets)
        if does.bit is None:
            states = _applied(does, states, self.random)
        else:
            rows = np.flatnonzero(self.bits[:, does.bit])
            states[rows] = _applied(does, states[rows], self.random)
        self.states = states.reshape(len(states), -1)
        for component in released:
            self._collapse(component, forget=True)

    def _in_front(self, components: tuple[int, ...]) -> States:
        """Return the states as an array (shots, basis states of these components, those of the others)."""
        shots = len(self.states)
        for component in components:
            if component not in self.axes:
                self.axes = (component, *self.axes)
                zero = self.states
                self.states = np.zeros((shots, 2 * zero.shape[1]), dtype=np.complex64)
                self.states[:, : zero.shape[1]] = zero
        first = components[::-1]
        if self.axes[: len(first)] != first:
            axes = (*first, *(axis for axis in self.axes if axis not in first))
            places = [1 + self.axes.index(axis) for axis in axes]
            self.states = self.states.reshape(shots, *[2] * len(axes)).transpose(0, *places).reshape(shots, -1)
            self.axes = axes
        return self.states.reshape(shots, 2 ** len(first), -1)

    def _collapse(self, component: int, *, forget: bool) -> NDArray[np.bool_]:
        """Measure a component, which is not in use afterwards if it may be forgotten; returns which shots gave 1."""
        states = self._in_front((component,))
        numbers = states.view(np.float32).reshape(len(states), 2, -1, min(2 * states.shape[2], _SUMMED))
        weights = np.einsum("sijk,sijk->sij", numbers, numbers).sum(axis=2, dtype=np.float64)
        ones: NDArray[np.bool_] = self.random.random(len(states)) * weights.sum(axis=1) < weights[:, 1]
        shots, outcomes = np.arange(len(states)), ones.astype(np.intp)
        left = states[shots, outcomes] / np.sqrt(weights[shots, outcomes]).astype(np.float32)[:, None]
        if forget:
            self.axes, self.states = self.axes[1:], left
        else:
            states[shots, 1 - outcomes] = 0
            states[shots, outcomes] = left
        return ones


def _applied(gates: Matrices, states: States, random: Generator) -> States:
    """Return states (shots, d, rest) after gates and what errors happen to be drawn."""
    after = _product(gates.unitary[None].astype(np.complex64), states)
    happens = _drawn(gates.nothing, len(states), random)
    shots = np.flatnonzero(happens.any(axis=1))
    if len(shots):
        hit = states[shots]
        matrices = gates.unitary @ _what_happens(gates.errors, happens[shots], _reduced(hit), random)
        after[shots] = _product(matrices.astype(np.complex64), hit)
    return after


def _drawn(nothing: NDArray[np.float64], shots: int, random: Generator) -> NDArray[np.bool_]:
    """Return in which shots which errors happen, shape (shots, errors), from about one random number for each shot."""
    until = np.cumprod(np.append(1.0, nothing))  # the n-th is how likely none of the first n happens
    first = np.searchsorted(-until, -random.random(shots), side="left") - 1
    happens = np.zeros((shots, len(nothing)), dtype=bool)
    some = np.flatnonzero(first < len(nothing))
    index = np.arange(len(nothing))
    later = index > first[some, None]
    happens[some] = (index == first[some, None]) | (later & (random.random(later.shape) >= nothing))
    return happens


def _what_happens(
    errors: Sequence[PlacedError], happens: NDArray[np.bool_], reduced: Matrix, random: Generator
) -> Matrix:
    """Return for each shot the product of the operators that are drawn, scaled to keep the norm; shape (shots, d, d).

    Args:
        errors: The errors that can happen.
        happens: Which of them do, shape (shots, errors).
        reduced: The density matrices of the targets before, shape (shots, d, d); used up.
        random: Draws.

    """
    products = np.tile(np.eye(reduced.shape[1], dtype=complex), (len(reduced), 1, 1))
    for index in np.flatnonzero(happens.any(axis=0)).tolist():
        shots = np.flatnonzero(happens[:, index])
        operators = errors[index].at_the_beginning()
        half = np.matmul(operators, reduced[shots, None])
        weights = np.maximum(np.einsum("skij,kij->sk", half, operators.conj()).real, 0)
        up_to = np.cumsum(weights, axis=1)
        chosen = np.sum(up_to[:, :-1] <= random.random((len(shots), 1)) * up_to[:, -1:], axis=1)
        each, own = np.arange(len(shots)), operators[chosen]
        weight = weights[each, chosen][:, None, None]
        reduced[shots] = np.matmul(half[each, chosen], own.conj().swapaxes(1, 2)) / weight
        products[shots] = np.matmul(own, products[shots]) / np.sqrt(weight)
    return products


def _product(matrices: States, states: States) -> States:
    """Return the products of matrices (shots or 1, d, d) and states (shots, d, rest), tile by tile."""
    tiles = _tiles(states)
    after = np.empty_like(states)
    np.matmul(matrices[:, None], tiles, out=_tiles(after))
    return after


def _reduced(states: States) -> Matrix:
    """Return the density matrices that states (shots, d, rest) leave to the first d basis states."""
    tiles = _tiles(states)
    reduced: Matrix = np.matmul(tiles, tiles.conj().swapaxes(2, 3)).sum(axis=1, dtype=np.complex128)
    return reduced


def _tiles(states: States) -> States:
    """Return a view (shots, tiles, d, rest); all lengths but the first are powers of two."""
    shots, d, rest = states.shape
    length = min(rest, _TILE // d**2)
    return states.reshape(shots, d, rest // length, length).swapaxes(1, 2)
