"""Every route, 20 000 requests made from valid ones: each is answered, or refused by a documented error.

Whatever job is accepted is drawn on the page, too.
"""

import copy
import json
import random
from urllib.parse import quote
from uuid import UUID

import pytest
from werkzeug.test import Client

from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.web.api import ROUTES

REQUESTS = 20_000
ALLOWED = {400, 401, 403, 404, 405, 413}

BODY = {
    "circuits": [
        {
            "name": "c",
            "instructions": [
                {"name": "prx", "implementation": None, "locus": ["QB1"], "args": {"angle": 0.5, "phase": 0.25}},
                {"name": "cz", "locus": ["QB1", "QB3"], "args": {}},
                {"name": "delay", "locus": ["QB2"], "args": {"duration": 1e-7}},
                {"name": "measure", "locus": ["QB1", "QB3"], "args": {"key": "m"}},
                {
                    "name": "cc_prx",
                    "locus": ["QB2"],
                    "args": {"angle": 1.0, "phase": 0.0, "feedback_qubit": "QB1", "feedback_key": "m"},
                },
                {"name": "measure", "locus": ["QB2"], "args": {"key": "n"}},
            ],
            "metadata": {"a": 1},
        }
    ],
    "shots": 3,
    "calibration_set_id": None,
    "qubit_mapping": None,
    "max_circuit_duration_over_t2": None,
    "heralding_mode": "none",
    "active_reset_cycles": None,
    "dd_mode": "disabled",
    "dd_strategy": {"gate_sequences": [[9, "XYXY", "asap"]], "target_qubits": ["QB1"]},
}
ODD = [
    None,
    True,
    0,
    -1,
    10**30,
    -(10**400),
    1e308,
    float("nan"),
    float("inf"),
    "",
    "QB1",
    "QB77",
    "\x00",
    "ß☃",
    "x" * 5000,
    [],
    {},
    [[]],
    [None],
    {"a": {}},
    "none",
    "00000000-0000-0000-0000-000000000000",
]


def places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


PLACES = list(places(BODY))


def mutated(dice):
    """A body with one to three changes."""
    body = copy.deepcopy(BODY)
    for _ in range(dice.randint(1, 3)):
        path = dice.choice(PLACES)
        if not path:
            continue
        try:
            inner = body
            for key in path[:-1]:
                inner = inner[key]
            kind = dice.randrange(4)
            if kind == 0:
                del inner[path[-1]]
            elif kind == 1 and isinstance(inner, list):
                inner.insert(path[-1], copy.deepcopy(dice.choice(inner)))
            elif kind == 2 and isinstance(inner, dict):
                inner[dice.choice(["extra", "qubits", "angle_t", "locus"])] = inner[path[-1]]
            else:
                inner[path[-1]] = dice.choice(ODD)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    return json.dumps(body).encode()


def broken(dice):
    """Bytes that are no body."""
    body = mutated(dice)
    depth = dice.choice([50, 5000, 200_000])
    place = dice.randrange(len(body))
    return dice.choice(
        [
            b"",
            body[:place],
            body[:place] + bytes([dice.randrange(256)]) + body[place:],
            body.decode().encode("utf-16"),
            b"[" * depth + b"]" * depth,
            b'{"circuits":' * depth,
            b'{"circuits": [], "shots": 1' + b"0" * dice.choice([20, 5000]) + b"}",
            bytes(dice.randrange(256) for _ in range(50)),
        ]
    )


def address(dice, jobs):
    """A path of a route, some of its variables nonsense."""
    rule = dice.choice(RULES)
    path = rule.rule
    values = {
        "qc": ["adonis", "adonis", "garnet", "nope", "a:b", "☃"],
        "cal": ["default", "default", "00000000-0000-0000-0000-000000000000", "x", "%"],
        "job_id": [*jobs[-5:], "00000000-0000-4000-8000-000000000000", "nope", "x" * 300],
        "kind": ["circuit", "measurements", "measurement_counts", "duts", "settings", "sweep", "☃"],
    }
    for name, choices in values.items():
        path = path.replace(f"<{name}>", quote(dice.choice(choices), safe=""))
    return path


RULES = [rule for rule in ROUTES.iter_rules() if not rule.rule.startswith("/api/latest")]
QUERIES = [
    "",
    "",
    "wait_until_terminal=true&timeout_seconds=0",
    "timeout_seconds=x&wait_until_terminal=true",
    "tag=" + "t" * 60,
]


@pytest.mark.parametrize("seed", range(4))
def test_nothing_a_client_sends_is_an_internal_error(seed):
    dice = random.Random(seed)
    server = FakeIQMServer("adonis", "garnet", seed=seed)
    client = Client(Api(server))
    jobs, answered, refused = [], 0, 0
    for number in range(REQUESTS // 4):
        if dice.random() < 0.5:
            body = mutated(dice) if dice.random() < 0.8 else broken(dice)
            request = {"method": "POST", "path": "/api/v1/jobs/adonis/circuit", "data": body}
        else:
            method = dice.choice(["GET", "GET", "POST", "DELETE", "PUT", "PATCH"])
            request = {
                "method": method,
                "path": address(dice, jobs),
                "data": broken(dice) if dice.random() < 0.1 else b"",
            }
        answer = client.open(**request, query_string=dice.choice(QUERIES))
        if answer.status_code < 300:
            answered += 1
            if request["path"].endswith("circuit"):
                assert answer.json["status"] in ("completed", "failed")
                assert not any(error["error_code"] == "internal_error" for error in answer.json["errors"]), request
                jobs.append(answer.json["id"])
                assert client.get(f"/_page/jobs/{jobs[-1]}").status_code == 200, request
        else:
            refused += 1
            assert answer.status_code in ALLOWED, (number, request, answer.get_data())
            assert isinstance(answer.json["message"], str)
            assert UUID(answer.json["request_id"])
    assert answered > 500
    assert refused > 500
    assert not [job for job in server.jobs if not job.status.terminal]
