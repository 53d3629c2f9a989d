"""What became of a claim."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pytest_iqm.statistics.tails import at_least


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
        within: What the claim tolerates: a distance, or the probability of what it says not to happen.
        critical: How many shots of an outcome that is not declared (of others, of what it says not to happen) refute
            it; one more than there are if none do.
        outcomes: The outcomes, the worst first.
        hint: A simple mistake that explains the counts, if there is one.
        final: Whether fresh shots of the device would say nothing new: what refutes is another sample, or the circuit.
        again: What fresh shots of the same circuit said, if it was run again because the first were suspicious.

    """

    claim: str
    passed: bool
    p_value: float
    alpha: float
    shots: int
    tvd: float
    within: float
    critical: int
    outcomes: tuple[Outcome, ...]
    hint: str | None = None
    final: bool = False
    again: Verdict | None = None

    @property
    def level_of_each(self) -> float:
        """√α: p-values of two samples that are independent, and both below it, refute a claim at α."""
        return math.sqrt(self.alpha)

    @property
    def suspicious(self) -> bool:
        """Whether the circuit should run once more before anything is concluded."""
        return not self.final and self.p_value < self.level_of_each

    def after(self, again: Verdict) -> Verdict:
        """Return the verdict of both samples: the claim is refuted if both are suspicious.

        The samples are independent, so a true claim is refuted with a probability of at most √α·√α = α.
        """
        return replace(self, again=again, passed=not (self.suspicious and again.suspicious))

    def power(self, detect: float) -> float:
        """Return how often, at least, a device would fail that has an undeclared outcome of probability ``detect``."""
        return float(at_least(self.critical, self.shots, detect))

    def __bool__(self) -> bool:
        return self.passed
