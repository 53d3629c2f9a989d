"""Programs that make their own client, or do what IQM's software can't: the same test offline and live."""

import re

PROGRAM = """
import os
import pytest
from bell import counts
from pytest_iqm import distribution, support

def program(url):
    from iqm.qiskit_iqm import IQMProvider
    backend = IQMProvider(url, quantum_computer=os.environ.get("IQM_QUANTUM_COMPUTER", "adonis")).get_backend()
    return counts(backend)

@pytest.mark.iqm(device="adonis")
def test_url(iqm_url):
    assert program(iqm_url) == support(["00", "11"], leak=0.2)

@pytest.mark.iqm(device="adonis")
def test_http(iqm_http):
    assert program(os.environ["IQM_SERVER_URL"]) == distribution({"00": 0.5, "11": 0.5}, within="calibration")

def test_looks(iqm_http):
    assert iqm_http.jobs == []

@pytest.mark.iqm(device="adonis")
def test_elsewhere(iqm_url):
    assert iqm_url.startswith("http")
"""


def test_the_same_program_offline_and_live(suite, live, server):
    suite(test_a=PROGRAM).assert_outcomes(passed=4)
    result = live("-rs")
    result.assert_outcomes(passed=3, skipped=1)
    assert len(server.jobs) == 2
    output = result.stdout.str()
    assert "adonis: 2 jobs, 2000 shots submitted" in output
    assert "looks at iqm_http.jobs, which is the fake's, and this run is --iqm-live" in output
    assert re.findall(r"^passed, but no job of it was seen: (\S+);", output, re.M) == ["test_a.py::test_elsewhere"]


def test_its_jobs_are_in_the_budget_and_in_the_plan(suite, live, server):
    source = PROGRAM.replace("def test_looks", "def tset_looks")
    output = suite("--iqm-plan", "--iqm-device=adonis", test_a=source).stdout.str()
    assert re.search(r"^ +2 +2 +2000  in all", output, re.M)
    live("--iqm-max-jobs=1").assert_outcomes(passed=2, failed=1)
    assert len(server.jobs) == 1


def test_live_the_option_is_what_the_environment_names(live, monkeypatch):
    monkeypatch.setenv("IQM_QUANTUM_COMPUTER", "garnet")
    source = "import os\ndef test_x(iqm_url): assert os.environ['IQM_QUANTUM_COMPUTER'] == 'adonis'"
    live("--iqm-computer=adonis", test_a=source).assert_outcomes(passed=1)


UNTRANSPILED = """
from qiskit import QuantumCircuit

def test_x(iqm_backend):
    qc = QuantumCircuit(1, name="mine")
    qc.h(0)
    qc.measure_all()
    iqm_backend.run(qc)
"""


def test_an_untranspiled_circuit_shows_our_line_and_what_to_do(suite):
    lines = suite("-q", test_a=UNTRANSPILED).outlines
    output = "\n".join(lines)
    assert ">       iqm_backend.run(qc)" in output
    assert "Instruction 'h' in the circuit 'mine' is not natively supported" in output
    assert "transpile it for this backend first: transpile(circuit, backend)" in output
    assert "qiskit_iqm" not in output
    assert len(lines) < 35
    assert "qiskit_iqm" in suite("-q", "--tb=long").stdout.str()


SAMPLER = """
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from pytest_iqm import backend, support

def bell(backend):
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    return transpile(qc, backend)

backend._said.clear()  # as in a new process
pytestmark = pytest.mark.filterwarnings("default")

def test_estimator(iqm_backend):
    from qiskit.quantum_info import SparsePauliOp
    circuit = bell(iqm_backend).remove_final_measurements(inplace=False)
    observable = SparsePauliOp("ZZ").apply_layout(circuit.layout, iqm_backend.num_qubits)
    (result,) = BackendEstimatorV2(backend=iqm_backend).run([(circuit, observable)]).result()
    assert result.data.evs > 0.7

@pytest.mark.parametrize("n", range(2))
def test_sampler(iqm_backend, n):
    (result,) = BackendSamplerV2(backend=iqm_backend).run([bell(iqm_backend)], shots=1000).result()
    assert result.data.meas.get_counts() == support(["00", "11"], leak=0.2)
"""


def test_sampler_primitives_are_said_to_be_wrong_once(suite):
    result = suite(test_a=SAMPLER)
    result.assert_outcomes(passed=1, failed=2)
    output = result.stdout.str()
    assert output.count("UserWarning: sampler primitives") == 1
    assert output.count("hint      it looks as if a sampler primitive made these counts: ") >= 2
