"""A suspicious claim about a real machine is judged by fresh shots, too, before anything fails."""

import re
from urllib.parse import parse_qs

import pytest
from scipy import stats
from server_process import TOKEN, name_machine

from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.web.loopback import loopback

SHOTS = 200
LEVEL = 0.5

COINS = f"""
import pytest
from qiskit import QuantumCircuit, transpile
from pytest_iqm import distribution, probability, same_as

def counts(backend, **options):
    qc = QuantumCircuit(2, 2)
    qc.h(0)
    qc.measure([0, 1], [0, 1])
    return backend.run(transpile(qc, backend, seed_transpiler=1), shots={SHOTS}, **options).result().get_counts()

@pytest.mark.parametrize("n", range(20))
def test_fair(iqm_backend, n):
    assert counts(iqm_backend) == probability(["01", "11"], at_most=0.5)

def test_broken(iqm_backend):
    assert counts(iqm_backend) == probability(["01", "11"], at_most=0.05)

def test_twice(iqm_backend):
    seen = counts(iqm_backend)
    low = seen == probability(["01", "11"], at_most=0.05)
    high = seen == probability(["01", "11"], at_least=0.95)
    assert not low and not high

def test_renamed(iqm_backend):
    seen = {{key[::-1]: count for key, count in counts(iqm_backend).items()}}
    assert seen == probability(["10", "11"], at_most=0.05)

def test_slot(iqm_backend):
    assert counts(iqm_backend, use_timeslot=True) == probability(["01", "11"], at_most=0.05)

def test_two_samples(iqm_backend):
    assert counts(iqm_backend) == same_as({{"00": 10, "11": 190}})

def test_wrong_circuit(iqm_backend):
    assert counts(iqm_backend) == distribution({{"00": 1.0}}, within="fake")

@pytest.fixture(scope="module")
def shared(iqm_backend):
    return counts(iqm_backend, use_timeslot=True)

def test_shared(shared):
    pass

def test_shared_later(iqm_backend, shared):
    assert shared == probability(["01", "11"], at_most=0.05)

def test_job(iqm_backend):
    zero, coin = QuantumCircuit(1), QuantumCircuit(1)
    coin.h(0)
    for qc in (zero, coin):
        qc.measure_all()
    job = iqm_backend.run(transpile([zero, coin], iqm_backend), shots=1000)
    assert job.result().get_counts(1) == distribution({{"1": 1.0}}, within="calibration", job=job)
"""


@pytest.fixture
def server():
    machine = FakeIQMServer("adonis", seed=4, noise=False)
    machine.timeslot_booked = True
    return machine


def ones(job):
    (bits, _) = job.results[0].values()
    return int(bits.sum())


def expected(server):
    """Return the numbers of tests that have failed, and that were suspicious, by the jobs of the server in order."""
    tests = failed = suspicious = 0
    jobs = iter(server.jobs)
    for job in jobs:
        tests += 1
        if stats.binom.sf(ones(job) - 1, SHOTS, 0.5) < LEVEL:
            suspicious += 1
            failed += stats.binom.sf(ones(next(jobs)) - 1, SHOTS, 0.5) < LEVEL
    return tests, failed, suspicious


@pytest.fixture
def often(pytester):
    """Let every other claim be suspicious."""
    pytester.makeini(f"[pytest]\niqm_alpha = {LEVEL**2}")


@pytest.mark.usefixtures("often")
def test_what_fails_failed_twice(live, server):
    result = live("-k", "fair", test_a=COINS)
    tests, failed, suspicious = expected(server)
    assert tests == 20
    assert 0 < failed < suspicious < 20
    result.assert_outcomes(failed=failed, passed=20 - failed)
    output = result.stdout.str()
    again = [line for line in result.outlines if line.startswith("E         again     ")]
    assert len(again) == failed
    assert all(line.endswith("it fails because both are below 0.5") for line in again)
    assert f"{20 + suspicious} jobs, {SHOTS * (20 + suspicious)} shots submitted" in output


@pytest.mark.usefixtures("often")
def test_a_replay_repeats_what_was_repeated(live, suite, server, monkeypatch):
    result = live("--iqm-record", "missing", "-k", "fair", test_a=COINS)
    tests, failed, suspicious = expected(server)
    monkeypatch.delenv("IQM_SERVER_URL")
    others = [word for line in result.outlines if line.startswith("FAILED") for word in ("--deselect", line.split()[1])]
    replay = suite("--iqm-record", "replay", "-k", "fair", *others)
    replay.assert_outcomes(passed=tests - failed)
    repeated = suspicious - failed
    assert repeated > 0
    replay.stdout.fnmatch_lines(f"recordings: {tests - failed + repeated} replayed, 0 unused")


@pytest.mark.usefixtures("often")
def test_a_simulation_is_not_repeated(suite):
    output = suite("-k", "broken or fair", test_a=COINS).stdout.str()
    assert "counts == claim (refuted: " in output
    assert "again" not in output


def test_a_broken_program_fails_and_both_samples_are_shown(live, server):
    output = live("-k", "broken", test_a=COINS).stdout.str()
    assert re.search(r"again     P\(01 or 11\) = 0\.\d+, 0\.\d+ away in 200 shots: p = ", output)
    assert "it fails because both are below 0.001" in output
    assert f"job       {server.jobs[0].id}" in output
    assert len(server.jobs) == 2
    assert str(server.jobs[1].id) in output


def test_a_budget_without_room_leaves_the_claim_to_its_first_shots(live, server):
    result = live("--iqm-max-jobs", "1", "-k", "broken", test_a=COINS)
    result.assert_outcomes(failed=1)
    output = result.stdout.str()
    assert "again     not run again: this job was not submitted, the budget does not allow it" in output
    assert "rerun     pytest test_a.py::test_broken --iqm-live --iqm-max-jobs=1" in output
    assert "counts == claim (refuted: " in output
    assert len(server.jobs) == 1


def test_counts_that_are_not_a_jobs_are_judged_once(live, server):
    output = live("-k", "renamed", test_a=COINS).stdout.str()
    assert "not run again: these are not the counts of a circuit of this test" in output
    assert len(server.jobs) == 1


def test_counts_of_a_fixture_that_lives_longer_are_repeated(live, server):
    output = live("-k", "shared", test_a=COINS).stdout.str()
    assert "it fails because both are below 0.001" in output
    assert len(server.jobs) == 2


@pytest.mark.parametrize("test", ["two_samples", "wrong_circuit"])
def test_what_fresh_shots_can_not_change_is_final(live, server, test):
    output = live("-k", test, test_a=COINS).stdout.str()
    assert "counts == claim (refuted: " in output
    assert "again" not in output
    assert len(server.jobs) == 1


def test_a_claim_that_is_given_its_job_finds_the_fresh_one(live, server):
    output = live("-k", "test_job", test_a=COINS).stdout.str()
    assert "CountsError" not in output
    assert "it fails because both are below 0.001" in output
    assert f"job       {server.jobs[0].id}, circuit 2 of 2" in output
    assert len(server.jobs) == 2


def test_every_claim_has_fresh_shots_of_its_own(live, server):
    live("-k", "twice", test_a=COINS)
    assert len(server.jobs) == 3


def test_a_failed_repetition_leaves_the_claim_to_its_first_shots(live, server):
    server.faults.job(after=1).fails("a cryostat warmed up")
    output = live("-k", "broken", test_a=COINS).stdout.str()
    assert "not run again: job " in output
    assert "a cryostat warmed up" in output


def test_the_repetition_goes_to_the_same_queue(suite, server, monkeypatch):
    queries = []
    api = Api(server, token=TOKEN)

    def watched(environ, start_response):
        if environ["REQUEST_METHOD"] == "POST":
            queries.append(parse_qs(environ["QUERY_STRING"]))
        return api(environ, start_response)

    with loopback(watched) as url:
        name_machine(monkeypatch, url, "adonis")
        suite("--iqm-live", "-k", "slot or broken or shared", test_a=COINS)
    assert [query["use_timeslot"] for query in queries] == [["false"]] * 2 + [["true"]] * 4
