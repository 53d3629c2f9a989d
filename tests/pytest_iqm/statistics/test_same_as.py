"""``same_as``: samples of one device, and of two."""

import re

import numpy as np
import pytest
from bell_counts import BAD, GOOD

from pytest_iqm import same_as
from pytest_iqm.statistics.verdict import TooFewShots


def test_samples_of_one_device():
    dice = np.random.default_rng(1)
    keys = [f"{k:04b}" for k in range(16)]
    p = dice.dirichlet(np.ones(16))
    one, other = (dict(zip(keys, dice.multinomial(2000, p).tolist(), strict=True)) for _ in range(2))
    assert same_as(one) == other
    assert same_as(one).check(other).p_value > 0.001


def test_samples_of_two_devices():
    assert same_as(GOOD, within=0.06) != BAD
    assert same_as(GOOD, within=0.06) == {"00": 950, "11": 960, "01": 40, "10": 50}
    assert same_as(GOOD).check(BAD).tvd == pytest.approx(0.495)


@pytest.mark.parametrize("bits", [2, 6])
def test_so_few_shots_that_nothing_could_differ_are_refused(bits):
    zeros, ones = "0" * bits, "1" * bits
    with pytest.raises(TooFewShots, match="with 1 shot against 1000: take ") as refused:
        same_as({zeros: 1000}, within=0.1).check({zeros: 1})
    needed = int(re.search(r"take (\d+) at least", str(refused.value))[1])
    assert same_as({zeros: 1000}, within=0.1) != {ones: needed}
    with pytest.raises(TooFewShots):
        same_as({zeros: 1000}, within=0.1).check({ones: needed - 1})


def test_what_no_counts_can_refute_is_refused():
    """Whatever happens, it is not more than half as likely again."""
    halves = {"0": 5000, "1": 5000}
    with pytest.raises(TooFewShots, match="with any number of shots against 10000: it allows all that can happen"):
        same_as(halves, within=0.5).check({"0": 100_000})
    with pytest.raises(TooFewShots, match="with 40 shots against 10000: take "):
        same_as(halves, within=0.3).check({"0": 40})


def test_wide_outcomes_and_many_shots():
    wide = {"0" * 1100: 300, "1" * 1100: 200}
    assert same_as(wide) == wide
    assert same_as(wide) != {"0" * 1100: 500}
    many = {f"{k:05b}": 10**9 for k in range(32)}
    assert same_as(many) == many
    assert same_as(many) != {**many, "00000": 10**9 + 10**6}
