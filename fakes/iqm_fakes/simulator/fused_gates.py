r"""Gates on a few components, fused, with errors that almost never happen.

An error is split into nothing and the rest: :math:`\Lambda = p\,\mathrm{id} + \Phi` with the largest :math:`p` for
which :math:`\Phi` is completely positive. So whether it happens can be drawn before anything is known of the state, and
mostly it does not, whatever the channel is: resets, and relaxation with T2 > T1, are no special cases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iqm_fakes.simulator.channels import Matrix
from iqm_fakes.simulator.noise_model import Error
from iqm_fakes.simulator.subcircuits import Block, Gate, Measure, PlacedStep

MOST_TARGETS = 3
"""Gates are fused as long as they are on so many components; with 2 or 4 most circuits take longer."""
_RANK = 1e-12
"""Weights of less than this are rounding errors."""


class Split(NamedTuple):
    """An error as a mixture of nothing, with the largest possible weight, and the rest.

    Attributes:
        nothing: How likely nothing happens.
        operators: Kraus operators of the rest, shape (operators, d, d).

    """

    nothing: float
    operators: Matrix


class FusedGates(NamedTuple):
    """Gates on a few components.

    Attributes:
        targets: The components; the first is the least significant.
        gates: The gates, in order.
        errors: Their errors, in order, but for those that never happen.
        nothing: How likely it is for each of the errors that it does nothing.
        bit: If not None, everything happens only where this bit was read as 1.

    """

    targets: tuple[int, ...]
    gates: Sequence[Gate]
    errors: tuple[Split, ...]
    nothing: NDArray[np.float64]
    bit: int | None

    @property
    def hit(self) -> float:
        """How likely any of the errors happens."""
        return 1 - float(np.prod(self.nothing))

    def matrices(self) -> Matrices:
        """Return what gates and errors do to the states of the targets."""
        unitary: Matrix = np.eye(2 ** len(self.targets), dtype=complex)
        errors = []
        for gate, targets in self.gates:
            places = [self.targets.index(target) for target in targets]
            if not gate.only_noise:
                (unitary,) = _after(unitary, gate.unitary, places)
            for error in gate.errors:
                if len(operators := split(error).operators):
                    errors.append(PlacedError(operators, [places[position] for position in error.positions], unitary))
        return Matrices(self.targets, unitary, errors, self.nothing, self.bit)


class PlacedError(NamedTuple):
    """An error within fused gates, where it happens.

    Attributes:
        operators: Kraus operators on its components, shape (operators, d, d).
        places: Which of the targets these components are.
        before: The unitary of the gates before it.

    """

    operators: Matrix
    places: Sequence[int]
    before: Matrix

    def at_the_beginning(self) -> Matrix:
        """Return its operators on all targets, such that they come before the gates."""
        operators: Matrix = self.before.conj().T @ _after(self.before, self.operators, self.places)
        return operators


class Matrices(NamedTuple):
    """Fused gates in numbers.

    Attributes:
        targets: The components; the first is the least significant.
        unitary: All gates, shape (d, d).
        errors: The errors, in order.
        nothing: How likely it is for each that it does nothing.
        bit: If not None, everything happens only where this bit was read as 1.

    """

    targets: tuple[int, ...]
    unitary: Matrix
    errors: Sequence[PlacedError]
    nothing: NDArray[np.float64]
    bit: int | None


def fused(steps: Sequence[PlacedStep]) -> list[FusedGates | Measure]:
    """Return steps with all gates fused that are on few components, one after the other."""
    kept: list[FusedGates | Measure] = []
    pending: dict[int, list[Gate]] = {}  # component → gates on it and on those that they connect it with

    def members(gates: list[Gate]) -> list[int]:
        return [component for component, others in pending.items() if others is gates]

    def close(gates: list[Gate]) -> None:
        for component in members(gates):
            del pending[component]
        kept.append(_fuse(gates))

    for step, _, _ in steps:
        if not isinstance(step, Block):
            for target in step.targets:
                if target in pending:
                    close(pending[target])
            kept.append(step if isinstance(step, Measure) else _fuse([Gate(step.gate, step.targets)], step.bit))
            continue
        groups = list({id(pending[target]): pending[target] for target in step.targets if target in pending}.values())
        groups.sort(key=lambda gates: len(members(gates)))
        while len({*step.targets, *(component for gates in groups for component in members(gates))}) > MOST_TARGETS:
            close(groups.pop())
        together = {*step.targets, *(component for gates in groups for component in members(gates))}
        joined = groups.pop() if groups else []
        for gates in groups:
            joined += gates
        for target, alone in zip(step.targets, step.alone, strict=True):
            joined += [Gate(gate, (target,)) for gate in alone]
        joined += [Gate(step.joint, step.targets)] if step.joint is not None else []
        pending.update(dict.fromkeys(together, joined))
    while pending:
        close(next(iter(pending.values())))
    return kept


def _fuse(gates: Sequence[Gate], bit: int | None = None) -> FusedGates:
    targets = tuple(dict.fromkeys(target for gate in gates for target in gate.targets))
    errors = tuple(each for gate, _ in gates for error in gate.errors if len((each := split(error)).operators))
    return FusedGates(targets, gates, errors, np.array([error.nothing for error in errors]), bit)


def _after(before: Matrix, operators: Matrix, positions: Sequence[int]) -> Matrix:
    """Return a matrix (d, d) on some components followed by each of some operators at these positions."""
    d, n = len(before), len(positions)
    axes = [d.bit_length() - 2 - position for position in reversed(positions)]
    together = np.tensordot(
        operators.reshape(-1, *[2] * (2 * n)),
        before.reshape(*[2] * (d.bit_length() - 1), d),
        axes=(range(1 + n, 1 + 2 * n), axes),
    )
    moved: Matrix = np.moveaxis(together, range(1, 1 + n), [1 + axis for axis in axes]).reshape(-1, d, d)
    return moved


@lru_cache(maxsize=8192)
def split(error: Error) -> Split:
    """Return how likely an error does nothing, at most, and what it does otherwise."""
    d = math.isqrt(len(error.channel))
    choi = np.einsum("abcd->bdac", error.channel.reshape(d, d, d, d)).reshape(d * d, d * d)
    nothing = np.eye(d, dtype=complex).ravel()
    weights, vectors = np.linalg.eigh(choi)
    weights, vectors = weights[weights > _RANK], vectors[:, weights > _RANK]
    parts = vectors.conj().T @ nothing
    within = np.allclose(vectors @ parts, nothing, rtol=0, atol=1e-9)
    ideal = min(1.0, 1 / float(np.sum(np.abs(parts) ** 2 / weights))) if within else 0.0
    rest = choi - ideal * np.outer(nothing, nothing)
    operators = []
    for index in range(d * d):  # Cholesky's factors, which unlike eigenvectors are the same on every machine
        if rest[index, index].real > _RANK:
            operators.append(rest[:, index] / math.sqrt(rest[index, index].real))
            rest = rest - np.outer(operators[-1], operators[-1].conj())
    return Split(ideal, np.array(operators, dtype=complex).reshape(-1, d, d))
