"""Control over HTTP, on a socket, as a program in another language has it."""

import json
import re
from pathlib import Path

import pytest
import requests
from api_client import FLIP, V1, measure, submission
from server_process import serving

from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.web.api import ROUTES
from iqm_fakes.web.loopback import loopback

DOCUMENT = Path(__file__).parents[3] / "docs" / "control.md"


class Program:
    """A program that speaks HTTP, and knows nothing of Python."""

    def __init__(self, url):
        self.url = url

    def ask(self, method, path, said=None, status=200):
        answer = requests.request(method, f"{self.url}{path}", json=said, timeout=30)
        assert answer.status_code == status, answer.text
        return answer.json()

    def control(self, method, path, said=None, status=200):
        return self.ask(method, f"/_fake{path}", said, status)

    def run(self, status=200, computer="adonis"):
        return self.ask("POST", f"{V1}/jobs/{computer}/circuit", FLIP, status)

    def status(self, job):
        return self.ask("GET", f"{V1}/jobs/{job['id']}")["status"]


@pytest.fixture
def server():
    server = FakeIQMServer("adonis", "deneb", seed=5, background=True)
    yield server
    server.close()


@pytest.fixture
def program(server):
    with loopback(Api(server, controlled=True)) as url:
        yield Program(url)


def test_the_server_says_what_it_is(program, server):
    about = program.ask("GET", "/")
    assert "fake IQM Server" in about["message"]
    assert about["quantum_computers"] == ["adonis", "deneb"]
    assert about["seed"] == 5
    assert program.ask("GET", f"{about['api']}/quantum-computers") == server.quantum_computers()
    assert program.ask("GET", f"{about['control']}/")["seed"] == 5


def test_nobody_controls_a_server_that_does_not_say_so(server):
    with loopback(Api(server)) as url:
        assert Program(url).ask("GET", "/")["control"] is None
        error = Program(url).control("POST", "/reset", {}, 404)
    assert error["error_code"] == "not_found"
    assert "iqm-fake serve --control" in error["message"]


def test_a_required_token_is_required_here_too(server):
    with loopback(Api(server, token="s3cret", controlled=True)) as url:
        Program(url).control("GET", "/", status=401)


def test_reset(program, server):
    def measured():
        job = program.run()
        assert program.status(job) == "completed"
        return program.ask("GET", f"{V1}/jobs/{job['id']}/artifacts/measurements")

    first, second = measured(), measured()
    program.control("POST", "/maintenance", {"maintenance": True})
    now = program.control("POST", "/reset")
    assert now == {
        "seed": 5,
        "maintenance": False,
        "queue": {"held": False, "length": 0},
        "unfired_faults": [],
    }
    assert program.control("GET", "/jobs") == {"jobs": []}
    assert (measured(), measured()) == (first, second)
    assert program.control("POST", "/reset", {"seed": 6})["seed"] == server.seed == 6


def test_a_reset_keeps_the_pace_of_the_queue(program, server):
    server.queue.takes(waiting=3600, processing=1)
    program.control("POST", "/reset")
    assert program.status(program.run()) == "waiting"
    assert server.queue.pace == (3600, 1)


@pytest.mark.parametrize(
    ("sentence", "status", "code"),
    [
        ({"answers": 503}, 503, "service_unavailable"),
        ({"answers": "rate_limit_exceeded", "message": "slow down", "retry_after": 7}, 429, "rate_limit_exceeded"),
    ],
)
def test_a_call_answers_an_error(program, sentence, status, code):
    said = {"on": ["submit", "cancel"], "does": "answers", "error": sentence["answers"], "after": 1}
    said |= {name: value for name, value in sentence.items() if name != "answers"}
    now = program.control("POST", "/faults", said)
    assert [len(now["unfired_faults"]), now["unfired_faults"][0].startswith("on('submit', 'cancel'")] == [1, True]
    program.run()
    error = program.run(status)
    assert error["error_code"] == code
    assert error["message"] == sentence.get("message", error["message"])
    program.run()
    assert program.control("GET", "/")["unfired_faults"] == []


def test_a_connection_breaks(program):
    program.control("POST", "/faults", {"on": "health", "does": "resets", "times": 2})
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            program.ask("GET", f"{V1}/quantum-computers/adonis/health")
    program.ask("GET", f"{V1}/quantum-computers/adonis/health")


def test_a_call_about_one_job(program):
    one, other = program.run(), program.run()
    program.control("POST", "/faults", {"on": "status", "job": one["id"], "does": "answers", "error": 502})
    assert program.status(other) == "completed"
    program.ask("GET", f"{V1}/jobs/{one['id']}", status=502)


def test_a_job_fails(program):
    said = {"on": "job", "after": 1, "does": "fails", "message": "the chip is warm", "code": "hardware_error"}
    program.control("POST", "/faults", said)
    good, bad = program.run(), program.run()
    assert program.status(good) == "completed"
    assert program.status(bad) == "failed"
    (error,) = program.ask("GET", f"{V1}/jobs/{bad['id']}")["errors"]
    assert (error["error_code"], error["message"]) == ("hardware_error", "the chip is warm")


def test_faults_are_forgotten(program):
    program.control("POST", "/faults", {"on": "anything", "does": "refuses", "times": 3})
    assert program.control("DELETE", "/faults")["unfired_faults"] == []
    program.run()


def test_control_meets_no_faults(program, server):
    server.faults.on("anything").answers(503)
    server.faults.randomly(1.0, seed=1)
    program.control("GET", "/")


def test_recalibrate(program):
    def default(computer):
        return program.ask("GET", f"{V1}/calibration-sets/{computer}/default")["observation_set_id"]

    def works():
        path = f"{V1}/calibration-sets/adonis/default/dynamic-quantum-architecture"
        return program.ask("GET", path)["qubits"]

    before = default("adonis"), default("deneb")
    said = {"computer": "adonis", "drift": 1, "lost": ["QB4", ["QB1", "QB3"]]}
    now = program.control("POST", "/recalibrate", said)
    assert (default("adonis"), default("deneb")) == (now["calibration_set_id"], before[1])
    assert "QB4" not in works()
    program.control("POST", "/faults", {"on": "submit", "does": "recalibrates", "computer": "deneb", "seed": 3})
    program.run()
    assert default("deneb") != before[1]


def test_maintenance(program):
    assert program.control("POST", "/maintenance", {"maintenance": True})["maintenance"] is True
    assert program.run(503)["error_code"] == "service_unavailable"
    program.control("POST", "/maintenance", {"maintenance": False})
    program.run()


def test_the_queue_is_held_and_stepped(program):
    for _ in range(2):  # as often as one likes
        assert program.control("POST", "/queue/hold")["queue"] == {"held": True, "length": 0}
    first, second = program.run(), program.run()
    assert program.control("POST", "/queue/start")["job"]["id"] == first["id"]
    assert (program.status(first), program.status(second)) == ("processing", "waiting")
    finished = program.control("POST", "/queue/finish")
    assert (finished["job"]["status"], finished["queue"]["length"]) == ("completed", 1)
    assert program.control("POST", "/queue/finish")["job"] is None
    for _ in range(2):
        assert program.control("POST", "/queue/release")["queue"]["held"] is False
    assert program.status(second) == "completed"
    assert program.control("POST", "/queue/start", status=409)["error_code"] == "conflict"


def test_a_reset_lets_go_of_the_queue(program):
    program.control("POST", "/queue/hold")
    waiting = program.run()
    assert program.control("POST", "/reset")["queue"] == {"held": False, "length": 0}
    assert program.status(waiting) == "cancelled"
    assert program.status(program.run()) == "completed"


def test_jobs_are_listed(program):
    job = program.run()
    program.status(job)
    failed = program.ask("POST", f"{V1}/jobs/deneb/circuit", submission(measure("QB99")))
    program.status(failed)
    listed = program.control("GET", "/jobs")["jobs"]
    assert [entry["id"] for entry in listed] == [job["id"], failed["id"]]
    assert listed[0].items() >= program.ask("GET", f"{V1}/jobs/{job['id']}").items()
    assert (listed[0]["quantum_computer"], listed[1]["quantum_computer"]) == ("adonis", "deneb")
    assert listed[0]["payload"] == FLIP
    assert listed[0]["client"].startswith("python-requests")
    assert "QB99" in listed[1]["explanation"]


@pytest.mark.parametrize(
    ("method", "path", "said", "message"),
    [
        ("POST", "/reset", {"sed": 3}, '"sed" means nothing here: a request can say seed'),
        ("POST", "/reset", {"seed": "3"}, '"seed" is a whole number or null, got "3"'),
        ("POST", "/reset", {"seed": True}, '"seed" is a whole number or null, got true'),
        ("POST", "/reset", {"seed": -1}, "a seed is a non-negative integer, got -1"),
        ("POST", "/reset", [], "the body is a JSON object, got []"),
        ("POST", "/queue/hold", {"for": 3}, '"for" means nothing here: a request has nothing more to say'),
        ("POST", "/maintenance", {}, 'a request says {"maintenance": true} or false, got {}'),
        ("POST", "/maintenance", {"maintenance": "on"}, 'or false, got {"maintenance": "on"}'),
        ("POST", "/faults", {}, '"on" is an operation, a list of them, or "job", got null'),
        ("POST", "/faults", {"on": ["submit", 3]}, '"on" is an operation, a list of them, or "job", got ["submit", 3]'),
        ("POST", "/faults", {"on": "sumbit", "does": "refuses"}, "there is no operation 'sumbit'; choose submit"),
        ("POST", "/faults", {"on": [], "does": "refuses"}, "there is no operation ''"),
        ("POST", "/faults", {"on": "submit"}, '"does" is one of answers, refuses, resets'),
        ("POST", "/faults", {"on": "submit", "does": "fails"}, 'got "fails"'),
        ("POST", "/faults", {"on": "job", "does": "answers"}, '"does" is one of fails, fails_to_compile'),
        ("POST", "/faults", {"on": "submit", "does": "answers"}, '"error" is missing'),
        ("POST", "/faults", {"on": "submit", "does": "answers", "error": 418}, "there is no error 418; the server"),
        ("POST", "/faults", {"on": "submit", "does": "refuses", "times": 0}, "a fault acts at least once"),
        ("POST", "/faults", {"on": "submit", "does": "refuses", "times": 1.5}, '"times" is a whole number, got 1.5'),
        ("POST", "/faults", {"on": "submit", "does": "refuses", "job": "x"}, "'x' is no id of a job"),
        ("POST", "/faults", {"on": "submit", "does": "delays"}, '"seconds" is missing'),
        ("POST", "/faults", {"on": "submit", "does": "delays", "seconds": -1}, "no negative time, got -1 seconds"),
        ("POST", "/faults", {"on": "submit", "does": "delays", "seconds": None}, '"seconds" is a number, got null'),
        ("POST", "/faults", {"on": "job", "does": "loses_shots", "fraction": 2}, "between 0 and 1, got 2"),
        ("POST", "/faults", {"on": "submit", "does": "_plan"}, '"does" is one of answers'),
        ("POST", "/recalibrate", {}, "the server has several quantum computers, name one: adonis, deneb"),
        ("POST", "/recalibrate", {"computer": "adonis", "lost": "QB3"}, '"lost" is a list of names, or of lists'),
        ("POST", "/recalibrate", {"computer": "adonis", "lost": [3]}, '"lost" is a list of names, or of lists'),
        ("POST", "/recalibrate", {"computer": "adonis", "lost": ["QB99"]}, "QB99"),
    ],
)
def test_what_is_wrong_is_said(program, server, method, path, said, message):
    error = program.control(method, path, said, 400)
    assert error["error_code"] == "invalid_input"
    assert message in error["message"]
    assert server.faults.unfired() == []


def test_other_mistakes(program):
    answer = requests.post(f"{program.url}/_fake/reset", data="{seed: 3}", timeout=10)
    assert answer.status_code == 400
    assert "the body is no JSON" in answer.json()["message"]
    assert program.control("POST", "/recalibrate", {"computer": "x"}, 404)["error_code"] == "qc_not_found"
    assert program.control("GET", "/nowhere", status=404)["error_code"] == "not_found"
    assert program.control("GET", "/reset", status=405)["error_code"] == "method_not_allowed"


def test_iqm_fake_serve():
    with serving("--device", "adonis", "--control", "--seed", "3") as (_, url, printed):
        assert "/_fake/" in printed
        assert Program(url).control("POST", "/reset", {"seed": 4})["seed"] == 4
    with serving("--device", "adonis", "--seed", "3") as (_, url, printed):
        assert "/_fake/" not in printed
        Program(url).control("POST", "/reset", {"seed": 4}, 404)


def test_the_documentation_names_every_path(program):
    """And its examples of what is said are taken."""
    text = DOCUMENT.read_text()
    documented = set(re.findall(r"`(GET|POST|DELETE) (/_fake[\w/]*)`", text))
    rules = {
        (method, rule.rule)
        for rule in ROUTES.iter_rules()
        if rule.rule.startswith("/_fake")
        for method in rule.methods - {"HEAD"}
    }
    assert documented == rules
    sentences = re.findall(r"^(\{.*\"does\".*\})$", text, re.MULTILINE)
    assert len(sentences) >= 5
    for sentence in sentences:
        program.control("POST", "/faults", json.loads(sentence))
