"""What became of a claim."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from iqm_fakes.words import p_value, several
from pytest_iqm.statistics.tail_bounds import upper_tail

SHOWN = 12
"""Outcomes that a verdict shows as text."""


class TooFewShots(ValueError):
    """With so few shots the claim could not fail, whatever they were; the message says how many it takes."""


@dataclass(frozen=True)
class Outcome:
    """One line of what was observed.

    Attributes:
        name: The outcome, or what is counted.
        declared: The probability it was said to have; None if only a bound was given.
        observed: How frequent it was; how probable it is, if that is known.
        low: Lower end of the 99 % confidence interval of its probability.
        high: The upper end.

    """

    name: str
    declared: float | None
    observed: float
    low: float
    high: float


@dataclass(frozen=True, repr=False)
class Verdict:
    """The result of checking a claim; as a ``str``, for people: with a table of outcomes, the worst first.

    Attributes:
        claim: The claim, in words.
        passed: Whether the counts are compatible with it.
        p_value: At most how probable counts like these are if the claim is true.
        alpha: Below which p-value it fails.
        shots: How many there were; 0 if the distribution is known, and nothing was left to chance.
        tvd: Total variation distance between observed and declared; of other claims, by how much what was observed
            misses its bound (0 if it does not).
        within: What the claim tolerates: a distance, or the probability of what it says not to happen.
        refuted_by: Whether so many shots of an outcome that is not declared refute it; of the rarest one where all are,
            or of what the claim says not to happen.
        outcomes: The outcomes that are shown, the worst first.
        others: How many more there are.
        value: What was observed of a single number, such as ``⟨ZZ⟩ = 0.91``; empty if the claim is about outcomes.
        unit: What a shot is.
        hint: A simple mistake that explains the counts, if there is one.
        final: Whether fresh shots of the device would say nothing new: what refutes is another sample, or the circuit.
        published: The tolerance that a calibration implied, if the claim asks for it.
        fresh: What fresh shots of the same circuit said, if it was repeated because the first were suspicious.
        not_repeated: Why it was not repeated although suspicious.

    """

    claim: str
    passed: bool
    p_value: float
    alpha: float
    shots: int
    tvd: float
    within: float
    refuted_by: Callable[[int], bool] = field(compare=False)
    outcomes: tuple[Outcome, ...]
    others: int = 0
    value: str = ""
    unit: str = "shot"
    hint: str | None = None
    final: bool = False
    published: float | None = None
    fresh: Verdict | None = None
    not_repeated: str | None = None

    @property
    def level_of_each(self) -> float:
        """√α: p-values of two samples that are independent, and both below it, refute a claim at α."""
        return math.sqrt(self.alpha)

    @property
    def suspicious(self) -> bool:
        """Whether the circuit should run once more before anything is concluded."""
        return not self.final and self.p_value < self.level_of_each

    def after(self, fresh: Verdict) -> Verdict:
        """Return the verdict of both samples: the claim is refuted if both are suspicious.

        The samples are independent, so a true claim is refuted with a probability of at most √α·√α = α.
        """
        return replace(self, fresh=fresh, passed=not (self.suspicious and fresh.suspicious))

    def power(self, detect: float) -> float:
        """Return how often, at least, a device would fail that has an undeclared outcome of probability ``detect``."""
        critical = bisect_left(range(self.shots + 1), True, key=self.refuted_by)
        return float(upper_tail(critical, self.shots, detect))

    def __bool__(self) -> bool:
        return self.passed

    def headline(self) -> list[str]:
        """Return what matters most, in lines."""
        sign = "≥" if self.p_value >= self.alpha else "<"
        level = f" {sign} α = {self.alpha:g}" if self.shots else ""
        lines = [f"claim     {self.claim}", f"observed  {self._observed}{level}"]
        if self.fresh is not None:
            both = "not both are" if self.passed else "it fails because both are"
            lines.append(f"again     {self.fresh._observed}; {both} below {self.level_of_each:g}")
        if self.not_repeated is not None:
            lines.append(f"again     not run again: {self.not_repeated}")
        return [*lines, f"hint      it looks as if {self.hint}"] if self.hint else lines

    def __repr__(self) -> str:
        return f"<Verdict: {self.claim} {'holds' if self.passed else 'is refuted'}, {self._observed}>"

    def table(self) -> list[str]:
        """Return the outcomes, in lines."""
        declares = any(row.declared is not None for row in self.outcomes)
        width = max(map(len, ["outcome", *(row.name for row in self.outcomes)]))
        table = [f"{'outcome':{width}}  {'expected  ' if declares else ''}observed  99% interval"]
        for row in self.outcomes:
            expected = f"{row.declared or 0.0:8.3f}  " if declares else ""
            mark = "  <" if declares and not row.low <= (row.declared or 0.0) <= row.high else ""
            observed = f"{row.observed:8.3f}  {row.low:.3f} ... {row.high:.3f}"
            table.append(f"{row.name:{width}}  {expected}{observed}{mark}")
        if self.others:
            table.append(f"and {several(self.others, 'more outcome')}")
        if any(line.endswith("<") for line in table):
            table.append("< marks outcomes whose interval does not contain what is expected")
        return table

    def __str__(self) -> str:
        return "\n".join([*self.headline(), *self.table()])

    @property
    def _observed(self) -> str:
        if not self.shots:
            return f"{self.tvd:.3f} away, computed exactly"
        value = f"{self.value}, " if self.value else ""
        return f"{value}{self.tvd:.3f} away in {several(self.shots, self.unit)}: {p_value(self.p_value)}"
