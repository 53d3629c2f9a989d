"""Broken files: a JSON document with something in it replaced, deleted, doubled, nested or moved, or damaged bytes."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_VERBATIM = {"@huge@": "1e999", "@long@": "9" * 5000}
"""What no JSON value of Python's is written as, by the string that stands for it until then."""


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


HOSTILE: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1e-300,
    1e308,
    10**30,
    10**400,
    -(10**400),
    math.nan,
    math.inf,
    "@huge@",
    "@long@",
    "",
    " ",
    ",",
    "QB1",
    "QB77",
    "\ud800",
    "\x00",
    "\x1b]0;owned\x07\x1b[2J",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "2026-13-45T99:99:99Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999Z",
    "00000000-0000-0000-0000-000000000000",
    "x" * 20_000,
    [],
    {},
    [[]],
    [None],
    [1, 2],
    ["QB1"],
    ["QB1", "QB1"],
    {"": None},
    {"a": {"b": []}},
    _nested(200),
)
"""Values that no field expects."""


class Mutator:
    """Makes broken files of one document.

    Args:
        document: The document.
        signed: Makes a changed document one that nobody seems to have changed.
        indent: As for :func:`json.dumps`; None is much faster.

    """

    def __init__(
        self, document: Any, signed: Callable[[Any], Any] = lambda document: document, indent: int | None = None
    ) -> None:
        self._indent = indent
        self._text = json.dumps(document, indent=1)
        self._signed = signed
        self._places: dict[Path, list[Path]] = {}
        for path in _paths(document, ()):
            same = tuple("*" if isinstance(key, int) else key for key in path)
            self._places.setdefault(same, []).append(path)
        self._every = [path for same in self._places.values() for path in same]

    def mutant(self, dice: random.Random) -> bytes:
        """Return the bytes of a broken file; a place is any one, or one of any kind of places."""
        if dice.random() < 0.12:
            return _damaged(self._text.encode(), dice)
        holder = [json.loads(self._text)]
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            self._change(holder, dice)
        document = holder[0] if dice.random() < 0.2 else self._signed(holder[0])
        text = json.dumps(document, indent=self._indent)
        for mark, verbatim in _VERBATIM.items():
            text = text.replace(json.dumps(mark), verbatim)
        return text.encode()

    def _change(self, holder: list[Any], dice: random.Random) -> None:
        parent, key = self._place(holder, dice)
        value, copy = parent[key], deepcopy(dice.choice(HOSTILE))
        match dice.randrange(9):
            case 0 if parent is not holder:
                del parent[key]
            case 1 if isinstance(parent, list) and parent is not holder:
                parent.insert(key, deepcopy(value))
            case 1 if isinstance(parent, dict):
                parent[dice.choice((*parent, "", "extra", "\ud800", "QB77"))] = deepcopy(value)
            case 2:
                parent[key] = dice.choice(([value], {"a": value}, [value] * 2))
            case 3:
                other, where = self._place(holder, dice)
                parent[key] = deepcopy(other[where])
            case 4 | 5 if isinstance(value, float):
                parent[key] = value * dice.choice((0, -1, 1e-9, 0.5, 2, 1e3, 1e12))
            case 4 | 5 if isinstance(value, str) and value:
                at = dice.randrange(len(value))
                parent[key] = value[:at] + dice.choice(("", "_", ".", ":", "\x1b", "é", "\udfff")) + value[at + 1 :]
            case _:
                parent[key] = copy

    def _place(self, holder: list[Any], dice: random.Random) -> tuple[Any, Any]:
        """Return a container and one of its keys; what a former change has moved is looked for no further."""
        places = self._every if dice.random() < 0.5 else self._places[dice.choice(list(self._places))]
        path = dice.choice(places)
        parent: Any = holder
        key: Any = 0
        for step in path:
            try:
                parent[key][step]
            except (TypeError, LookupError):
                break
            if isinstance(parent[key], str):
                break
            parent, key = parent[key], step
        return parent, key


def _paths(value: Any, path: Path) -> Iterator[Path]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from _paths(item, (*path, key))


def _damaged(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    match dice.randrange(8):
        case 0:
            return data[:at]
        case 1:
            return b"\xef\xbb\xbf" + data
        case 2:
            return data.decode().encode("utf-16")
        case 3:
            return data[:at] + dice.choice((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x00")) + data[at:]
        case 4:
            lines = data.split(b"\n")
            line = dice.randrange(len(lines))
            return b"\n".join([*lines[: line + 1], *lines[line:]])
        case 5:
            start, end = sorted((at, dice.randrange(len(data))))
            return data[:start] + data[end:]
        case 6:
            return dice.choice((b"", b" ", b"[", b"null", b"[]", b"{}", b"1", b'"x"', b"\x00" * 20))
        case _:
            return dice.choice((b"[", b'{"a":')) * 100_000
