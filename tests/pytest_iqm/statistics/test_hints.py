"""A simple mistake is named."""

import re

import numpy as np
import pytest

from pytest_iqm import distribution


@pytest.mark.parametrize(
    ("declared", "made", "said"),
    [
        ({"00": 0.5, "11": 0.5}, {"00": 0.5, "01": 0.5}, "bit 1 is always 0"),
        ({"001": 1.0}, {"100": 1.0}, "bits 0 and 2 are swapped|reverse order"),
        ({"0011": 0.5, "0010": 0.5}, {"1100": 0.5, "0100": 0.5}, "reverse order"),
        ({"010": 0.5, "011": 0.5}, {"000": 0.5, "001": 0.5}, "bit 1 is (flipped|always 0)"),
        (
            {"00": 0.5, "11": 0.5},
            dict.fromkeys(("00", "01", "10", "11"), 0.25),
            "bit . (is random|does not depend)",
        ),
        ({"000": 1.0}, {"000": 0.5, "100": 0.5}, "bit 2 is random"),
        (
            {"00": 0.2, "11": 0.8},
            {"00": 0.04, "01": 0.16, "10": 0.16, "11": 0.64},
            "bit . does not depend on the others",
        ),
        (
            {"000": 0.5, "111": 0.5},
            {"000": 0.3, "111": 0.7},
            r"bit 0 is 1 with probability 0\.(69|70|71) and not 0\.50 \(a wrong angle",
        ),
        ({"0000": 0.5, "1111": 0.5}, {"0000": 0.5, "0011": 0.49, "0111": 0.01}, "bits 2 and 3 are always 0"),
        ({"000": 0.5, "111": 0.5}, {"000": 0.98, "010": 0.02}, "bits 0, 1 and 2 are always 0"),
        ({"011": 0.5, "000": 0.5}, {"011": 0.98, "111": 0.02}, "bits 0 and 1 are always 1"),
        ({"00": 1.0}, {"11": 0.98, "10": 0.02}, r"bits 0 and 1 are flipped \(an X too many or too few on each"),
        ({"01": 1.0}, {"01": 0.8, "11": 0.2}, r"bit 1 is flipped in (19|20|21)% of the shots \(a wrong angle"),
        (
            {"00": 0.5, "11": 0.5},
            {"00": 0.4, "11": 0.4, "01": 0.1, "10": 0.1},
            r"bit . is flipped in (19|20|21)% of the shots",
        ),
    ],
)
def test_a_simple_mistake_is_named(declared, made, said):
    dice = np.random.default_rng(1)
    counts = dict(zip(made, dice.multinomial(4000, list(made.values())).tolist(), strict=True))
    verdict = distribution(declared, within=0.02).check(counts)
    assert not verdict.passed
    assert re.search(said, verdict.hint)


def test_of_equal_explanations_the_simplest_is_given():
    assert "reverse order" in distribution({"100": 1.0}, within=0.1).check({"001": 1000}).hint


def test_noise_is_not_taken_for_a_mistake():
    counts = {f"{k:03b}": 100 for k in range(8)}
    assert distribution({"000": 1.0}, within=0.1).check(counts).hint is None


def test_wide_outcomes_have_none():
    assert distribution({"0" * 11: 1.0}, within=0.1).check({"1" * 11: 1000}).hint is None
