"""Shots and instructions are written as text without loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqm_fakes.recordings.codec import line, packed, parsed, unpacked


@given(
    st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=1, max_size=40),
)
def test_shots_are_packed_without_loss(shots):
    text = packed(shots)
    assert isinstance(text, str)
    assert unpacked(text).tolist() == shots


def test_other_digits_are_kept_and_anything_else_is_refused():
    assert unpacked(packed([[0], [2], [1]])).tolist() == [[0], [2], [1]]
    assert unpacked(packed([[0.0], [1.0]])).tolist() == [[0], [1]]
    assert unpacked(packed([])).shape == (0, 0)
    for wrong in ([["0"]], [[-1]], [[12]], [[0.5]], [0, 1]):
        with pytest.raises(ValueError, match="not lists of digits"):
            packed(wrong)


@pytest.mark.parametrize("text", ["1x8:zz", "1x8:ffff", "8:ff", "1x9:ff"])
def test_wrong_shots_are_refused(text):
    with pytest.raises(ValueError, match="shots"):
        unpacked(text)


@given(
    st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=5),
    st.text(min_size=1),
    st.text(),
    st.none() | st.text(min_size=1),
)
def test_every_instruction_is_written_without_loss(value, name, component, implementation):
    instruction = {
        "name": name,
        "implementation": implementation,
        "locus": [component, "QB1"],
        "args": {name: value, "angle": 0.5},
    }
    written = line(instruction)
    assert (parsed(written) if isinstance(written, str) else written) == instruction


def test_an_ordinary_instruction_is_a_line():
    step = {"name": "prx", "implementation": "drag", "locus": ["QB1"], "args": {"angle": 0.5, "key": "a b"}}
    assert line(step) == 'prx:drag QB1 angle=0.5 key="a b"'
