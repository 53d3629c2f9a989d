"""The order of bits in outcomes as people read them: Qiskit's, whose leftmost bit is the last one of the last register.

On the wire, bits are in the order of their measurements. Programs that are not Qiskit's name these as they like; their
bits stay in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import accumulate
from typing import Any, TypeVar

from iqm_fakes.vendor.layout import MEASUREMENT_KEY

IN_QISKIT_ORDER = "Outcomes are in Qiskit's order: bit 0 is rightmost, as in get_counts()."
IN_KEY_ORDER = "Where measurement keys are not Qiskit's, the bits of an outcome are in the order of its keys."

NAMED = 6
"""Registers, or keys, that a heading names."""

T = TypeVar("T")


@dataclass(frozen=True)
class OutcomeOrder:
    """How the outcomes of a circuit are written.

    Attributes:
        places: Where each recorded bit is in an outcome, not counting spaces.
        names: The registers of an outcome, the leftmost first; measurement keys, if they are not Qiskit's.
        widths: How many bits each has; those that are not recorded are 0.
        is_qiskit: Whether it is Qiskit's order.

    """

    places: tuple[int, ...]
    names: tuple[str, ...]
    widths: tuple[int, ...]
    is_qiskit: bool

    @classmethod
    def of(cls, keys: Iterable[tuple[str, int]]) -> OutcomeOrder:
        """Return the order for measurements: their keys and how many bits each has, in the order of the bits."""
        recorded = list(keys)
        names, widths = tuple(key for key, _ in recorded), tuple(width for _, width in recorded)
        registers: dict[int, tuple[str, int]] = {}
        bits: list[tuple[int, int]] = []
        for key in _qiskits(names) if set(widths) <= {1} else ():
            registers[key.creg_idx] = key.creg_name, key.creg_len
            bits.append((key.creg_idx, key.clbit_idx))
        fits = all(bit < registers[register][1] for register, bit in bits)
        if not fits or len(set(bits)) < len(recorded):
            return cls(tuple(range(sum(widths))), names, widths, is_qiskit=False)
        leftmost_first = sorted(registers, reverse=True)
        ends = dict(zip(leftmost_first, _ends([registers[index][1] for index in leftmost_first]), strict=True))
        return cls(
            tuple(ends[register] - 1 - bit for register, bit in bits),
            tuple(registers[index][0] for index in leftmost_first),
            tuple(registers[index][1] for index in leftmost_first),
            is_qiskit=True,
        )

    @classmethod
    def of_qiskits(cls, keys: Iterable[str]) -> OutcomeOrder:
        """Return the order for measurements of one bit each.

        Raises:
            ValueError: Their keys are not Qiskit's.

        """
        names = list(keys)
        order = cls.of((key, 1) for key in names)
        if not order.is_qiskit:
            raise ValueError(f"the measurement keys are not Qiskit's: {', '.join(names)}")
        return order

    @property
    def width(self) -> int:
        """The number of bits of an outcome."""
        return sum(self.widths)

    @property
    def heading(self) -> str:
        """What the outcomes are of."""
        names = self.names if len(self.names) <= NAMED else (*self.names[: NAMED - 1], "…", self.names[-1])
        return " ".join(["outcome of", *names]) if names else "outcome"

    def bits(self, recorded: str) -> str:
        """Return recorded bits in this order, without spaces."""
        digits = ["0"] * self.width
        for place, bit in zip(self.places, recorded, strict=True):
            digits[place] = bit
        return "".join(digits)

    def spaced(self, bits: str) -> str:
        """Return bits in this order as Qiskit writes them: with spaces between registers."""
        if not self.is_qiskit and max(self.widths, default=0) < 2:
            return bits
        return " ".join(bits[end - width : end] for end, width in zip(_ends(self.widths), self.widths, strict=True))

    def counts(self, recorded: Mapping[str, T]) -> dict[str, T]:
        """Return what belongs to recorded bits by outcome, as Qiskit writes it."""
        return {self.spaced(self.bits(bits)): count for bits, count in recorded.items()}


def order_notes(are_qiskits: Iterable[bool]) -> list[str]:
    """Return what has to be said once where outcomes of circuits are shown, whose order is Qiskit's or not."""
    kinds = set(are_qiskits)
    return [text for kind, text in ((True, IN_QISKIT_ORDER), (False, IN_KEY_ORDER)) if kind in kinds]


def _ends(widths: Sequence[int]) -> list[int]:
    """Return where registers end that follow each other."""
    return list(accumulate(widths))


def _qiskits(names: Sequence[str]) -> list[Any]:
    """Return the measurement keys, as the vendor reads them; none, if one is not Qiskit's."""
    module, name = MEASUREMENT_KEY
    from_string = getattr(import_module(module), name).from_string
    try:
        return [from_string(key) for key in names]
    except ValueError:
        return []
