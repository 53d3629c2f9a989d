"""Numbers in words."""

import pytest

from iqm_fakes.words import p_value, probability, several


def test_plurals():
    assert [several(number, "job") for number in (0, 1, 2)] == ["0 jobs", "1 job", "2 jobs"]
    assert several(2, "test was", "tests were") == "2 tests were"


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (0.2345, "0.23"), (0.01, "0.01"), (0.0099, "9.9e-03"), (1e-6, "1.0e-06"), (0, "0")]
)
def test_probabilities_are_as_short_as_they_can_be_understood(value, text):
    assert probability(value) == text


def test_p_values():
    assert [p_value(value) for value in (1.0, 3e-7, 0.0)] == ["p = 1", "p = 3.0e-07", "p < 1e-300"]
