"""The claims of tests: noted where tests run, explained where they fail, and summed up at the end."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from pytest_iqm.fixtures import MACHINES
from pytest_iqm.journal import session
from pytest_iqm.live.preflight import is_mock

if TYPE_CHECKING:
    from pytest_iqm.live.run import LiveTests
    from pytest_iqm.statistics import Verdict

CLAIMS = "iqm_claims"
"""Attribute of the reports of tests: their claims, each with ``claim``, ``p``, ``alpha`` and ``passed``."""

NEAR = 1e-3
"""p-values below which a claim that holds is a near miss: drift shows before it fails."""

SHOWN = 12
"""Outcomes that an explanation lists."""


class Claims:
    """Notes the claims of the test that runs in this process.

    Args:
        config: Of the session.

    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._noted: list[dict[str, Any]] = []
        self._refuted: list[Verdict] = []
        settings = config.stash[MACHINES].settings
        self.alpha = settings.alpha.value
        self._random = is_mock(settings.live)
        stack = ExitStack()
        stack.enter_context(session(self))
        config.add_cleanup(stack.close)

    def published_tolerance(self, counts: dict[str, int]) -> float | None:
        """Return the tolerance that the calibration implies for the circuit of this test that counts are of."""
        live: LiveTests | None = self._config.pluginmanager.get_plugin("iqm-live-tests")
        if live is not None:
            return live.supervisor.twins.tolerance(live.supervisor.jobs, counts)
        return self._config.stash[MACHINES].published_tolerance(counts)

    def judge(self, verdict: Verdict) -> bool:
        """Note a verdict; random bits refute nothing."""
        self._noted.append(
            {
                "claim": verdict.claim,
                "p": verdict.p_value,
                "alpha": verdict.alpha,
                "passed": verdict.passed,
                "shots": verdict.shots,
            }
        )
        if not verdict.passed:
            self._refuted.append(verdict)
        return verdict.passed or self._random

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Forget the claims of the test before."""
        self._noted.clear()
        self._refuted.clear()
        yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        """Put the claims on the report, which xdist carries to the reporting process."""
        report = yield
        if report.when == "call" and self._noted:
            vars(report)[CLAIMS] = list(self._noted)
        if report.when == "call" and report.failed:
            where = self._config.stash[MACHINES].described()
            report.sections += [("IQM claim", "\n".join([*explanation(each), *where])) for each in self._refuted]
        return report

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> list[str] | None:
        """Say in short why counts refute a claim, since pytest cuts what is long; of other comparisons nothing."""
        module = sys.modules.get("pytest_iqm.statistics.claims")
        if module is None or op != "==":
            return None
        claims = [side for side in (left, right) if isinstance(side, module.Claim)]
        if len(claims) != 1 or not self._refuted:
            return None
        return ["counts refute the claim", *headline(self._refuted[-1])]


def headline(verdict: Verdict) -> list[str]:
    """Return what matters most of a verdict."""
    p = f"p = {verdict.p_value:.1e}" if verdict.p_value > 0 else "p < 1e-300"
    lines = [
        f"claim     {verdict.claim}",
        f"observed  {verdict.tvd:.3f} away in {verdict.shots} shots: {p}, and α = {verdict.alpha:g}",
    ]
    return [*lines, f"hint      it looks as if {verdict.hint}"] if verdict.hint else lines


def explanation(verdict: Verdict) -> list[str]:
    """Return a verdict for people: the claim, the p-value, and the outcomes with their intervals, the worst first."""
    lines = headline(verdict)
    declares = any(row.declared is not None for row in verdict.outcomes)
    width = max(len("outcome"), *(len(row.name) for row in verdict.outcomes[:SHOWN]))
    lines.append(f"{'outcome':{width}}  {'declared  ' if declares else ''}observed  99% interval")
    for row in verdict.outcomes[:SHOWN]:
        declared = f"{row.declared or 0.0:8.3f}  " if declares else ""
        outside = declares and not row.low <= (row.declared or 0.0) <= row.high
        mark = "  <" if outside else ""
        lines.append(
            f"{row.name:{width}}  {declared}{row.count / verdict.shots:8.3f}  {row.low:.3f} ... {row.high:.3f}{mark}"
        )
    if len(verdict.outcomes) > SHOWN:
        lines.append(f"and {len(verdict.outcomes) - SHOWN} more outcomes")
    return lines


def summary(claims: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """Return how many claims there were, how often one of them may fail by chance, and which were close."""
    if not claims:
        return []
    tightest, closest = min(((claim["p"], test) for test, claim in claims if claim["passed"]), default=(0.0, "none"))
    total = sum(claim["alpha"] for _, claim in claims)
    lines = [
        f"claims: {len(claims)}, of which one fails by chance with a probability of at most {total:.1e}; "
        f"of those that hold, the tightest has p = {tightest:.1e}, in {closest}"
    ]
    lines += [
        f"near miss: p = {claim['p']:.1e} of {claim['claim']} in {test}"
        for test, claim in claims
        if claim["passed"] and claim["p"] < NEAR
    ]
    return lines
