"""Fresh shots of a suspicious circuit: both samples have to be below √α."""

import numpy as np
import pytest
from bell_counts import BAD, BELL, GOOD
from scipy import stats

from pytest_iqm import distribution, probability, same_as


@pytest.mark.parametrize(
    ("first", "again", "passed"), [(560, 560, False), (560, 500, True), (500, 560, True), (500, 500, True)]
)
def test_both_samples_have_to_refute(first, again, passed):
    claim = probability("1", at_most=0.5)
    one, other = (claim.check({"0": 1000 - n, "1": n}) for n in (first, again))
    assert one.passed  # p = 0.00009
    assert one.level_of_each == pytest.approx(1e-3)
    assert one.suspicious == (first == 560)
    verdict = one.after(other)
    assert (verdict.passed, verdict.fresh, verdict.p_value) == (passed, other, one.p_value)
    said = "not both are below 0.001" if passed else "it fails because both are below 0.001"
    written = f"{other.p_value:.1e}" if other.p_value < 0.01 else f"{other.p_value:.2g}"
    assert str(verdict).splitlines()[2].endswith(f" away in 1000 shots: p = {written}; {said}")


def test_a_true_claim_fails_no_more_often_than_alpha():
    """5000 pairs of samples on the boundary at α = 0.04, of which each is suspicious at 0.2."""
    claim, dice = probability("1", at_most=0.5), np.random.default_rng(2)
    failed = 0
    for pair in dice.binomial(400, 0.5, (5000, 2)):
        one, other = (claim.check({"0": 400 - int(n), "1": int(n)}, alpha=0.04) for n in pair)
        failed += one.suspicious and not one.after(other).passed
    assert 100 < failed <= stats.binom.isf(1e-9, 5000, 0.04)


def test_what_does_not_depend_on_the_device_alone_is_final():
    assert distribution(BELL).check(BAD).suspicious
    verdict = same_as(GOOD).check(BAD)
    assert verdict.final
    assert not verdict.suspicious
