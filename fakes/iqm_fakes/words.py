"""Numbers in words, the same in every output."""

from __future__ import annotations


def several(number: int, what: str, plural: str = "") -> str:
    """Return so many of something: ``1 job``, ``2 jobs``."""
    return f"{number} {what}" if number == 1 else f"{number} {plural or f'{what}s'}"


def probability(value: float) -> str:
    """Return a probability as short as it can be understood: ``0.23``, ``1``, ``1.4e-05``."""
    return f"{value:.2g}" if value >= 1e-2 else f"{value:.1e}" if value else "0"


def p_value(value: float) -> str:
    """Return what a p-value is: ``p = 0.23``."""
    return f"p = {probability(value)}" if value > 0 else "p < 1e-300"
