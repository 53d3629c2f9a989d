"""The claims of tests: judged and noted where tests run, explained where they fail, and summed up at the end."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from iqm_fakes.words import p_value, probability
from pytest_iqm import claim_hooks, markers
from pytest_iqm.errors import BudgetExceeded, SessionOver
from pytest_iqm.machines import MACHINES

if TYPE_CHECKING:
    from pytest_iqm.executions import Execution
    from pytest_iqm.statistics.claim_types import Claim
    from pytest_iqm.statistics.verdict import Verdict

CLAIMS = "iqm_claims"
"""Attribute of the reports of tests: their claims, each with ``claim``, ``p``, ``alpha`` and ``passed``."""

RANDOM = "iqm_random"
"""Attribute of the reports of tests that passed on random bits."""

ON_HARDWARE = {
    "calibration": "give within= a number",
    "fake": "give drift= (by which part of themselves errors may be off), or within= a number",
}
"""What to do about a right program that a real machine's calibration does not explain, by ``within``."""

NIGHTS = 365

NEAR = 1e-3
"""p-values below which a claim that holds is a near miss: drift shows before it fails."""

__tracebackhide__ = claim_hooks.hide_frames


class WhereTestsRun(Protocol):
    """The real machine of a live session, or the fakes of an offline one."""

    @property
    def random_bits(self) -> bool:
        """Whether counts mean nothing."""

    @property
    def inconclusive(self) -> bool:
        """Whether the test has used random bits, so that it says nothing if it passes."""

    @property
    def repeats(self) -> bool:
        """Whether suspicious circuits are repeated."""

    def execution(self, counts: dict[str, int]) -> Execution | None:
        """Return the circuit of the current test, or of a fixture of wider scope, that counts are of."""

    def repeat(self, execution: Execution) -> Execution:
        """Run a circuit once more."""


class ClaimReport:
    """Judges and notes the claims of the test that runs in this process.

    Args:
        config: Of the session.

    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._noted: list[dict[str, Any]] = []
        self._failed: list[_Failed] = []
        self._explaining = False  # pytest, or whoever, compares to say why an assert failed
        settings = config.stash[MACHINES].settings
        self.alpha = settings.alpha.value  # of the test that runs
        self._detailed = bool(settings.report)
        stack = ExitStack()
        stack.enter_context(claim_hooks.installed(self))
        config.add_cleanup(stack.close)

    @property
    def _where(self) -> WhereTestsRun:
        live: WhereTestsRun | None = self._config.pluginmanager.get_plugin("iqm-live-tests")
        return live or self._config.stash[MACHINES]

    def execution(self, counts: dict[str, int]) -> Execution | None:
        """Return the circuit of this test, or of a fixture of wider scope, that counts are of."""
        return self._where.execution(counts)

    def judge_equal(self, claim: Claim, counts: Any) -> bool:
        """Judge counts, and note the verdict; random bits refute nothing."""
        try:
            verdict = claim.check(counts)
            if self._explaining:
                return verdict.passed
        except ValueError as error:
            if _sampled():
                error.add_note(f"perhaps: {_sampled()}")
            raise
        if verdict.suspicious and self._where.repeats:
            fresh, why_not = self._fresh_counts(counts)
            verdict = replace(verdict, not_repeated=why_not) if fresh is None else verdict.after(claim.check(fresh))
        noted = {
            "claim": verdict.claim,
            "p": verdict.p_value,
            "again": None if verdict.fresh is None else verdict.fresh.p_value,
            "alpha": verdict.alpha,
            "passed": verdict.passed,
            "shots": verdict.shots,
            "tolerance": verdict.published,
        }
        self._noted.append(noted)
        if not verdict.passed:
            self._failed.append(_Failed("==", claim, *self._explained(claim, verdict, counts), noted=noted))
        if self._detailed:
            noted |= self._drawn(claim, verdict, counts)
        return verdict.passed or self._where.random_bits

    def _drawn(self, claim: Claim, verdict: Verdict, counts: Any) -> dict[str, Any]:
        """Return the circuit of a claim, and the probabilities that it declares: what a report draws."""
        from pytest_iqm.prediction import UNPREDICTABLE
        from pytest_iqm.statistics.claim_types import FAKE, Distribution
        from pytest_iqm.statistics.observed import read

        seen = read(counts)
        try:
            execution = self.execution(seen)
            if execution is None or not execution.gave(seen):
                return {}
        except UNPREDICTABLE:
            return {}
        circuit = {"job": execution.job, "circuit": execution.index}
        if not isinstance(claim, Distribution) or claim.within == FAKE:
            return circuit
        return {**circuit, "declared": claim.probabilities, "within": verdict.within}

    def judge_not_equal(self, claim: Claim, counts: Any) -> bool:
        """Judge counts that should refute a claim; random bits do what is wanted."""
        verdict = claim.check(counts)
        if verdict.passed and not self._explaining:
            self._failed.append(_Failed("!=", claim, verdict, []))
        return not verdict.passed or self._where.random_bits

    def _fresh_counts(self, counts: Any) -> tuple[dict[str, int] | None, str]:
        """Return fresh counts of the circuit that counts are of, or why there are none."""
        from iqm_fakes.recordings.folder import RecordingNotFound
        from pytest_iqm.prediction import UNPREDICTABLE
        from pytest_iqm.statistics.observed import read

        seen = read(counts)
        errors: tuple[type[Exception], ...] = (*UNPREDICTABLE, BudgetExceeded, SessionOver, RecordingNotFound)
        try:
            execution = self.execution(seen)
            if execution is None or not execution.gave(seen):
                return None, "these are not the counts of a circuit of this test"
            return self._where.repeat(execution).counts, ""
        except errors as error:
            return None, str(error)

    def _explained(self, claim: Claim, verdict: Verdict, counts: Any) -> tuple[Verdict, list[str]]:
        """Return a verdict, with a hint if nothing but noise may be wrong, and lines about the job."""
        from pytest_iqm.prediction import UNPREDICTABLE
        from pytest_iqm.statistics.claim_types import CALIBRATION, Distribution
        from pytest_iqm.statistics.observed import read

        errors: tuple[type[Exception], ...] = (*UNPREDICTABLE, ValueError)
        lines: list[str] = []
        try:
            execution = self.execution(read(counts))
            lines = [] if execution is None else [f"job       {execution}"]
            if execution is None and _sampled():
                return replace(verdict, hint=f"a sampler primitive made these counts: {_sampled()}"), lines
            if execution is not None and isinstance(claim, Distribution) and isinstance(claim.within, float):
                noise = Distribution(claim.probabilities, within=CALIBRATION).check(counts)
                if noise.passed:
                    hint = f"published errors allow {noise.within:.3g}, as within='calibration' does"
                    verdict = replace(verdict, hint=f"only noise is wrong: {hint}")
            advice = ON_HARDWARE.get(str(getattr(claim, "within", "")))
            if advice and self._where.repeats and not verdict.final:
                lines += [
                    "machine   if it holds on the fake, the machine's errors are not those published (coherent ones,",
                    f"          crosstalk), or not any more: take a fresh calibration, or {advice}",
                ]
        except errors:  # the machine does not tell, or there are too few shots to say
            pass
        return verdict, lines

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Take the test's own α, if it has one."""
        self.alpha = self._config.stash[MACHINES].settings.alpha.value
        with suppress(pytest.UsageError):  # of a wrong marker, which the plugin reports
            self.alpha = markers.arguments(item).get("alpha", self.alpha)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Put claims on the report of where they were made, which xdist carries to the reporting process."""
        report = yield
        if self._noted:
            vars(report)[CLAIMS] = list(self._noted)
        if report.when == "call" and report.passed:
            vars(report)[RANDOM] = self._where.inconclusive
        if report.failed:
            examples = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
            failed = self._failed[-1:] if examples else self._failed  # the last example is the smallest
            for each in failed:
                each.noted["explained"] = "\n".join(each.lines())
                report.sections.append(("IQM claim", each.noted["explained"]))
            machines = self._config.stash[MACHINES]
            if failed or machines.asked:
                report.sections.append(("IQM run", "\n".join(machines.described())))
        self._noted.clear()
        self._failed.clear()
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_assertrepr_compare(
        self, op: str, left: object, right: object
    ) -> Generator[None, list[list[str] | None], list[list[str] | None]]:
        """Say in short why a comparison with a claim fails, since pytest cuts what is long; of others nothing.

        What is compared to explain, such as items of lists, is no claim of the test.
        """
        self._explaining = True
        try:
            explanations = yield
        finally:
            self._explaining = False
        for failed in reversed(self._failed):
            if op == failed.operator and (failed.claim is left or failed.claim is right):
                failed.asserted = True
                refuted = "refuted" if op == "==" else "not refuted"
                headline = f"counts {op} claim ({refuted}: {failed.verdict.tvd:.3f} away)"
                return [[headline, *failed.verdict.headline()], *explanations]
        return explanations


@dataclass
class _Failed:
    """A comparison with a claim that was not what the test wants.

    Attributes:
        operator: How they were compared.
        claim: The claim.
        verdict: What became of it.
        job: Lines about the job.
        noted: What is reported of it.
        asserted: Whether the failed assert has said the headline.

    """

    operator: str
    claim: Claim
    verdict: Verdict
    job: list[str]
    noted: dict[str, Any] = field(default_factory=dict)
    asserted: bool = False

    def lines(self) -> list[str]:
        """Return what explains it, beside the assert."""
        return [*([] if self.asserted else self.verdict.headline()), *self.verdict.table(), *self.job]


def _sampled() -> str | None:
    """Return what is to be said of sampler primitives, if one has submitted a job."""
    backend = sys.modules.get("pytest_iqm.backend")  # is there, if a backend is
    return backend.SAMPLERS if backend is not None and backend.sampled() else None


def summary(claims: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """Return how many claims there were, how often one of them may fail by chance, and which were close."""
    if not claims:
        return []
    wrong = sum(claim["alpha"] for _, claim in claims)
    lines = [
        f"claims: {len(claims)}; probability of a false alarm: at most {probability(min(wrong, 1))} in this run, "
        f"{probability(min(NIGHTS * wrong, 1))} in a year of nights"
    ]
    held = [(claim["p"], test) for test, claim in claims if claim["passed"]]
    if held:
        smallest, test = min(held)
        lines.append(f"smallest p-value of a claim that holds: {probability(smallest)}, in {test}")
    tolerated = [(claim["tolerance"], test) for test, claim in claims if claim["tolerance"] is not None]
    if tolerated:
        lines.append("widest tolerance of a calibration: {:.3g}, in {}".format(*max(tolerated)))
    near: dict[tuple[str, str], dict[str, Any]] = {}  # the nearest of a test's examples
    for test, claim in claims:
        if claim["passed"] and claim["p"] < NEAR:
            place = test, claim["claim"]
            near[place] = min(near.get(place, claim), claim, key=itemgetter("p"))
    lines += [
        f"near miss: {p_value(claim['p'])}{_p_value_of_fresh_shots(claim)} of {claim['claim']} in {test}"
        for (test, _), claim in near.items()
    ]
    return lines


def _p_value_of_fresh_shots(claim: dict[str, Any]) -> str:
    return "" if claim["again"] is None else f", and {probability(claim['again'])} in fresh shots,"
