"""Claims about counts: what they accept, what they refute, what they refuse."""

import math
import re
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.result import Counts
from scipy import stats

from pytest_iqm import distribution, expectation, journal, probability, same_as, shots_for, support
from pytest_iqm.statistics import CountsError, TooFewShots

BELL = {"00": 0.5, "11": 0.5}
GOOD = {"00": 490, "11": 470, "01": 25, "10": 15}
BAD = {"00": 480, "01": 520}


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


class TestBounds:
    def test_support(self):
        assert support({"00", "11"}, leak=0.05) == GOOD
        assert support("00", leak=0.3) != GOOD
        verdict = support(["00", "11"], leak=0.02).check(GOOD)
        assert verdict.p_value == pytest.approx(stats.binomtest(40, 1000, 0.02, alternative="greater").pvalue)
        assert verdict.tvd == pytest.approx(0.02)

    def test_probability(self):
        verdict = probability("00", at_least=0.55).check(GOOD)
        assert verdict.p_value == pytest.approx(stats.binomtest(490, 1000, 0.55, alternative="less").pvalue)
        verdict = probability(["00", "11"], at_least=0.5, at_most=0.95).check(GOOD)
        assert verdict.p_value == pytest.approx(2 * stats.binomtest(960, 1000, 0.95, alternative="greater").pvalue)
        assert probability("01", at_most=0.05) == GOOD

    def test_expectation(self):
        assert expectation("ZZ", at_least=0.9) == GOOD
        verdict = expectation("ZZ", at_least=0.95).check(GOOD)  # ⟨ZZ⟩ = 1 − 2·P(odd)
        assert verdict.p_value == pytest.approx(stats.binomtest(40, 1000, 0.025, alternative="greater").pvalue)
        assert expectation("ZZ", at_most=0.5) != GOOD
        assert expectation("ZZ", at_least=0.9, at_most=0.95) == GOOD

    def test_what_they_say_is_in_terms_of_what_was_claimed(self):
        verdict = expectation("ZZ", at_least=0.95, at_most=0.99).check(GOOD)
        assert verdict.tvd == pytest.approx(0.03)
        assert str(verdict).splitlines()[:2] == [
            "claim     0.95 ≤ ⟨ZZ⟩ ≤ 0.99",
            f"observed  ⟨ZZ⟩ = 0.920, 0.030 away in 1000 shots: p = {verdict.p_value:.1e} ≥ α = 1e-06",
        ]
        verdict = probability("00", at_least=0.6).check(GOOD)
        assert repr(verdict).startswith(
            "<Verdict: 0.6 ≤ P(00) is refuted, P(00) = 0.490, 0.110 away in 1000 shots: p = "
        )
        assert [row.name for row in verdict.outcomes] == ["00", "11", "01", "10"]
        assert repr(support(["00", "11"], leak=0.05).check(GOOD)).startswith(
            "<Verdict: P(another outcome) ≤ 0.05 holds"
        )

    def test_the_rightmost_letter_is_the_rightmost_bit(self):
        counts = {"01": 1000}
        assert expectation("ZI", at_least=0.9) == counts
        assert expectation("IZ", at_most=-0.9) == counts
        assert expectation("I Z", at_most=-0.9) == counts


class TestSameAs:
    def test_samples_of_one_device(self):
        dice = np.random.default_rng(1)
        keys = [f"{k:04b}" for k in range(16)]
        p = dice.dirichlet(np.ones(16))
        one, other = (dict(zip(keys, dice.multinomial(2000, p).tolist(), strict=True)) for _ in range(2))
        assert same_as(one) == other
        assert same_as(one).check(other).p_value > 0.001

    def test_samples_of_two_devices(self):
        assert same_as(GOOD, within=0.06) != BAD
        assert same_as(GOOD, within=0.06) == {"00": 950, "11": 960, "01": 40, "10": 50}
        assert same_as(GOOD).check(BAD).tvd == pytest.approx(0.495)

    @pytest.mark.parametrize("bits", [2, 6])
    def test_so_few_shots_that_nothing_could_differ_are_refused(self, bits):
        zeros, ones = "0" * bits, "1" * bits
        with pytest.raises(TooFewShots, match="with 1 shots against 1000: take ") as refused:
            same_as({zeros: 1000}, within=0.1).check({zeros: 1})
        needed = int(re.search(r"take (\d+) at least", str(refused.value))[1])
        assert same_as({zeros: 1000}, within=0.1) != {ones: needed}
        with pytest.raises(TooFewShots):
            same_as({zeros: 1000}, within=0.1).check({ones: needed - 1})

    def test_what_no_counts_can_refute_is_refused(self):
        """Whatever happens, it is not more than half as likely again."""
        halves = {"0": 5000, "1": 5000}
        with pytest.raises(TooFewShots, match="with any number of shots against 10000: it allows all that can happen"):
            same_as(halves, within=0.5).check({"0": 100_000})
        with pytest.raises(TooFewShots, match="with 40 shots against 10000: take "):
            same_as(halves, within=0.3).check({"0": 40})

    def test_wide_outcomes_and_many_shots(self):
        wide = {"0" * 1100: 300, "1" * 1100: 200}
        assert same_as(wide) == wide
        assert same_as(wide) != {"0" * 1100: 500}
        many = {f"{k:05b}": 10**9 for k in range(32)}
        assert same_as(many) == many
        assert same_as(many) != {**many, "00000": 10**9 + 10**6}


@pytest.mark.parametrize("detect", [0.11, 0.13, 0.15])
@pytest.mark.parametrize(
    "claim",
    [
        distribution(BELL, within=0.06),
        support(BELL, leak=0.06),
        probability(["00", "11"], at_least=0.94),
        probability("01", at_least=0.001, at_most=0.06),
        same_as({"00": 5000, "11": 5000}, within=0.06),
    ],
)
def test_the_power_is_how_often_a_broken_device_fails(claim, detect):
    """400 samples of 600 shots at α = 0.001; a deviation of 6 standard deviations comes once in 10⁹."""
    samples = np.random.default_rng(int(100 * detect)).multinomial(
        600, [(1 - detect) / 2, (1 - detect) / 2, detect], 400
    )
    verdicts = [
        claim.check(dict(zip(("00", "11", "01"), map(int, sample), strict=True)), alpha=1e-3) for sample in samples
    ]
    power = verdicts[0].power(detect)
    failed = np.mean([not verdict.passed for verdict in verdicts])
    assert 0.05 < power < 1
    assert abs(failed - power) <= 6 * math.sqrt(power * (1 - power) / 400)


@pytest.mark.parametrize("number", [Fraction, Decimal, np.float64, np.float32])
def test_numbers_may_be_of_any_kind(number):
    half, tenth = number(1) / number(2), number(1) / number(10)
    assert distribution({"00": half, "11": half}, within=tenth) == GOOD
    assert probability("00", at_least=tenth, at_most=half + tenth) == GOOD
    assert expectation("ZZ", at_least=half) == GOOD
    assert support(["00", "11"], leak=tenth).check(GOOD, alpha=number(1) / number(1000)).passed
    assert shots_for(detect=half, within=tenth) == shots_for(detect=0.5, within=0.1)


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


class TestForms:
    CLAIM = distribution(BELL, within=0.06)

    def test_all_are_the_same(self):
        class Result:
            def get_counts(self):
                return Counts(GOOD)

        memory = [key for key, count in GOOD.items() for _ in range(count)]
        expected = self.CLAIM.check(GOOD)
        registers = {f"{key[0]} {key[1]}": count for key, count in GOOD.items()}
        for form in (Counts(GOOD), Counter(memory), memory, tuple(memory), Result(), registers):
            assert self.CLAIM.check(form) == expected

    def test_spaces_of_the_claim_do_not_matter(self):
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
    def test_others_are_refused(self, counts, said):
        with pytest.raises(CountsError, match=said.replace("(", r"\(").replace(")", r"\)")):
            self.CLAIM.check(counts)

    def test_several_circuits_are_refused(self):
        class Result:
            def get_counts(self):
                return [GOOD, GOOD]

        with pytest.raises(CountsError, match=r"the result has 2 circuits.*get_counts\(0\)"):
            self.CLAIM.check(Result())

    def test_other_registers_are_refused(self):
        claim = distribution({"0 00": 1.0})
        assert claim == {"0 00": 100}
        with pytest.raises(CountsError, match=r"registers of \(1, 2\) bits, and the counts of \(2, 1\)"):
            claim.check({"00 0": 100})


class TestMisuse:
    def test_a_claim_without_counts_is_no_assertion(self):
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
    def test_claims_that_make_no_sense_are_refused(self, make, said):
        with pytest.raises(ValueError, match=said):
            make()

    @pytest.mark.parametrize("alpha", [0, 1, -1])
    def test_alpha_has_to_make_sense(self, alpha):
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
    def test_too_few_shots_ever_to_fail_are_refused(self, claim):
        with pytest.raises(
            TooFewShots, match=r"could not fail at α = 1e-06 with 5 shots: take \d+ at least"
        ) as refused:
            claim.check({"11": 5})
        needed = int(str(refused.value).split("take ")[1].split(" ")[0])
        worst = min((claim.check({key: needed}) for key in ("00", "01", "10", "11")), key=lambda v: v.p_value)
        assert not worst.passed

    @pytest.mark.parametrize(("leak", "shots"), [(0.1, 6), (0.01, 3), (0.001, 2)])
    def test_a_p_value_of_alpha_is_no_refutation(self, leak, shots):
        with pytest.raises(TooFewShots, match=f"take {shots + 1} at least"):
            support("0", leak=leak).check({"1": shots})
        assert support("0", leak=leak) != {"1": shots + 1}

    def test_a_refusal_is_short(self):
        declared = {f"{k:010b}": 2**-10 for k in range(2**10)}
        with pytest.raises(TooFewShots) as refused:
            distribution(declared, within=0.5).check({"0" * 10: 5})
        assert len(str(refused.value)) < 250

    def test_what_no_number_of_shots_can_refute_is_refused(self):
        with pytest.raises(TooFewShots, match="could not fail with any number of shots"):
            distribution({"0": 0.5, "1": 0.5}, within=0.6).check({"0": 10**6})

    def test_claims_can_not_be_hashed_and_equal_themselves_only(self):
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
    def test_they_say_what_they_are(self, claim):
        assert repr(claim).startswith(type(claim).__name__.lower().replace("sameas", "same_as") + "(")


class TestHints:
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
    def test_a_simple_mistake_is_named(self, declared, made, said):
        dice = np.random.default_rng(1)
        counts = dict(zip(made, dice.multinomial(4000, list(made.values())).tolist(), strict=True))
        verdict = distribution(declared, within=0.02).check(counts)
        assert not verdict.passed
        assert re.search(said, verdict.hint)

    def test_of_equal_explanations_the_simplest_is_given(self):
        assert "reverse order" in distribution({"100": 1.0}, within=0.1).check({"001": 1000}).hint

    def test_noise_is_not_taken_for_a_mistake(self):
        counts = {f"{k:03b}": 100 for k in range(8)}
        assert distribution({"000": 1.0}, within=0.1).check(counts).hint is None

    def test_wide_outcomes_have_none(self):
        assert distribution({"0" * 11: 1.0}, within=0.1).check({"1" * 11: 1000}).hint is None


class TestShots:
    @pytest.mark.parametrize(
        ("within", "detect", "about"),
        [(0.05, 0.1, 1315), (0.05, 0.15, 405), (0.05, 0.25, 140), (0.1, 0.2, 605), (0.1, 0.5, 55)],
    )
    def test_they_suffice_and_are_not_many_more_than_needed(self, within, detect, about):
        shots = shots_for(detect=detect, within=within)
        assert abs(shots - about) < 0.05 * about
        for n in (shots, shots + 1, shots + 100):
            critical = stats.binom.isf(1e-6, n, within) + 1
            assert stats.binom.sf(critical - 1, n, detect) >= 0.99
        critical = stats.binom.isf(1e-6, shots - 1, within) + 1
        assert stats.binom.sf(critical - 1, shots - 1, detect) < 0.99

    def test_a_distribution_takes_a_few_more(self):
        assert shots_for(detect=0.2, within=0.1) < shots_for(detect=0.2, within=0.1, outcomes=4) < 800

    def test_without_tolerance_one_event_is_enough(self):
        assert shots_for(detect=0.5, power=0.99) == 7  # 1 − 2⁻⁷ > 0.99
        assert shots_for(detect=1.0) == 1

    @given(st.floats(-5, -0.5), st.floats(1.1, 8), st.floats(0.5, 0.999), st.floats(-8, -1))
    def test_from_there_on_they_suffice_and_one_less_does_not(self, exponent, factor, power, alpha):
        within, alpha = 10**exponent, 0.9731 * 10**alpha  # scipy's isf takes a tail of just α for one below it
        detect = min(within * factor, 1.0)
        if detect <= within:
            return
        try:
            shots = shots_for(detect=detect, within=within, alpha=alpha, power=power)
        except ValueError:
            return
        more = np.unique(np.geomspace(shots, 1.5 * shots + 20 / within, 2000).astype(int))
        numbers = np.array([shots - 1, *more])[shots == 1 :]
        critical = stats.binom.isf(alpha, numbers, within) + 1
        powers = stats.binom.sf(critical - 1, numbers, detect)
        assert (powers[shots > 1 :] >= power - 1e-9).all()
        assert shots == 1 or powers[0] < power + 1e-9

    def test_large_numbers(self):
        shots = shots_for(detect=0.0105, within=0.01)
        critical = stats.binom.isf(1e-6, shots, 0.01) + 1
        assert stats.binom.sf(critical - 1, shots, 0.0105) == pytest.approx(0.99, abs=1e-4)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"detect": 0.1, "within": 0.1}, "can't be detected"),
            ({"detect": 2.0}, "detect is a probability"),
            ({"detect": 0.5, "alpha": 0.0}, "alpha lies between 0 and 1, got 0.0"),
            ({"detect": 0.5, "power": 1.0}, "power lies between 0 and 1, got 1.0"),
            ({"detect": 0.5, "outcomes": 0}, "declares at least one outcome, got outcomes=0"),
            ({"detect": 0.1000001, "within": 0.1}, "too close to"),
        ],
    )
    def test_nonsense_is_refused(self, arguments, said):
        with pytest.raises(ValueError, match=said):
            shots_for(**arguments)


class Session:
    """Knows of an execution with this fake, published tolerance and counts."""

    alpha = 0.01

    def __init__(self, counts=None, *, published=0.3, ideal=BELL, noisy=BELL):
        self.heard = []
        self.counts, self.published = counts, published
        self.distributions = {False: ideal, True: noisy}

    def judge(self, claim, counts):
        self.heard.append((claim, counts))
        return True

    def oppose(self, claim, counts):
        return not self.judge(claim, counts)

    def execution(self, counts):
        return self if self.counts and sorted(counts.values()) == sorted(self.counts.values()) else None

    def gave(self, counts):
        return counts == self.counts

    def tolerance(self):
        return self.published

    def simulated(self, shots, *, noise=True):
        distribution = self.distributions[noise]
        numbers = np.random.default_rng(5).multinomial(shots, list(distribution.values()))
        return dict(zip(distribution, map(int, numbers), strict=True))


def test_a_session_has_its_own_alpha_and_hears_of_claims():
    session, claim = Session(), distribution(BELL)
    with journal.session(session):
        assert claim == BAD
        assert distribution(BELL, within=0.06).check(GOOD).alpha == 0.01
    assert session.heard == [(claim, BAD)]
    assert distribution(BELL, within=0.06).check(GOOD).alpha != 0.01


class TestCalibration:
    claim = distribution(BELL, within="calibration")

    def test_the_tolerance_is_the_published_one(self):
        with journal.session(Session(GOOD)):
            assert self.claim.check(GOOD).claim == "TVD(device, declared) ≤ 0.3 (calibration)"

    def test_counts_of_no_job_are_refused(self):
        with (
            journal.session(Session(GOOD)),
            pytest.raises(CountsError, match=r"'calibration' .* none of this test has them: give it"),
        ):
            self.claim.check(BAD)

    @pytest.mark.parametrize("within", ["calibration", "fake"])
    def test_a_useless_calibration_is_refused(self, within):
        with journal.session(Session(GOOD, published=1.0)), pytest.raises(CountsError, match="may be anything"):
            distribution(BELL, within=within).check(GOOD)


NOISY = {"00": 0.48, "11": 0.47, "01": 0.03, "10": 0.02}


class TestFake:
    claim = distribution(BELL, within="fake")

    def check(self, claim, counts, **session):
        with journal.session(Session(counts, **session)):
            return claim.check(counts)

    def test_the_fake_is_what_the_device_has_to_be(self):
        verdict = self.check(self.claim, GOOD, noisy=NOISY, published=0.06)
        assert verdict.passed
        assert verdict.claim == "TVD(device, its fake) ≤ 0.0305 (drift 0.5)"
        assert verdict.alpha == 0.01

    def test_a_wrong_program_is_refuted_however_noisy_the_device_is(self):
        wrong = {"00": 0.46, "11": 0.54}
        verdict = self.check(self.claim, GOOD, ideal=wrong, noisy=NOISY, published=0.9)
        assert not verdict.passed
        assert verdict.claim == "TVD(circuit without noise, declared) ≤ 0.01"
        assert verdict.shots == 10_000
        assert verdict.final

    def test_a_device_that_differs_from_its_fake_is_refuted(self):
        drifted = {"00": 440, "11": 400, "01": 110, "10": 50}
        verdict = self.check(self.claim, drifted, noisy=NOISY, published=0.06)
        assert not verdict.passed
        assert verdict.suspicious
        assert self.check(distribution(BELL, within="fake", drift=1), drifted, noisy=NOISY, published=0.3).passed

    def test_the_worse_half_is_shown_and_both_halves_count(self):
        """Each is tested at half of α: the p-value is twice the smaller one."""
        nearly = {"00": 0.485, "11": 0.515}
        verdict = self.check(distribution(nearly, within="fake"), GOOD, noisy=NOISY, published=0.2)
        assert verdict.passed
        assert verdict.p_value == 1.0
        alone = same_as(Session(noisy=NOISY).simulated(10_000), within=0.0).check({"00": 400, "11": 600})
        both = self.check(
            distribution(BELL, within="fake", drift=0), {"00": 400, "11": 600}, noisy=NOISY, published=0.06
        )
        assert both.p_value == pytest.approx(2 * alone.p_value)

    def test_probabilities_may_be_rounded(self):
        thirds = dict.fromkeys(["001", "010", "100"], 1 / 3)
        rounded = distribution({"001": 0.33, "010": 0.33, "100": 0.34}, within="fake")
        assert self.check(rounded, {"001": 330, "010": 340, "100": 330}, ideal=thirds, noisy=thirds).passed

    def test_too_few_shots_are_those_of_the_claim_that_was_made(self):
        with pytest.raises(
            TooFewShots, match=r"^distribution\(.*\) tolerates 0.134 and could not fail at .* with 2 shots against"
        ):
            self.check(self.claim, {"00": 2}, noisy=NOISY, published=0.25)

    def test_bits_in_another_order_are_refused(self):
        with (
            journal.session(Session({"00": 490, "01": 510})),
            pytest.raises(CountsError, match="needs a job's counts as they are, not with bits reordered"),
        ):
            self.claim.check({"00": 490, "10": 510})

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"within": "fake", "drift": 1.5}, "drift lies between 0 and 1, got 1.5"),
            ({"within": "calibration", "drift": 0.5}, "drift belongs to within='fake'"),
            ({"drift": 0.5}, "drift belongs to within='fake'"),
        ],
    )
    def test_nonsense_is_refused(self, arguments, said):
        with pytest.raises(ValueError, match=said):
            distribution(BELL, **arguments)


class TestAgain:
    """Fresh shots of a suspicious circuit: both samples have to be below √α."""

    @pytest.mark.parametrize(
        ("first", "again", "passed"), [(560, 560, False), (560, 500, True), (500, 560, True), (500, 500, True)]
    )
    def test_both_samples_have_to_refute(self, first, again, passed):
        claim = probability("1", at_most=0.5)
        one, other = (claim.check({"0": 1000 - n, "1": n}) for n in (first, again))
        assert one.passed  # p = 0.00009
        assert one.level_of_each == pytest.approx(1e-3)
        assert one.suspicious == (first == 560)
        verdict = one.after(other)
        assert (verdict.passed, verdict.again, verdict.p_value) == (passed, other, one.p_value)
        said = "not both are below 0.001" if passed else "it fails because both are below 0.001"
        assert str(verdict).splitlines()[2].endswith(f" away in 1000 shots: p = {other.p_value:.1e}; {said}")

    def test_a_true_claim_fails_no_more_often_than_alpha(self):
        """5000 pairs of samples on the boundary at α = 0.04, of which each is suspicious at 0.2."""
        claim, dice = probability("1", at_most=0.5), np.random.default_rng(2)
        failed = 0
        for pair in dice.binomial(400, 0.5, (5000, 2)):
            one, other = (claim.check({"0": 400 - int(n), "1": int(n)}, alpha=0.04) for n in pair)
            failed += one.suspicious and not one.after(other).passed
        assert 100 < failed <= stats.binom.isf(1e-9, 5000, 0.04)

    def test_what_does_not_depend_on_the_device_alone_is_final(self):
        assert distribution(BELL).check(BAD).suspicious
        verdict = same_as(GOOD).check(BAD)
        assert verdict.final
        assert not verdict.suspicious
