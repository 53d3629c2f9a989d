"""What tests call in other processes, which import this module by its name."""

import os
import pickle
import time
from pathlib import Path

from iqm_fakes import FakeIQMClient
from iqm_fakes.server.workers import report
from iqm_fakes.vendor import http

CIRCUIT = {
    "name": "c",
    "instructions": [
        {"name": "prx", "locus": ["QB1"], "args": {"angle": 1.0, "phase": 0.0}},
        {"name": "measure", "locus": ["QB1"], "args": {"key": "m"}},
    ],
}


def submitted(client):
    """Submit a circuit; returns the id of the job, and what the client says of itself."""
    job = http.post(client, "jobs/adonis/circuit", {"circuits": [CIRCUIT], "shots": 100})
    return job["id"], repr(client)


def pickled_client():
    """Return a client, pickled, of a server that ends with its process."""
    return pickle.dumps(FakeIQMClient("adonis"))


def process():
    """Return the id of the process."""
    return os.getpid()


def wait_long(path):
    """Write the id of the process to a file, and do nothing for a long time."""
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


def divide_by_zero():
    """Raise an error."""
    raise ZeroDivisionError("oh")


def leave(status, *arguments):
    """End the process."""
    os._exit(status)


def report_halves(path):
    """Report two halves of a second, and go on when the file is there."""
    report(0.5)
    report(0.5)
    while not Path(path).exists():
        time.sleep(0.01)
    return "done"
