"""A client that speaks JSON to the API, and small submissions."""

import math
from uuid import UUID

from werkzeug.test import Client

V1 = "/api/v1"
NOBODY = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
PRX = {"name": "prx", "locus": ["QB1"], "args": {"angle": math.pi, "phase": 0.0}}


def measure(*locus, key="m"):
    return {"name": "measure", "locus": list(locus), "args": {"key": key}}


def submission(*instructions, shots=20, **options):
    return {"circuits": [{"name": "c", "instructions": list(instructions)}], "shots": shots, **options}


FLIP = submission(PRX, measure("QB1"))


class WireClient(Client):
    """Asks, and checks the status."""

    def ask(self, method, path, status=200, **arguments):
        answer = self.open(path, method=method, **arguments)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json() if answer.mimetype == "application/json" else answer

    def refused(self, method, path, code, status=400, **arguments):
        error = self.ask(method, path, status, **arguments)
        assert error["error_code"] == code
        assert UUID(error["request_id"])
        return error["message"]

    def run(self, payload, computer="adonis", **arguments):
        return self.ask("POST", f"{V1}/jobs/{computer}/circuit", json=payload, **arguments)
