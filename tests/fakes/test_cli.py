"""``iqm-fake serve`` as a process of its own."""

import re
import signal
import socket

import pytest
import requests
from server_process import serving

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


def test_a_port_in_use_is_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert cli.main(["serve", "--port", str(taken.getsockname()[1])]) == 1
    error = capsys.readouterr().err
    assert "in use" in error
    assert error.count("\n") == 1
