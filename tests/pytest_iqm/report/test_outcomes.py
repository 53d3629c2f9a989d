"""What a report says of circuits: outcomes as Qiskit has them, and what a perfect machine would measure."""

import json
import re

import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

import pytest_iqm.executions

SUITE = """
import json
from pathlib import Path
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from pytest_iqm import distribution, expectation, support

def run(backend, *circuits, shots=400):
    native = [transpile(circuit, backend, seed_transpiler=1) for circuit in circuits]
    job = backend.run(native, shots=shots)
    counts = job.result().get_counts()
    Path("counts.json").write_text(json.dumps(counts if len(circuits) > 1 else [counts]))
    return counts

def test_registers(iqm_backend):
    circuits = []
    for angle in (0.4, 1.9):
        qc = QuantumCircuit(QuantumRegister(3), ClassicalRegister(1, "a"), ClassicalRegister(3, "b"))
        qc.ry(angle, 0)
        qc.cx(0, 1)
        qc.x(2)
        qc.measure([2, 1, 0], [0, 1, 3])
        circuits.append(qc)
    run(iqm_backend, *circuits)

def test_reversed(iqm_backend):
    qc = QuantumCircuit(3)
    qc.x(0)
    qc.measure_all()
    assert run(iqm_backend, qc) == distribution({"100": 1.0}, within="calibration")

def test_parity(iqm_backend):
    qc = QuantumCircuit(2)
    qc.measure_all()
    assert run(iqm_backend, qc) == expectation("ZZ", at_least=0.5)

def test_random(iqm_backend):
    qc = QuantumCircuit(3)
    for qubit in range(3):
        qc.ry(0.3 + qubit, qubit)
    qc.cx(0, 1)
    qc.cx(1, 2)
    qc.rx(0.7, 1)
    qc.measure_all()
    run(iqm_backend, qc)

def test_no_job():
    assert 1 + 1 == 3

def test_passes():
    pass
"""


@pytest.fixture
def report(suite, pytester):
    def report(select):
        arguments = ("--iqm-device", "adonis", "--iqm-report=out.json", "--iqm-report=out.html", "-k", select)
        suite(*arguments, test_a=SUITE)
        return json.loads((pytester.path / "out.json").read_text()), (pytester.path / "out.html").read_text()

    return report


def counts(pytester):
    return json.loads((pytester.path / "counts.json").read_text())


def words(page):
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.S))


def test_outcomes_are_those_of_get_counts(report, pytester):
    document, page = report("registers")
    (job,) = document["tests"][0]["jobs"]
    assert [circuit["measured"] for circuit in job["shown"]] == counts(pytester)
    assert {circuit["order"] for circuit in job["shown"]} == {"qiskit"}
    assert page.count("Qiskit's order") + page.count("Qiskit&#39;s order") == 1
    assert "outcome of b a" in page
    assert "Circuit 1 of 2: " in page
    assert "Circuit 2 of 2: " in page
    for outcome in counts(pytester)[0]:
        assert f"<code>{outcome}</code>" in page


FOREIGN = """
import requests

def step(name, *locus, **args):
    return {"name": name, "locus": list(locus), "args": args}

def test_foreign(iqm_url, iqm_client):
    steps = [
        step("prx", "QB1", angle=3.141592653589793, phase=0.0),
        step("measure", "QB1", "QB2", key="left"),
        step("measure", "QB3", key="<right>"),
    ]
    body = {"circuits": [{"name": "c", "instructions": steps}], "shots": 50}
    job = requests.post(f"{iqm_url}/api/v1/jobs/adonis/circuit", json=body, timeout=60)
    assert job.ok
"""


def test_bits_of_other_programs_are_in_the_order_of_their_keys(suite, pytester):
    suite("--iqm-device=adonis", "--iqm-report=out.json", "--iqm-report=out.html", test_a=FOREIGN).assert_outcomes(
        passed=1
    )
    document = json.loads((pytester.path / "out.json").read_text())
    (circuit,) = document["tests"][0]["jobs"][0]["shown"]
    assert circuit["expected"]["10 0"] == pytest.approx(1, abs=1e-9)
    assert max(circuit["measured"], key=circuit["measured"].get) == "10 0"
    assert (circuit["order"], circuit["keys"]) == ("keys", ["left", "<right>"])
    page = (pytester.path / "out.html").read_text()
    assert "outcome of left &lt;right&gt;" in page
    assert "Qiskit's order" not in words(page).replace("&#39;", "'")
    assert "the bits of an outcome are in the order of its keys" in words(page)


def test_a_claim_on_reversed_bits_shows_what_qiskit_shows(report):
    document, page = report("reversed")
    (circuit,) = document["tests"][0]["jobs"][0]["shown"]
    assert max(circuit["measured"], key=circuit["measured"].get) == "001"
    assert circuit["expected"]["001"] == pytest.approx(1, abs=1e-9)
    (claim,) = document["tests"][0]["claims"]
    assert (claim["job"], claim["circuit"]) == (document["tests"][0]["jobs"][0]["id"], 0)
    assert claim["declared"] == {"100": 1.0}
    assert words(page).count("it looks as if the bits are in reverse order") == 1
    bands = re.findall(r'class="claim" x="([\d.]+)" width="([\d.]+)" y="0"', page)
    within = 100 * claim["within"]
    assert ("0.00", f"{within:.2f}") in bands
    assert (f"{100 - within:.2f}", f"{within:.2f}") in bands


def test_claims_that_declare_no_probabilities_have_no_bands(report):
    document, page = report("parity")
    (claim,) = document["tests"][0]["claims"]
    assert "declared" not in claim
    assert 'class="claim" x="0.00"' not in page
    assert "0.5 ≤ ⟨ZZ⟩" in page


def random_circuit():
    qc = QuantumCircuit(3)
    for qubit in range(3):
        qc.ry(0.3 + qubit, qubit)
    qc.cx(0, 1)
    qc.cx(1, 2)
    qc.rx(0.7, 1)
    return qc


def test_without_noise_is_exact(report):
    document, page = report("random")
    (circuit,) = document["tests"][0]["jobs"][0]["shown"]
    exact = Statevector(random_circuit()).probabilities_dict()
    assert circuit["expected"] == pytest.approx({outcome: exact[outcome] for outcome in circuit["expected"]}, abs=1e-9)
    assert {outcome for outcome, p in exact.items() if p > 1e-3} <= {*circuit["expected"]}
    assert circuit["expected_shots"] is None
    assert "without noise" in page
    assert "simulated" not in page


def test_a_sample_is_called_one(report, monkeypatch):
    monkeypatch.setattr(pytest_iqm.executions, "exact", lambda *arguments: None)
    document, page = report("random")
    (circuit,) = document["tests"][0]["jobs"][0]["shown"]
    assert circuit["expected_shots"] == 20_000
    assert "without noise, in 20000 simulated shots" in page
    exact = Statevector(random_circuit()).probabilities_dict()
    assert circuit["expected"] == pytest.approx({outcome: exact[outcome] for outcome in circuit["expected"]}, abs=0.03)


def test_totals_and_failed_tests_without_jobs(report, pytester):
    document, page = report("reversed or no_job or passes or parity")
    assert [test["test"].partition("::")[2] for test in document["tests"]] == [
        "test_reversed",
        "test_parity",
        "test_no_job",
    ]
    assert "assert (1 + 1) == 3" in words(page)
    said = words(page)
    for total in ("2 failed", "1 passed", "2 claims, 1 refuted", "2 jobs", "2 circuits", "800 shots"):
        assert f" {total} " in said
    assert "no jobs" in said


def test_the_chip_shows_the_qubits_that_were_used(report):
    document, page = report("reversed")
    (job,) = document["tests"][0]["jobs"]
    used = re.findall(r'class="qubit used"[^>]*></circle><text[^>]*>(\w+)<', page)
    assert sorted(used) == sorted(component["name"] for component in job["components"])
    assert len(re.findall(r'class="qubit"', page)) == 5 - len(used)
    assert list(document["chips"]) == [job["calibration_set"]]


SKIPPED = """
import pytest
from bell import counts

def test_first(iqm_backend): counts(iqm_backend, 30)

@pytest.mark.skip
def test_skipped(iqm_backend): counts(iqm_backend, 30)
"""


def test_a_skipped_test_has_no_jobs_of_the_one_before(suite, pytester):
    pytester.makeini("[pytest]\niqm_job_properties = true\njunit_family = xunit1")
    output = suite("--iqm-plan", "--iqm-report=out.json", "--junitxml=out.xml", test_a=SKIPPED).stdout.str()
    assert re.search(r"^ +1 +1 +30  in all, by 1 test$", output, re.M)
    assert [test["test"] for test in json.loads((pytester.path / "out.json").read_text())["tests"]] == [
        "test_a.py::test_first"
    ]
    assert (pytester.path / "out.xml").read_text().count('name="iqm_job"') == 1
