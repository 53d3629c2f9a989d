"""Counts in every form that Qiskit gives, and what are no counts."""

from collections import Counter

import pytest
from bell_counts import BELL, GOOD
from qiskit.result import Counts

from pytest_iqm import distribution
from pytest_iqm.statistics.observed import CountsError

CLAIM = distribution(BELL, within=0.06)


def test_all_are_the_same():
    class Result:
        def get_counts(self):
            return Counts(GOOD)

    memory = [key for key, count in GOOD.items() for _ in range(count)]
    expected = CLAIM.check(GOOD)
    registers = {f"{key[0]} {key[1]}": count for key, count in GOOD.items()}
    for form in (Counts(GOOD), Counter(memory), memory, tuple(memory), Result(), registers):
        assert CLAIM.check(form) == expected


def test_spaces_of_the_claim_do_not_matter():
    assert distribution({"0 0": 0.5, "1 1": 0.5}, within=0.06) == GOOD


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({}, "there are no shots"),
        ({"00": 0}, "there are no shots"),
        (5, "counts are a mapping such as Counts, a Result, or a list of bit strings"),
        ("0011", "counts are a mapping such as Counts"),
        ({0: 5}, "outcomes are bit strings such as '01' or '0 11', got 0; numbers don't say"),
        ({"0x3": 5}, "got '0x3'; numbers don't say how many bits there are, take get_counts()"),
        ({"02": 5}, "outcomes are bit strings such as '01'"),
        ({"": 5}, "outcomes are bit strings such as '01'"),
        ({"00": 0.5, "11": 0.5}, "a count is a number of shots, got 0.5 for '00'; counts, not probabilities"),
        ({"00": -1}, "a count is a number of shots, got -1"),
        ({"00": True}, "a count is a number of shots, got True"),
        ({"00": None}, "a count is a number of shots, got None"),
        ({"00": "5"}, "a count is a number of shots, got '5'"),
        ([[0, 0], [1, 1]], "or a list of bit strings"),
        ({"00": 5, "0": 5}, "not the same in all"),
        ({"0 0": 5, "11": 5}, "some outcomes are split into registers"),
        ({"000": 500}, "the claim is about 2 bits, and the counts have 3: '000'; does the circuit have bits"),
        ({"0": 500}, "the claim is about 2 bits, and the counts have 1: '0'"),
        ({"0 00": 500}, "the counts have 3, in registers of 1 and 2 bits"),
    ],
)
def test_others_are_refused(counts, said):
    with pytest.raises(CountsError, match=said.replace("(", r"\(").replace(")", r"\)")):
        CLAIM.check(counts)


def test_several_circuits_are_refused():
    class Result:
        def get_counts(self):
            return [GOOD, GOOD]

    with pytest.raises(CountsError, match=r"the result has 2 circuits.*get_counts\(0\)"):
        CLAIM.check(Result())


def test_other_registers_are_refused():
    claim = distribution({"0 00": 1.0})
    assert claim == {"0 00": 100}
    with pytest.raises(CountsError, match=r"registers of \(1, 2\) bits, and the counts of \(2, 1\)"):
        claim.check({"00 0": 100})
