"""The oracle is calibrated: a true claim fails at most as often as it says.

Shots are drawn from devices on the boundary of the null hypothesis at fixed seeds. If the rate of false alarms were
exactly nominal, a count above the bound that is asserted would come once in 10⁹ such tests.
"""

from itertools import product

import numpy as np
import pytest
from devices_on_boundary import KINDS, boundary
from scipy import stats

from pytest_iqm.statistics.tail_bounds import _event_p_value, distribution_p_value, equality_p_value

DRAWS = 2000
NOMINAL = (0.05, 0.01, 0.001)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shots", [100, 1000, 10_000])
@pytest.mark.parametrize("k", [2, 3, 8, 64])
def test_of_distributions(k, shots, kind):
    q, p, delta = boundary(kind, k)
    dice = np.random.default_rng([k, shots, KINDS.index(kind)])
    values = np.array(
        [distribution_p_value(counts.astype(float), q, delta) for counts in dice.multinomial(shots, p, DRAWS)]
    )
    for alpha in NOMINAL:
        assert (values < alpha).sum() <= stats.binom.isf(1e-9, DRAWS, alpha)


@pytest.mark.parametrize("shots", [(100, 100), (1000, 200), (200, 10_000), (4000, 4000)])
@pytest.mark.parametrize("k", [2, 8, 16, 64])
@pytest.mark.parametrize("kind", KINDS)
def test_of_equality(kind, k, shots):
    q, p, delta = boundary(kind, k)
    dice = np.random.default_rng([k, *shots, KINDS.index(kind)])
    samples = [dice.multinomial(n, each, DRAWS // 4).astype(float) for n, each in zip(shots, (p, q), strict=True)]
    values = np.array([equality_p_value(one, other, delta, k) for one, other in zip(*samples, strict=True)])
    for alpha in NOMINAL:
        assert (values < alpha).sum() <= stats.binom.isf(1e-9, DRAWS // 4, alpha)


@pytest.mark.parametrize(
    ("shots", "ones"), [((10**6, 1000), 0.001), ((1000, 10**6), 0.001), ((10**6, 10**4), 1e-4), ((100, 10**5), 0.01)]
)
@pytest.mark.parametrize(("many", "draws"), [(1, DRAWS // 4), (1000, DRAWS // 20)])
def test_of_equality_of_very_different_samples(shots, ones, many, draws):
    """Of rare events and, with all shots a thousandfold, of huge samples."""
    dice = np.random.default_rng([*shots, many])
    samples = [dice.multinomial(n * many, [1 - ones, ones], draws).astype(float) for n in shots]
    values = np.array([equality_p_value(one, other, 0.0, 2) for one, other in zip(*samples, strict=True)])
    for alpha in NOMINAL:
        assert (values < alpha).sum() <= stats.binom.isf(1e-9, draws, alpha)


@pytest.mark.parametrize("delta", [0.0, 0.05])
def test_single_shots_refute_nothing(delta):
    """Whichever block they are in."""
    ones = np.eye(64)[:8]
    assert all(equality_p_value(one, other, delta, 64) == 1.0 for one, other in product(ones, ones))


@pytest.mark.parametrize("shots", [10**4, 10**7, 10**10])
@pytest.mark.parametrize("share", [0.001, 0.5, 0.5078125, 0.9999])
@pytest.mark.parametrize("delta", [0.0, 0.05])
def test_equal_samples_are_never_refuted(shots, share, delta):
    ones = round(shots * share)
    counts = np.array([shots - ones, ones], float)
    assert equality_p_value(counts, counts, delta, 2) == 1.0


@pytest.mark.parametrize("delta", [0.0, 0.05])
@pytest.mark.parametrize("n2", [60, 1000])
@pytest.mark.parametrize("x1", [40, 45, 50])
def test_an_event_is_tested_by_the_worst_probability(x1, n2, delta):
    """Against a search of 20 001 probabilities of the other device, with scipy's binomial tails."""
    assert_tested_by_the_worst(x1, 60, n2 // 2, n2, delta, np.linspace(0, 1, 20_001))


@pytest.mark.parametrize(("x1", "n1", "x2", "n2"), [(5, 1000, 0, 10**6), (2, 1000, 0, 10**6), (20, 10**5, 0, 10**4)])
def test_so_is_a_rare_one(x1, n1, x2, n2):
    assert_tested_by_the_worst(x1, n1, x2, n2, 0.0, np.geomspace(1e-9, 0.1, 20_001))


def assert_tested_by_the_worst(x1, n1, x2, n2, delta, thetas):
    product = stats.binom.sf(x1 - 1, n1, np.minimum(thetas + delta, 1)) * stats.binom.cdf(x2, n2, thetas)
    fisher = stats.chi2.sf(-2 * np.log(product.max()), 4)
    ours = _event_p_value(np.array([x1], float), n1, np.array([x2], float), n2, delta)
    assert ours == pytest.approx(min(1.0, fisher), rel=1e-3)


@pytest.mark.parametrize("k", [2, 8, 64])
def test_false_claims_are_refuted(k):
    """Twice the tolerance and more, with 2000 shots at α = 1e-6: at least 95 % of 300 are caught."""
    q, _, delta = boundary("leak", k)
    p = q * (1 - 0.3)
    p[-1] += 0.3
    dice = np.random.default_rng(k)
    caught = [distribution_p_value(c.astype(float), q, delta) < 1e-6 for c in dice.multinomial(2000, p, 300)]
    assert np.mean(caught) > 0.95
    other = dice.multinomial(2000, q, 300)
    one = dice.multinomial(2000, p, 300)
    caught = [
        equality_p_value(a.astype(float), b.astype(float), delta, k) < 1e-6 for a, b in zip(one, other, strict=True)
    ]
    assert np.mean(caught) > 0.95
