"""Tests claim what a machine does within its calibration, or like its fake: simulated, live and replayed."""

import pytest
from circuits import bell
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import CircuitInstruction, Delay
from suites import CLAIMS

from iqm_fakes import FakeIQMClient, FakeIQMServer
from pytest_iqm import IQMBackend, distribution, expectation, strategies
from pytest_iqm.statistics.observed import CountsError


def test_every_device_has_its_own_tolerance(suite):
    arguments = [word for name in ("adonis", "garnet", "deneb", "sirius") for word in ("--iqm-device", name)]
    suite(*arguments, "-k", "good", test_a=CLAIMS).assert_outcomes(passed=4)
    suite(*arguments, "-k", "broken").assert_outcomes(failed=4)


SHARED = """
import pytest
from bell import counts
from pytest_iqm import distribution, support

@pytest.fixture(scope="module")
def shared(iqm_backend):
    return counts(iqm_backend)

def test_first(shared):
    pass

def test_own(iqm_backend, shared):
    assert counts(iqm_backend) == distribution({"00": 0.5, "11": 0.5}, within="calibration")
    assert shared == distribution({"00": 0.5, "11": 0.5}, within="calibration")
    assert shared == distribution({"00": 0.5, "11": 0.5}, within="fake")

def test_wrong(shared):
    assert shared == distribution({"01": 0.5, "11": 0.5}, within="calibration")

def test_without_a_machine():
    assert {"00": 1000} == support("11")
"""


def test_a_calibration_is_known_of_fixtures_that_live_longer(suite):
    result = suite(test_a=SHARED)
    result.assert_outcomes(passed=2, failed=2)
    tables = [result.outlines[i:] for i, line in enumerate(result.outlines) if "IQM claim" in line]
    assert len(tables) == 2
    for test, lines in zip(("wrong", "without_a_machine"), tables, strict=True):
        assert next(line for line in lines if line.startswith("rerun")).split()[2] == f"test_a.py::test_{test}"
    again = suite("test_a.py::test_wrong")
    again.assert_outcomes(failed=1)
    assert tables[0][:7] == again.outlines[again.outlines.index(tables[0][0]) :][:7]  # up to the id of the job


FAKE = """
import pytest
from qiskit import QuantumCircuit, transpile
from pytest_iqm import distribution

BELL = {"00": 0.5, "11": 0.5}

def counts(backend, tilt=0.0):
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.ry(tilt, 0)
    qc.cx(0, 1)
    qc.measure_all()
    return backend.run(transpile(qc, backend, seed_transpiler=1), shots=2000).result().get_counts()

@pytest.mark.parametrize("within", ["fake", "calibration"])
@pytest.mark.parametrize("tilt", [0.0, 0.1])
def test_bell(iqm_backend, tilt, within):
    assert counts(iqm_backend, tilt) == distribution(BELL, within=within)
"""


@pytest.mark.parametrize("device", ["adonis", "garnet", "deneb"])
def test_the_fake_sees_what_noise_could_hide(suite, device):
    result = suite("--iqm-device", device, test_a=FAKE)
    result.assert_outcomes(passed=3, failed=1)
    output = result.stdout.str()
    assert "FAILED test_a.py::test_bell[0.1-fake]" in output
    assert "TVD(circuit without noise, declared) ≤ 0.01" in output


class TestRecorded:
    @pytest.fixture
    def server(self):
        return FakeIQMServer("adonis", seed=6)

    def test_claims_that_need_a_calibration_hold_live_and_replayed(self, live, suite, monkeypatch):
        live("--iqm-record", "missing", test_a=FAKE).assert_outcomes(passed=3, failed=1)
        monkeypatch.delenv("IQM_SERVER_URL")
        replay = suite("--iqm-record", "replay", "--deselect", "test_a.py::test_bell[0.1-fake]")
        replay.assert_outcomes(passed=3, deselected=1)
        assert "claims: 3; prob" in replay.stdout.str()

    def test_what_the_calibration_of_a_real_machine_does_not_explain_may_be_allowed_by_hand(self, live, suite):
        wrong = FAKE.replace("distribution(BELL", "distribution({'00': 0.3, '11': 0.7}")
        arguments = ("-k", "0.0-calibration")
        output = live(*arguments, test_a=wrong).stdout.str()
        assert "TVD(device, declared)" in output
        assert "take a fresh calibration, or give within= a number" in output
        assert "fresh calibration" not in live("-k", "0.0-fake").stdout.str()  # the program is wrong

    def test_the_replay_command_of_a_replay_replays(self, live, suite, monkeypatch):
        live("--iqm-record", "missing", "-k", "good", test_a=CLAIMS).assert_outcomes(passed=1)
        monkeypatch.delenv("IQM_SERVER_URL")
        stricter = CLAIMS.replace('within="calibration"', "within=0.0")
        output = suite("--iqm-record", "replay", "-k", "good", test_a=stricter).stdout.str()
        assert "machine   adonis, as recorded" in output
        assert "rerun     pytest test_a.py::test_good --iqm-record=replay" in output


class TestTolerance:
    """The tolerance that a calibration implies is never smaller than what the noise really does."""

    @pytest.mark.parametrize("device", ["adonis", "garnet", "deneb"])
    @settings(max_examples=6, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(st.data())
    def test_it_is_an_upper_bound(self, device, data):
        """Distances of samples exceed those of distributions by chance: 20 000 shots, √(8/20 000)/2 = 0.01 allowed."""
        noisy, exact = (IQMBackend(FakeIQMClient(device, seed=3, noise=noise)) for noise in (True, False))
        qc = data.draw(strategies.circuits(noisy, max_gates=6, gates="native"))
        last = next(index for index, step in enumerate(qc.data) if step.operation.name == "measure")
        wait = Delay(data.draw(st.integers(0, 2000)), "ns")
        qc.data.insert(last, CircuitInstruction(wait, [qc.data[last].qubits[0]]))
        job = noisy.run(qc, shots=20_000)
        ideal = exact.run(qc, shots=20_000).result().get_counts()
        claim = distribution({k: n / 20_000 for k, n in ideal.items()}, within="calibration", job=job)
        verdict = claim.check(job.result().get_counts())
        assert verdict.tvd <= verdict.within + 0.02
        assert verdict.passed

    def test_a_job_may_be_given(self):
        backend = IQMBackend(FakeIQMClient("adonis", seed=3))
        job = backend.run(bell(backend), shots=1000)
        counts = job.result().get_counts()
        for within in ("calibration", "fake"):
            assert counts == distribution({"00": 0.5, "11": 0.5}, within=within, job=job)
            assert counts != distribution({"01": 0.5, "10": 0.5}, within=within, job=job)

    def test_of_some_bits_only_what_they_can_see_is_tolerated(self):
        """Of a job's marginals, and of the bits with a Z."""
        backend = IQMBackend(FakeIQMClient("adonis", seed=3))
        qc = QuantumCircuit(3)
        qc.h(0)
        qc.cx(0, 1)
        qc.x(2)
        qc.measure_all()
        job = backend.run(transpile(qc, backend, seed_transpiler=1), shots=1000)
        counts = job.result().get_counts()
        deltas = {}
        for places, declared in (
            ((0, 1, 2), {"100": 0.5, "111": 0.5}),
            ((1, 2), {"00": 0.5, "11": 0.5}),
            ((2, 1), {"00": 0.5, "11": 0.5}),
            ((0,), {"1": 1.0}),
        ):
            marginal = {}
            for key, count in counts.items():
                some = "".join(key[place] for place in places)
                marginal[some] = marginal.get(some, 0) + count
            verdict = distribution(declared, within="calibration", job=job).check(marginal)
            assert verdict.passed
            deltas[places] = verdict.within
        assert deltas[0,] < deltas[1, 2] == deltas[2, 1] < deltas[0, 1, 2]
        for pauli, places, bounds in (("ZII", (0,), {"at_most": -1.0}), ("IZZ", (1, 2), {"at_least": 1.0})):
            verdict = expectation(pauli, **bounds, within="calibration", job=job).check(counts)
            assert verdict.passed
            assert verdict.published == deltas[places]
        with pytest.raises(CountsError, match="needs a job's counts as they are, not with bits reordered, left out"):
            distribution({"1": 1.0}, within="fake", job=job).check(marginal)

    def test_what_else_is_made_of_the_counts_of_a_job_is_within_its_tolerance(self):
        backend = IQMBackend(FakeIQMClient("adonis", seed=3))
        job = backend.run(bell(backend), shots=1000)
        counts = job.result().get_counts()
        whole = distribution({"00": 0.5, "11": 0.5}, within="calibration", job=job)
        doubled = {key: 2 * count for key, count in counts.items()}
        equal = sum(counts[key] for key in ("00", "11"))
        parity = distribution({"0": 1.0}, within="calibration", job=job)
        assert whole.check(doubled).within == whole.check(counts).within
        assert parity.check({"0": equal, "1": 1000 - equal}).within == whole.check(counts).within

    def test_bits_that_cant_be_told_apart_are_all_tolerated(self):
        backend = IQMBackend(FakeIQMClient("adonis", seed=3))
        qc = QuantumCircuit(5)
        qc.measure_all()
        job = backend.run(transpile(qc, backend, seed_transpiler=1), shots=3)
        assert job.result().get_counts() == {"00000": 3}
        claim = distribution({"000": 1.0}, within="calibration", job=job)
        whole = distribution({"00000": 1.0}, within="calibration", job=job)
        assert claim.check({"000": 3}, alpha=0.1).within == whole.check({"00000": 3}, alpha=0.1).within

    def test_of_a_job_of_several_circuits_one_has_to_have_the_counts(self):
        backend = IQMBackend(FakeIQMClient("adonis", seed=3))
        job = backend.run([bell(backend), bell(backend)], shots=1000)
        claim = distribution({"00": 0.5, "11": 0.5}, within="calibration", job=job)
        assert all(counts == claim for counts in job.result().get_counts())
        with pytest.raises(
            CountsError, match=f"the circuit that the counts are of, and none of job {job.job_id()} has them"
        ):
            claim.check({"00": 1000, "11": 1000})

    def test_other_jobs_are_refused(self):
        with pytest.raises(CountsError, match=r"job is a job of an IQMBackend, as run\(\) returns it, got str"):
            distribution({"0": 1.0}, within="calibration", job="an-id").check({"0": 123, "1": 456})

    def test_without_a_job_nobody_knows(self):
        with pytest.raises(CountsError, match=r"give it, distribution\(..., job=job\)"):
            distribution({"0": 1.0}, within="calibration").check({"0": 123, "1": 456})

    def test_what_is_no_tolerance_is_refused(self):
        with pytest.raises(ValueError, match=r"within is 'calibration', 'fake', or a number .* got 'hardware'"):
            distribution({"0": 1.0}, within="hardware")
