"""What became of a claim."""

from __future__ import annotations

from dataclasses import dataclass


class TooFewShots(ValueError):
    """With so few shots the claim could not fail, whatever they were; the message says how many it takes."""


@dataclass(frozen=True)
class Outcome:
    """One line of what was observed.

    Attributes:
        name: The outcome, or what is counted.
        declared: The probability it was said to have; None if only a bound was given.
        count: How many shots had it.
        low: Lower end of the 99 % confidence interval of its probability.
        high: The upper end.

    """

    name: str
    declared: float | None
    count: int
    low: float
    high: float


@dataclass(frozen=True)
class Verdict:
    """The result of checking a claim.

    Attributes:
        claim: The claim, in words.
        passed: Whether the counts are compatible with it.
        p_value: At most how probable counts like these are if the claim is true.
        alpha: Below which p-value it fails.
        shots: How many there were.
        tvd: Total variation distance between observed and declared; of other claims, by how much the observed
            frequency misses its bound (0 if it does not).
        level: The error that the test of a single event may make, and ``within`` what it tolerates; for :meth:`power`.
        outcomes: The outcomes, the worst first.
        hint: A simple mistake that explains the counts, if there is one.

    """

    claim: str
    passed: bool
    p_value: float
    alpha: float
    shots: int
    tvd: float
    within: float
    level: float
    outcomes: tuple[Outcome, ...]
    hint: str | None = None

    def power(self, detect: float) -> float:
        """Return how often a device would fail that has an undeclared event of probability ``detect``."""
        from pytest_iqm.statistics.planning import power_of

        return power_of(self.shots, detect, self.within, self.level)

    def __bool__(self) -> bool:
        return self.passed
