"""Result documents as JSON text, built from arrays of bits without a loop over shots."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

CircuitResults: TypeAlias = Mapping[str, NDArray[np.uint8]]
"""Measurement key → bits of shape (shots, components of the locus)."""


def measurements(results: Iterable[CircuitResults]) -> bytes:
    """Return every shot: per circuit, key → one list of bits a shot."""
    return b"".join(_pieces(results))  # once: with many shots, each copy is large


def measurement_counts(results: Iterable[CircuitResults]) -> bytes:
    """Return histograms: per circuit, the keys and how often each bit string was seen, leftmost key first."""
    documents = [
        {"measurement_keys": list(circuit), "counts": histogram(list(circuit.values()))} for circuit in results
    ]
    return json.dumps(documents, ensure_ascii=False).encode()


def histogram(columns: Sequence[NDArray[np.uint8]]) -> dict[str, int]:
    """Count the bit strings of the joined columns, leftmost column first; without columns there are none."""
    if not columns:
        return {}
    bits = np.concatenate(columns, axis=1)
    shots, width = bits.shape
    if not shots:
        return {}
    packed = np.zeros((shots, -(-width // 64) * 8), dtype=np.uint8)
    filled = np.packbits(bits, axis=1)
    packed[:, : filled.shape[1]] = filled
    words = packed.view(">u8")
    order = np.lexsort(words.T[::-1])
    ordered = words[order]
    first = np.flatnonzero(np.r_[True, np.any(ordered[1:] != ordered[:-1], axis=1)])
    counts = np.diff(np.r_[first, shots]).tolist()
    digits = (bits[order[first]] + ord("0")).tobytes().decode()
    return {digits[index * width : (index + 1) * width]: count for index, count in enumerate(counts)}


def ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return outcomes and their counts, the most frequent first; equally frequent ones by their bits."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _pieces(results: Iterable[CircuitResults]) -> Iterator[bytes | memoryview]:
    yield b"["
    for index, circuit in enumerate(results):
        yield b",{" if index else b"{"
        for number, (key, bits) in enumerate(circuit.items()):
            yield b"," if number else b""
            yield json.dumps(key, ensure_ascii=False).encode()
            yield b":"
            yield _rows(bits)
        yield b"}"
    yield b"]"


def _rows(bits: NDArray[np.uint8]) -> bytes | memoryview:
    """Return an array of bits as JSON: all rows are texts of the same length, in which only the digits differ."""
    shots, width = bits.shape
    if not shots:
        return b"[]"
    text = np.full(1 + shots * (2 * width + 2), ord(","), dtype=np.uint8)
    text[0] = ord("[")
    rows = text[1:].reshape(shots, 2 * width + 2)
    rows[:, 0] = ord("[")
    np.add(bits, ord("0"), out=rows[:, 1 : 2 * width : 2])
    rows[:, 2 * width] = ord("]")
    text[-1] = ord("]")
    return text.data
