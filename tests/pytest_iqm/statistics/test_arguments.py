"""What claims take, and what they refuse."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from bell_counts import BELL, GOOD

from pytest_iqm import distribution, expectation, probability, same_as, shots_for, support
from pytest_iqm.statistics.verdict import TooFewShots


@pytest.mark.parametrize("number", [Fraction, Decimal, np.float64, np.float32])
def test_numbers_may_be_of_any_kind(number):
    half, tenth = number(1) / number(2), number(1) / number(10)
    assert distribution({"00": half, "11": half}, within=tenth) == GOOD
    assert probability("00", at_least=tenth, at_most=half + tenth) == GOOD
    assert expectation("ZZ", at_least=half) == GOOD
    assert support(["00", "11"], leak=tenth).check(GOOD, alpha=number(1) / number(1000)).passed
    assert shots_for(detect=half, within=tenth) == shots_for(detect=0.5, within=0.1)


def test_a_claim_without_counts_is_no_assertion():
    with pytest.raises(TypeError, match=r"neither true nor false: compare it with counts, counts == distribution"):
        assert distribution(BELL)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: distribution({}), "at least one outcome"),
        (lambda: distribution(BELL, within="calib"), "within is 'calibration', 'fake', or a number"),
        (lambda: distribution({"0": 0.5, "1": 0.4}), "add up to 0.9, and not to 1"),
        (lambda: distribution({"0": 1.5, "1": -0.5}), "lies between 0 and 1, got 1.5"),
        (lambda: distribution({"0": "x"}), "lies between 0 and 1, got 'x'"),
        (lambda: distribution({"0": math.nan, "1": 1}), "lies between 0 and 1, got nan"),
        (lambda: distribution({"0": 0.5, "11": 0.5}), "different numbers of bits: 0, 11"),
        (lambda: distribution(BELL, within=1), "within=1 tolerates everything"),
        (lambda: distribution(BELL, within=-0.1), "within lies between 0 and 1, got -0.1"),
        (lambda: support([]), "at least one outcome"),
        (lambda: support(["0", "11"]), "different numbers of bits"),
        (lambda: probability([], at_least=0.5), "at least one outcome"),
        (lambda: probability("0"), "claim a bound"),
        (lambda: probability("0", at_least=2), "at_least lies between 0 and 1, got 2"),
        (lambda: probability("0", at_least=0.6, at_most=0.5), "at_least=0.6 is larger than at_most=0.5"),
        (lambda: probability("0", at_least=0), "claims nothing"),
        (lambda: expectation("ZX", at_least=0.5), "for X and Y rotate the basis"),
        (lambda: expectation("II", at_least=0.5), "there is nothing to claim"),
        (lambda: expectation("Z", at_least=-1), "claims nothing"),
        (lambda: expectation("Z", at_most=3), "at_most lies between -1 and 1, got 3"),
    ],
)
def test_claims_that_make_no_sense_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize("alpha", [0, 1, -1])
def test_alpha_has_to_make_sense(alpha):
    with pytest.raises(ValueError, match="alpha lies between 0 and 1"):
        distribution(BELL).check(GOOD, alpha=alpha)


@pytest.mark.parametrize(
    "claim",
    [
        distribution(BELL, within=0.3),
        support("00", leak=0.3),
        probability("00", at_least=0.9, at_most=0.95),
        expectation("ZZ", at_least=0.5),
    ],
)
def test_too_few_shots_ever_to_fail_are_refused(claim):
    with pytest.raises(TooFewShots, match=r"could not fail at α = 1e-06 with 5 shots: take \d+ at least") as refused:
        claim.check({"11": 5})
    needed = int(str(refused.value).split("take ")[1].split(" ")[0])
    worst = min((claim.check({key: needed}) for key in ("00", "01", "10", "11")), key=lambda v: v.p_value)
    assert not worst.passed


@pytest.mark.parametrize(("leak", "shots"), [(0.1, 6), (0.01, 3), (0.001, 2)])
def test_a_p_value_of_alpha_is_no_refutation(leak, shots):
    with pytest.raises(TooFewShots, match=f"take {shots + 1} at least"):
        support("0", leak=leak).check({"1": shots})
    assert support("0", leak=leak) != {"1": shots + 1}


def test_a_refusal_is_short():
    declared = {f"{k:010b}": 2**-10 for k in range(2**10)}
    with pytest.raises(TooFewShots) as refused:
        distribution(declared, within=0.5).check({"0" * 10: 5})
    assert len(str(refused.value)) < 250


def test_what_no_number_of_shots_can_refute_is_refused():
    with pytest.raises(TooFewShots, match="could not fail with any number of shots"):
        distribution({"0": 0.5, "1": 0.5}, within=0.6).check({"0": 10**6})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: distribution(["00"]), r"a distribution is a mapping from outcomes .*, got \['00'\]"),
        (lambda: distribution(0.5), "a distribution is a mapping from outcomes .*, got 0.5"),
        (lambda: probability(0.5, at_least=0.1), r"outcomes are bit strings such as .*, got 0\.5"),
    ],
)
def test_what_is_no_declaration_is_said(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_claims_can_not_be_hashed_and_equal_themselves_only():
    claim = distribution(BELL)
    assert claim == claim
    assert claim != distribution(BELL)
    with pytest.raises(TypeError):
        hash(claim)


@pytest.mark.parametrize(
    "claim",
    [
        distribution(BELL),
        support(["0"]),
        probability("0", at_least=0.5),
        expectation("Z", at_least=0.5),
        same_as({"0": 10}),
    ],
)
def test_they_say_what_they_are(claim):
    assert repr(claim).startswith(type(claim).__name__.lower().replace("sameas", "same_as") + "(")
