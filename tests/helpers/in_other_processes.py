"""What tests call in other processes, which import this module by its name."""

import pickle

from iqm_fakes import FakeIQMClient
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
