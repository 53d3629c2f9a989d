"""What conftest files may set and hear: iqm_settings, iqm_backend_factory, hooks, arguments of the marker."""

import re

import pytest

SETTINGS = """
import pytest
from iqm_fakes import Limits

@pytest.fixture(scope="session")
def iqm_settings():
    limits = Limits(max_shots_per_circuit=2000)
    return {"device": "adonis", "seed": 5, "noise": False, "method": "density_matrix", "limits": limits}
"""

USING = """
import pytest
from bell import counts

def test_x(iqm_backend, iqm_server):
    assert iqm_backend.name == "adonis"
    assert set(counts(iqm_backend)) == {"00", "11"}
    assert "density_matrix" in str(iqm_server.jobs[0].simulation[0][0])
    print("COUNTS", counts(iqm_backend))
    with pytest.raises(Exception, match="2000"):
        counts(iqm_backend, shots=3000)

@pytest.mark.iqm(device="deneb", noise=True)
def test_marked(iqm_backend, iqm_server):
    assert iqm_backend.name == "deneb"
    assert iqm_server.settings["noise"]
    assert iqm_server.settings["method"] == "density_matrix"
"""


def test_a_fixture_sets_what_the_fake_is(suite):
    result = suite(conftest=SETTINGS, test_a=USING)
    result.assert_outcomes(passed=2)
    counts = re.search("COUNTS (.*)", result.stdout.str())[1]
    assert re.search("COUNTS (.*)", suite("--iqm-seed=5").stdout.str())[1] == counts
    assert re.search("COUNTS (.*)", suite("--iqm-seed=6").stdout.str())[1] != counts
    chosen = suite("--iqm-device=garnet", "-k", "test_x")
    assert "assert 'garnet' == 'adonis'" in chosen.stdout.str()


def test_a_module_may_override_it(suite):
    plain = "def test_x(iqm_backend): assert iqm_backend.name == 'garnet'"
    suite(test_a=SETTINGS + USING, test_b=plain).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{'devise': 'adonis'}", "got devise='adonis'"),
        ("{'replay': True}", "got replay=True"),
        ("{'limits': 5}", "got limits=5"),
        ("'adonis'", "got 'adonis'"),
        ("{'device': 'granet'}", "no device 'granet'"),
    ],
)
def test_what_it_can_not_give_is_an_error_that_says_so(suite, given, said):
    conftest = f"import pytest\n@pytest.fixture(scope='session')\ndef iqm_settings(): return {given}"
    result = suite(conftest=conftest, test_a="def test_x(iqm_backend): pass")
    result.assert_outcomes(errors=1)
    assert said in result.stdout.str()
    assert "pytest_iqm/" not in result.stdout.str()
    assert "During handling of" not in result.stdout.str()


FACTORY = """
import pytest
from bell import counts

@pytest.fixture(scope="module")
def exact(iqm_backend_factory):
    backend = iqm_backend_factory(noise=False)
    print("COUNTS module", counts(backend))
    return backend

@pytest.mark.parametrize("n", range(2))
def test_several(iqm_backend, iqm_backend_factory, iqm_server, exact, n):
    deneb = iqm_backend_factory("deneb", noise=False)
    other = iqm_backend_factory(device="deneb", noise=False)
    fixed = iqm_backend_factory("deneb", noise=False, seed=3)
    same = iqm_backend_factory("deneb", noise=False, seed=3)
    metrics = iqm_backend_factory(use_metrics=True)
    names = [backend.name for backend in (deneb, other, fixed, same, metrics, iqm_backend)]
    assert names == ["deneb", "deneb", "deneb", "deneb", "garnet", "garnet"]
    results = [counts(backend, 100_000) for backend in (deneb, other, fixed, same, exact)]
    assert all(set(result) == {"00", "11"} for result in results)
    assert results[2] == results[3]
    assert len({str(result) for result in results}) == 4
    print("COUNTS", n, results)
    assert metrics.target["measure"][(0,)].error > 0
    assert iqm_server.jobs == []
    counts(metrics)
    assert len(iqm_server.jobs) == 1
    with pytest.raises(ValueError, match="got method='guess'"):
        iqm_backend_factory(method="guess")
"""


def test_a_factory_makes_several_backends(suite, pytester):
    result = suite("-v", "--iqm-report=report.json", test_a=FACTORY)
    result.assert_outcomes(passed=2)
    first = re.findall("COUNTS .*", result.stdout.str())
    assert len(set(first)) == 3
    alone = re.findall("COUNTS .*", suite("test_a.py::test_several[1]").stdout.str())
    assert alone == [first[0], first[2]]


def test_live_a_factory_gives_handles_on_the_machine_and_no_fakes(live, server):
    source = """
    from bell import counts
    def test_real(iqm_backend_factory): counts(iqm_backend_factory(use_metrics=True))
    def test_seeded(iqm_backend_factory): counts(iqm_backend_factory("adonis", seed=3, method="pauli"))
    def test_exact(iqm_backend_factory): counts(iqm_backend_factory(noise=False))
    def test_other(iqm_backend_factory): counts(iqm_backend_factory("deneb"))
    """
    live(test_a=source).assert_outcomes(passed=2, skipped=2)
    assert len(server.jobs) == 2


HOOKS = """
import pytest

def pytest_iqm_job_submitted(nodeid, job_id, circuits, shots):
    print("SUBMITTED", nodeid, len(job_id), circuits, shots)

def pytest_iqm_job_finished(nodeid, job_id, status):
    print("FINISHED", nodeid, status)
"""

HEARD = """
import pytest
from bell import counts

def test_x(iqm_backend):
    counts(iqm_backend, 300)
"""


def test_conftest_files_hear_of_jobs(suite, live):
    for run in (suite, live):
        output = run(conftest=HOOKS, test_a=HEARD).stdout.str()
        assert re.findall("SUBMITTED .*", output) == ["SUBMITTED test_a.py::test_x 36 1 300"]
        assert re.findall("FINISHED .*", output) == ["FINISHED test_a.py::test_x completed"]


def test_they_hear_of_jobs_over_a_socket_and_of_cancelled_ones(suite):
    source = """
    from bell import counts
    from iqm.qiskit_iqm import IQMProvider

    def test_socket(iqm_url):
        counts(IQMProvider(iqm_url, quantum_computer="garnet").get_backend(), 300)

    def test_cancelled(iqm_backend, iqm_server):
        iqm_server.faults.job().is_cancelled()
        try:
            counts(iqm_backend, 200)
        except Exception as error:
            print("ERROR", error)
    """
    output = suite(conftest=HOOKS, test_a=source).stdout.str()
    assert [line.split()[-1] for line in re.findall("SUBMITTED .*", output)] == ["300", "200"]
    assert [line.split()[-1] for line in re.findall("FINISHED .*", output)] == ["completed", "cancelled"]


MARKED = """
import pytest
from bell import counts

@pytest.mark.iqm(idle=False, method="statevector")
class TestIt:
    @pytest.mark.iqm(device="adonis", idle=True)
    def test_merged(self, iqm_server, iqm_backend):
        counts(iqm_backend)
        assert iqm_server.settings == {"noise": True, "idle": True, "method": "statevector"}
        assert iqm_backend.name == "adonis"

    def test_class(self, iqm_server):
        assert iqm_server.settings["idle"] is False
"""


def test_markers_merge_argument_by_argument_from_the_closest(suite):
    suite(test_a=MARKED).assert_outcomes(passed=2)


def test_a_device_file_of_a_marker_is_a_path_relative_to_the_ini_file(suite, pytester, monkeypatch):
    from iqm_fakes import Device

    Device.from_document({**Device.load("adonis").document, "alias": "mine"}).save(pytester.mkdir("devices") / "a.json")
    source = """
    import pytest
    from pathlib import Path

    @pytest.mark.iqm(device=Path("devices") / "a.json")
    def test_path(iqm_backend): assert iqm_backend.name == "mine"

    @pytest.mark.iqm(device="devices/a.json")
    def test_text(iqm_backend): assert iqm_backend.name == "mine"

    def test_ini(iqm_backend): assert iqm_backend.name == "mine"
    """
    pytester.makeini("[pytest]\niqm_device = devices/a.json")
    pytester.makepyfile(**{"tests/test_a": source})
    monkeypatch.chdir(pytester.path / "tests")
    suite("test_a.py").assert_outcomes(passed=3)
