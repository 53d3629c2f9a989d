"""How circuits and shots are written in recordings: readable in a diff, small, and without loss."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Shots = Sequence[Sequence[int]]

_LINE = re.compile(
    r"(?P<name>[^\s:=]+)(?::(?P<implementation>[^\s=]+))? (?P<locus>[^\s=]+)(?P<args>(?: .*)?)", re.DOTALL
)
_ARGUMENT = re.compile(r" (?P<name>[^\s=]+)=")
_PACKED = re.compile(r"(?P<width>\d+)x(?P<shots>\d+):(?P<hex>[0-9a-f]*)")
_JSON = json.JSONDecoder()


def line(instruction: Any) -> Any:
    """Return an instruction as one line, such as ``prx:drag QB1 angle=0.5 phase=0.0``.

    What such a line can't say is returned as it is.
    """
    if not isinstance(instruction, Mapping) or not isinstance(instruction.get("locus"), list):
        return instruction
    implementation = instruction.get("implementation")
    arguments = instruction.get("args")
    if not isinstance(arguments, Mapping):
        return instruction
    text = str(instruction.get("name")) + (f":{implementation}" if implementation else "")
    text += " " + ",".join(map(str, instruction["locus"]))
    text += "".join(f" {key}={json.dumps(value, ensure_ascii=False)}" for key, value in arguments.items())
    return text if _same(parsed(text), instruction) else instruction


def parsed(text: Any) -> Any:
    """Undo :func:`line`; None if the text is no instruction."""
    if not isinstance(text, str):
        return text
    match = _LINE.fullmatch(text)
    if match is None:
        return None
    arguments, place = {}, match.end("locus")
    while place < len(text):
        argument = _ARGUMENT.match(text, place)
        if argument is None:
            return None
        try:
            arguments[argument["name"]], place = _JSON.raw_decode(text, argument.end())
        except (ValueError, RecursionError):
            return None
    return {
        "name": match["name"],
        "implementation": match["implementation"],
        "locus": match["locus"].split(","),
        "args": arguments,
    }


def _same(one: Any, other: Any) -> bool:
    return one is not None and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def packed(shots: Shots) -> Any:
    """Return the shots of a measurement as ``WIDTHxSHOTS:HEX``, eight bits in two digits, shot by shot.

    Digits other than 0 and 1 are returned as they are.

    Raises:
        ValueError: They are no digits.

    """
    given = np.asarray(shots if len(shots) else np.empty((0, 0)))
    if given.ndim != 2 or given.dtype.kind not in "biuf" or not np.isin(given, range(10)).all():
        raise ValueError("the outcomes of a measurement are not lists of digits, one list a shot")
    bits = given.astype(np.uint8)
    if bits.size and bits.max() > 1:
        return bits.tolist()
    return f"{bits.shape[1]}x{bits.shape[0]}:{np.packbits(bits.ravel()).tobytes().hex()}"


def unpacked(text: Any) -> NDArray[np.uint8]:
    """Undo :func:`packed`: outcomes of shape (shots, width).

    Raises:
        ValueError: It is not what :func:`packed` returns.

    """
    if not isinstance(text, str):
        return np.asarray(text, dtype=np.uint8)
    match = _PACKED.fullmatch(text)
    if match is None:
        raise ValueError(f"shots are written WIDTHxSHOTS:HEX, not {text[:40]!r}")
    width, shots = int(match["width"]), int(match["shots"])
    data = bytes.fromhex(match["hex"])
    if len(data) != -(-width * shots // 8):
        raise ValueError(f"{shots} shots of {width} bits are {-(-width * shots // 8)} bytes, not {len(data)}")
    return np.unpackbits(np.frombuffer(data, dtype=np.uint8), count=width * shots).reshape(shots, width)
