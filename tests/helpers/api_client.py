"""A client that speaks the server's HTTP API, and what it submits."""

import math
from uuid import UUID

from werkzeug.test import Client

V1 = "/api/v1"
NOBODY = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
PRX = {"name": "prx", "locus": ["QB1"], "args": {"angle": math.pi, "phase": 0.0}}


def measure(*locus, key="m", **args):
    return {"name": "measure", "locus": list(locus), "args": {"key": key, **args}}


def submission(*instructions, shots=20, **options):
    return {"circuits": [{"name": "c", "instructions": list(instructions)}], "shots": shots, **options}


FLIP = submission(PRX, measure("QB1"))


class Http(Client):
    """A client that speaks JSON."""

    def ask(self, method, path, status=200, **arguments):
        answer = self.open(path, method=method, **arguments)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json() if answer.mimetype == "application/json" else answer

    def run(self, payload, computer="adonis"):
        return self.ask("POST", f"{V1}/jobs/{computer}/circuit", json=payload)

    def measured(self, payload, computer="adonis"):
        job = self.run(payload, computer)
        assert job["status"] == "completed", job["errors"]
        return self.ask("GET", f"{V1}/jobs/{job['id']}/artifacts/measurements")


def refused(http, method, path, status, code, **arguments):
    error = http.ask(method, path, status, **arguments)
    assert error["error_code"] == code
    assert isinstance(error["message"], str)
    assert UUID(error["request_id"])
    return error["message"]


def without_request(document):
    return {k: v for k, v in document.items() if k != "request_id"} if isinstance(document, dict) else document
