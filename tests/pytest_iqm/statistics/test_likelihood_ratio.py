"""The likelihood ratio over many outcomes: valid, by enumeration, and about as powerful as χ²."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from pytest_iqm.statistics import likelihood_ratio
from pytest_iqm.statistics.likelihood_ratio import one_sample_p_value, two_sample_p_value


@pytest.mark.parametrize("rough", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("q", [(0.25, 0.25, 0.25, 0.25), (0.6, 0.3, 0.08, 0.02)])
def test_no_level_is_exceeded_by_samples_of_one_device(monkeypatch, q, rough):
    """All samples of twelve shots, with their probabilities: those with p ≤ α have at most the probability α."""
    monkeypatch.setattr(likelihood_ratio, "ROUGH", rough)
    samples = [np.array(x, float) for x in product(range(13), repeat=4) if sum(x) == 12]
    assert_valid(
        [one_sample_p_value(x, np.array(q)) for x in samples], stats.multinomial.pmf(np.array(samples, int), 12, q)
    )


@pytest.mark.parametrize("rough", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("n1", [6, 10])
def test_no_level_is_exceeded_by_two_samples(monkeypatch, n1, rough):
    """All ways to draw the first sample from what both have."""
    monkeypatch.setattr(likelihood_ratio, "ROUGH", rough)
    both = np.array([8, 6, 4, 2, 0], float)
    firsts = [np.array(x, float) for x in product(*(range(int(s) + 1) for s in both)) if sum(x) == n1]
    probabilities = stats.multivariate_hypergeom.pmf(np.array(firsts, int), both.astype(int), n1)
    assert_valid([two_sample_p_value(x, both - x) for x in firsts], probabilities)


def assert_valid(p_values, probabilities):
    order = np.argsort(p_values)
    levels, so_far = np.array(p_values)[order], np.cumsum(probabilities[order])
    last = np.append(np.diff(levels) > 1e-12, True)
    assert (so_far[last] <= levels[last] * (1 + 1e-6)).all()
    assert levels[0] < 0.01


def test_it_finds_what_chi_squared_finds():
    """Of 32 outcomes, 1000 shots each, at α = 1e-4: in about as many of 60 cases; and 64 outcomes, 500 shots."""
    dice = np.random.default_rng(5)
    for k, shots, far, samples in ((32, 1000, 0.15, 2), (64, 500, 0.2, 1)):
        p = np.full(k, 1 / k)
        q = p + np.where(np.arange(k) < k // 2, 2, -2) * far / k
        ours, theirs = [], []
        drawn = (dice.multinomial(shots, each, 60).astype(float) for each in (q, p))
        for one, other in zip(*drawn, strict=True):
            ours.append(one_sample_p_value(one, p) if samples == 1 else two_sample_p_value(one, other))
            pair = stats.chisquare(one, shots * p) if samples == 1 else stats.chi2_contingency([one, other])
            theirs.append(pair.pvalue)
        found, findable = ((np.array(values) < 1e-4).sum() for values in (ours, theirs))
        assert findable > 30
        assert found > findable - 6


def test_small_p_values_have_no_limit():
    one, other = np.full(32, 30.0), np.append(np.zeros(16), np.full(16, 60.0))
    assert 0 < two_sample_p_value(one, other) < 1e-100


def test_what_would_take_long_is_not_computed(monkeypatch):
    """Without room for the statistic there is Chernoff's bound of it, and without any nothing."""
    one, other = np.arange(32.0), np.arange(32.0)[::-1].copy()
    exact = two_sample_p_value(one, other)
    monkeypatch.setattr(likelihood_ratio, "MOST_TERMS", 2**16)
    rough = two_sample_p_value(one, other)
    assert exact < rough < 100 * exact
    monkeypatch.setattr(likelihood_ratio, "MOST_TERMS", 2**8)
    assert two_sample_p_value(one, other) == 1.0
