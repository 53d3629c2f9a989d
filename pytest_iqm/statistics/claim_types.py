"""The types of claims: each is a null hypothesis with a tolerance, and how counts are judged by it.

A claim fails only if the counts refute it: with a p-value, valid for every number of shots, below α. A claim that is
true fails at most that often; there is no χ², and nothing to tune per machine.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import repeat
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from iqm_fakes.words import several
from pytest_iqm import claim_hooks
from pytest_iqm.statistics.hints import hint
from pytest_iqm.statistics.observed import CountsError, outcomes, read, shape
from pytest_iqm.statistics.shots_needed import MOST_SHOTS, fewest_shots_that_can_refute, refutes
from pytest_iqm.statistics.tail_bounds import (
    Array,
    confidence_interval,
    distribution_p_value,
    equality_p_value,
    level_of_one_outcome,
    lower_tail,
    total_variation,
    upper_tail,
)
from pytest_iqm.statistics.verdict import SHOWN, Outcome, TooFewShots, Verdict

CALIBRATION: Final = "calibration"
FAKE: Final = "fake"

FROM_CALIBRATION = f" ({CALIBRATION})"
"""What stands behind a tolerance that the calibration implies."""

__tracebackhide__ = claim_hooks.hide_frames

Tolerance: TypeAlias = float | Literal["calibration"]
Within: TypeAlias = Tolerance | Literal["fake"]

ExecutionOf: TypeAlias = Callable[[dict[str, int]], claim_hooks.Execution]
"""Returns the circuit that counts are of, among those of a job that was given; for counts that no session knows."""

DECLARED = 0.01
"""TVD that a circuit without noise may have from what is declared, for probabilities that are written down rounded."""

SIMULATED = 10_000
"""Shots of a simulation that counts are compared with, where the exact distribution can't be computed."""

DRIFT = 0.5
"""By which part of themselves published errors may be off, if neither a claim nor their uncertainties say so."""

EXPECTED = 5
"""Expected shots from which on an outcome of the fake is looked at by itself, and not together with all others."""

SEEN = 1e-3
"""Probability from which on an outcome of a circuit without noise is shown."""

ROUNDING = 1e-6
"""By how much each declared probability may be rounded; with a tolerance, their sum may be off by ``DECLARED`` / 10."""


class Claim(ABC):
    """Something that is said of a device, and that counts can refute.

    ``counts == claim`` is True unless they refute it, with the session's α. Both sides may be swapped, and
    ``claim.check(counts)`` says more.
    """

    @abstractmethod
    def check(self, counts: Any, *, alpha: float | None = None) -> Verdict:
        """Judge counts.

        Args:
            counts: ``Counts``, another mapping from bit strings, a ``Result`` with one circuit, or memory.
            alpha: How often a true claim may fail; None is the session's (``iqm_alpha``, 1e-6).

        Raises:
            CountsError: They are no counts, or don't fit the claim.
            TooFewShots: The claim could not fail with so few.

        """

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Claim):
            return self is other
        return claim_hooks.equal(self, other)

    def __ne__(self, other: object) -> bool:
        if isinstance(other, Claim):
            return self is not other
        return claim_hooks.not_equal(self, other)

    def __bool__(self) -> bool:
        raise TypeError(f"a claim by itself is neither true nor false: compare it with counts, counts == {self!r:.80}")

    __hash__ = None  # type: ignore[assignment]  # equal to many counts that differ


class NoisyClaim(Claim):
    """A claim about a circuit without noise, and how far noise may take the device from it.

    Args:
        within: The tolerance, or where it comes from.
        execution_of: Finds circuits that the session does not know.

    """

    def __init__(self, within: Within, execution_of: ExecutionOf | None) -> None:
        self.within: Within = within if isinstance(within, str) else _tolerance("within", within)
        self._execution_of = execution_of

    def _execution(self, seen: dict[str, int]) -> claim_hooks.Execution:
        """Return the circuit that counts are of."""
        execution = claim_hooks.execution(seen)
        if self._execution_of is not None and (execution is None or not execution.gave(seen)):
            return self._execution_of(seen)
        if execution is None:
            raise CountsError(
                f"within='{self.within}' needs to know the job that the counts are of, and none of this test has them: "
                f"give it, {type(self).__name__.lower()}(..., job=job)"
            )
        return execution

    def _published(self, seen: dict[str, int], places: Collection[int] | None = None) -> float | None:
        """Return the tolerance that the calibration implies for these places of the bits, if the claim asks for it."""
        return None if isinstance(self.within, float) else _published_tolerance(self._execution(seen), seen, places)


class Distribution(NoisyClaim):
    """TVD(device, declared) ≤ within; see :func:`pytest_iqm.claims.distribution`.

    Args:
        probabilities: Outcome → probability.
        within: The tolerance, or where it comes from.
        drift: By which part of themselves published errors may be off.
        execution_of: Finds circuits that the session does not know.

    """

    def __init__(
        self,
        probabilities: Mapping[str, float],
        *,
        within: Within = 0.0,
        drift: float | None = None,
        execution_of: ExecutionOf | None = None,
    ) -> None:
        if not isinstance(probabilities, Mapping):
            raise TypeError(
                "a distribution is a mapping from outcomes to probabilities such as {'00': 0.5, '11': 0.5}, got "
                f"{probabilities!r:.80}"
            )
        if not probabilities:
            raise ValueError("a distribution declares at least one outcome")
        self.probabilities: dict[str, float] = {}
        for key, probability in zip(outcomes(probabilities), probabilities.values(), strict=True):
            self.probabilities[key] = self.probabilities.get(key, 0.0) + _probability(
                "the probability of {!r}", probability, key
            )
        _common_width(self.probabilities, "declared outcomes")
        if isinstance(within, str) and within not in (CALIBRATION, FAKE):
            raise ValueError(f"within is '{CALIBRATION}', '{FAKE}', or a number from 0 to 1, got {within!r}")
        super().__init__(within, execution_of)
        total = math.fsum(self.probabilities.values())
        tolerant = isinstance(self.within, str) or self.within >= DECLARED
        if abs(total - 1) > (DECLARED / 10 if tolerant else ROUNDING * len(self.probabilities)):
            raise ValueError(f"the declared probabilities add up to {total:.9g}, and not to 1: {probabilities!r:.200}")
        if drift is not None and within != FAKE:
            raise ValueError("drift belongs to within='fake': by which part of themselves published errors may be off")
        self.drift = None if drift is None else _probability("drift", drift)
        self._shape = shape(probabilities)

    def __repr__(self) -> str:
        drift = "" if self.drift is None else f", drift={self.drift:g}"
        return f"distribution({self.probabilities}, within={self.within!r}{drift})"

    def _check_with_fake(self, seen: dict[str, int], alpha: float) -> Verdict:
        """Judge the circuit without noise, and the device against the fake with noise; at α/2 each, if by chance."""
        execution = self._execution(seen)
        if not execution.gave(seen):
            raise CountsError(
                "within='fake' needs a job's counts as they are, not with bits reordered, left out or added"
            )
        verdict = self._check_program(execution, alpha / 2)
        halves = 2 if verdict.shots else 1
        if verdict.passed:
            machine = self._check_machine(execution, seen, alpha / halves)
            verdict = machine if machine.p_value <= verdict.p_value else verdict
        return replace(verdict, alpha=alpha, p_value=min(1.0, halves * verdict.p_value))

    def _check_program(self, execution: claim_hooks.Execution, alpha: float) -> Verdict:
        """Judge the circuit without noise."""
        claim, exact = f"TVD(circuit without noise, declared) ≤ {DECLARED:g}", execution.exact(noise=False)
        if exact is None:
            simulated = execution.simulated(SIMULATED, noise=False)
            sampled = Distribution(self.probabilities, within=DECLARED).check(simulated, alpha=alpha)
            return replace(sampled, claim=claim, final=True, unit="simulated shot")
        names = list(dict.fromkeys([*self.probabilities, *exact.likely(SEEN)]))
        likely = exact.probabilities(names)
        declared = np.array([self.probabilities.get(name, 0.0) for name in names])
        declared /= declared.sum()
        tvd = float(np.maximum(declared - likely, 0).sum())  # all others only have more than declared
        passed = tvd <= DECLARED + ROUNDING
        return Verdict(
            claim=claim,
            passed=passed,
            p_value=float(passed),
            alpha=alpha,
            shots=0,
            tvd=tvd,
            within=DECLARED,
            refuted_by=bool,
            outcomes=tuple(
                Outcome(names[index], float(declared[index]), *[float(likely[index])] * 3)
                for index in np.argsort(-np.abs(likely - declared), kind="stable")[:SHOWN]
            ),
            others=max(len(names) - SHOWN, 0),
            final=True,
            hint=None if passed else hint(dict(zip(names, map(int, 1e9 * likely), strict=True)), self.probabilities, 0),
        )

    def _check_machine(self, execution: claim_hooks.Execution, seen: dict[str, int], alpha: float) -> Verdict:
        """Judge the device against its fake."""
        delta, as_published = _published_tolerance(execution, seen), execution.tolerance(seen, uncertain=False)
        if self.drift is not None or delta == as_published:
            drift = DRIFT if self.drift is None else self.drift
            tolerance, why = 1 - (1 - as_published) ** drift, f"drift {drift:g}"
        else:
            tolerance, why = (delta - as_published) / (1 - as_published), "published uncertainties"
        claim, exact = f"TVD(device, its fake) ≤ {tolerance:.3g} ({why})", execution.exact()
        if exact is None:
            machine = SameAs(execution.simulated(SIMULATED), within=tolerance).judge(seen, alpha, self, tolerance)
            return replace(machine, claim=claim, final=False)  # fresh shots are compared with a sample of their own
        likely_enough = exact.likely(EXPECTED / sum(seen.values()))  # what was seen has no part in that
        names = list(dict.fromkeys([*self.probabilities, *likely_enough]))
        likely = exact.probabilities(names)
        rest = max(1 - float(likely.sum()), 0.0)
        expected = dict(zip(names, likely.tolist(), strict=True))
        return self._judge(seen, expected, rest, tolerance + ROUNDING, alpha, claim)

    def check(self, counts: Any, *, alpha: float | None = None) -> Verdict:
        """Judge counts, see :meth:`Claim.check`."""
        alpha = claim_hooks.alpha(alpha)
        seen = read(counts)
        _require_width(seen, _common_width(self.probabilities, ""), counts, self._shape)
        if self.within == FAKE:
            return self._check_with_fake(seen, alpha)
        published = self._published(seen)
        delta = float(self.within) if published is None else published
        text = f"TVD(device, declared) ≤ {delta:.3g}" + ("" if published is None else FROM_CALIBRATION)
        total = math.fsum(self.probabilities.values())
        declared = {key: value / total for key, value in self.probabilities.items()}
        return replace(self._judge(seen, declared, 0.0, delta, alpha, text), published=published)

    def _judge(
        self, seen: dict[str, int], declared: Mapping[str, float], rest: float, delta: float, alpha: float, text: str
    ) -> Verdict:
        """Judge counts by the probabilities of outcomes, and ``rest`` of all others together."""
        names = [*declared, *(key for key in seen if key not in declared)]
        counts = np.fromiter(map(seen.get, names, repeat(0)), float, len(names))
        expected = np.zeros(len(names))
        expected[: len(declared)] = list(declared.values())
        shots, is_cell = int(counts.sum()), expected > 0
        observed, q = counts[is_cell], expected[is_cell]
        if len(q) < 2 ** len(names[0]):
            observed, q = np.append(observed, shots - observed.sum()), np.append(q, rest)
        each = level_of_one_outcome(alpha, len(q))
        _require_shots(self, shots, min(1.0, float(q.min()) + delta), each, alpha, delta)
        p_value = distribution_p_value(observed, q, delta)
        passed = p_value >= alpha
        shown = _worst(names, counts, shots, expected)
        return Verdict(
            claim=text,
            passed=passed,
            p_value=p_value,
            alpha=alpha,
            shots=shots,
            tvd=total_variation(observed / shots, q),
            within=delta,
            refuted_by=partial(refutes, shots=shots, within=delta, level=each),
            outcomes=shown,
            others=len(names) - len(shown),
            hint=None if passed else hint(seen, self.probabilities, delta),
        )


class Bound(NoisyClaim):
    """A number that depends on the probability of an event is at least or at most something, but for noise.

    Args:
        at_least: What the number is at least.
        at_most: What it is at most.
        within: By how much noise may change the probability of the event, or where that comes from.
        execution_of: Finds circuits that the session does not know.

    """

    event: str
    quantity: str
    smallest, largest = 0.0, 1.0
    """What the number is at least and at most on any device."""

    def __init__(
        self,
        at_least: float | None,
        at_most: float | None,
        within: Tolerance = 0.0,
        execution_of: ExecutionOf | None = None,
    ) -> None:
        if isinstance(within, str) and within != CALIBRATION:
            raise ValueError(f"within is '{CALIBRATION}' or a number from 0 to 1, got {within!r}")
        super().__init__(within, execution_of)
        self.at_least, self.at_most = _checked_bounds(at_least, at_most, self.smallest, self.largest)

    @property
    def _arguments(self) -> str:
        """The bounds, as they were given."""
        given = (("at_least", self.at_least), ("at_most", self.at_most))
        bounds = [f"{name}={value:g}" for name, value in given if value is not None]
        return ", ".join(bounds if self.within == 0 else [*bounds, f"within={self.within!r}"])

    @abstractmethod
    def happens(self, key: str) -> bool:
        """Whether an outcome belongs to the event."""

    @property
    @abstractmethod
    def width(self) -> int:
        """The number of bits that the claim is about."""

    @property
    def places(self) -> Collection[int] | None:
        """Those of them that the event depends on, from the left; None is all."""
        return None

    def of_event(self, low: float | None, high: float | None) -> tuple[float | None, float | None]:
        """Return what the probability of the event is at least and at most, from what the number is."""
        return low, high

    def value(self, frequency: float) -> float:
        """Return the number, from how frequent the event is."""
        return frequency

    def _bounds(self, published: float | None) -> tuple[float | None, float | None]:
        """Return what the number is at least and at most on a device with noise; None if it may be anything."""
        delta = float(self.within) if published is None else published
        noise = (self.largest - self.smallest) * delta
        least = None if self.at_least is None else self.at_least - noise
        most = None if self.at_most is None else self.at_most + noise
        least, most = least if least is None or least > self.smallest else None, most
        most = most if most is None or most < self.largest else None
        if least is None and most is None:
            raise CountsError(f"noise may change the probability by {delta:.3g}, so {self.quantity} may be anything")
        return least, most

    def check(self, counts: Any, *, alpha: float | None = None) -> Verdict:
        """Judge counts, see :meth:`Claim.check`."""
        alpha = claim_hooks.alpha(alpha)
        seen = read(counts)
        _require_width(seen, self.width, counts, ())
        shots = sum(seen.values())
        happened = sum(count for key, count in seen.items() if self.happens(key))
        published = self._published(seen, self.places)
        at_least, at_most = self._bounds(published)
        low, high = self.of_event(at_least, at_most)
        sides = (low is not None) + (high is not None)
        within = high if high is not None else 1 - (low or 0.0)
        likeliest = min(1.0 if low is None else 1 - low, 1.0 if high is None else high)
        _require_shots(self, shots, likeliest, alpha / sides, alpha)
        tails = [1.0]
        if low is not None:
            tails.append(lower_tail(happened, shots, low))
        if high is not None:
            tails.append(float(upper_tail(happened, shots, high)))
        p_value = min(1.0, sides * min(tails))
        value = self.value(happened / shots)
        least = "" if at_least is None else f"{at_least:.6g} ≤ "
        most = "" if at_most is None else f" ≤ {at_most:.6g}"
        misses = [0.0 if at_least is None else at_least - value, 0.0 if at_most is None else value - at_most]
        names = [key for key in seen if key != self.event]
        shown = _worst(names, np.array([seen[name] for name in names], float), shots)[: SHOWN - 1]
        return Verdict(
            claim=f"{least}{self.quantity}{most}" + ("" if published is None else FROM_CALIBRATION),
            passed=p_value >= alpha,
            p_value=p_value,
            alpha=alpha,
            shots=shots,
            tvd=max(0.0, *misses),
            within=within,
            published=published,
            refuted_by=partial(refutes, shots=shots, within=within, level=alpha / sides),
            value=f"{self.quantity} = {value:.3f}",
            outcomes=(*_worst([self.event], np.array([float(happened)]), shots), *shown),
            others=len(names) - len(shown),
        )


class Support(Bound):
    """Outcomes outside of a set have at most the probability ``leak``; see :func:`pytest_iqm.claims.support`."""

    def __init__(self, outcomes: Iterable[str], *, leak: float = 0.0) -> None:
        super().__init__(None, _tolerance("leak", leak))
        self.outcomes = _event(outcomes)
        if not self.outcomes:
            raise ValueError("a support has at least one outcome")
        self._bits = _common_width(self.outcomes, "outcomes of a support")
        self.event = "another outcome"
        self.quantity = f"P({self.event})"

    def __repr__(self) -> str:
        return f"support({sorted(self.outcomes)}, leak={self.at_most:g})"

    @property
    def width(self) -> int:
        """The number of bits that the claim is about."""
        return self._bits

    def happens(self, key: str) -> bool:
        """Whether an outcome is not in the support."""
        return key not in self.outcomes


class Probability(Bound):
    """The probability of outcomes is bounded; see :func:`pytest_iqm.claims.probability`."""

    def __init__(
        self,
        outcomes: str | Collection[str],
        *,
        at_least: float | None = None,
        at_most: float | None = None,
        within: Tolerance = 0.0,
        execution_of: ExecutionOf | None = None,
    ) -> None:
        super().__init__(at_least, at_most, within, execution_of)
        self.outcomes = _event(outcomes)
        if not self.outcomes:
            raise ValueError("a probability is that of at least one outcome")
        self._bits = _common_width(self.outcomes, "outcomes")
        self.event = " or ".join(sorted(self.outcomes))
        self.quantity = f"P({self.event})"

    def __repr__(self) -> str:
        return f"probability({sorted(self.outcomes)}, {self._arguments})"

    @property
    def width(self) -> int:
        """The number of bits that the claim is about."""
        return self._bits

    def happens(self, key: str) -> bool:
        """Whether an outcome is one of them."""
        return key in self.outcomes


class Expectation(Bound):
    """The expectation of a product of Z is bounded; see :func:`pytest_iqm.claims.expectation`."""

    smallest = -1.0

    def __init__(
        self,
        pauli: str,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
        within: Tolerance = 0.0,
        execution_of: ExecutionOf | None = None,
    ) -> None:
        letters = pauli.replace(" ", "")
        if not letters or set(letters) - set("IZ"):
            raise ValueError(
                f"an expectation is that of a product such as 'ZZ' or 'IZ', got {pauli!r}; for X and Y rotate the "
                "basis before the measurement, and claim Z"
            )
        if "Z" not in letters:
            raise ValueError("the expectation of the identity is 1 on any device: there is nothing to claim")
        super().__init__(at_least, at_most, within, execution_of)
        self._letters = letters
        self._mask = int(letters.replace("I", "0").replace("Z", "1"), 2)
        self.event = f"{letters} = -1"
        self.quantity = f"⟨{letters}⟩"

    def __repr__(self) -> str:
        return f"expectation({self._letters!r}, {self._arguments})"

    @property
    def width(self) -> int:
        """The number of bits that the claim is about."""
        return len(self._letters)

    @property
    def places(self) -> Collection[int]:
        """The bits with a Z, from the left."""
        return [place for place, letter in enumerate(self._letters) if letter == "Z"]

    def of_event(self, low: float | None, high: float | None) -> tuple[float | None, float | None]:
        """Return what P(odd) is at least and at most: ⟨Z…Z⟩ = 1 − 2·P(odd)."""
        return None if high is None else (1 - high) / 2, None if low is None else (1 - low) / 2

    def value(self, frequency: float) -> float:
        """Return the expectation."""
        return 1 - 2 * frequency

    def happens(self, key: str) -> bool:
        """Whether an outcome has odd parity on the bits with a Z; the rightmost letter is the rightmost bit's."""
        return (int(key, 2) & self._mask).bit_count() % 2 == 1


class SameAs(Claim):
    """Two devices have about the same distribution; see :func:`pytest_iqm.claims.same_as`."""

    def __init__(self, counts: Any, *, within: float = 0.0) -> None:
        self.counts = read(counts)
        self.within = _tolerance("within", within)
        self._bits = _common_width(self.counts, "outcomes")
        self._shots = sum(self.counts.values())
        self._outcomes = 2.0 ** min(self._bits, 1000)
        known = [count for count in self.counts.values() if count]
        self._rarest = 0 if len(known) < self._outcomes else min(known)

    def __repr__(self) -> str:
        return f"same_as({self.counts}, within={self.within:g})"

    def _is_refuted_by(self, rare: int, shots: int, alpha: float) -> bool:
        """Whether so many shots of the rarest outcome refute it, if all others are of another one."""
        one, other = (rare, shots - rare), (self._rarest, self._shots - self._rarest)
        return equality_p_value(np.array(one, float), np.array(other, float), self.within, self._outcomes) < alpha

    def check(self, counts: Any, *, alpha: float | None = None) -> Verdict:
        """Judge counts, see :meth:`Claim.check`."""
        alpha = claim_hooks.alpha(alpha)
        seen = read(counts)
        _require_width(seen, self._bits, counts, ())
        return self.judge(seen, alpha, self)

    def judge(self, seen: dict[str, int], alpha: float, claim: Claim, tolerance: float | None = None) -> Verdict:
        """Judge counts with the right number of bits.

        Args:
            seen: The counts.
            alpha: How often a true claim may fail.
            claim: The user's claim, which :class:`TooFewShots` names.
            tolerance: What that claim tolerates, if it does not say so itself.

        Raises:
            TooFewShots: The claim could not fail with so few.

        """
        keys = sorted({*self.counts, *seen})
        one = np.array([seen.get(key, 0) for key in keys], float)
        other = np.array([self.counts.get(key, 0) for key in keys], float)
        shots = int(one.sum())
        p_value = equality_p_value(one, other, self.within, self._outcomes)
        if not self._is_refuted_by(shots, shots, alpha):
            needed = bisect_left(range(MOST_SHOTS), True, key=lambda more: self._is_refuted_by(more, more, alpha), lo=1)
            raise _too_few_shots(
                claim, shots, alpha, needed if needed < MOST_SHOTS else None, tolerance, f" against {self._shots}"
            )
        shown = _worst(keys, one, shots, other / self._shots)
        return Verdict(
            claim=f"TVD(device, counts before) ≤ {self.within:g}",
            passed=p_value >= alpha,
            p_value=p_value,
            alpha=alpha,
            shots=shots,
            tvd=total_variation(one / shots, other / self._shots),
            within=self.within,
            refuted_by=partial(self._is_refuted_by, shots=shots, alpha=alpha),
            final=True,
            outcomes=shown,
            others=len(keys) - len(shown),
        )


def _published_tolerance(
    execution: claim_hooks.Execution, seen: dict[str, int], places: Collection[int] | None = None
) -> float:
    delta = execution.tolerance(seen, places)
    if delta >= 1:
        raise CountsError("the published errors of this circuit are so large that its counts may be anything")
    return delta


def _probability(name: str, value: Any, key: str = "") -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= 1:
        raise ValueError(f"{name.format(key)} lies between 0 and 1, got {value!r}")
    return number


def _tolerance(name: str, value: Any) -> float:
    number = _probability(name, value)
    if number == 1:
        raise ValueError(f"{name}=1 tolerates everything")
    return number


def _checked_bounds(
    at_least: float | None, at_most: float | None, smallest: float, largest: float
) -> tuple[float | None, float | None]:
    at_least, at_most = (None if bound is None else float(bound) for bound in (at_least, at_most))
    if at_least is None and at_most is None:
        raise ValueError("claim a bound: at_least, at_most, or both")
    for name, value in (("at_least", at_least), ("at_most", at_most)):
        if value is not None and not smallest <= value <= largest:
            raise ValueError(f"{name} lies between {smallest:g} and {largest:g}, got {value}")
    if at_least is not None and at_most is not None and at_least > at_most:
        raise ValueError(f"at_least={at_least} is larger than at_most={at_most}")
    if at_least == smallest or at_most == largest:
        raise ValueError(f"a bound of {smallest:g} below or {largest:g} above claims nothing")
    return at_least, at_most


def _event(keys: Iterable[str]) -> frozenset[str]:
    """Return the outcomes that are given, or the only one."""
    if not isinstance(keys, Iterable):
        raise TypeError(f"outcomes are bit strings such as {{'00', '11'}}, got {keys!r:.80}")
    return frozenset(outcomes([keys] if isinstance(keys, str) else list(keys)))


def _common_width(keys: Iterable[str], what: str) -> int:
    widths = {len(key) for key in keys}
    if len(widths) != 1:
        raise CountsError(f"the {what} have different numbers of bits: {', '.join(sorted(keys)[:6])}")
    return widths.pop()


def _require_width(seen: Mapping[str, int], width: int, counts: Any, declared: tuple[int, ...]) -> None:
    """Refuse counts with another number of bits than the one that a claim is about.

    Raises:
        CountsError: It is another one, or they are split into registers otherwise.

    """
    example = next(iter(seen))
    registers = shape(counts) if isinstance(counts, Mapping) else ()
    if len(example) != width:
        split = f", in registers of {' and '.join(map(str, registers))} bits" if len(registers) > 1 else ""
        more = (
            "; does the circuit have bits that the claim is not about? measure_all() adds a register to those there are"
            if len(example) > width
            else ""
        )
        raise CountsError(
            f"the claim is about {several(width, 'bit')}, and the counts have {len(example)}{split}: {example!r}{more}"
        )
    if len(registers) > 1 and len(declared) > 1 and registers != declared:
        raise CountsError(
            f"the claim has registers of {declared} bits, and the counts of {registers}, both from left to right"
        )


def _require_shots(
    claim: Claim, shots: int, likeliest: float, level: float, alpha: float, tolerance: float | None = None
) -> None:
    """Refuse a number of shots with which not even the worst outcome would refute a claim."""
    needed = None if likeliest >= 1 else fewest_shots_that_can_refute(likeliest, level)
    if needed is None or shots < needed:
        raise _too_few_shots(claim, shots, alpha, needed, tolerance)


def _too_few_shots(
    claim: Claim, shots: int, alpha: float, needed: int | None, tolerance: float | None, against: str = ""
) -> TooFewShots:
    """Return what is raised of a claim that could not fail; ``needed`` shots are enough, or none if it is None."""
    said = f"{claim!r:.80}" if tolerance is None else f"{claim!r:.80} tolerates {tolerance:.3g} and"
    if needed is None:
        return TooFewShots(f"{said} could not fail with any number of shots{against}: it allows all that can happen")
    return TooFewShots(
        f"{said} could not fail at α = {alpha:g} with {several(shots, 'shot')}{against}: take {needed} at least"
    )


def _worst(names: Sequence[str], counts: Array, shots: int, declared: Array | None = None) -> tuple[Outcome, ...]:
    """Return the outcomes that are furthest from what was declared, or the most frequent; as many as are shown."""
    off = counts if declared is None else np.abs(counts / shots - declared)
    return tuple(
        Outcome(
            names[index],
            None if declared is None else float(declared[index]),
            float(counts[index]) / shots,
            *confidence_interval(int(counts[index]), shots),
        )
        for index in np.argsort(-off, kind="stable")[:SHOWN]
    )
