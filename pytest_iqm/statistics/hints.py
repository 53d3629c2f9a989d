"""Simple mistakes that explain counts which refute a distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np

from pytest_iqm.statistics.tail_bounds import total_variation

WIDEST = 10
"""Bits up to which mistakes are tried."""

EXPLAINED = 0.05
"""How much of the distance a mistake may leave unexplained."""

Probabilities = dict[str, float]


def hint(seen: Mapping[str, int], declared: Mapping[str, float], within: float) -> str | None:
    """Return the mistake that explains the counts best, in words; None if none does."""
    width = len(next(iter(declared)))
    if width > WIDEST:
        return None
    shots = sum(seen.values())
    observed = {key: count / shots for key, count in seen.items()}
    before = _distance(observed, declared)
    noise = within + math.sqrt((len(set(observed) | set(declared)) - 1) / shots) / 2
    enough = max(EXPLAINED * before, min(noise, before / 2))
    for mistakes in (
        _mistakes(dict(declared), width),
        _several(dict(declared), observed, width),
        _angles(dict(declared), observed, width),
    ):
        guesses = [(round(_distance(observed, guess), 9), words) for words, guess in mistakes]
        best = min(guesses, key=lambda guess: guess[0], default=None)  # the first of equals
        if best is not None and best[0] <= enough:
            return best[1]
    return None


def _mistakes(declared: Probabilities, width: int) -> Iterator[tuple[str, Probabilities]]:
    """Yield mistakes and the distributions that they would make; bit 0 is the rightmost one."""
    yield "the bits are in reverse order: Qiskit's leftmost bit is the last one", _mapped(declared, _reversed)
    for one in range(width):
        for other in range(one + 1, width):
            swap = partial(_swapped, one=width - 1 - one, other=width - 1 - other)
            yield f"bits {one} and {other} are swapped", _mapped(declared, swap)
    for bit in range(width):
        zero, one_, flip = (partial(_with, place=width - 1 - bit, value=value) for value in ("0", "1", None))
        at_zero, at_one = _mapped(declared, zero), _mapped(declared, one_)
        share = _ones(declared, bit)
        yield f"bit {bit} is flipped (an X too many or too few?)", _mapped(declared, flip)
        yield f"bit {bit} is always 0 (a missing gate on it, such as an H or a CX?)", at_zero
        yield f"bit {bit} is always 1 (a missing gate on it, such as an H or a CX?)", at_one
        yield f"bit {bit} is random (a wrong basis, or an H too many?)", _mixed(at_zero, at_one, 0.5)
        yield (
            f"bit {bit} does not depend on the others (a missing CX or CZ?)",
            _mixed(at_zero, at_one, share),
        )


def _several(declared: Probabilities, observed: Probabilities, width: int) -> Iterator[tuple[str, Probabilities]]:
    """Yield what is made of several bits: those that should vary and hardly do, and those that are the other way."""
    shares = [(bit, _ones(declared, bit), _ones(observed, bit)) for bit in range(width)]
    varying = [(bit, ones, seen) for bit, ones, seen in shares if 0.25 <= ones <= 0.75]
    missing = "(a missing gate on one of them, such as an H or a CX?)"
    flipped = [bit for bit, ones, seen in shares if abs(ones - 0.5) > 0.25 and abs(seen - ones) > 0.5]
    for value, bits, words in (
        ("0", [bit for bit, ones, seen in varying if seen < ones / 4], f"always 0 {missing}"),
        ("1", [bit for bit, ones, seen in varying if 1 - seen < (1 - ones) / 4], f"always 1 {missing}"),
        (None, flipped, "flipped (an X too many or too few on each?)"),
    ):
        if len(bits) > 1:
            guess = declared
            for bit in bits:
                guess = _mapped(guess, partial(_with, place=width - 1 - bit, value=value))
            yield f"bits {', '.join(map(str, bits[:-1]))} and {bits[-1]} are {words}", guess


def _angles(declared: Probabilities, observed: Probabilities, width: int) -> Iterator[tuple[str, Probabilities]]:
    """Yield what wrong angles make of one bit: another share of ones, on which the rest depends, or a part flipped."""
    for bit in range(width):
        place = width - 1 - bit
        share, seen = _ones(declared, bit), _ones(observed, bit)
        if 0 < share < 1:
            factor = {"0": (1 - seen) / (1 - share), "1": seen / share}
            words = f"bit {bit} is 1 with probability {seen:.2f} and not {share:.2f} (a wrong angle?)"
            yield words, {key: p * factor[key[place]] for key, p in declared.items()}
        flipped = _mapped(declared, partial(_with, place=place, value=None))
        keys = {*declared, *flipped, *observed}
        change = {key: flipped.get(key, 0.0) - declared.get(key, 0.0) for key in keys}
        size = sum(value**2 for value in change.values())
        if size > 0:  # the least squares fit of a part that is flipped
            fit = sum(value * (observed.get(key, 0.0) - declared.get(key, 0.0)) for key, value in change.items()) / size
            part = min(max(fit, 0.0), 1.0)
            words = f"bit {bit} is flipped in {part:.0%} of the shots (a wrong angle?)"
            yield words, {key: declared.get(key, 0.0) + part * value for key, value in change.items()}


def _ones(distribution: Mapping[str, float], bit: int) -> float:
    """Return the probability that a bit is 1."""
    return sum(p for key, p in distribution.items() if key[-1 - bit] == "1")


def _reversed(key: str) -> str:
    return key[::-1]


def _swapped(key: str, one: int, other: int) -> str:
    bits = list(key)
    bits[one], bits[other] = bits[other], bits[one]
    return "".join(bits)


def _with(key: str, place: int, value: str | None) -> str:
    """Return a bit string with another bit at a place; None flips it."""
    bit = "10"[int(key[place])] if value is None else value
    return key[:place] + bit + key[place + 1 :]


def _mixed(zero: Probabilities, one: Probabilities, share: float) -> Probabilities:
    return {key: p * (1 - share) for key, p in zero.items()} | {key: p * share for key, p in one.items()}


def _mapped(distribution: Probabilities, change: Callable[[str], str]) -> Probabilities:
    result: Probabilities = {}
    for key, probability in distribution.items():
        result[change(key)] = result.get(change(key), 0.0) + probability
    return result


def _distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    keys = list({**one, **other})
    return total_variation(*(np.array([each.get(key, 0.0) for key in keys]) for each in (one, other)))
