"""Counts in every form that Qiskit users have, brought into one: bit string → number of shots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

from pytest_iqm import claim_hooks

__tracebackhide__ = claim_hooks.hide_frames


class CountsError(ValueError):
    """What was given is not counts, or does not fit the claim; the message says what is wrong and what to do."""


def read(data: Any) -> dict[str, int]:
    """Return counts by bit string, leftmost bit first, spaces between registers left out.

    Args:
        data: ``Counts``, another mapping, a ``Result`` with one circuit, or a list of bit strings, one a shot.

    Raises:
        CountsError: It is something else, or has no shots.

    """
    if isinstance(data, Mapping):
        counts = _alike(data) or _merged(data.items())
    elif hasattr(data, "get_counts"):
        return read(_of_result(data))
    elif isinstance(data, Sequence) and not isinstance(data, str) and all(isinstance(shot, str) for shot in data):
        return read(Counter(data))
    else:
        raise CountsError(
            f"counts are a mapping such as Counts, a Result, or a list of bit strings (memory), got {_named(data)}"
        )
    if not counts or not sum(counts.values()):
        raise CountsError("there are no shots to judge: the counts are empty; does the circuit measure anything?")
    return counts


def outcome(key: Any) -> str:
    """Return a bit string without spaces.

    Raises:
        CountsError: It is none.

    """
    text = key.replace(" ", "") if isinstance(key, str) else key
    if isinstance(text, str) and text and set(text) <= {"0", "1"}:
        return text
    hint = ""
    if isinstance(key, int) or (isinstance(key, str) and key.lower().startswith("0x")):
        hint = "; numbers don't say how many bits there are, take get_counts() and not int_outcomes() or data()"
    raise CountsError(f"outcomes are bit strings such as '01' or '0 11', got {key!r}{hint}")


def outcomes(keys: Collection[Any]) -> list[str]:
    """Return bit strings without spaces.

    Raises:
        CountsError: One is none.

    """
    return [key.replace(" ", "") for key in keys] if _are_split_alike(keys) else [outcome(key) for key in keys]


def _are_split_alike(keys: Collection[Any]) -> bool:
    """Return whether keys are bit strings with spaces in the same places; False may mean that it takes a closer look.

    There may be a million.
    """
    if set(map(type, keys)) != {str}:
        return False
    pattern, *others = {key.replace("1", "0") for key in keys}
    return not others and set(pattern) - {" "} == {"0"}


def shape(keys: Iterable[Any]) -> tuple[int, ...]:
    """Return the widths of the registers that keys are split into by spaces."""
    return tuple(len(register) for register in str(next(iter(keys), "")).split())


def _alike(data: Mapping[Any, Any]) -> dict[str, int]:
    """Return what :func:`_merged` does, at once, if all outcomes are split alike and counts are int; else nothing."""
    if not _are_split_alike(data) or set(map(type, data.values())) != {int} or min(data.values()) < 0:
        return {}
    return dict(zip(outcomes(data), data.values(), strict=True))


def _merged(items: Iterable[tuple[Any, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    shapes = set()
    for key, count in items:
        bits = outcome(key)
        shapes.add(shape([key]))
        if isinstance(count, bool) or not isinstance(count, Real) or not float(count).is_integer() or count < 0:
            raise CountsError(f"a count is a number of shots, got {count!r} for {key!r}; counts, not probabilities")
        counts[bits] = counts.get(bits, 0) + int(float(count))
    if len(shapes) > 1:
        raise CountsError(f"some outcomes are split into registers of {sorted(shapes)} bits: not the same in all")
    return counts


def _of_result(result: Any) -> Mapping[Any, Any]:
    counts = result.get_counts()
    if isinstance(counts, Mapping):
        return counts
    raise CountsError(
        f"the result has {len(counts)} circuits, and a claim is about one: take result.get_counts(0) and so on"
    )


def _named(data: Any) -> str:
    return f"{type(data).__name__} {data!r:.60}"
