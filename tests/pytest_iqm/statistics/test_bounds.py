"""``support``, ``probability`` and ``expectation``: exact binomial tests."""

import pytest
from bell_counts import GOOD
from scipy import stats

from pytest_iqm import expectation, probability, support


def test_support():
    assert support({"00", "11"}, leak=0.05) == GOOD
    assert support("00", leak=0.3) != GOOD
    verdict = support(["00", "11"], leak=0.02).check(GOOD)
    assert verdict.p_value == pytest.approx(stats.binomtest(40, 1000, 0.02, alternative="greater").pvalue)
    assert verdict.tvd == pytest.approx(0.02)


def test_probability():
    verdict = probability("00", at_least=0.55).check(GOOD)
    assert verdict.p_value == pytest.approx(stats.binomtest(490, 1000, 0.55, alternative="less").pvalue)
    verdict = probability(["00", "11"], at_least=0.5, at_most=0.95).check(GOOD)
    assert verdict.p_value == pytest.approx(2 * stats.binomtest(960, 1000, 0.95, alternative="greater").pvalue)
    assert probability("01", at_most=0.05) == GOOD


def test_expectation():
    assert expectation("ZZ", at_least=0.9) == GOOD
    verdict = expectation("ZZ", at_least=0.95).check(GOOD)  # ⟨ZZ⟩ = 1 − 2·P(odd)
    assert verdict.p_value == pytest.approx(stats.binomtest(40, 1000, 0.025, alternative="greater").pvalue)
    assert expectation("ZZ", at_most=0.5) != GOOD
    assert expectation("ZZ", at_least=0.9, at_most=0.95) == GOOD


def test_what_they_say_is_in_terms_of_what_was_claimed():
    verdict = expectation("ZZ", at_least=0.95, at_most=0.99).check(GOOD)
    assert verdict.tvd == pytest.approx(0.03)
    assert str(verdict).splitlines()[:2] == [
        "claim     0.95 ≤ ⟨ZZ⟩ ≤ 0.99",
        f"observed  ⟨ZZ⟩ = 0.920, 0.030 away in 1000 shots: p = {verdict.p_value:.1e} ≥ α = 1e-06",
    ]
    verdict = probability("00", at_least=0.6).check(GOOD)
    assert repr(verdict).startswith("<Verdict: 0.6 ≤ P(00) is refuted, P(00) = 0.490, 0.110 away in 1000 shots: p = ")
    assert [row.name for row in verdict.outcomes] == ["00", "11", "01", "10"]
    assert repr(support(["00", "11"], leak=0.05).check(GOOD)).startswith("<Verdict: P(another outcome) ≤ 0.05 holds")


def test_the_rightmost_letter_is_the_rightmost_bit():
    counts = {"01": 1000}
    assert expectation("ZI", at_least=0.9) == counts
    assert expectation("IZ", at_most=-0.9) == counts
    assert expectation("I Z", at_most=-0.9) == counts
