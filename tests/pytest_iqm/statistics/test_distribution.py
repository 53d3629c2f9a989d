"""``distribution``: what it accepts and what it refutes."""

import pytest
from bell_counts import BAD, BELL, GOOD
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pytest_iqm import distribution, support


class TestDistribution:
    def test_it_holds_within_its_tolerance(self):
        assert distribution(BELL, within=0.06) == GOOD
        assert distribution(BELL, within=0.06) == GOOD
        assert distribution(BELL, within=0.06) != BAD

    def test_the_verdict_says_why(self):
        verdict = distribution(BELL, within=0.06).check(BAD)
        assert not verdict
        assert verdict.p_value < 1e-100
        assert verdict.tvd == pytest.approx(0.52)
        assert (verdict.shots, verdict.alpha) == (1000, 1e-6)
        assert [row.name for row in verdict.outcomes] == ["01", "11", "00"]
        assert verdict.outcomes[0].declared == 0
        assert verdict.outcomes[0].low < 0.52 < verdict.outcomes[0].high
        assert verdict.power(0.2) > 0.99
        assert verdict.power(0.07) < 0.1

    def test_a_verdict_is_a_text_for_people(self):
        assert str(distribution(BELL, within=0.06).check(BAD)).splitlines() == [
            "claim     TVD(device, declared) ≤ 0.06",
            "observed  0.520 away in 1000 shots: p < 1e-300 < α = 1e-06",
            "hint      it looks as if bit 1 is always 0 (a missing gate on it, such as an H or a CX?)",
            "outcome  expected  observed  99% interval",
            "01          0.000     0.520  0.479 ... 0.561  <",
            "11          0.500     0.000  0.000 ... 0.005  <",
            "00          0.500     0.480  0.439 ... 0.521",
            "< marks outcomes whose interval does not contain what is expected",
        ]
        many = {f"{k:04b}": 100 for k in range(16)}
        assert str(support(["0000"], leak=0.99).check(many)).splitlines()[-1] == "and 5 more outcomes"

    @pytest.mark.parametrize("within", [0.0, 0.05])
    def test_exactly_what_was_declared_is_never_refuted(self, within):
        for width in range(1, 7):
            declared = {f"{k:0{width}b}": 1 / 2**width for k in range(2**width)}
            counts = dict.fromkeys(declared, 64)
            assert distribution(declared, within=within).check(counts).p_value == 1.0

    def test_without_tolerance_one_stray_shot_refutes(self):
        assert distribution({"0": 1.0}).check({"0": 999, "1": 1}).p_value == 0.0
        assert distribution({"0": 1.0}).check({"0": 1000}).passed

    def test_a_missing_outcome_of_many_is_seen(self):
        """The G-test sees it too; a tolerance per outcome of 0.05 never does."""
        declared = {f"{k:05b}": 1 / 32 for k in range(32)}
        counts = dict.fromkeys(list(declared)[1:], 4096 // 31)
        assert distribution(declared, within=0.005).check(counts).p_value < 1e-6

    def test_a_binomial_test_agrees(self):
        """One bit with tolerance: no more than 12 times the exact p-value, and never less than it."""
        for ones in (540, 560, 600, 650):
            exact = stats.binomtest(ones, 1000, 0.52, alternative="greater").pvalue
            ours = distribution({"0": 0.5, "1": 0.5}, within=0.02).check({"0": 1000 - ones, "1": ones}).p_value
            assert min(1.0, exact) <= ours <= max(12 * exact, 1e-300)

    def test_only_the_worst_outcomes_are_kept(self):
        """Of 4096, the twelve that are most off, the first of equals first."""
        keys = [f"{number:012b}" for number in range(4096)]
        counts = {key: 10 + (index % 400 == 7) * (100 - index // 400) for index, key in enumerate(keys)}
        verdict = distribution(dict.fromkeys(keys, 1 / 4096), within=0.1).check(counts)
        assert [row.name for row in verdict.outcomes[:11]] == keys[7::400]
        assert verdict.outcomes[11].name == keys[0]
        assert (len(verdict.outcomes), verdict.others) == (12, 4084)
        assert str(verdict).splitlines()[-2:] == [
            "and 4084 more outcomes",
            "< marks outcomes whose interval does not contain what is expected",
        ]

    @given(st.permutations(list(GOOD.items())), st.floats(0, 0.3))
    def test_order_does_not_matter(self, items, within):
        claim = distribution(BELL, within=within)
        assert claim.check(dict(items)) == claim.check(GOOD)

    @given(st.dictionaries(st.text("01", min_size=3, max_size=3), st.integers(0, 500), min_size=1), st.randoms())
    def test_names_of_outcomes_do_not_matter(self, counts, dice):
        if sum(counts.values()) < 10:
            counts["000"] = 10
        keys = [f"{k:03b}" for k in range(8)]
        other = dict(zip(keys, dice.sample(keys, 8), strict=True))
        declared = {"000": 0.5, "111": 0.25, "101": 0.25}
        renamed = distribution({other[key]: value for key, value in declared.items()}, within=0.1)
        one = distribution(declared, within=0.1).check(counts)
        assert renamed.check({other[key]: n for key, n in counts.items()}).p_value == pytest.approx(one.p_value)

    @given(st.floats(0, 0.5), st.floats(0, 0.5))
    def test_more_tolerance_never_refutes_more(self, one, other):
        low, high = sorted((one, other))
        assert distribution(BELL, within=low).check(GOOD).p_value <= distribution(BELL, within=high).check(GOOD).p_value


class TestRounding:
    @pytest.mark.parametrize(
        ("probabilities", "within"),
        [([0.166667] * 6, 0.0), ([0.333333] * 3, 0.0), ([0.3333] * 3, 0.05), ([0.3333] * 3, "fake")],
    )
    def test_rounded_probabilities_are_fine(self, probabilities, within):
        distribution({f"{k:03b}": p for k, p in enumerate(probabilities)}, within=within)

    @pytest.mark.parametrize(
        ("probabilities", "within", "said"),
        [([0.3333] * 3, 0.0, "0.9999"), ([0.33] * 3, 0.05, "0.99"), ([0.166668] * 6, 0.0, "1.000008")],
    )
    def test_others_are_refused_with_all_digits(self, probabilities, within, said):
        with pytest.raises(ValueError, match=f"add up to {said}, and not to 1: "):
            distribution({f"{k:03b}": p for k, p in enumerate(probabilities)}, within=within)
