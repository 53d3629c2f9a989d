"""Bets against two devices being alike: nothing can be won if they are, computed exactly; much if they are not."""

from functools import partial
from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from pytest_iqm.statistics import betting
from pytest_iqm.statistics.betting import (
    BLOCKS,
    STAKES,
    _blocks,
    _event_of_one_sample,
    _event_of_two_samples,
    _won,
    two_sample_bet,
)
from pytest_iqm.statistics.tail_bounds import distribution_p_value, equality_p_value

PASTS = [((30, 20), (20, 30)), ((1, 0), (0, 1)), ((0, 5), (0, 9)), ((3, 1), (400, 600)), ((1, 99), (0, 1000))]
"""Shots of two outcomes in both samples, from which the event, θ and λ follow."""


def expected(choice, past, shots, probabilities):
    """Return what each stake is expected to become in a block: a sum over all that can happen, of shape (λ,).

    Args:
        choice: Chooses the event, which is the first outcome.
        past: Shots before, of shape (samples, 2 outcomes).
        shots: Those of the block, by sample.
        probabilities: The first outcome's, by device.

    """
    hits = np.array(list(product(*(range(n + 1) for n in shots)))).T
    now = np.stack([hits, np.array(shots)[:, None] - hits], axis=2)
    won = _won(*choice(np.tile(np.array(past)[:, None], (1, hits.shape[1], 1))), now)
    weights = [stats.binom.pmf(x, n, p) for x, n, p in zip(hits, shots, probabilities, strict=True)]
    return np.exp(won) @ np.prod(weights, axis=0)


@pytest.mark.parametrize("delta", [0.001, 0.05, 0.3, 0.9])
@pytest.mark.parametrize("shots", [(1, 1), (7, 7), (2, 40), (40, 2), (0, 5)])
@pytest.mark.parametrize("past", PASTS)
def test_nothing_is_won_by_betting_on_two_devices_within_the_tolerance(past, shots, delta):
    """On the boundary of it, for 101 probabilities of the event; and with the devices exchanged."""
    choice = partial(_event_of_two_samples, delta=delta)
    for p in np.linspace(0, 1 - delta, 101):
        assert expected(choice, past, shots, (p + delta, p)).max() <= 1 + 1e-9
        assert expected(choice, past, shots, (p, p + delta)).max() <= 1 + 1e-9


@pytest.mark.parametrize("delta", [0.001, 0.05, 0.3, 0.9])
@pytest.mark.parametrize("q", [0.0, 0.003, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("past", [(30, 20), (1, 0), (0, 5), (0, 0)])
def test_nor_on_one(past, q, delta):
    choice = partial(_event_of_one_sample, q=np.array([q, 1 - q]), delta=delta)
    for p in np.linspace(max(q - delta, 0), min(q + delta, 1), 101):
        assert expected(choice, [past], (9,), (p,)).max() <= 1 + 1e-9


def test_the_bound_is_reached():
    """Where both probabilities are those that the past says."""
    two = expected(partial(_event_of_two_samples, delta=0.05), PASTS[0], (8, 8), (0.525, 0.475))
    one = expected(partial(_event_of_one_sample, q=np.array([0.5, 0.5]), delta=0.05), PASTS[0][:1], (8,), (0.55,))
    assert two == pytest.approx(np.ones(len(STAKES)))
    assert one == pytest.approx(np.ones(len(STAKES)))


def test_something_is_won_beyond_the_tolerance():
    two = expected(partial(_event_of_two_samples, delta=0.05), PASTS[0], (40, 40), (0.7, 0.3))
    one = expected(partial(_event_of_one_sample, q=np.array([0.5, 0.5]), delta=0.05), PASTS[0][:1], (40,), (0.8,))
    assert min(*two, *one) > 1.2


@pytest.mark.parametrize("k", [2, 8, 64])
def test_blocks_know_nothing_of_each_other(k):
    """Correlations over 2000 pairs of samples; one of 6 standard deviations comes once in 10⁹."""
    dice = np.random.default_rng(k)
    pairs = dice.multinomial(1000, np.full(k, 1 / k), (2000, 2))
    blocks = np.array([list(_blocks(pair, 1, dice)) for pair in pairs])[:, :, :, 0]
    assert (blocks.sum(1) == pairs).all()
    shares = (blocks / blocks.sum(3, keepdims=True))[:, [0, 1, BLOCKS - 1]].reshape(2000, 6, k)
    for one, other in combinations(range(6), 2):
        for x in range(k):
            assert abs(np.corrcoef(shares[:, one, x], shares[:, other, x])[0, 1]) < 6 / np.sqrt(2000)


def samples(k, shots, distance, pairs, seed=0):
    """Return pairs of samples, the second of a device with equal outcomes; half of the first's are likelier."""
    dice = np.random.default_rng([k, seed])
    signs = np.where(np.arange(k) % 2, 1, -1)
    devices = (1 + 2 * distance * signs) / k, np.full(k, 1 / k)
    return [dice.multinomial(n, p, pairs).astype(float) for n, p in zip(shots, devices, strict=True)]


@pytest.mark.parametrize(
    ("k", "shots", "distance", "delta"),
    [(64, (4000, 4000), 0.18, 0.05), (256, (1000, 10_000), 0.4, 0.1), (32, (20_000, 20_000), 0.11, 0.05)],
)
def test_many_small_differences_are_seen(k, shots, distance, delta):
    """One half of the shots choosing an event and the other testing it sees 60 to 90 % of these."""
    pairs = zip(*samples(k, shots, distance, 100), strict=True)
    values = [equality_p_value(one, other, delta, k) for one, other in pairs]
    assert np.mean(np.array(values) < 1e-6) > 0.95


@pytest.mark.parametrize(("k", "shots", "distance", "delta"), [(64, 4000, 0.14, 0.05), (256, 4000, 0.19, 0.05)])
def test_so_are_those_from_a_distribution(k, shots, distance, delta):
    """The distance itself, by McDiarmid's inequality, sees under half of these."""
    q, (ones, _) = np.full(k, 1 / k), samples(k, (shots, shots), distance, 100)
    assert np.mean([distribution_p_value(one, q, delta) < 1e-6 for one in ones]) > 0.9


def test_the_same_samples_have_the_same_value():
    one, other = (each[0] for each in samples(64, (4000, 4000), 0.2, 1))
    assert two_sample_bet(one, other, 0.05) == two_sample_bet(one, other, 0.05) < 1e-6


def test_of_many_outcomes_there_are_fewer_divisions(monkeypatch):
    """That of one division is as valid."""
    one, other = (each[0] for each in samples(64, (4000, 4000), 0.2, 1))
    monkeypatch.setattr(betting, "MOST_NUMBERS", 64)
    assert two_sample_bet(one, other, 0.05) < 1e-6
