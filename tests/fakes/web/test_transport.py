"""The same application on a real socket and in the process."""

import http.client
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest
import requests
from api_client import without_request

from iqm_fakes import Api, FakeIQMClient, FakeIQMServer
from iqm_fakes.web.loopback import LoopbackServer, loopback
from iqm_fakes.web.transport import InProcess, caller

BODY = json.dumps(
    {"circuits": [{"name": "c", "instructions": [{"name": "measure", "locus": ["QB1"], "args": {"key": "m"}}]}]}
).encode()


@pytest.fixture(scope="module")
def application():
    server = FakeIQMServer("adonis", seed=1, background=True)
    yield Api(server)
    server.close()


@pytest.fixture(scope="module")
def url(application):
    with loopback(application) as url:
        yield url


def test_it_is_bound_to_this_machine_only(url):
    assert urlsplit(url).hostname == "127.0.0.1"


def test_one_connection_serves_many_requests(url):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    for method, path, body in [
        ("GET", "/api/v1/quantum-computers", None),
        ("POST", "/api/v1/nothing", b"x" * 100_000),
        ("POST", "/api/v1/jobs/adonis/circuit", BODY),
    ]:
        connection.request(method, path, body)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.version == 11
        assert int(answer.headers["Content-Length"]) == len(text)
        assert json.loads(text)
    connection.close()


def test_expect_100_continue_is_answered_once(url):
    with socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=10) as connection:
        head = f"POST /api/v1/jobs/adonis/circuit HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(BODY)}\r\n"
        connection.sendall(f"{head}Expect: 100-continue\r\nConnection: close\r\n\r\n".encode())
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_polling_client_sees_a_background_job_end_at_once(url, monkeypatch):
    monkeypatch.setattr("iqm_fakes.web.api.PATIENCE", 60)  # the simulator may have to be imported first
    job = requests.post(f"{url}/api/v1/jobs/adonis/circuit", data=BODY, timeout=10).json()
    assert requests.get(f"{url}/api/v1/jobs/{job['id']}", timeout=10).json()["status"] == "completed"


def test_many_clients_at_once(url):
    def run(_):
        job = requests.post(f"{url}/api/v1/jobs/adonis/circuit", data=BODY, timeout=30).json()
        query = {"wait_until_terminal": "true", "timeout_seconds": "30"}
        return requests.get(f"{url}/api/v1/jobs/{job['id']}", params=query, timeout=60).json()

    with ThreadPoolExecutor(8) as threads:
        jobs = list(threads.map(run, range(40)))
    assert {job["status"] for job in jobs} == {"completed"}
    assert len({job["id"] for job in jobs}) == 40


def test_leaving_the_block_frees_the_port(application):
    servers = [thread for thread in threading.enumerate() if thread.name == "iqm-fake-server"]
    with loopback(application) as url:
        requests.get(f"{url}/about", timeout=10)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/about", timeout=10)
    LoopbackServer(application, port=urlsplit(url).port)._server.server_close()
    assert [thread for thread in threading.enumerate() if thread.name == "iqm-fake-server"] == servers


def test_a_port_in_use_is_an_os_error(application, url):
    with pytest.raises(OSError, match="in use"):
        LoopbackServer(application, port=urlsplit(url).port)


def test_the_process_answers_as_the_socket_does(application, url):
    inside = InProcess(application)
    for method, path, arguments in [
        (requests.get, "/api/v1/quantum-computers", {}),
        (requests.get, "/api/v1/nowhere", {"params": {"a": "ä b"}}),
        (requests.post, "/api/v1/jobs/adonis/circuit", {"data": b"{", "headers": {"Content-Type": "application/json"}}),
    ]:
        near, far = (call(f"{base}{path}", timeout=10, **arguments) for call, base in (
            (caller(inside, method), "https://fake.invalid"),
            (method, url),
        ))  # fmt: skip
        assert near.status_code == far.status_code
        assert near.encoding == far.encoding == "utf-8"
        assert near.reason.upper() == far.reason.upper()
        assert without_request(near.json()) == without_request(far.json())


@pytest.mark.parametrize("replaced", [lambda *args, **kwargs: None, Mock()])
def test_what_nobody_knows_the_name_of_is_said(replaced, monkeypatch):
    """The vendor's client looks functions of requests up when it calls."""
    client = FakeIQMClient("adonis")
    monkeypatch.setattr(requests, "get", replaced)
    with pytest.raises(TypeError, match=r"in place of a function of requests\. .* keeps its name \(functools\.wraps\)"):
        client.get_health()


def test_callers_have_the_names_of_what_they_stand_for(application):
    for method in (requests.get, requests.post, requests.delete):
        assert caller(InProcess(application), method).__name__ == method.__name__
