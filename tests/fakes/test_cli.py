"""``iqm-fake serve`` as a process of its own."""

import re
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests
from server_process import serving

import pytest_iqm
from iqm_fakes import cli

BELL = {
    "circuits": [
        {
            "name": "c",
            "instructions": [
                {"name": "prx", "locus": ["QB1"], "args": {"angle": 1.5707963, "phase": 0.0}},
                {"name": "measure", "locus": ["QB1"], "args": {"key": "m"}},
            ],
        }
    ],
    "shots": 50,
}


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped(stop):
    with serving("--device", "adonis", "--seed", "3") as (process, url, printed):
        assert "export IQM_QUANTUM_COMPUTER=adonis" in printed
        assert "export IQM_TOKEN=" in printed
        assert "seed 3" in printed
        assert requests.get(f"{url}/api/v1/quantum-computers/adonis/health", timeout=10).json()["health"]["healthy"]
        process.send_signal(stop)
        assert process.wait(timeout=30) == 0
        assert process.stderr.read() == "iqm-fake: stopped\n"
    with socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))):
        pass  # the port is free again


def test_whoever_is_impatient_sees_no_traceback():
    with serving("--device", "adonis") as (process, _, _):
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        assert process.returncode == 0
        assert process.stderr.read() == "iqm-fake: stopped\n"


def test_a_required_token_is_required_and_never_printed():
    with serving("--device", "adonis", "--require-token", IQM_TOKEN="s3cret-token") as (process, url, printed):
        assert requests.get(f"{url}/api/v1/quantum-computers", timeout=10).status_code == 401
        headers = {"Authorization": "Bearer s3cret-token"}
        assert requests.get(f"{url}/api/v1/quantum-computers", headers=headers, timeout=10).ok
        process.terminate()
        process.wait(timeout=30)
        assert "s3cret-token" not in printed + process.stdout.read() + process.stderr.read()


def test_the_same_seed_gives_the_same_shots():
    answers = []
    for _ in range(2):
        with serving("--device", "adonis", "--seed", "11") as (_, url, _):
            job = requests.post(f"{url}/api/v1/jobs/adonis/circuit", json=BELL, timeout=30).json()
            query = {"wait_until_terminal": "true", "timeout_seconds": "30"}
            requests.get(f"{url}/api/v1/jobs/{job['id']}", params=query, timeout=60)
            answers.append(requests.get(f"{url}/api/v1/jobs/{job['id']}/artifacts/measurements", timeout=30).json())
    assert answers[0] == answers[1]
    assert {bit for shot in answers[0][0]["m"] for bit in shot} == {0, 1}


def test_mocks_are_listed_if_asked_for():
    with serving("--device", "adonis", "--device", "deneb", "--mock") as (_, url, printed):
        listed = requests.get(f"{url}/api/v1/quantum-computers", timeout=10).json()["quantum_computers"]
        assert [computer["alias"] for computer in listed] == ["adonis", "deneb", "adonis:mock", "deneb:mock"]
        assert "export IQM_QUANTUM_COMPUTER=adonis  # or deneb, adonis:mock, deneb:mock" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "granet"], "iqm-fake: no device 'granet': .*garnet"),
        (["--seed", "-1"], "iqm-fake: a seed is a non-negative integer, got -1"),
        (["--method", "magic"], "iqm-fake: there is no simulation method 'magic'; choose auto, density_matrix"),
        (["--device", "garnet", "--device", "garnet"], "iqm-fake: a server needs devices with different aliases"),
        (["--device", "adonis:mock", "--mock"], "iqm-fake: a server needs devices with different aliases"),
        (["--mock", "--recordings", "."], "iqm-fake: --mock is of a device: name it with --device"),
        (["--require-token"], "iqm-fake: --require-token needs the token in the environment variable IQM_TOKEN"),
    ],
)
def test_a_mistake_is_one_line(arguments, message, capsys, monkeypatch):
    monkeypatch.delenv("IQM_TOKEN", raising=False)
    assert cli.main(["serve", "--port", "0", *arguments]) == 1
    error = capsys.readouterr().err
    assert re.match(message, error)
    assert error.count("\n") == 1


def test_which_version_it_is(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"iqm-fake, pytest-iqm {pytest_iqm.__version__}\n"


def test_the_package_is_a_command():
    command = [sys.executable, "-m", "iqm_fakes", "recordings", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.startswith("usage: iqm-fake recordings")


def test_shells_complete_it(capsys):
    pytest.importorskip("shtab", reason="an option for who has shtab")
    with pytest.raises(SystemExit):
        cli.main(["--print-completion", "bash"])
    assert "--allow-host" in capsys.readouterr().out


def test_a_port_in_use_is_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["serve", "--port", str(port)]) == 1
    expected = f"iqm-fake: can't listen on 127.0.0.1, port {port}: Address already in use; choose another --port, or 0 "
    assert capsys.readouterr().err == f"{expected}for any free one\n"


def test_a_host_that_is_none_is_one_line(capsys):
    assert cli.main(["serve", "--host", "nowhere.invalid", "--port", "0"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("iqm-fake: can't listen on nowhere.invalid, port 0: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--port", "99999", "a whole number from 0 to 65535, got '99999'"),
        ("--port", "-1", "a whole number from 0 to 65535, got '-1'"),
        ("--port", "http", "a whole number from 0 to 65535, got 'http'"),
        ("--workers", "0", "a whole number of at least 1, got '0'"),
        ("--keep", "1.5", "a whole number of at least 1, got '1.5'"),
        ("--max-shots", "many", "a whole number of at least 1, got 'many'"),
    ],
)
def test_a_number_that_is_none_is_said_with_its_option(option, value, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["serve", option, value])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: argument {option}: {message}\n")


def test_without_the_extra_there_is_no_dask(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert cli.main(["serve", "--dask", "tcp://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == "iqm-fake: --dask needs the extra 'dask': pip install 'pytest-iqm[dask]'\n"


def test_limits_and_what_is_kept():
    limits = ("--max-shots", "50", "--max-circuits", "1", "--max-queued", "2", "--keep", "1")
    with serving("--device", "adonis", *limits, "--queue-time", "0.01") as (_, url, _):
        jobs = f"{url}/api/v1/jobs"
        told = requests.get(f"{url}/api/v1/quantum-computers/adonis/limits", timeout=10).json()
        assert [told[f"max_{name}"] for name in ("shots_per_circuit", "circuits_per_job")] == [50, 1]
        ids = [requests.post(f"{jobs}/adonis/circuit", json=BELL, timeout=30).json()["id"] for _ in range(2)]
        for wrong in ({"shots": 51}, {"circuits": 2 * BELL["circuits"]}):
            assert requests.post(f"{jobs}/adonis/circuit", json={**BELL, **wrong}, timeout=30).status_code == 400
        query = {"wait_until_terminal": "true", "timeout_seconds": "30"}
        assert requests.get(f"{jobs}/{ids[1]}", params=query, timeout=60).json()["status"] == "completed"
        assert requests.get(f"{jobs}/{ids[0]}", timeout=30).status_code == 404


def test_a_server_for_everybody_says_so_and_by_which_address():
    with serving("--device", "adonis", "--host", "0.0.0.0") as (process, url, printed):
        assert url.startswith("http://127.0.0.1:")
        assert f"# from other machines: http://{socket.gethostname()}:" in printed
        assert "--require-token" in process.stderr.readline()
        assert requests.get(f"{url}/about", timeout=10).ok
    with serving("--device", "adonis", "--host", "0.0.0.0", "--require-token", IQM_TOKEN="s3cret") as (process, _, _):
        process.terminate()
        assert process.communicate(timeout=60)[1] == "iqm-fake: stopped\n"


def test_names_can_be_allowed():
    with serving("--device", "adonis", "--allow-host", "iqm-fake") as (_, url, _):
        for host, status in (("iqm-fake:8123", 200), ("another", 403)):
            assert requests.get(f"{url}/about", headers={"Host": host}, timeout=10).status_code == status


def test_a_dask_cluster_simulates():
    distributed = pytest.importorskip("distributed", reason="needs the extra 'dask' (tox -e dask)")
    answers = []
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        for where in (("--dask", cluster.scheduler_address), ("--workers", "1")):
            with serving("--device", "adonis", "--seed", "11", *where) as (_, url, _):
                job = requests.post(f"{url}/api/v1/jobs/adonis/circuit", json=BELL, timeout=30).json()["id"]
                query = {"wait_until_terminal": "true", "timeout_seconds": "30"}
                assert (
                    requests.get(f"{url}/api/v1/jobs/{job}", params=query, timeout=60).json()["status"] == "completed"
                )
                answers.append(requests.get(f"{url}/api/v1/jobs/{job}/artifacts/measurements", timeout=30).json())
    assert answers[0] == answers[1]
