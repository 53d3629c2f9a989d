"""JSON documents from strangers: reading them, and what they have to look like, as data.

A shape says what a value has to be:

- ``str``, ``bool``, ``int``, ``float`` (any number), ``dict``, ``list``: a JSON value of that type; ``object``: any;
  None: null;
- ``[shape]``: an array of such values; ``(shape, shape)``: an array of just these;
- ``{"name": shape, "name?": shape}``: an object that has these fields, and perhaps others; those with a question mark
  may be left out;
- ``{str: shape}``: an object with any names;
- :class:`Only`, :class:`Either`, :class:`That`.

It is light, because device files are read when pytest starts; pydantic takes longer to load than all of that.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from iqm_fakes.printed import printable

DEEPEST = 50
"""Levels of arrays and objects that a document may have; so that whatever walks through one may be recursive."""

SHOWN = 60
"""Characters of a value or a name that a message shows."""

Shape: TypeAlias = Any

Path: TypeAlias = tuple[object, ...]
"""Names and indices that lead to a place in a document."""


@dataclass(frozen=True)
class Only:
    """An object of a shape that has no other fields."""

    fields: Mapping[Any, Shape]


class Either:
    """A value of one of several shapes, told apart by their JSON type."""

    def __init__(self, *shapes: Shape) -> None:
        self.shapes = shapes


@dataclass(frozen=True)
class That:
    """A value of a shape that something more has to be true of.

    Attributes:
        shape: Its shape.
        what: What it has to be, for people: "has to be …".
        holds: Whether it is.

    """

    shape: Shape
    what: str
    holds: Callable[[Any], object]


def one_of(*words: str) -> That:
    """Return the shape of a word."""
    return That(str, f"one of {', '.join(words)}" if len(words) > 1 else repr(*words), words.__contains__)


def number(lowest: float, highest: float) -> That:
    """Return the shape of a number."""
    return That(float, f"a number from {lowest:g} to {highest:g}", lambda value: lowest <= value <= highest)


def moment(timestamp: str) -> datetime | None:
    """Return the time that a document states, in UTC if it names no zone; None if it is no time."""
    try:
        stated = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return stated if stated.tzinfo else stated.replace(tzinfo=UTC)


TIME = That(str, "a time such as 2026-01-31T12:00:00Z", moment)

UUID = That(str, "a UUID in lower case", re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch)

NAME = That(str, "a name of letters, digits, '_' and '-'", re.compile(r"[\w-]+").fullmatch)

ALIAS = That(
    str,
    "a name that an address can have: without spaces, '/', '?', '#', '%' and '\\\\'",
    lambda name: name.isprintable() and re.fullmatch(r"[^\s/?#%\\]+", name) and name.strip("."),
)


def loads(data: bytes | str) -> Any:
    """Return the document that a file has: JSON in UTF-8, with or without a byte order mark.

    Raises:
        ValueError: It is not; the message says where, and why.

    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_without_doubles)
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not JSON: byte {error.start} is not UTF-8 ({error.reason})") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object in it has the name {_brief(twice)} twice; remove one of them")
    return found


def unwritable(document: Any) -> Iterator[str]:
    """Yield what is JSON, but can't be written, computed with or walked through; nan and infinity are no problem.

    Whoever has read a document has to ask this first.
    """
    level = [document]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for value in level:
            kind = type(value)
            if kind is dict:
                inner += value
                inner += value.values()
            elif kind is list:
                inner += value
            elif kind is str and not _is_text(value):
                yield f"{_place_of(value, document)} has half a character (a lone surrogate): {_brief(value)}"
            elif kind is int and not -_LARGEST <= value <= _LARGEST:
                yield f"{_place_of(value, document)} is too large for a number: {_brief(value)}"
        level = inner
    if level:
        yield f"{_short(_place_of(level[0], document))} is nested more than {DEEPEST} levels deep"


_LARGEST = sys.float_info.max


def _place_of(part: Any, document: Any) -> str:
    """Return where a document has this very object."""
    places: list[tuple[Path, Any]] = [((), document)]
    for path, value in places:
        if value is part or (isinstance(value, dict) and any(name is part for name in value)):
            return at(*path)
        if isinstance(value, dict):
            places += [((*path, name), item) for name, item in value.items()]
        elif isinstance(value, list):
            places += [((*path, index), item) for index, item in enumerate(value)]
    return at()


def _is_text(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def misshapen(value: Any, shape: Shape, path: Path = ()) -> Iterator[str]:
    """Yield where a document has not this shape, and what it has to be there; the first mistake first.

    Args:
        value: The document, or a part of it.
        shape: Its shape.
        path: Where the part is.

    """
    match shape:
        case That():
            problem = None
            for problem in misshapen(value, shape.shape, path):
                yield problem
            if problem is None and not shape.holds(value):
                yield f"{at(*path)} has to be {shape.what}, got {_brief(value)}"
        case Either():
            for option in shape.shapes:
                if _fits(value, option):
                    yield from misshapen(value, option, path)
                    break
            else:
                yield _of_type(value, " or ".join(map(_type_name, shape.shapes)), path)
        case _ if not _fits(value, shape):
            yield _of_type(value, _type_name(shape), path)
        case Only():
            known = [name.removesuffix("?") for name in shape.fields]
            for name in value:
                if name not in known:
                    yield f"{at(*path, name)} is none of {', '.join(known)}"
            yield from misshapen(value, shape.fields, path)
        case dict():
            for field, inner in shape.items():
                if field is str:
                    for name, item in value.items():
                        yield from misshapen(item, inner, (*path, name))
                elif (name := field.removesuffix("?")) in value:
                    if inner is not object and type(value[name]) is not inner:  # else, as mostly, there is nothing more
                        yield from misshapen(value[name], inner, (*path, name))
                elif name == field:
                    yield f"{at(*path)} has no '{name}'"
        case tuple() if len(value) != len(shape):
            yield f"{at(*path)} has to have {len(shape)} elements, got {len(value)}"
        case list() | tuple():
            for index, item in enumerate(value):
                yield from misshapen(item, shape[index] if isinstance(shape, tuple) else shape[0], (*path, index))


_TYPES: Mapping[Any, tuple[str, tuple[type, ...]]] = {
    str: ("string", (str,)),
    bool: ("boolean", (bool,)),
    int: ("integer", (int,)),
    float: ("number", (int, float)),
    dict: ("object", (dict,)),
    list: ("array", (list,)),
    None: ("null", (type(None),)),
}
"""A type in a shape → its name in JSON, and the Python types of its values."""


def _type(shape: Shape) -> Any:
    match shape:
        case That():
            return _type(shape.shape)
        case Only():
            return dict
        case tuple():
            return list
    return shape if shape is None or isinstance(shape, type) else type(shape)


def _type_name(shape: Shape) -> str:
    return _TYPES[_type(shape)][0]


def _fits(value: Any, shape: Shape) -> bool:
    kind = _type(shape)
    return kind is object or (isinstance(value, _TYPES[kind][1]) and (kind is bool or not isinstance(value, bool)))


def _of_type(value: Any, wanted: str, path: Path) -> str:
    return f"{at(*path)} has to be a JSON {wanted}, got {'null' if value is None else type(value).__name__}"


def at(*path: object) -> str:
    """Return what a place in a document is called in messages, by the names and indices that lead to it."""
    said = "".join(f"[{key}]" if isinstance(key, int) else f".{_short(printable(str(key)))}" for key in path)
    return said.removeprefix(".") or "the document"


def _brief(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 1024:
        return f"an integer of {value.bit_length()} bits"
    return _short(repr(value)) if isinstance(value, str | int | float) else type(value).__name__


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
