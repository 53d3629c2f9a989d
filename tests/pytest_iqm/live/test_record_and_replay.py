"""Recording live runs, and replaying them."""

import json

import pytest
from server_process import TOKEN, name_machine

from iqm_fakes import Api, FakeIQMServer, Recordings
from iqm_fakes.web.loopback import loopback

SUITE = """
from pathlib import Path
from bell import counts

def test_bell(iqm_backend):
    print("COUNTS", counts(iqm_backend, 50))

def test_twice(iqm_backend):
    print("COUNTS", counts(iqm_backend, 20), counts(iqm_backend, 20))

def test_fails(iqm_backend):
    counts(iqm_backend, 30)
    assert Path("fine").exists()

def test_nothing(): pass
"""


@pytest.fixture
def server():
    return FakeIQMServer("garnet", "adonis", seed=1)


@pytest.fixture
def folder(pytester):
    return pytester.path / "iqm_recordings"


@pytest.fixture
def live(suite, server, monkeypatch):
    """Run a suite live; the machine is gone, and nothing of it in the environment, when it has run."""

    def run(*arguments, **sources):
        with loopback(Api(server, token=TOKEN)) as url, monkeypatch.context() as environment:
            name_machine(environment, url, "garnet")
            return suite("--iqm-live", *arguments, **sources)

    return run


def counted(result):
    return [line.partition("COUNTS")[2] for line in result.outlines if "COUNTS" in line]


def test_what_passed_is_recorded_and_replayed(live, suite, folder, server):
    recorded = live("--iqm-record", "missing", test_a=SUITE)
    recorded.assert_outcomes(passed=3, failed=1)
    assert "recordings: 3 recorded" in recorded.stdout.str()
    assert ", recording missing (--iqm-record) in iqm_recordings (default)" in recorded.stdout.str()
    assert len(Recordings(folder).ids()) == 3
    assert {test for entry in Recordings(folder).entries() for test in entry.tests} == {
        "test_a.py::test_bell",
        "test_a.py::test_twice",
    }
    submitted = len(server.jobs)
    replayed = suite("--iqm-record", "replay")
    replayed.assert_outcomes(passed=3, failed=1)
    assert counted(replayed) == counted(recorded)
    output = replayed.stdout.str()
    assert "iqm: replay (--iqm-record) of iqm_recordings (default)" in output
    assert "pytest --iqm-live --iqm-record missing 'test_a.py::test_fails'" in output
    assert "RecordingNotFound" in output
    assert "recordings: 3 replayed, 0 unused" in output
    assert len(server.jobs) == submitted
    assert TOKEN not in output + recorded.stdout.str() + "".join(path.read_text() for path in folder.rglob("*.json"))


def test_order_and_selection_do_not_matter(live, suite, pytester):
    first = counted(live("--iqm-record", "missing", "-k", "not fails", test_a=SUITE))
    reverse = "def pytest_collection_modifyitems(items): items.reverse()"
    assert sorted(counted(suite("--iqm-record", "replay", "-k", "not fails", conftest=reverse))) == sorted(first)
    again = suite("--iqm-record", "replay", "-k", "twice")
    assert counted(again) == [line for line in first if line.count("{") == 2]
    assert "recordings: 2 replayed, 1 unused" in again.stdout.str()


def test_missing_leaves_what_is_recorded_and_rewrite_replaces_it(live, folder, pytester):
    live("--iqm-record", "missing", "-k", "bell", test_a=SUITE)
    (old,) = Recordings(folder).ids()
    again = live("--iqm-record", "missing", "-k", "bell")
    assert "recordings: 0 recorded" in again.stdout.str()
    assert Recordings(folder).ids() == [old]
    more = live("--iqm-record", "missing", "-k", "bell or twice")
    assert "recordings: 2 recorded" in more.stdout.str()
    live("--iqm-record", "rewrite", "-k", "bell")
    entries = Recordings(folder).entries()
    assert len(entries) == 3
    assert old not in [entry.id for entry in entries]


def test_a_failing_test_keeps_its_former_recordings(live, folder, pytester):
    (pytester.path / "fine").touch()
    live("--iqm-record", "missing", "-k", "fails", test_a=SUITE)
    before = Recordings(folder).ids()
    assert len(before) == 1
    (pytester.path / "fine").unlink()
    live("--iqm-record", "rewrite", "-k", "fails")
    assert Recordings(folder).ids() == before


def test_without_the_option_nothing_is_recorded(live, folder):
    live(test_a=SUITE)
    assert not folder.exists()


def test_workers_record_and_replay(live, suite, pytester, folder, server, monkeypatch):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    pytester.makepyfile(test_a=SUITE, test_b=SUITE)
    with loopback(Api(server, token=TOKEN)) as url:
        name_machine(monkeypatch, url, "garnet")
        run = ("-n", "2", "-p", "no:randomly", "-k", "not fails")
        result = pytester.runpytest_subprocess("--iqm-live", "--iqm-record", "missing", *run)
    assert "recordings: 6 recorded" in result.stdout.str()
    for name in ("SERVER_URL", "QUANTUM_COMPUTER", "TOKEN"):
        monkeypatch.delenv(f"IQM_{name}")
    replayed = pytester.runpytest_subprocess("--iqm-record", "replay", *run)
    replayed.assert_outcomes(passed=6)
    assert "recordings: 6 replayed, 0 unused" in replayed.stdout.str()


MARKED = """
import pytest
from bell import counts

@pytest.mark.iqm(replay=True)
def test_replays(iqm_backend):
    print("COUNTS", counts(iqm_backend, 40))

def test_simulates(iqm_backend):
    print("COUNTS", counts(iqm_backend, 40))
"""


def test_a_marker_or_the_ini_chooses_replay(live, suite, pytester):
    first = counted(live("--iqm-record", "missing", test_a=MARKED))
    mixed = counted(suite())
    assert mixed[0] == first[0]
    assert mixed[1] != first[1]
    pytester.makeini("[pytest]\niqm_record = replay\niqm_recordings = iqm_recordings")
    assert counted(suite()) == first


def test_a_marked_test_without_recordings_is_not_simulated(suite):
    result = suite("-k", "replays", test_a=MARKED)
    result.assert_outcomes(errors=1)
    assert "there are no recordings in" in result.stdout.str()


RETRIEVING = """
from bell import counts

def test_by_id(iqm_backend):
    job = iqm_backend.retrieve_job({job_id!r})
    print("COUNTS", dict(sorted(job.result().get_counts().items())))
"""


def test_a_recorded_job_is_retrieved_in_a_simulation(live, suite, folder):
    (recorded,) = counted(live("--iqm-record", "missing", "-k", "bell", test_a=SUITE))
    (job_id,) = Recordings(folder).ids()
    result = suite("--iqm-device", "adonis", "test_b.py", test_b=RETRIEVING.format(job_id=job_id))
    assert counted(result) == [recorded]
    assert "recordings: 1 replayed, 0 unused" in result.stdout.str()


def test_a_retrieved_job_is_recorded_too(live, folder, server, suite):
    live("-k", "bell", test_a=SUITE)
    job_id = str(server.jobs[0].id)
    live("--iqm-record", "missing", "test_b.py", test_b=RETRIEVING.format(job_id=job_id))
    assert Recordings(folder).ids() == [job_id]


def test_tests_have_the_calibration_they_were_recorded_with(live, suite, server):
    source = """
    from bell import counts
    def test_{name}(iqm_backend):
        print("COUNTS", iqm_backend.num_qubits, counts(iqm_backend, 10))
    """
    live("--iqm-record", "missing", "test_a.py", test_a=source.format(name="old"))
    server.recalibrate(lost=["QB20"], computer="garnet")
    live("--iqm-record", "missing", "test_b.py", test_b=source.format(name="new"))
    replayed = counted(suite("--iqm-record", "replay", "test_a.py", "test_b.py", "test_a.py"))
    assert [int(line.split()[0]) for line in replayed] == [20, 19]


def test_old_recordings_are_named(live, suite, pytester, folder):
    live("--iqm-record", "missing", "-k", "bell", test_a=SUITE)
    pytester.makeini("[pytest]\niqm_recording_max_age = 0.0000001d")
    output = suite("--iqm-record", "replay", "-k", "bell").stdout.str()
    assert f"older than iqm_recording_max_age: {Recordings(folder).ids()[0]} of garnet, recorded 20" in output
    pytester.makeini("[pytest]\niqm_recording_max_age = 90")
    assert "older than" not in suite("--iqm-record", "replay", "-k", "bell").stdout.str()


def test_a_secret_fails_the_run(live, folder):
    source = f"""
    from qiskit import QuantumCircuit, transpile
    def test_leak(iqm_backend):
        qc = QuantumCircuit(1, name="{TOKEN}")
        qc.measure_all()
        iqm_backend.run(transpile(qc, iqm_backend), shots=10).result()
    """
    result = live("--iqm-record", "missing", test_a=source)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    output = result.stdout.str()
    assert "not recorded, so the run fails: test_a.py::test_leak: " in output
    assert "it would contain the value of IQM_TOKEN" in output
    assert not list(folder.glob("*.json"))


def test_a_broken_recording_is_an_error_that_names_it(live, suite, folder):
    live("--iqm-record", "missing", "-k", "bell", test_a=SUITE)
    (path,) = folder.glob("*.json")
    document = json.loads(path.read_text())
    document["results"][0]["counts"]["00"] = 50
    path.write_text(json.dumps(document))
    output = suite("--iqm-record", "replay", "-k", "bell").stdout.str()
    assert f"RecordingError: recording {path}: it was changed after it was recorded" in output


@pytest.mark.parametrize(
    ("arguments", "ini", "message"),
    [
        (["--iqm-record", "missing"], "", "--iqm-record missing records jobs of a real machine and needs --iqm-live"),
        (["--iqm-record", "sometimes"], "", "invalid choice: 'sometimes'"),
        ([], "iqm_record = rewrite", "ini iqm_record is empty or 'replay', got 'rewrite'"),
        ([], "iqm_recording_max_age = soon", "ini iqm_recording_max_age is a number of days, or a time"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(suite, pytester, arguments, ini, message):
    pytester.makeini(f"[pytest]\n{ini}")
    result = suite(*arguments, test_a="def test_nothing(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str() + result.stdout.str()
