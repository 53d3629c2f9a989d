"""Orders in which networks are contracted: complete, with the costs that they say, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqm_fakes.simulator.contraction_order import best_order, wires


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[int], int]:
    """Tensors with wires between pairs of them, and some that stay; perhaps not connected."""
    tensors = draw(st.integers(1, 12))
    ends = draw(st.lists(st.tuples(st.integers(0, tensors - 1), st.integers(0, tensors)), max_size=20))
    masks = [0] * tensors
    for wire, (one, two) in enumerate(ends):
        masks[one] |= 1 << wire
        if two not in (one, tensors):  # the other ones stay
            masks[two] |= 1 << wire
    return masks, draw(st.integers(0, 2**20 - 1))


@given(network=networks())
def test_an_order_contracts_everything_at_the_cost_that_it_says(network: tuple[list[int], int]) -> None:
    masks, binary = network
    order = best_order(masks, binary)
    left: dict[int, set[int]] = {number: set(wires(mask)) for number, mask in enumerate(masks)}
    multiplications = 0
    for new, (one, two) in enumerate(order.path, len(masks)):
        a, b = left.pop(one), left.pop(two)
        multiplications += int(np.prod([2 if binary >> wire & 1 else 4 for wire in a | b]))
        left[new] = a ^ b
    (rest,) = left.values()
    assert rest == {wire for wire in range(20) if sum(mask >> wire & 1 for mask in masks) == 1}
    assert order.multiplications == multiplications


def chain(length: int, depth: int) -> tuple[list[int], int]:
    """Gates on neighbours in a row, layer by layer, then a bit of each."""
    masks: list[int] = []
    at: list[int] = []
    for wire in range(length):
        masks.append(1 << wire)
        at.append(wire)
    new = length
    for layer in range(depth):
        for left in range(layer % 2, length - 1, 2):
            masks.append(sum(1 << wire for wire in (at[left], at[left + 1], new, new + 1)))
            at[left], at[left + 1] = new, new + 1
            new += 2
    for wire in at:
        masks.append(1 << wire | 1 << new)
        new += 1
    return masks, sum(1 << wire for wire in range(new - length, new))


@pytest.mark.parametrize(("length", "depth", "most"), [(8, 40, 4.0**10), (20, 2, 4.0**11), (20, 4, 4.0**13)])
def test_orders_are_as_good_as_the_circuits_allow(length: int, depth: int, most: float) -> None:
    """Dense: the state of eight components, times a gate. Wide and shallow: little more than the outcomes."""
    assert best_order(*chain(length, depth)).largest < most


def test_the_order_is_the_same_every_time() -> None:
    assert best_order(*chain(20, 6)) == best_order(*chain(20, 6))
