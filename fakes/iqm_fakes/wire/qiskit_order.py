"""Qiskit's order of bits: leftmost is the last bit of the last register."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from iqm_fakes.vendor.layout import MEASUREMENT_KEY


def qiskit_places(measurement_keys: Sequence[str]) -> tuple[list[int], int]:
    """Return where in Qiskit's string of an outcome the bits of some measurements are, and how long the string is.

    Args:
        measurement_keys: What each bit is of; Qiskit's name register and bit. What is not measured is 0.

    Raises:
        ValueError: They are not Qiskit's.

    """
    module, name = MEASUREMENT_KEY
    from_string = getattr(import_module(module), name).from_string
    try:
        keys = [from_string(key) for key in measurement_keys]
    except ValueError:
        raise ValueError(f"the measurement keys are not Qiskit's: {', '.join(measurement_keys)}") from None
    begin, width = {}, 0
    for register, length in sorted({key.creg_idx: key.creg_len for key in keys}.items()):
        begin[register], width = width, width + length
    return [width - 1 - begin[key.creg_idx] - key.clbit_idx for key in keys], width
