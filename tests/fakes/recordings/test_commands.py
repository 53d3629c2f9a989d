"""``iqm-fake recordings``."""

import json
import os
import re
import socket
import subprocess
import sys

import pytest
from made_up_recordings import made
from qiskit import ClassicalRegister, QuantumCircuit, transpile
from werkzeug.test import Client

from iqm_fakes import Api, Device, FakeIQMClient, FakeIQMServer, Recordings, cli, record
from iqm_fakes.web.loopback import loopback
from pytest_iqm import IQMBackend

TOKEN = "token-of-the-machine"


@pytest.fixture
def recordings(tmp_path):
    recordings = Recordings(tmp_path / "iqm_recordings")
    recordings.save(made(0, shots=100))
    recordings.save(made(1, tests=[], recorded_at="2020-01-01T00:00:00Z"))
    garnet = Device.load("garnet")
    text = garnet.text().replace(garnet.default_calibration_set_id, made().calibration_set)
    recordings.save_calibration(Device.from_document(json.loads(text)))
    return recordings


@pytest.fixture
def run(recordings, capsys):
    def run(*arguments):
        status = cli.main(["recordings", "--folder", str(recordings.folder), *arguments])
        return status, *capsys.readouterr()

    return run


def test_list(run):
    status, out, _ = run("list")
    assert status == 0
    assert out.splitlines()[0].split() == [
        made(0).id,
        "2026-01-02T03:00:00.000000Z",
        "garnet",
        "completed",
        "tests/test_bell.py::test_bell",
    ]
    assert len(out.splitlines()) == 2


def test_show(run):
    status, out, _ = run("show", made(0).id)
    assert status == 0
    assert "  prx QB1 angle=0.5 phase=0.0\n" in out
    assert out.count("Qiskit's order") == 1
    assert re.search(r"^circuit 1 of 1: bell$", out, re.MULTILINE)
    assert re.search(r"^  outcome of m$", out, re.MULTILINE)
    rows = re.findall(r"^  ([01]{2}) +(\d+) +[\d.]+% +#+$", out, re.MULTILINE)
    assert sum(int(count) for _, count in rows) == 100
    assert "0.000 s  iqm-server  completed" in out


def test_show_a_failed_job(run, recordings):
    error = {"source": "iqm-station-control", "error_code": "circuit_error", "message": "Circuit 0: no"}
    recordings.save(made(2, status="failed", results=None, job={"type": "circuit", "errors": [error]}))
    assert "error circuit_error: Circuit 0: no" in run("show", made(2).id)[1]


def test_nothing_from_a_recording_steers_the_terminal(run, recordings):
    hostile = "\x1b]0;owned\x07\x9b2J\r\n"
    request = {**made().request, "circuits": [{**made().request["circuits"][0], "name": hostile}]}
    job = {"type": "circuit", "errors": [{"error_code": hostile, "message": hostile}]}
    changed = made(3, tests=[hostile], request=request, job=job, timeline=[(hostile, hostile, "2026-01-02T03:00:00Z")])
    recordings.save(changed)
    for command in (["list"], ["show", changed.id], ["check"]):
        status, out, error = run(*command)
        assert status == 0
        assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out + error) is None
        assert (r"\x1b]0;owned\x07\x9b2J\r\n" in out) is (command != ["check"])


def test_show_an_unknown_job(run):
    status, _, error = run("show", made(9).id)
    assert status == 1
    assert f"there is no recording of job {made(9).id}" in error


def test_check(run, recordings):
    assert run("check") == (0, "2 recordings, 0 broken files\n", "")
    (recordings.folder / f"{made(0).id}.json").write_text("{}")
    status, out, error = run("check")
    assert (status, out) == (1, "2 recordings, 1 broken file\n")
    assert f"{made(0).id}.json: the document has no 'schema'" in error


def test_check_names_missing_calibrations(run, recordings):
    (recordings.folder / "calibrations" / f"{made().calibration_set}.json").unlink()
    status, _, error = run("check")
    assert status == 1
    assert f"its calibration set {made().calibration_set} is missing" in error


def test_migrate_leaves_what_is_todays(run):
    assert run("migrate") == (0, "nothing to migrate: all recordings have today's schema\n", "")


def test_prune(run, recordings):
    leftover = recordings.folder / ".x.json.1.2.tmp"
    leftover.touch()
    assert run("prune", "--dry-run")[1] == "would delete .x.json.1.2.tmp\n1 file to delete\n"
    assert leftover.exists()
    deleted = f"deleted {made(1).id}.json\ndeleted .x.json.1.2.tmp\n2 files deleted\n"
    assert run("prune", "--older-than", "365") == (0, deleted, "")
    assert recordings.ids() == [made(0).id]
    assert not leftover.exists()
    assert run("prune") == (0, "nothing to delete\n", "")


def test_prune_without_tests(run, recordings):
    assert run("prune", "--without-tests")[1] == f"deleted {made(1).id}.json\n1 file deleted\n"
    recordings.delete(made(0).id)
    assert run("prune")[1] == f"deleted calibrations/{made().calibration_set}.json\n1 file deleted\n"


def test_a_broken_file_is_named_and_the_others_are_listed_and_pruned(run, recordings):
    (recordings.folder / f"{made(0).id}.json").write_text("{}")
    status, out, error = run("list")
    assert (status, len(out.splitlines()), out.split()[0]) == (1, 1, made(1).id)
    assert f"{made(0).id}.json: the document has no 'schema'" in error
    status, out, error = run("prune", "--older-than", "365")
    kept = "calibrations are kept: the broken files may need them"
    assert (status, out) == (1, f"deleted {made(1).id}.json\n{kept}\n1 file deleted\n")
    assert f"{made(0).id}.json: the document has no 'schema'" in error
    assert recordings.has_calibration(made().calibration_set)


def test_the_folder_may_be_named_before_and_after_the_action(recordings, capsys):
    said = []
    for arguments in (["--folder", str(recordings.folder), "list"], ["list", "--folder", str(recordings.folder)]):
        assert cli.main(["recordings", *arguments]) == 0
        said.append(capsys.readouterr())
    assert said[0] == said[1]
    assert made(0).id in said[0].out


def test_a_missing_folder(capsys):
    assert cli.main(["recordings", "list", "--folder", "nowhere"]) == 1
    assert capsys.readouterr().err == "iqm-fake: there is no folder nowhere; name another one with --folder\n"


def test_an_empty_folder(capsys, tmp_path):
    assert cli.main(["recordings", "list", "--folder", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"there are no recordings in {tmp_path}\n"
    assert cli.main(["recordings", "compare", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "there are no recordings to compare\n"


@pytest.mark.parametrize(
    ("build", "heading"),
    [
        (lambda qc: qc.measure_all(), "outcome of meas"),
        (
            lambda qc: (
                qc.add_register(ClassicalRegister(2, "a"), ClassicalRegister(1, "b")),
                qc.measure([0, 1], [2, 0]),
            ),
            "outcome of b a",
        ),
    ],
)
def test_show_has_the_outcomes_of_get_counts(tmp_path, capsys, build, heading):
    server = FakeIQMServer("adonis", seed=1)
    backend = IQMBackend(FakeIQMClient(server=server))
    circuit = QuantumCircuit(2)
    circuit.x(0)
    build(circuit)
    job = backend.run(transpile(circuit, backend, seed_transpiler=1), shots=200)
    job.result()
    record(backend.client, job.job_id(), tmp_path)
    assert cli.main(["recordings", "show", job.job_id(), "--folder", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    rows = re.findall(r"^  ([01 ]+?)  +(\d+) +[\d.]+% +#*$", out, re.MULTILINE)
    assert {outcome: int(count) for outcome, count in rows} == job.result().get_counts()
    assert f"  {heading}\n" in out


def test_show_names_the_keys_of_other_programs(run, recordings):
    request = json.loads(json.dumps(made().request))
    for step, key in zip(request["circuits"][0]["instructions"][2:], ("alice", "bob"), strict=True):
        step["args"]["key"] = key
    first, second = made(0, shots=100).results[0].values()
    changed = made(3, request=request, results=[{"alice": first, "bob": second}])
    recordings.save(changed)
    out = run("show", changed.id)[1]
    assert "  outcome of alice bob\n" in out
    assert "Qiskit's order" not in out
    assert "the bits of an outcome are in the order of its keys" in out
    ones = sum(int(count) for _, count in re.findall(r"^  (1[01]) +(\d+) ", out, re.MULTILINE))
    assert ones == first.sum()


def test_a_server_that_is_off_is_one_line(run, monkeypatch, free_port):
    monkeypatch.setenv("IQM_TOKEN", TOKEN)
    status, _, error = run("fetch", "--url", f"http://127.0.0.1:{free_port}", made(0).id)
    assert status == 1
    assert error == (
        f"iqm-fake: no answer from http://127.0.0.1:{free_port}: is the server on, and is the address right?\n"
    )


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def test_who_has_read_enough_is_not_complained_to(recordings):
    for number in range(2, 40):
        recordings.save(made(number))
    command = [sys.executable, "-m", "iqm_fakes.cli", "recordings", "list", "--folder", str(recordings.folder)]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")


def test_fetch(tmp_path, monkeypatch, capsys):
    server = FakeIQMServer("adonis", seed=1)
    backend = IQMBackend(FakeIQMClient(server=server))
    circuit = QuantumCircuit(1, metadata={"secret plan": 1})
    circuit.measure_all()
    job = backend.run(transpile(circuit, backend), shots=20)
    folder = tmp_path / "there"
    with loopback(Api(server, token=TOKEN)) as url:
        monkeypatch.setenv("IQM_TOKEN", TOKEN)
        command = ["recordings", "--folder", str(folder), "fetch", "--url", url, "--computer", "adonis"]
        assert cli.main([*command, job.job_id(), made(0).id]) == 1
    out, error = capsys.readouterr()
    assert out == f"{job.job_id()}: completed, recorded\n"
    assert f"{made(0).id}: " in error
    assert "not found" in error
    assert "secret plan" not in (folder / f"{job.job_id()}.json").read_text()
    retrieved = IQMBackend(FakeIQMClient(recordings=folder)).retrieve_job(job.job_id())
    assert retrieved.result().get_counts() == job.result().get_counts()


@pytest.mark.parametrize("jobs", [1, 3])
def test_fetching_several_jobs_shows_progress_on_a_terminal(tmp_path, monkeypatch, capsys, jobs):
    server = FakeIQMServer("adonis", seed=1)
    backend = IQMBackend(FakeIQMClient(server=server))
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    native = transpile(circuit, backend)
    ids = [backend.run(native, shots=20).job_id() for _ in range(jobs)]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("IQM_TOKEN", TOKEN)
    with loopback(Api(server, token=TOKEN)) as url:
        assert cli.main(["recordings", "fetch", "--folder", str(tmp_path), "--url", url, *ids]) == 0
    out, error = capsys.readouterr()
    assert out == "".join(f"{job}: completed, recorded\n" for job in ids)
    assert ("0/3" in error) is (jobs == 3)


def test_serve_answers_from_recordings(recordings):
    """What ``iqm-fake serve --recordings`` serves; the command itself is tested as a process."""
    client = Client(Api(FakeIQMServer(recordings=recordings.folder)))
    assert client.get("/api/v1/quantum-computers").json["quantum_computers"][0]["alias"] == "garnet"
    assert client.get(f"/api/v1/jobs/{made(0).id}").json["status"] == "completed"
    shots = client.get(f"/api/v1/jobs/{made(0).id}/artifacts/measurements").json[0]["m_2_0_0"]
    assert shots == made(0, shots=100).results[0]["m_2_0_0"].tolist()
    (recordings.folder / f"{made(1).id}.json").write_text("{")
    broken = client.get(f"/api/v1/jobs/{made(1).id}")
    assert broken.json["error_code"] == "internal_error"
    assert "it is not JSON" in broken.json["message"]
