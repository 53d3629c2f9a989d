"""Distribution: the exact joint probabilities of the bits that a program records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

MOST_BITS = 24
"""How many bits an array of joint probabilities may have: 128 MiB."""


class Factor(NamedTuple):
    """Bits that are independent of all others.

    Attributes:
        bits: Which bits of the program.
        probabilities: Of their values, shape (2^bits,); bit k of an index is the value of ``bits[k]``.

    """

    bits: tuple[int, ...]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Distribution:
    """What a program records in a shot that heralding keeps: a product of independent factors.

    Bits are numbered as in :class:`~iqm_fakes.simulator.circuit.Program`: by the order of the measurement keys, and of
    the components in their loci. The product is never multiplied out unless it is asked for.

    Attributes:
        keys: Measurement keys and how many bits each has, in the order of the bits.
        factors: Independent groups of bits, which together are all bits.
        kept: The probability that heralding keeps a shot; 1 without.

    """

    keys: tuple[tuple[str, int], ...]
    factors: tuple[Factor, ...]
    kept: float = 1.0

    @property
    def width(self) -> int:
        """The number of bits."""
        return sum(width for _, width in self.keys)

    def bits_of(self, key: str) -> tuple[int, ...]:
        """Return which bits a measurement has recorded, in the order of its locus.

        Raises:
            KeyError: There is no such key.

        """
        begin = 0
        for name, width in self.keys:
            if name == key:
                return tuple(range(begin, begin + width))
            begin += width
        raise KeyError(key)

    def joint(self, bits: Sequence[int] | None = None) -> NDArray[np.float64]:
        """Return the joint probabilities of some bits, whatever the others are.

        Args:
            bits: Which, each once; None is all of them in order.

        Returns:
            Shape (2^bits,); bit k of an index is the value of ``bits[k]``.

        Raises:
            ValueError: They are more than 24, or one is named twice or does not exist.

        """
        wanted = tuple(range(self.width) if bits is None else bits)
        if len(set(wanted)) < len(wanted) or not set(wanted) <= set(range(self.width)):
            raise ValueError(f"each of the bits 0 to {self.width - 1} can be asked for once, got {wanted}")
        if len(wanted) > MOST_BITS:
            raise ValueError(
                f"{len(wanted)} bits have 2^{len(wanted)} joint probabilities; ask for {MOST_BITS} bits at most, "
                "or for the probabilities of some outcomes"
            )
        order: list[int] = []  # bits in the order of the product, the last one most significant
        product = np.ones(1)
        for factor in self.factors:
            kept = [bit for bit in factor.bits if bit in wanted]
            axes = tuple(axis for axis, bit in enumerate(reversed(factor.bits)) if bit not in wanted)
            marginal = factor.probabilities.reshape((2,) * len(factor.bits)).sum(axis=axes)
            product = np.multiply.outer(marginal.ravel(), product).ravel()
            order += kept
        places = [len(order) - 1 - order.index(bit) for bit in reversed(wanted)]
        joint: NDArray[np.float64] = product.reshape((2,) * len(order)).transpose(places).ravel()
        return joint

    def probabilities(self, outcomes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return how likely outcomes are.

        Args:
            outcomes: Values of all bits, shape (outcomes, bits).

        """
        likely = [
            factor.probabilities[outcomes[:, factor.bits].astype(np.int64) @ (1 << np.arange(len(factor.bits)))]
            for factor in self.factors
        ]
        return reduce(np.multiply, likely, np.ones(len(outcomes)))

    def likely(self, least: float) -> NDArray[np.uint8]:
        """Return the outcomes that are at least so likely, shape (outcomes, bits); ``least`` is more than 0."""
        outcomes, likely = np.zeros((1, self.width), dtype=np.uint8), np.ones(1)
        for factor in self.factors:
            order = np.argsort(-factor.probabilities, kind="stable")
            falling = factor.probabilities[order]
            numbers = np.searchsorted(-falling, -least / likely, side="right")
            begins = np.repeat(np.cumsum(numbers) - numbers, numbers)
            taken = np.arange(numbers.sum()) - begins  # 0, 1, 2... for each of the outcomes before
            outcomes, likely = np.repeat(outcomes, numbers, axis=0), np.repeat(likely, numbers) * falling[taken]
            outcomes[:, factor.bits] = (order[taken][:, None] >> np.arange(len(factor.bits))) & 1
        return outcomes

    def draw(self, shots: int, random: Generator) -> NDArray[np.uint8]:
        """Return so many independent shots, shape (shots, bits)."""
        drawn = np.empty((shots, self.width), dtype=np.uint8)
        for factor in self.factors:
            indices = random.choice(len(factor.probabilities), size=shots, p=factor.probabilities)
            drawn[:, factor.bits] = (indices[:, None] >> np.arange(len(factor.bits))) & 1
        return drawn
