"""Nobody meets what another test or fixture did to a client or a backend; what a wider fixture did stays its own."""

import re

import pytest

OWN = """
import pytest
from bell import counts
from qiskit.circuit.library import HGate
from qiskit.transpiler import InstructionProperties

@pytest.fixture(scope="module")
def prepared(iqm_backend, iqm_server):
    iqm_backend.set_options(shots=77)
    counts(iqm_backend)
    assert len(iqm_server.jobs) == 1
    return iqm_backend

@pytest.mark.parametrize("n", range(3))
def test_x(prepared, iqm_backend, iqm_client, iqm_server, request, n):
    assert iqm_server.jobs == []
    assert [job.payload["shots"] for job in iqm_server.jobs_of("prepared")] == [1000]
    assert prepared.options.shots == 77
    assert iqm_backend.options.shots == 1024
    assert iqm_backend is request.getfixturevalue("iqm_backend")
    assert iqm_backend.client is iqm_client is not prepared.client
    assert "h" not in iqm_backend.target.operation_names
    assert not hasattr(iqm_client, "mine")
    iqm_backend.set_options(shots=5)
    iqm_backend.target.add_instruction(HGate(), {(0,): InstructionProperties()})
    iqm_client.mine = n
    counts(prepared)
    assert len(iqm_server.jobs) == 1
    assert len(iqm_server.jobs_of("prepared")) == 1
"""


def test_each_test_has_handles_of_its_own_and_so_has_a_wider_fixture(suite):
    suite(test_a=OWN).assert_outcomes(passed=3)
    suite("test_a.py::test_x[2]").assert_outcomes(passed=1)


def test_live_too(live):
    source = re.sub(r"\n    assert [^\n]*iqm_server[^\n]*", "", OWN).replace(", iqm_server", "")
    live(test_a=source).assert_outcomes(passed=3)


NOBODY = """
def test_x(iqm_server):
    iqm_server.jobs_of("prepared")
"""


def test_jobs_of_somebody_unknown_are_an_error(suite):
    said = suite(test_a=NOBODY).stdout.str()
    assert "ValueError: nobody called 'prepared' uses this server besides its own user; these do: nobody" in said


TEARDOWN = """
import pytest
from bell import counts

@pytest.fixture(scope="session")
def dynamic(request):
    backend = request.getfixturevalue("iqm_backend")
    request.getfixturevalue("tmp_path_factory")
    print("COUNTS dynamic", counts(backend))
    yield backend
    print("COUNTS dynamic-torn-down", counts(backend))

@pytest.fixture(scope="module")
def module(iqm_backend):
    yield
    print("COUNTS module-torn-down", counts(iqm_backend))

@pytest.fixture
def function(iqm_backend):
    yield
    print("COUNTS", iqm_backend.name, "function-torn-down", counts(iqm_backend))

def test_1(dynamic, request): print("COUNTS", request.node.name, counts(dynamic))
def test_2(dynamic, module, request): print("COUNTS", request.node.name, counts(dynamic))
def test_3(function): pass
def test_4(module, iqm_backend, request): print("COUNTS", request.node.name, counts(iqm_backend))
"""


def printed(result):
    return dict(re.findall(r"COUNTS (.*?) ({.*?})", result.stdout.str()))


def test_counts_are_the_same_in_any_order_wherever_jobs_are_submitted(suite):
    first = printed(suite(test_a=TEARDOWN))
    assert len(first) == 7
    assert len(set(first.values())) == 7
    assert printed(suite(conftest="def pytest_collection_modifyitems(items): items.reverse()")) == first
    for alone in ("test_1", "test_2", "test_3", "test_4"):
        seen = printed(suite(f"test_a.py::{alone}"))
        assert seen.items() <= first.items(), alone


def test_counts_are_the_same_from_wherever_pytest_is_run(suite, pytester, monkeypatch):
    source = """
    from bell import counts
    class TestIt:
        def test_x(self, iqm_backend): print("COUNTS x", counts(iqm_backend))
    """
    pytester.makepyfile(**{"mine/package/__init__": "", "mine/package/test_a": source, "mine/__init__": ""})
    first = printed(suite("mine"))
    assert first
    assert printed(suite("--pyargs", "mine.package")) == first
    monkeypatch.chdir(pytester.path / "mine" / "package")
    assert printed(suite("test_a.py")) == first


def test_a_rerun_has_the_same_counts_and_the_report_says_so(suite):
    pytest.importorskip("pytest_rerunfailures", reason="needs pytest-rerunfailures")
    source = """
    from bell import counts
    def test_x(iqm_backend):
        print("COUNTS", counts(iqm_backend))
        assert False
    """
    output = suite("--reruns", "1", test_a=source).stdout.str()
    assert len(set(re.findall(r"COUNTS (.*)", output))) == 1
    assert "1 test was run again: on the fake, with the same seed, hence the same counts" in output


OVERRIDDEN = """
import pytest
from pytest_iqm import IQMBackend

@pytest.fixture(scope="SCOPE")
def iqm_backend(iqm_client):
    return IQMBackend(iqm_client, use_metrics=True)
"""

ON_IT = """
import pytest
from bell import counts
from pytest_iqm import distribution

pytestmark = pytest.mark.iqm(device="adonis")

@pytest.mark.parametrize("n", range(2))
def test_x(iqm_backend, iqm_server, iqm_client, iqm_url, n):
    assert iqm_backend.target["measure"][(0,)].error > 0
    assert counts(iqm_backend) == distribution({"00": 0.5, "11": 0.5}, within="calibration")
    assert [job.computer for job in iqm_server.jobs] == ["adonis"]
    assert iqm_client.server is iqm_server
"""


@pytest.mark.parametrize("scope", ["session", "module", "function"])
def test_overriding_the_backend_keeps_the_others_on_the_same_machine(suite, scope):
    suite(conftest=OVERRIDDEN.replace("SCOPE", scope), test_a=ON_IT).assert_outcomes(passed=2)
