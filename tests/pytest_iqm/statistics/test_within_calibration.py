"""Claims that ask the session: within a calibration, or like its fake."""

import numpy as np
import pytest
from bell_counts import BAD, BELL, GOOD

from pytest_iqm import claim_hooks, distribution, expectation, probability, same_as
from pytest_iqm.statistics.observed import CountsError
from pytest_iqm.statistics.verdict import TooFewShots


class Exact:
    def __init__(self, distribution):
        self.distribution = distribution

    def probabilities(self, outcomes):
        return np.array([self.distribution.get(key, 0.0) for key in outcomes])

    def likely(self, least):
        return [key for key, probability in self.distribution.items() if probability >= least]


class Session:
    """Knows of an execution with this fake, published tolerance and counts."""

    alpha = 0.01

    def __init__(self, counts=None, *, published=0.3, uncertain=0.0, ideal=BELL, noisy=BELL, exact=False):
        self.heard = []
        self.counts, self.published, self.uncertain, self.is_exact = counts, published, uncertain, exact
        self.distributions = {False: ideal, True: noisy}

    def judge_equal(self, claim, counts):
        self.heard.append((claim, counts))
        return True

    def judge_not_equal(self, claim, counts):
        return not self.judge_equal(claim, counts)

    def execution(self, counts):
        return self if self.counts and sorted(counts.values()) == sorted(self.counts.values()) else None

    def gave(self, counts):
        return counts == self.counts

    def tolerance(self, counts, places=None, *, uncertain=True):
        delta = self.published + (self.uncertain if uncertain else 0.0)
        return delta if places is None else delta * len(places) / 2

    def exact(self, *, noise=True):
        return Exact(self.distributions[noise]) if self.is_exact else None

    def simulated(self, shots, *, noise=True):
        distribution = self.distributions[noise]
        numbers = np.random.default_rng(5).multinomial(shots, list(distribution.values()))
        return dict(zip(distribution, map(int, numbers), strict=True))


def test_a_session_has_its_own_alpha_and_hears_of_claims():
    session, claim = Session(), distribution(BELL)
    with claim_hooks.installed(session):
        assert claim == BAD
        assert distribution(BELL, within=0.06).check(GOOD).alpha == 0.01
    assert session.heard == [(claim, BAD)]
    assert distribution(BELL, within=0.06).check(GOOD).alpha != 0.01


class TestCalibration:
    claim = distribution(BELL, within="calibration")

    def test_the_tolerance_is_the_published_one(self):
        with claim_hooks.installed(Session(GOOD)):
            assert self.claim.check(GOOD).claim == "TVD(device, declared) ≤ 0.3 (calibration)"

    def test_counts_of_no_job_are_refused(self):
        with (
            claim_hooks.installed(Session(GOOD)),
            pytest.raises(CountsError, match=r"'calibration' .* none of this test has them: give it"),
        ):
            self.claim.check(BAD)

    @pytest.mark.parametrize("within", ["calibration", "fake"])
    def test_a_useless_calibration_is_refused(self, within):
        with claim_hooks.installed(Session(GOOD, published=1.0)), pytest.raises(CountsError, match="may be anything"):
            distribution(BELL, within=within).check(GOOD)


class TestBounds:
    """The noiseless circuit has the bounds; noise may take the probability of the event δ further."""

    @pytest.mark.parametrize(
        ("claim", "said"),
        [
            (probability("11", at_least=0.5, within="calibration"), "0.2 ≤ P(11) (calibration)"),
            (probability("11", at_most=0.5, within="calibration"), "P(11) ≤ 0.8 (calibration)"),
            (expectation("ZZ", at_least=1.0, within="calibration"), "0.4 ≤ ⟨ZZ⟩ (calibration)"),
            (expectation("IZ", at_least=0.9, within="calibration"), "0.6 ≤ ⟨IZ⟩ (calibration)"),
            (expectation("ZI", at_least=-0.1, at_most=0.8, within="calibration"), "-0.4 ≤ ⟨ZI⟩ (calibration)"),
            (expectation("ZZ", at_least=1.0, within=0.1), "0.8 ≤ ⟨ZZ⟩"),
        ],
    )
    def test_noise_widens_them(self, claim, said):
        with claim_hooks.installed(Session(GOOD)):
            assert claim.check(GOOD).claim == said

    def test_the_p_value_is_that_of_the_wider_bound(self):
        with claim_hooks.installed(Session(BAD)):
            verdict = expectation("ZZ", at_least=1.0, within="calibration").check(BAD)
        assert verdict.published == 0.3
        wider = expectation("ZZ", at_least=0.4).check(BAD)
        assert (verdict.p_value, verdict.tvd) == pytest.approx((wider.p_value, wider.tvd))

    def test_what_noise_may_do_to_all_of_it_is_refused(self):
        with (
            claim_hooks.installed(Session(GOOD)),
            pytest.raises(CountsError, match=r"change the probability by 0.3, so P\(11\) may be anything"),
        ):
            probability("11", at_least=0.3, within="calibration").check(GOOD)

    def test_they_say_what_they_tolerate(self):
        assert repr(probability("1", at_most=0.3, within=0.2)) == "probability(['1'], at_most=0.3, within=0.2)"
        assert repr(expectation("Z", at_most=0.3)) == "expectation('Z', at_most=0.3)"

    def test_the_fake_is_for_distributions(self):
        with pytest.raises(ValueError, match="within is 'calibration' or a number from 0 to 1, got 'fake'"):
            expectation("ZZ", at_least=0.9, within="fake")


NOISY = {"00": 0.48, "11": 0.47, "01": 0.03, "10": 0.02}


class TestFake:
    claim = distribution(BELL, within="fake")

    def check(self, claim, counts, **session):
        with claim_hooks.installed(Session(counts, **session)):
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

    def test_the_circuit_is_held_against_its_exact_distribution(self):
        """Nothing is left to chance there, so the device has all of α."""
        right = self.check(self.claim, GOOD, noisy=NOISY, published=0.06, exact=True)
        assert right.passed
        assert right.alpha == 0.01
        assert right.claim == "TVD(device, its fake) ≤ 0.0305 (drift 0.5)"
        wrong = self.check(self.claim, GOOD, ideal={"00": 0.489, "11": 0.511}, noisy=NOISY, exact=True)
        assert not wrong.passed
        assert wrong.final
        assert (wrong.p_value, wrong.shots, wrong.tvd) == (0.0, 0, pytest.approx(0.011))
        assert str(wrong).splitlines()[:2] == [
            "claim     TVD(circuit without noise, declared) ≤ 0.01",
            "observed  0.011 away, computed exactly",
        ]
        assert wrong.power(0.5) == 0
        assert self.check(self.claim, GOOD, ideal={"00": 0.491, "11": 0.509}, noisy=NOISY, exact=True).passed

    @pytest.mark.parametrize("exact", [False, True])
    def test_a_device_may_be_as_far_from_its_fake_as_uncertainties_allow(self, exact):
        session = {"noisy": NOISY, "published": 0.06, "uncertain": 0.0188, "exact": exact}
        verdict = self.check(self.claim, GOOD, **session)
        assert verdict.passed
        assert verdict.claim == "TVD(device, its fake) ≤ 0.02 (published uncertainties)"
        by_hand = self.check(distribution(BELL, within="fake", drift=0.2), GOOD, **session)
        assert by_hand.claim == "TVD(device, its fake) ≤ 0.0123 (drift 0.2)"

    def test_the_device_is_held_against_the_exact_fake(self):
        """Four outcomes of a fake, three of which are likely enough to be looked at one by one."""
        noisy = {"00": 0.5, "11": 0.38, "01": 0.119, "10": 0.001}
        odd = {"00": 500, "11": 380, "01": 110, "10": 10}
        claim = distribution(BELL, within="fake", drift=0)
        verdict = self.check(claim, odd, noisy=noisy, published=0.06, exact=True)
        alone = distribution(noisy, within=1e-6).check(odd, alpha=0.01)
        assert verdict.p_value == pytest.approx(alone.p_value)
        assert not verdict.passed
        assert self.check(claim, {**odd, "01": 119, "10": 1}, noisy=noisy, published=0.06, exact=True).passed

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
            claim_hooks.installed(Session({"00": 490, "01": 510})),
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
