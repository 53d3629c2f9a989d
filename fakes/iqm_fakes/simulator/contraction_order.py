"""In which order to contract a network of tensors.

A tensor is known by its wires, as a mask: bit w is set if wire w is one of its axes. Each wire belongs to two tensors,
which are contracted over it, or to one, and then it stays. So the wires of two contracted tensors are the symmetric
difference of theirs. A wire is an axis of four numbers, or of two if it is binary.

Finding the best order is hard. Two heuristics are tried, and the cheaper order is taken: growing one tensor, like a
state that evolves, is good for dense circuits; joining first what becomes smallest is good for wide and shallow ones.
If much is at stake, the second is tried again with weights drawn at random, an idea of cotengra's.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

Path: TypeAlias = tuple[tuple[int, int], ...]
"""Which two tensors are contracted, one pair after the other. Results are numbered on, after the tensors given."""

_NUMBER = 20.0
"""Multiplications that take as long as reading or writing a number."""
_WORTH_A_TRY = 2.0**26
"""Multiplications that take as long as to try another order."""
_TRIES = 128
"""How many other orders are tried at most."""


class Order(NamedTuple):
    """An order, and what it costs.

    Attributes:
        path: The order.
        multiplications: How many are needed.
        moved: How many numbers are read and written.
        largest: How many numbers are in memory at a time, about.

    """

    path: Path
    multiplications: float
    moved: float
    largest: float

    @property
    def cost(self) -> float:
        """About how many multiplications take as long."""
        return self.multiplications + _NUMBER * self.moved


def best_order(masks: Sequence[int], binary: int) -> Order:
    """Return the cheapest order that is found; the same one every time.

    Args:
        masks: The wires of each tensor.
        binary: Which wires are binary, as a mask.

    """
    network = _Network(tuple(masks), binary)
    absorbed = network.absorb()
    grown, joined = network.order(network.grow(absorbed)), network.order(network.join(absorbed))
    if joined.cost < 2 * grown.cost:  # otherwise the network is too dense for joining, whatever the weights
        joined = _joined_at_random(network, absorbed, min(joined.cost, grown.cost))
    return min(grown, joined, key=lambda order: order.cost)


def _joined_at_random(network: _Network, absorbed: Path, cost: float) -> Order:
    """Return the best of orders by joining, with weights drawn anywhere and, in turns, near the best ones so far."""
    dice = random.Random(0)  # noqa: S311  # has to be reproducible, not secret
    best, at = network.order(network.join(absorbed)), (1.0, 0.1)
    for number in range(int(min(_TRIES, cost / _WORTH_A_TRY))):
        weight, heat = dice.uniform(0, 2), 10 ** dice.uniform(-2, 0.3)
        if number % 2:
            weight, heat = abs(dice.gauss(at[0], 0.15)), at[1] * 10 ** dice.gauss(0, 0.15)
        order = network.order(network.join(absorbed, weight, heat, dice))
        if order.cost < best.cost:
            best, at = order, (weight, heat)
    return best


def wires(mask: int) -> Iterator[int]:
    """Yield the wires in a mask."""
    while mask:
        yield mask.bit_length() - 1
        mask ^= 1 << (mask.bit_length() - 1)


class _Network(NamedTuple):
    masks: tuple[int, ...]
    binary: int

    def size(self, mask: int) -> int:
        """Return the binary logarithm of how many numbers a tensor has."""
        return 2 * mask.bit_count() - (mask & self.binary).bit_count()

    def order(self, path: Path) -> Order:
        """Return a path with its cost."""
        masks = list(self.masks)
        multiplications = moved = largest = 0.0
        for one, two in path:
            a, b = masks[one], masks[two]
            masks.append(a ^ b)
            sizes = [2.0 ** self.size(mask) for mask in (a, b, a ^ b)]
            multiplications += 2.0 ** self.size(a | b)
            moved += sum(sizes)
            largest = max(largest, 2 * sizes[0] + 2 * sizes[1] + sizes[2])  # both may have to be copied
        return Order(path, multiplications, moved, largest)

    def left(self, path: Path) -> dict[int, int]:
        """Return the tensors that are left after a path, by their numbers."""
        masks = dict(enumerate(self.masks))
        for number, (one, two) in enumerate(path, len(self.masks)):
            masks[number] = masks.pop(one) ^ masks.pop(two)
        return masks

    def absorb(self) -> Path:
        """Contract whatever makes nothing larger, such as gates on one component into those on two."""
        masks = dict(enumerate(self.masks))
        path: list[tuple[int, int]] = []
        owners: dict[int, set[int]] = {}
        for number, mask in masks.items():
            for wire in wires(mask):
                owners.setdefault(wire, set()).add(number)
        todo = sorted(masks, reverse=True)
        while todo:
            one = todo.pop()
            near = set().union(*(owners[wire] for wire in wires(masks[one]))) - {one} if one in masks else set()
            for two in sorted(near):
                a, b = masks[one], masks[two]
                if self.size(a ^ b) > max(self.size(a), self.size(b)):
                    continue
                new = len(self.masks) + len(path)
                path.append((one, two))
                del masks[one], masks[two]
                masks[new] = a ^ b
                for wire in wires(a | b):
                    owners[wire] = owners[wire] - {one, two} | ({new} if (a ^ b) >> wire & 1 else set())
                todo.append(new)
                break
        return tuple(path)

    def grow(self, begun: Path) -> Path:
        """Go on with a path by growing the first tensor, with what makes it smallest at each step."""
        path, left = list(begun), self.left(begun)
        current = min(left)
        mask = left.pop(current)
        while left:
            near = [other for other in left if left[other] & mask] or list(left)
            chosen = min(near, key=lambda other: (self.size(mask ^ left[other]), other))
            path.append((current, chosen))
            current = len(self.masks) + len(path) - 1
            mask ^= left.pop(chosen)
        return tuple(path)

    def join(self, begun: Path, weight: float = 1.0, heat: float = 0.0, dice: random.Random | None = None) -> Path:
        """Go on with a path by joining, at each step, the two connected tensors whose size grows least.

        Args:
            begun: The path so far.
            weight: How much the sizes of the two count against that of the result.
            heat: How much chance there is in it.
            dice: Where chance comes from; None is no chance.

        """
        path, left = list(begun), self.left(begun)
        near = {one: {two for two in left if two != one and left[one] & left[two]} for one in left}

        def growth(one: int, two: int) -> float:
            a, b = left[one], left[two]
            change = 2.0 ** self.size(a ^ b) - weight * (2.0 ** self.size(a) + 2.0 ** self.size(b))
            if dice is None:
                return change
            return math.copysign(math.log1p(abs(change)), change) + heat * math.log(-math.log(dice.random()))

        heap = [(growth(one, two), one, two) for one in left for two in sorted(near[one]) if one < two]
        heapq.heapify(heap)
        while heap:
            _, one, two = heapq.heappop(heap)
            if one not in left or two not in left:
                continue
            new = len(self.masks) + len(path)
            path.append((one, two))
            left[new] = left.pop(one) ^ left.pop(two)
            near[new] = near.pop(one) | near.pop(two) - {one, two}
            near[new] -= {one, two}
            for other in sorted(near[new]):
                near[other] = near[other] - {one, two} | {new}
                heapq.heappush(heap, (growth(other, new), other, new))
        return self.grow(tuple(path))  # what nothing connects
