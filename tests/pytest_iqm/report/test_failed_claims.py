"""Claims in tests: α and shots from the ini file, tolerances from the calibration, explanations, and the summary."""

import re
import shlex

import pytest
from circuits import bell
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from qiskit.circuit import CircuitInstruction, Delay
from server_process import TOKEN

from iqm_fakes import Api, Device, FakeIQMClient, FakeIQMServer, loopback
from pytest_iqm import IQMBackend, distribution, strategies
from pytest_iqm.statistics import CountsError

SUITE = """
import pytest
from qiskit import QuantumCircuit, transpile
from pytest_iqm import distribution, support

BELL = {"00": 0.5, "11": 0.5}

def counts(backend, shots, cx=True):
    qc = QuantumCircuit(2)
    qc.h(0)
    if cx:
        qc.cx(0, 1)
    qc.measure_all()
    return backend.run(transpile(qc, backend, seed_transpiler=1), shots=shots).result().get_counts()

def test_good(iqm_backend, iqm_shots):
    assert counts(iqm_backend, iqm_shots) == distribution(BELL, within="calibration")

def test_broken(iqm_backend, iqm_shots):
    assert counts(iqm_backend, iqm_shots, cx=False) == distribution(BELL, within="calibration")

def test_close(iqm_backend):
    assert support(["00", "11"], leak=0.03) == {"00": 948, "01": 52}
"""


def test_every_device_has_its_own_tolerance(suite):
    arguments = [word for name in ("adonis", "garnet", "deneb", "sirius") for word in ("--iqm-device", name)]
    suite(*arguments, "-k", "good", test_a=SUITE).assert_outcomes(passed=4)
    suite(*arguments, "-k", "broken").assert_outcomes(failed=4)


def test_a_failure_is_explained(suite):
    result = suite("--iqm-device", "adonis", "-k", "broken", test_a=SUITE)
    output = result.stdout.str()
    assert "assert counts refute the claim" in output
    for line in (
        r"claim     TVD\(device, declared\) ≤ 0\.\d+ \(calibration\)",
        r"observed  0\.\d+ away in 1000 shots: p [=<] \S+ < α = 1e-06",
        r"hint      it looks as if bit 1 is always 0 \(a missing gate on it, such as an H or a CX\?\)",
        r"outcome  expected  observed  99% interval",
        r"01          0\.000     0\.\d{3}  0\.\d{3} \.\.\. 0\.\d{3}  <",
        r"machine   fake adonis, seed \d+",
        r"job       [0-9a-f-]{36}",
        r"rerun     pytest test_a.py::test_broken --iqm-seed=0 --iqm-device=adonis",
    ):
        assert re.search(line, output), line


@pytest.mark.parametrize("devices", [(), ("--iqm-device", "mine.json")])
def test_the_replay_command_repeats_the_failure(suite, pytester, devices):
    Device.load("deneb").save(pytester.path / "mine.json")
    first = suite("--iqm-device", "adonis", *devices, "--iqm-seed=5", "-k", "broken", test_a=SUITE)
    command = next(line for line in first.outlines if line.startswith("rerun "))
    again = suite(*shlex.split(command)[2:])
    again.assert_outcomes(failed=1)
    table, repeated = (
        [line for line in result.outlines if line.startswith(("00 ", "01 ", "10 ", "11 "))] for result in (first, again)
    )
    assert repeated
    assert repeated == table[: len(repeated)]


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
    assert tables[0][:9] == again.outlines[again.outlines.index(tables[0][0]) :][:9]


BATCH = """
from qiskit import QuantumCircuit, transpile
from pytest_iqm import distribution, support

def test_batch(iqm_backend):
    circuits = []
    for angle in (0.0, 1.0, 2.0):
        qc = QuantumCircuit(1)
        qc.ry(angle, 0)
        qc.measure_all()
        circuits.append(qc)
    native = transpile(circuits, iqm_backend, seed_transpiler=1)
    jobs = [iqm_backend.run(native, shots=500) for _ in range(12)]
    assert jobs[2].result().get_counts(1) == support("0", leak=0.1)

def test_noise(iqm_backend):
    qc = QuantumCircuit(1)
    qc.measure_all()
    counts = iqm_backend.run(transpile(qc, iqm_backend), shots=1000).result().get_counts()
    assert counts == distribution({"0": 1.0})
"""


def test_a_failure_names_the_job_and_its_circuit(suite):
    output = suite("--iqm-device", "adonis", "-k", "batch", test_a=BATCH).stdout.str()
    jobs = re.search(r"- IQM jobs -+\n((?:[0-9a-f-]{36}\n)+)and 2 before\n", output)[1].split()
    assert len(jobs) == 10
    assert re.findall(r"^job       (.*)$", output, re.MULTILINE) == [f"{jobs[0]}, circuit 2 of 3"]


def test_noise_that_was_not_allowed_for_is_named(suite):
    output = suite("--iqm-device", "adonis", "-k", "noise", test_a=BATCH).stdout.str()
    said = (
        r"hint      it looks as if only noise is wrong: published errors allow (0\.0\d+), as within='calibration' does"
    )
    allowed = re.search(said, output)[1]
    suite(
        "--iqm-device", "adonis", "-k", "noise", test_a=BATCH.replace("1.0})", f"1.0}}, within={allowed})")
    ).assert_outcomes(passed=1, deselected=1)


def test_the_summary_of_claims_none_of_which_holds(suite):
    output = suite("--iqm-device", "adonis", "-k", "batch", test_a=BATCH).stdout.str()
    assert "claims: 1; if all are true, one of them fails with a probability of at most 1.0e-06" in output
    assert "tightest" not in output
    assert "tolerance" not in output


def test_the_summary_names_the_widest_tolerance(suite):
    output = suite("--iqm-device", "adonis", "--iqm-device", "garnet", "-k", "good", test_a=SUITE).stdout.str()
    assert re.search(
        r"^widest tolerance of a calibration: 0\.1\d+, in test_a.py::test_good\[adonis\]$", output, re.MULTILINE
    )


def test_the_summary_counts_claims_and_near_misses(suite):
    output = suite("--iqm-device", "adonis", "-k", "good or close", test_a=SUITE).stdout.str()
    assert "claims: 2; if all are true, one of them fails with a probability of at most 2.0e-06" in output
    assert "near miss: p = " in output
    assert "P(another outcome) ≤ 0.03 in test_a.py::test_close" in output


def test_claims_in_fixtures_and_subtests_are_reported_once(suite):
    source = """
    import pytest
    from pytest_iqm import support

    @pytest.fixture
    def right():
        assert {"00": 1000} == support(["00"])
        yield
        assert {"00": 1000} == support(["00"])

    @pytest.fixture
    def wrong():
        assert {"00": 1000} == support(["11"])

    def test_right(right):
        assert {"00": 1000} == support(["00"])

    def test_wrong(wrong):
        pass

    def test_parts(subtests):
        for outcome in ("00", "11"):
            with subtests.test(outcome):
                assert {"00": 1000} == support([outcome])
    """
    tests, claims = ["right", "wrong"], 4
    if int(pytest.__version__.split(".")[0]) >= 9:
        tests, claims = [*tests, "parts"], 6
    result = suite("-k", " or ".join(tests), test_a=source)
    output = result.stdout.str()
    assert f"claims: {claims}; if" in output
    assert output.count("- IQM claim -") == len(tests) - 1


NOT = """
import pytest
from bell import counts
from pytest_iqm import distribution, support

def test_differs(iqm_backend):
    assert counts(iqm_backend) != distribution({"01": 0.5, "10": 0.5}, within="calibration")

def test_does_not_differ(iqm_backend):
    assert counts(iqm_backend) != support(["00", "11"], leak=0.2)

def test_is_wrong_elsewhere(iqm_backend):
    assert counts(iqm_backend) != support(["01"])
    assert 1 + 1 == 3
"""


def test_claims_that_should_be_refuted(suite):
    result = suite("--iqm-device", "adonis", test_a=NOT)
    result.assert_outcomes(passed=1, failed=2)
    output = result.stdout.str()
    assert "assert counts do not refute the claim: 0.000 away" in output
    assert output.count("- IQM claim -") == 1
    assert "claims:" not in output


def test_of_examples_the_smallest_is_explained(suite):
    source = """
    from hypothesis import given, settings, strategies as st
    from pytest_iqm import support

    @settings(database=None)
    @given(st.integers(0, 500))
    def test_small(n):
        assert {"00": 1000, "11": n} == support(["00"], leak=0.1)
    """
    output = suite(test_a=source).stdout.str()
    assert output.count("- IQM claim -") == 1
    smallest = int(re.search(r"n=(\d+)", output)[1])
    assert 111 < smallest < 300
    assert re.search(rf"^11 +{smallest / (1000 + smallest):.3f} ", output, re.MULTILINE)
    assert output.count("near miss") <= 1


def test_workers_report_their_claims(suite, pytester):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    pytester.makepyfile(test_a=SUITE)
    arguments = ("-n", "2", "-k", "good or close", "--iqm-device", "adonis", "-p", "no:randomly")
    assert "claims: 2; if" in pytester.runpytest_subprocess(*arguments).stdout.str()


def test_alpha_and_shots_are_ini_settings(suite, pytester):
    pytester.makeini("[pytest]\niqm_alpha = 0.01\niqm_shots = 300")
    result = suite("--iqm-device", "adonis", test_a=SUITE)
    result.assert_outcomes(passed=1, failed=2)
    assert "away in 300 shots: p" in result.stdout.str()
    assert "< α = 0.01" in result.stdout.str()


@pytest.mark.parametrize(
    ("ini", "said"),
    [
        ("iqm_alpha = 2", "ini iqm_alpha lies between 0 and 1, got '2'"),
        ("iqm_alpha = small", "ini iqm_alpha lies between 0 and 1, got 'small'"),
        ("iqm_shots = 0", "ini iqm_shots is a positive whole number, got '0'"),
    ],
)
def test_wrong_settings_are_usage_errors(suite, pytester, ini, said):
    pytester.makeini(f"[pytest]\n{ini}")
    result = suite(test_a=SUITE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str()


MISUSE = """
import pytest
from pytest_iqm import distribution, expectation, shots_for, support

def test_width():
    assert {"000": 1000} == support(["00"])

def test_counts():
    assert {"00": 0.5} == support(["00"])

def test_shots():
    assert {"00": 2} == support(["00"], leak=0.1)

def test_sum():
    distribution({"00": 0.7})

def test_pauli():
    expectation("XX", at_least=0.5)

def test_plan():
    shots_for(detect=0.1, within=0.2)

def test_job(iqm_backend):
    assert {"00": 700} == distribution({"00": 1.0}, within="calibration")
"""


def test_misuse_is_shown_where_it_is(suite):
    result = suite("--iqm-device", "adonis", test_a=MISUSE)
    result.assert_outcomes(failed=7)
    output = result.stdout.str()
    assert "pytest_iqm/" not in output.replace("pytest_iqm.", "")
    assert len(re.findall(r"^test_a.py:\d+: \w+Error|^test_a.py:\d+: TooFewShots", output, re.MULTILINE)) == 7
    assert "statistics/claims.py" in suite("--full-trace", "-k", "width").stdout.str()


def test_plans_know_alpha(suite, pytester):
    pytester.makeini("[pytest]\niqm_alpha = 1e-3")
    source = """
    from pytest_iqm import shots_for
    SHOTS = shots_for(detect=0.15, within=0.05)
    def test_x():
        assert SHOTS == shots_for(detect=0.15, within=0.05, alpha=1e-3)
        assert SHOTS < shots_for(detect=0.15, within=0.05, alpha=1e-6)
    """
    suite(test_a=source).assert_outcomes(passed=1)


def test_other_comparisons_are_left_to_pytest(suite):
    source = "import pytest_iqm.statistics\ndef test_x(): assert {'00': 1} == {'00': 2}"
    assert "Differing items" in suite(test_a=source).stdout.str()


@pytest.mark.parametrize(
    ("alias", "outcomes"),
    [("adonis", {"failed": 1, "passed": 2}), ("adonis:mock", {"passed": 1, "inconclusive": 2})],
)
def test_the_same_claims_hold_live_and_mean_nothing_on_random_bits(suite, monkeypatch, alias, outcomes):
    server = FakeIQMServer(Device.from_document({**Device.load("adonis").document, "alias": alias}), seed=1)
    with loopback(Api(server, token=TOKEN)) as url:
        monkeypatch.setenv("IQM_SERVER_URL", url)
        monkeypatch.setenv("IQM_QUANTUM_COMPUTER", alias)
        monkeypatch.setenv("IQM_TOKEN", TOKEN)
        result = suite("--iqm-live", test_a=SUITE)
    assert outcomes.items() <= result.parseoutcomes().items()
    assert "claims: 3; if" in result.stdout.str()


class TestRandomBits:
    @pytest.fixture
    def server(self):
        document = {**Device.load("adonis").document, "alias": "adonis:mock"}
        return FakeIQMServer(Device.from_document(document), seed=1)

    def test_they_refute_what_should_be_refuted(self, live):
        assert live("-k", "differ", test_a=NOT).parseoutcomes()["inconclusive"] == 2


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
        assert "claims: 3; if" in replay.stdout.str()

    def test_the_replay_command_of_a_replay_replays(self, live, suite, monkeypatch):
        live("--iqm-record", "missing", "-k", "good", test_a=SUITE).assert_outcomes(passed=1)
        monkeypatch.delenv("IQM_SERVER_URL")
        stricter = SUITE.replace('within="calibration"', "within=0.0")
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

    def test_what_is_made_of_the_counts_of_a_job_is_within_its_tolerance(self):
        backend = IQMBackend(FakeIQMClient("adonis", seed=3))
        job = backend.run(bell(backend), shots=1000)
        counts = job.result().get_counts()
        marginal = {bit: sum(n for key, n in counts.items() if key[0] == bit) for bit in "01"}
        claim = distribution({"0": 0.5, "1": 0.5}, within="calibration", job=job)
        whole = distribution({"00": 0.5, "11": 0.5}, within="calibration", job=job)
        assert marginal == claim
        assert claim.check(marginal).within == whole.check(counts).within
        with pytest.raises(CountsError, match="needs a job's counts as they are, not with bits reordered, left out"):
            distribution({"0": 0.5, "1": 0.5}, within="fake", job=job).check(marginal)

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
