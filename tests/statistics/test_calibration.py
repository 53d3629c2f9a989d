"""The oracle is calibrated: a true claim fails at most as often as it says.

Shots are drawn from devices on the boundary of the null hypothesis at fixed seeds. If the rate of false alarms were
exactly nominal, a count above the bound that is asserted would come once in 10⁹ such tests.
"""

import numpy as np
import pytest
from devices_on_boundary import KINDS, boundary
from scipy import stats

from pytest_iqm.statistics.tails import refutes_distribution, refutes_equality

DRAWS = 2000
NOMINAL = (0.05, 0.01, 0.001)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shots", [100, 1000, 10_000])
@pytest.mark.parametrize("k", [2, 3, 8, 64])
def test_of_distributions(k, shots, kind):
    q, p, delta = boundary(kind, k)
    dice = np.random.default_rng([k, shots, KINDS.index(kind)])
    values = np.array(
        [refutes_distribution(counts.astype(float), q, delta) for counts in dice.multinomial(shots, p, DRAWS)]
    )
    for alpha in NOMINAL:
        assert (values < alpha).sum() <= stats.binom.isf(1e-9, DRAWS, alpha)


@pytest.mark.parametrize("shots", [(100, 100), (1000, 200), (4000, 4000)])
@pytest.mark.parametrize("k", [2, 8, 64])
@pytest.mark.parametrize("kind", KINDS)
def test_of_equality(kind, k, shots):
    q, p, delta = boundary(kind, k)
    dice = np.random.default_rng([k, *shots, KINDS.index(kind)])
    samples = [dice.multinomial(n, each, 300).astype(float) for n, each in zip(shots, (p, q), strict=True)]
    values = np.array([refutes_equality(one, other, delta) for one, other in zip(*samples, strict=True)])
    for alpha in NOMINAL:
        assert (values < alpha).sum() <= stats.binom.isf(1e-9, 300, alpha)


@pytest.mark.parametrize("k", [2, 8, 64])
def test_false_claims_are_refuted(k):
    """Twice the tolerance and more, with 2000 shots at α = 1e-6: at least 95 % of 300 are caught."""
    q, _, delta = boundary("leak", k)
    p = q * (1 - 0.3)
    p[-1] += 0.3
    dice = np.random.default_rng(k)
    caught = [refutes_distribution(c.astype(float), q, delta) < 1e-6 for c in dice.multinomial(2000, p, 300)]
    assert np.mean(caught) > 0.95
    other = dice.multinomial(2000, q, 300)
    one = dice.multinomial(2000, p, 300)
    caught = [refutes_equality(a.astype(float), b.astype(float), delta) < 1e-6 for a, b in zip(one, other, strict=True)]
    assert np.mean(caught) > 0.95
