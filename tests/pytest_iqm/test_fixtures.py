"""What the fixtures give, and that tests don't see each other."""

import re

import pytest

from iqm_fakes import Device

PRINTING = """
import pytest
from bell import counts

@pytest.mark.parametrize("n", range(3))
def test_counts(iqm_backend, n, request):
    print("COUNTS", request.node.name, counts(iqm_backend))
"""


def printed(result):
    return dict(re.findall(r"COUNTS (\S+) ({.*?})", result.stdout.str()))


def test_a_test_has_its_own_reproducible_counts(suite):
    first = printed(suite(test_a=PRINTING))
    assert len(set(first.values())) == 3
    assert printed(suite()) == first
    assert printed(suite("test_a.py::test_counts[2]")) == {"test_counts[2]": first["test_counts[2]"]}
    assert set(printed(suite("--iqm-seed", "1")).values()).isdisjoint(first.values())


def test_order_does_not_matter(suite, pytester):
    first = printed(suite(test_a=PRINTING))
    reverse = "def pytest_collection_modifyitems(items): items.reverse()"
    again = suite(conftest=reverse)
    assert printed(again) == first
    assert list(printed(again)) == list(first)[::-1]


WIDER = """
import pytest
from bell import counts

@pytest.fixture(scope="module", params=["a", "b"])
def shared(iqm_backend, request):
    return counts(iqm_backend)

@pytest.fixture(scope="session")
def longest(iqm_backend):
    return counts(iqm_backend)

@pytest.fixture(scope="class")
def of_class(iqm_backend):
    return counts(iqm_backend)

class Base:
    def test_of_class(self, iqm_backend, of_class):
        print("COUNTS", type(self).__name__, {**of_class, **{"own": counts(iqm_backend)["00"]}})

class TestOne(Base):
    pass

class TestOther(Base):
    pass

@pytest.mark.parametrize("n", range(2))
def test_counts(iqm_backend, n, request, longest, shared):
    print("COUNTS", request.node.name + "/shared", shared)
    print("COUNTS", request.node.name + "/longest", longest)
    print("COUNTS", request.node.name + "/own", counts(iqm_backend))
"""


def test_nor_does_it_to_fixtures_that_live_longer(suite):
    first = printed(suite(test_a=WIDER))
    assert len(first) == 14
    shared = {first[f"test_counts[{number}-{n}]/shared"] for number in ("a", "b") for n in range(2)}
    assert len(shared) == 2
    others = {value for name, value in first.items() if not name.endswith("/shared")}
    assert len(others) == 2 + 4 + 1
    again = printed(suite(conftest="def pytest_collection_modifyitems(items): items.reverse()"))
    assert again == first
    alone = printed(suite("test_a.py::test_counts[b-1]"))
    assert alone == {name: counts for name, counts in first.items() if name.startswith("test_counts[b-1]")}
    assert set(printed(suite("--iqm-seed", "1")).values()).isdisjoint(first.values())


def test_fixtures_may_be_asked_for_while_a_test_runs(suite):
    source = """
    import pytest
    from bell import counts
    from pytest_iqm import support

    @pytest.mark.parametrize("n", range(3))
    def test_counts(n, request):
        seen = counts(request.getfixturevalue("iqm_backend"))
        print("COUNTS", request.node.name, seen)
        assert len(request.getfixturevalue("iqm_server").jobs) == 1
        assert n < 2 or seen == support("01")
    """
    result = suite(test_a=source)
    first, output = printed(result), result.stdout.str()
    assert len(set(first.values())) == 3
    assert printed(suite("test_a.py::test_counts[2]")) == {"test_counts[2]": first["test_counts[2]"]}
    assert "rerun     pytest 'test_a.py::test_counts[2]' --iqm-seed=0" in output
    assert "- IQM jobs -" in output


def test_workers_do_not_matter(suite, pytester):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    writing = PRINTING.replace('print("COUNTS", request.node.name, counts(iqm_backend))', "note(request, iqm_backend)")
    note = 'def note(request, backend):\n    open(request.node.name, "w").write(str(counts(backend)))\n\n'
    first = printed(suite(test_a=PRINTING))
    pytester.makepyfile(test_a=writing.replace("@pytest", note + "@pytest", 1))
    result = pytester.runpytest_subprocess("-n", "2", "-p", "no:randomly")
    result.assert_outcomes(passed=3)
    assert {name: (pytester.path / name).read_text() for name in first} == first


def test_a_rerun_gives_the_same_counts(suite):
    pytest.importorskip("pytest_rerunfailures", reason="needs pytest-rerunfailures")
    source = PRINTING.replace("range(3)", "[0]") + "    assert False\n"
    result = suite("--reruns", "2", test_a=source)
    seen = re.findall(r"COUNTS (\S+ {.*?})", result.stdout.str())
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_devices_of_options_and_markers(suite, pytester):
    document = {**Device.load("adonis").document, "alias": "mine"}
    Device.from_document(document).save(pytester.path / "mine.json")
    source = """
    import pytest
    pytestmark = pytest.mark.iqm(device="adonis")

    def test_module(iqm_backend):
        print("NAME module", iqm_backend.name)

    @pytest.mark.iqm(device="deneb")
    class TestClass:
        def test_class(self, iqm_backend):
            print("NAME class", iqm_backend.name)

        @pytest.mark.iqm(device="mine.json", seed=3)
        def test_closest(self, iqm_backend, iqm_server):
            print("NAME closest", iqm_backend.name, iqm_server.seed)
    """
    plain = "def test_plain(iqm_backend, request): print('NAME', request.node.name, iqm_backend.name)"
    result = suite("--iqm-device", "garnet", "--iqm-device", "mine.json", test_a=source, test_b=plain)
    result.assert_outcomes(passed=5)
    assert sorted(re.findall(r"NAME (.*)", result.stdout.str())) == [
        "class deneb",
        "closest mine 3",
        "module adonis",
        "test_plain[garnet] garnet",
        "test_plain[mine] mine",
    ]


def test_without_noise_results_are_exact(suite):
    source = """
    import pytest
    from bell import counts

    @pytest.mark.iqm(noise=False)
    def test_x(iqm_backend):
        assert set(counts(iqm_backend, shots=5000)) == {"00", "11"}
    """
    suite(test_a=source).assert_outcomes(passed=1)


def test_a_seed_of_the_marker_is_the_servers(suite):
    source = """
    import pytest

    @pytest.mark.iqm(seed=42)
    @pytest.mark.parametrize("n", range(2))
    def test_x(iqm_server, n):
        assert iqm_server.seed == 42
    """
    suite(test_a=source).assert_outcomes(passed=2)


def test_what_a_test_changes_is_undone(suite):
    source = """
    import pytest
    from bell import counts

    @pytest.mark.parametrize("n", range(3))
    def test_x(iqm_backend, iqm_server, n):
        assert iqm_server.jobs == []
        assert not iqm_server.queue.is_held
        assert iqm_backend.options.shots == 1024
        assert iqm_backend.max_circuits is None
        assert iqm_backend.name == "garnet"
        counts(iqm_backend)
        iqm_backend.set_options(shots=3)
        iqm_backend.max_circuits = 1
        iqm_backend.name = "other"
        iqm_server.queue.held().__enter__()
        iqm_backend.close_client()
    """
    suite(test_a=source).assert_outcomes(passed=3)


def test_jobs_of_fixtures_with_a_wider_scope_stay_retrievable(suite):
    source = """
    import pytest
    from bell import counts
    from qiskit import QuantumCircuit, transpile

    @pytest.fixture(scope="module")
    def job(iqm_backend):
        qc = QuantumCircuit(1)
        qc.measure_all()
        return iqm_backend.run(transpile(qc, iqm_backend), shots=10)

    @pytest.mark.parametrize("n", range(2))
    def test_x(iqm_backend, job, n):
        assert iqm_backend.retrieve_job(job.job_id()).result().success
    """
    suite(test_a=source).assert_outcomes(passed=2)


def test_hypothesis_takes_the_fixtures(suite):
    source = """
    from bell import counts
    from hypothesis import given, settings, strategies as st

    @settings(max_examples=5, deadline=None)
    @given(shots=st.integers(1, 50))
    def test_x(iqm_backend, iqm_client, iqm_server, iqm_url, shots):
        assert sum(counts(iqm_backend, shots).values()) == shots
    """
    suite(test_a=source).assert_outcomes(passed=1)


def test_the_url_and_the_client_reach_the_same_server(suite):
    source = """
    from bell import counts
    from iqm_fakes.vendor.http import connect
    from pytest_iqm import IQMBackend

    def test_x(iqm_url, iqm_server, iqm_backend):
        outside = IQMBackend(connect(iqm_url, quantum_computer="garnet"))
        counts(outside)
        counts(iqm_backend)
        assert len(iqm_server.jobs) == 2
        for backend in (outside, iqm_backend):
            for job in iqm_server.jobs:
                assert backend.retrieve_job(str(job.id)).result().success
    """
    suite(test_a=source).assert_outcomes(passed=1)


HTTP = """
import pytest
import requests
import responses
from bell import counts

def run():  # an application that makes its own client
    from iqm.qiskit_iqm import IQMProvider
    backend = IQMProvider("https://iqm.example.org", quantum_computer="garnet", token="t0ken").get_backend()
    return counts(backend)

def test_an_application_is_tested_unchanged(iqm_http):
    assert sum(run().values()) == 1000
    (job,) = iqm_http.jobs
    assert job.computer == "garnet"

def test_the_users_mocks_still_work(iqm_http):
    with responses.RequestsMock() as mock:
        mock.get("https://weather.example.org/", json={"rain": True})
        assert requests.get("https://weather.example.org/", timeout=5).json() == {"rain": True}
        assert sum(run().values()) == 1000
        with pytest.raises(requests.ConnectionError):
            requests.get("https://elsewhere.example.org/", timeout=5)

@responses.activate
def test_decorated(iqm_http):
    responses.get("https://weather.example.org/", json=[])
    assert requests.get("https://weather.example.org/", timeout=5).json() == []
    assert requests.get("https://iqm.example.org/api/v1/quantum-computers/garnet/health", timeout=5).json()["healthy"]

def test_without_it_the_guard_stands(iqm_server):
    with pytest.raises(Exception, match="this run is offline"):
        run()
"""


def test_an_application_with_a_client_of_its_own(suite):
    result = suite(test_a=HTTP)
    result.assert_outcomes(passed=4)


FAULTS = """
import pytest
from bell import counts

def test_retries(iqm_backend, iqm_server):
    iqm_server.faults.on("submit").answers(503)
    with pytest.raises(Exception):
        counts(iqm_backend)
    assert counts(iqm_backend)

def test_forgets(iqm_server):
    iqm_server.faults.on("submit").answers(503)
    iqm_server.faults.job().never_ends()

def test_next(iqm_backend):
    assert counts(iqm_backend)

def test_fails_anyway(iqm_server):
    iqm_server.faults.on("submit").answers(503)
    assert not "the test's own reason"
"""


def test_a_fault_that_did_not_happen_fails_the_test(suite):
    result = suite(test_a=FAULTS)
    result.assert_outcomes(passed=2, failed=2)
    output = result.stdout.str()
    assert "planned faults did not happen, so this tested nothing:" in output
    assert "  on('submit').answers 503: acted 0 of 1 times" in output
    assert "  job(after=0, times=1).never_ends: acted 0 of 1 times" in output
    assert "the test's own reason" in output
    assert output.count("planned faults") == 2  # the message and the summary of one test
