"""How often a broken device fails, and the shots that it takes."""

import math

import numpy as np
import pytest
from bell_counts import BELL
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pytest_iqm import distribution, probability, same_as, shots_for, support


@pytest.mark.parametrize("detect", [0.11, 0.13, 0.15])
@pytest.mark.parametrize(
    "claim",
    [
        distribution(BELL, within=0.06),
        support(BELL, leak=0.06),
        probability(["00", "11"], at_least=0.94),
        probability("01", at_least=0.001, at_most=0.06),
        same_as({"00": 5000, "11": 5000}, within=0.06),
    ],
)
def test_the_power_is_how_often_a_broken_device_fails(claim, detect):
    """400 samples of 600 shots at α = 0.001; a deviation of 6 standard deviations comes once in 10⁹."""
    samples = np.random.default_rng(int(100 * detect)).multinomial(
        600, [(1 - detect) / 2, (1 - detect) / 2, detect], 400
    )
    verdicts = [
        claim.check(dict(zip(("00", "11", "01"), map(int, sample), strict=True)), alpha=1e-3) for sample in samples
    ]
    power = verdicts[0].power(detect)
    failed = np.mean([not verdict.passed for verdict in verdicts])
    assert 0.05 < power < 1
    assert abs(failed - power) <= 6 * math.sqrt(power * (1 - power) / 400)


@pytest.mark.parametrize(
    ("within", "detect", "about"),
    [(0.05, 0.1, 1315), (0.05, 0.15, 405), (0.05, 0.25, 140), (0.1, 0.2, 605), (0.1, 0.5, 55)],
)
def test_they_suffice_and_are_not_many_more_than_needed(within, detect, about):
    shots = shots_for(detect=detect, within=within)
    assert abs(shots - about) < 0.05 * about
    for n in (shots, shots + 1, shots + 100):
        critical = stats.binom.isf(1e-6, n, within) + 1
        assert stats.binom.sf(critical - 1, n, detect) >= 0.99
    critical = stats.binom.isf(1e-6, shots - 1, within) + 1
    assert stats.binom.sf(critical - 1, shots - 1, detect) < 0.99


def test_a_distribution_takes_a_few_more():
    assert shots_for(detect=0.2, within=0.1) < shots_for(detect=0.2, within=0.1, outcomes=4) < 800


def test_without_tolerance_one_event_is_enough():
    assert shots_for(detect=0.5, power=0.99) == 7  # 1 − 2⁻⁷ > 0.99
    assert shots_for(detect=1.0) == 1


def test_the_absence_of_a_rare_outcome_is_seen():
    """From that number of shots on, and not before."""
    declared = {"00": 0.49, "01": 0.49, "10": 0.02}
    claim = distribution(declared, within=0.005)
    needed = shots_for(rarest=0.02, within=0.005, outcomes=3)
    for shots in (needed - 2, needed, needed + 100):
        counts = {"00": shots // 2, "01": shots - shots // 2}
        assert claim.check(counts).passed == (shots < needed)


@given(st.floats(-5, -0.5), st.floats(1.1, 8), st.floats(0.5, 0.999), st.floats(-8, -1))
def test_from_there_on_they_suffice_and_one_less_does_not(exponent, factor, power, alpha):
    within, alpha = 10**exponent, 0.9731 * 10**alpha  # scipy's isf takes a tail of just α for one below it
    detect = min(within * factor, 1.0)
    if detect <= within:
        return
    try:
        shots = shots_for(detect=detect, within=within, alpha=alpha, power=power)
    except ValueError:
        return
    more = np.unique(np.geomspace(shots, 1.5 * shots + 20 / within, 2000).astype(int))
    numbers = np.array([shots - 1, *more])[shots == 1 :]
    critical = stats.binom.isf(alpha, numbers, within) + 1
    powers = stats.binom.sf(critical - 1, numbers, detect)
    assert (powers[shots > 1 :] >= power - 1e-9).all()
    assert shots == 1 or powers[0] < power + 1e-9


def test_large_numbers():
    shots = shots_for(detect=0.0105, within=0.01)
    critical = stats.binom.isf(1e-6, shots, 0.01) + 1
    assert stats.binom.sf(critical - 1, shots, 0.0105) == pytest.approx(0.99, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"detect": 0.1, "within": 0.1}, "can't be detected"),
        ({}, "say what has to be seen: detect, or rarest"),
        ({"detect": 0.1, "rarest": 0.1}, "say what has to be seen: detect, or rarest"),
        ({"rarest": 0.1, "within": 0.1}, "rarest is a probability above within=0.1, got 0.1"),
        ({"rarest": 1.0}, "rarest is a probability above within=0.0, got 1.0"),
        ({"detect": 2.0}, "detect is a probability"),
        ({"detect": 0.5, "alpha": 0.0}, "alpha lies between 0 and 1, got 0.0"),
        ({"detect": 0.5, "power": 1.0}, "power lies between 0 and 1, got 1.0"),
        ({"detect": 0.5, "outcomes": 0}, "declares at least one outcome, got outcomes=0"),
        ({"detect": 0.1000001, "within": 0.1}, "too close to"),
        ({"detect": 1e-6, "within": 5e-7}, "more than 134217728 shots"),
    ],
)
def test_nonsense_is_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        shots_for(**arguments)
