"""A connection stays open for the next request, as every client asks for."""

import http.client
import socket
import time
from urllib.parse import urlsplit

import pytest
import requests
from api_client import FLIP, V1

from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.web.loopback import loopback


@pytest.fixture(scope="module")
def url():
    with loopback(Api(FakeIQMServer("adonis", seed=1, noise=False))) as address:
        yield address


def request_line(path, *headers, version="1.1", method="GET", body=b""):
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture
def connection(url):
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=10) as open_connection:
        yield open_connection


def received(connection):
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.headers["Connection"], answer.read()


def test_many_requests_on_one_connection(connection):
    for _ in range(3):
        for method, path, status in [("GET", "/about", 200), ("GET", "/nowhere", 404), ("PUT", "/about", 405)]:
            connection.sendall(request_line(path, method=method, body=b"unread" * 100))
            assert received(connection)[:2] == (status, "keep-alive")


def test_requests_that_are_sent_ahead_are_answered_in_turn(connection):
    connection.sendall(request_line("/about") + request_line(f"{V1}/quantum-computers"))
    text = b""
    while b'"quantum_computers"' not in text:
        text += connection.recv(65536)
    assert text.count(b"HTTP/1.1 200") == 2
    assert text.index(b'"version"') < text.index(b'"quantum_computers"')


def test_an_answer_without_a_body_ends(url):
    with requests.Session() as session:
        job = session.post(f"{url}{V1}/jobs/adonis/circuit", json=FLIP, timeout=10).json()
        assert session.delete(f"{url}{V1}/jobs/{job['id']}", timeout=10).status_code == 204
        assert session.head(f"{url}/about", timeout=10).status_code == 200
        assert session.get(f"{url}{V1}/jobs/{job['id']}", timeout=10).status_code == 404
        (pool,) = session.get_adapter(url).poolmanager.pools._container.values()
        assert pool.num_connections == 1


@pytest.mark.parametrize(("header", "version"), [("Connection: close", "1.1"), ("Accept: */*", "1.0")])
def test_it_is_closed_for_those_who_want_that(connection, header, version):
    connection.sendall(request_line("/about", header, version=version))
    answer = b""
    while part := connection.recv(65536):
        answer += part
    assert b"Connection: close\r\n" in answer


def test_a_chunked_submission_leaves_nothing_behind(url):
    def pieces():
        yield from (b'{"circuits"', b": oops")

    with requests.Session() as session:
        for _ in range(2):
            answer = session.post(f"{url}{V1}/jobs/adonis/circuit", data=pieces(), timeout=10)
            assert answer.json()["error_code"] == "invalid_job_payload"


def test_requests_do_not_wait_for_each_other(url):
    """Neither for an acknowledgement of headers (40 ms on Linux) nor for a body that never comes."""
    with requests.Session() as session:
        session.get(f"{url}/about", timeout=10)
        start = time.monotonic()
        for _ in range(50):
            session.get(f"{url}/about", timeout=10)
        assert time.monotonic() - start < 1


def test_leaving_the_block_ends_the_connection():
    with requests.Session() as session:
        with loopback(Api(FakeIQMServer("adonis"))) as address:
            assert session.get(f"{address}/about", timeout=10).ok
        with pytest.raises(requests.ConnectionError):
            session.get(f"{address}/about", timeout=10)


@pytest.mark.parametrize("verb", ["resets", "breaks_off"])
def test_a_fault_of_the_connection_ends_it(verb):
    server = FakeIQMServer("adonis")
    with loopback(Api(server)) as address, requests.Session() as session:
        assert session.get(f"{address}{V1}/quantum-computers/adonis/health", timeout=10).ok
        getattr(server.faults.on("health"), verb)()
        with pytest.raises(requests.RequestException):
            session.get(f"{address}{V1}/quantum-computers/adonis/health", timeout=10)
        assert session.get(f"{address}{V1}/quantum-computers/adonis/health", timeout=10).ok


def test_a_defect_of_the_application_is_a_500_and_is_logged(caplog):
    def application(environ, start_response):
        raise ZeroDivisionError("oh")

    with loopback(application) as address:
        assert requests.get(address, timeout=10).status_code == 500
    assert "ZeroDivisionError" in caplog.text
