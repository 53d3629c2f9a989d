"""Figures of plans and reports: attempts, subtests, fixtures, properties; a plan is what a live run submits."""

import json
import re

import pytest

SHARED = """
import pytest
from bell import counts

@pytest.fixture(scope="session")
def shared(iqm_backend):
    job = counts(iqm_backend, 10)
    yield job
    counts(iqm_backend, 20)
"""

SUITES = {
    "plain": "def test_x(iqm_backend): counts(iqm_backend, 30)",
    "one seed": """
@pytest.mark.iqm(seed=7)
@pytest.mark.parametrize("n", range(4))
def test_x(iqm_backend, n): counts(iqm_backend, 30)
""",
    "session": """
def test_x(shared): pass
def test_y(shared, iqm_backend): counts(iqm_backend, 30)
""",
    "late": """
def test_x(request): counts(request.getfixturevalue("iqm_backend"), 30)
def test_y(request): request.getfixturevalue("shared")
""",
    "retrieved": """
def test_x(iqm_backend):
    counts(iqm_backend, 30)
    pytest.kept = iqm_backend.run(pytest.bell(iqm_backend), shots=40).job_id()
def test_y(iqm_backend): assert iqm_backend.retrieve_job(pytest.kept).result().success
""",
    "factory": "def test_x(iqm_backend_factory): counts(iqm_backend_factory(use_metrics=True), 30)",
    "skipped": """
@pytest.mark.iqm(noise=False)
def test_x(iqm_backend): counts(iqm_backend, 30)
def test_y(iqm_server): pass
@pytest.mark.iqm(device="deneb")
def test_z(shared): pass
""",
    "parameters": """
@pytest.fixture(scope="module", params=[10, 20])
def taken(iqm_backend, request): return counts(iqm_backend, request.param)
def test_x(taken): pass
def test_y(taken, iqm_backend): counts(iqm_backend, 30)
""",
    "batch": """
def test_x(iqm_backend):
    iqm_backend.run([pytest.bell(iqm_backend)] * 3, shots=15).result()
""",
    "teardown": """
@pytest.fixture
def after(iqm_backend):
    yield
    counts(iqm_backend, 30)
def test_x(after): pass
""",
}

CONFTEST = """
import pytest
from qiskit import QuantumCircuit, transpile

def bell(backend):
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    return transpile(qc, backend, seed_transpiler=1)

pytest.bell = bell
"""


def planned(output):
    (line,) = re.findall(r"^ *(\d+) +(\d+) +(\d+)  in all", output, re.M)
    return [int(number) for number in line]


@pytest.mark.parametrize("name", SUITES)
def test_a_plan_is_what_a_live_run_submits(suite, live, server, name):
    sources = {"conftest": CONFTEST, "test_a": SHARED + SUITES[name]}
    before = len(server.jobs)
    jobs, circuits, shots = planned(suite("--iqm-plan", "--iqm-device=adonis", **sources).stdout.str())
    live(**sources)
    payloads = [job.payload for job in server.jobs[before:]]
    assert jobs == len(payloads)
    assert circuits == sum(len(payload["circuits"]) for payload in payloads)
    assert shots == sum(len(payload["circuits"]) * payload["shots"] for payload in payloads)


def test_with_workers_too(suite, live, server, pytester, monkeypatch):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    tests = "".join(f"def test_{n}(shared, iqm_backend): counts(iqm_backend, 30)\n" for n in range(4))
    live("--co", conftest=CONFTEST, test_a=SHARED + tests)
    monkeypatch.setenv("PYTHONPATH", str(pytester.path), prepend=":")
    arguments = ("-n", "2", "--dist", "each", "-p", "no:randomly", "--iqm-device=adonis")
    output = pytester.runpytest_subprocess("--iqm-plan", *arguments).stdout.str()
    assert planned(output) == [12, 12, 2 * (4 * 30 + 10 + 20)]
    pytester.runpytest_subprocess("--iqm-live", *arguments[:-1])
    assert len(server.jobs) == 12


RERUN = """
import pytest
from bell import counts

@pytest.fixture
def broken(iqm_backend):
    counts(iqm_backend, 30)
    raise ValueError("broken")

def test_flaky(iqm_backend):
    counts(iqm_backend, 10)
    pytest.attempt = getattr(pytest, "attempt", 0) + 1
    assert pytest.attempt > 1

def test_setup(broken): pass

@pytest.mark.xfail(reason="known")
def test_xfail(iqm_backend):
    counts(iqm_backend, 20)
    assert False
"""


def test_a_report_has_the_last_outcome_and_the_jobs_of_all_attempts(suite, pytester):
    pytest.importorskip("pytest_rerunfailures", reason="needs pytest-rerunfailures")
    report, junit = pytester.path / "report.json", pytester.path / "junit.xml"
    pytester.makeini("[pytest]\niqm_job_properties = true\njunit_family = xunit1")
    suite("--reruns=1", f"--iqm-report={report}", f"--junitxml={junit}", test_a=RERUN).assert_outcomes(
        passed=1, errors=1, xfailed=1
    )
    tests = {test["test"].rpartition("::")[2]: test for test in json.loads(report.read_text())["tests"]}
    assert {name: test["outcome"] for name, test in tests.items()} == {
        "test_flaky": "passed",
        "test_setup": "failed",
        "test_xfail": "xfailed",
    }
    assert {name: len(test["jobs"]) for name, test in tests.items()} == {
        "test_flaky": 2,
        "test_setup": 2,
        "test_xfail": 1,
    }
    assert "message" not in tests["test_flaky"]
    assert "broken" in tests["test_setup"]["message"]
    assert tests["test_xfail"]["message"] == "known"
    cases = dict(re.findall(r'<testcase [^>]*name="(\w+)"(.*?)</testcase>', junit.read_text(), re.S))
    for name, case in cases.items():
        found = re.findall(r'name="iqm_job" value="([^"]+)"', case)
        assert found == [tests[name]["jobs"][-1]["id"]], name


SUBTESTS = """
from bell import counts

def test_x(iqm_backend, subtests):
    for shots in (10, 20):
        with subtests.test(shots=shots):
            seen = counts(iqm_backend, shots)
            assert sum(seen.values()) == 10, "twenty"
"""


@pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="pytest before 9 has no subtests")
def test_a_failed_subtest_has_its_message(suite, pytester):
    report, junit = pytester.path / "report.json", pytester.path / "junit.xml"
    pytester.makeini("[pytest]\niqm_job_properties = true\njunit_family = xunit1")
    suite(f"--iqm-report={report}", f"--junitxml={junit}", test_a=SUBTESTS)
    (test,) = json.loads(report.read_text())["tests"]
    assert test["outcome"] == "failed"
    assert "twenty" in test["message"]
    assert len(test["jobs"]) == 2
    assert junit.read_text().count('name="iqm_job"') == len(
        set(re.findall(r'"iqm_job" value="(\S+)"', junit.read_text()))
    )


def test_a_failing_assert_shows_how_to_repeat_it(suite):
    source = """
    from bell import counts
    def test_x(iqm_backend): assert counts(iqm_backend) == {}
    def test_other(): assert False
    """
    output = suite("-q", "--iqm-seed=random", test_a=source).stdout.str()
    seed = re.search(r"rerun     pytest test_a.py::test_x --iqm-seed=(\d+)", output)[1]
    assert output.count("rerun  ") == 1
    first = re.search(r"assert (\{.*\}) == \{\}", output)[1]
    again = suite("-q", f"--iqm-seed={seed}", "test_a.py::test_x").stdout.str()
    assert re.search(r"assert (\{.*\}) == \{\}", again)[1] == first
