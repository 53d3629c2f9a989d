"""``iqm-fake serve`` while it simulates for minutes: it answers, and what nobody wants any more ends."""

import os
import re
import signal
import subprocess
import time

import pytest
import requests
from api_client import FLIP, V1
from server_process import serving

PATIENCE = 60
"""Seconds after which a test gives up, where the simulation would take minutes."""


class Client:
    """What a user does with one quantum computer."""

    def __init__(self, url):
        self._api = url + V1

    def get(self, path, **query):
        return requests.get(self._api + path, params=query, timeout=PATIENCE).json()

    def submit(self, job):
        return requests.post(f"{self._api}/jobs/garnet/circuit", json=job, timeout=PATIENCE).json()["id"]

    def submit_long(self):
        """Submit layers of gates on all 20 qubits, which are in use together, and wait until it is being simulated."""
        dynamic = self.get("/calibration-sets/garnet/default/dynamic-quantum-architecture")
        cz = dynamic["gates"]["cz"]
        loci = cz["implementations"][cz["default_implementation"]]["loci"]
        layer = [
            *({"name": "prx", "locus": [qubit], "args": {"angle": 1.1, "phase": 0.3}} for qubit in dynamic["qubits"]),
            *({"name": "cz", "locus": locus, "args": {}} for locus in loci),
        ]
        measure = {"name": "measure", "locus": dynamic["qubits"], "args": {"key": "m"}}
        job = self.submit({"circuits": [{"name": "long", "instructions": [*8 * layer, measure]}], "shots": 4000})
        deadline = time.monotonic() + PATIENCE
        while not self.progress(job):
            assert time.monotonic() < deadline
        return job

    def progress(self, job):
        execution = self.get(f"/jobs/{job}")["execution"] or {"progress": {}}
        return execution["progress"].get("Simulation", {"value": 0})["value"]

    def ended(self, job):
        return self.get(f"/jobs/{job}", wait_until_terminal="true", timeout_seconds=30)


@pytest.fixture
def server():
    """A server with one process that simulates, and its process."""
    with serving("--device", "garnet", "--seed", "1", "--workers", "1", log=subprocess.DEVNULL) as (process, url, _):
        yield Client(url), process


def test_it_answers_meanwhile_and_a_job_that_is_cancelled_makes_way_for_the_next(server):
    client, _ = server
    job = client.submit_long()
    waiting = client.submit(FLIP)
    assert client.get(f"/jobs/{waiting}")["queue_position"] == 0
    for _ in range(5):
        assert client.get("/quantum-computers")["quantum_computers"]
    assert requests.post(f"{client._api}/jobs/{job}/cancel", timeout=PATIENCE).json()["status"] == "cancelled"
    assert client.ended(waiting)["status"] == "completed"  # in the one process


def test_the_death_of_what_simulates_fails_the_job_and_the_server_goes_on(server):
    client, process = server
    job = client.submit_long()
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    (simulates,) = re.findall(rf"^ *(\d+) +{process.pid} .*spawn_main", listed, re.MULTILINE)
    os.kill(int(simulates), signal.SIGKILL)
    (error,) = client.ended(job)["errors"]
    assert error["error_code"] == "internal_error"
    assert error["message"].startswith("the process that simulated it was ended by SIGKILL")
    assert client.ended(client.submit(FLIP))["status"] == "completed"


def test_it_can_be_stopped_meanwhile(server):
    client, process = server
    client.submit_long()
    process.terminate()
    assert process.wait(PATIENCE) == 0
