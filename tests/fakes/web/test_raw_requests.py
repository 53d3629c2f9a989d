"""What no client sends: every request is answered or dropped, nothing is a defect, and the next one is answered."""

import errno
import socket
import threading
from urllib.parse import urlsplit

import pytest
import requests
from api_client import V1

from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.web import loopback as loopback_module
from iqm_fakes.web.loopback import loopback

LONG = b"a" * 100_000
SUBMIT = f"POST {V1}/jobs/adonis/circuit HTTP/1.1".encode()
HOST = b"Host: localhost"

LINES = [
    b"",
    b" ",
    b"\0",
    b"\xff\xfe\xfd",
    b"GET",
    b"GET /about",
    b"GET  /about HTTP/1.1",
    b"GET /about HTTP/1.1 more",
    b"GET /about HTTP/9.9",
    b"GET /about HTTP/1",
    b"GET /about HTTP/-1.1",
    b"GET /about HTTP/1.1.1",
    b"GET /about HTTP/one",
    b"GET /about HTTP/1." + b"1" * 30,
    b"GET /about http/1.1",
    b"GET /about SPDY/3",
    b"PRI * HTTP/2.0",
    b"get /about HTTP/1.1",
    b"GET\t/about\tHTTP/1.1",
    b"G\0T /about HTTP/1.1",
    b"BREW /about HTTP/1.1",
    b"CONNECT example.com:443 HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"TRACE / HTTP/1.1",
    b"GET * HTTP/1.1",
    b"GET about HTTP/1.1",
    b"GET // HTTP/1.1",
    b"GET //example.com/about HTTP/1.1",
    b"GET http://example.com/about HTTP/1.1",
    b"GET http://[/about HTTP/1.1",
    b"GET http://localhost:99999999/about HTTP/1.1",
    b"GET /%zz HTTP/1.1",
    b"GET /%ff%fe HTTP/1.1",
    b"GET /%00 HTTP/1.1",
    b"GET /\xff\xfe HTTP/1.1",
    b"GET /../../etc/passwd HTTP/1.1",
    b"GET /api/v1/../v1/quantum-computers HTTP/1.1",
    b"GET /" + LONG + b" HTTP/1.1",
    b"GET /?" + b"a&" * 30_000 + b" HTTP/1.1",
    b"GET /about#part HTTP/1.1",
    b"GET /;a=b HTTP/1.1",
    LONG,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the beginning of TLS
]
HEADERS = [
    [b"Host"],
    [b": localhost"],
    [b"Host : localhost"],
    [HOST, b"no colon"],
    [HOST, b" folded: yes"],
    [HOST, b"A: b\0c"],
    [HOST, b"A\0: b"],
    [HOST, b"\xff: \xfe"],
    [HOST, b"A: " + LONG],
    [HOST, *[b"A%d: b" % number for number in range(300)]],
    [HOST, HOST],
    [b"Host: localhost, example.com"],
    [b"Host: example.com"],
    [b"Host: [::1"],
    [b"Host: localhost:port"],
    [b"Host: " + LONG[:60_000]],
    [b"Host: user@localhost"],
    [],
    [HOST, b"Content-Length: -1"],
    [HOST, b"Content-Length: +1"],
    [HOST, b"Content-Length: 1e9"],
    [HOST, b"Content-Length: 0x10"],
    [HOST, b"Content-Length: \xb2"],
    [HOST, b"Content-Length: 5, 5"],
    [HOST, b"Content-Length: 5", b"Content-Length: 6"],
    [HOST, b"Content-Length: 99999999999999999999"],
    [HOST, b"Content-Length: 1000000000000"],
    [HOST, b"Content-Length: 4", b"Transfer-Encoding: chunked"],
    [HOST, b"Transfer-Encoding: gzip"],
    [HOST, b"Transfer-Encoding: gzip, chunked"],
    [HOST, b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
    [HOST, b"Transfer-Encoding: identity"],
    [HOST, b"Expect: everything"],
    [HOST, b"Upgrade: h2c", b"Connection: Upgrade"],
    [HOST, b"Connection: \xff"],
    [HOST, b"Authorization: Bearer \xff\xfe"],
    [HOST, b"Origin: http://example.com"],
    [HOST, b"Origin: null"],
    [HOST, b"Origin: http://["],
    [HOST, b"Sec-Fetch-Site: cross-site"],
    [HOST, b"Range: bytes=5-1"],
    [HOST, b"Cookie: =;=;;"],
]
CHUNKS = [
    b"fffffffffffffff\r\n" + LONG,
    b"-5\r\nhello\r\n0\r\n\r\n",
    b"five\r\nhello\r\n",
    b"5;" + LONG,
    b"\r\n\r\n",
    b"5\r\nhello0\r\n\r\n",
    b"5\r\nhel",
    b"5",
    b"0" * 10_000,
    b"0\r\nA: b\r\n\r\n",
]
SHORT = [b"", b"{", b'{"circuits": [', LONG]

REQUESTS = [
    *(b"\r\n".join([line, HOST, b"", b""]) for line in LINES),
    *(b"\r\n".join([b"GET /about HTTP/1.1", *headers, b"", b""]) for headers in HEADERS),
    *(b"\r\n".join([SUBMIT, HOST, b"Transfer-Encoding: chunked", b"", chunks]) for chunks in CHUNKS),
    *(b"\r\n".join([SUBMIT, HOST, b"Content-Length: 1000000", b"", body]) for body in SHORT),
    b"GET /about HTTP/1.1\r\nHost: local",
    b"GET /about HTTP/1.1\nHost: localhost\n\n",
    b"GET /about HTTP/1.1\rHost: localhost\r\r",
]


@pytest.fixture(scope="module")
def url():
    with loopback(Api(FakeIQMServer("adonis", seed=1))) as address:
        yield address


def sent(url, request, *, half_open=False):
    """Return what is answered to bytes, until the connection is closed."""
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=30) as connection:
        try:
            connection.sendall(request)
            if not half_open:
                connection.shutdown(socket.SHUT_WR)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN):
                raise
            return b""  # it was closed while something was sent
    return answer


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else None


@pytest.mark.parametrize("number", range(len(REQUESTS)))
def test_it_is_answered_or_dropped(url, number, caplog):
    answer = sent(url, REQUESTS[number])
    assert status(answer) is None or status(answer) < 500 or status(answer) in (501, 505), answer
    assert not caplog.records
    assert requests.get(f"{url}/about", timeout=30).ok


@pytest.mark.parametrize(
    ("headers", "expected", "said"),
    [
        ([b"Host: rebound.example"], 403, b"start it with iqm-fake serve --allow-host rebound.example"),
        ([b"Host: localhost.example.com"], 403, b"--allow-host localhost.example.com"),
        ([b"Host: 10.0.0.1"], 403, b"--allow-host 10.0.0.1"),
        ([], 400, b"the header Host is missing"),
        ([HOST, b"Origin: http://example.com"], 403, b"a web page of http://example.com asks"),
        ([HOST, b"Origin: http://localhost:3000"], 403, b"a web page of http://localhost:3000 asks"),
        ([HOST, b"Origin: null"], 403, b"a web page of null asks"),
        ([HOST, b"Sec-Fetch-Site: cross-site"], 403, b"a web page of another site asks"),
        ([HOST, b"Content-Length: x"], 400, b"Content-Length is a whole number, got 'x'"),
        ([HOST, HOST], 400, b"the header Host is there more than once"),
        ([HOST, b"Transfer-Encoding: gzip"], 400, b"Transfer-Encoding is chunked"),
        ([HOST], 200, b"version"),
        ([b"Host: 127.0.0.1:8123"], 200, b"version"),
        ([b"Host: [::1]:8123"], 200, b"version"),
        ([b"Host: fake.localhost"], 200, b"version"),
        ([HOST, b"Origin: http://localhost"], 200, b"version"),
        ([HOST, b"Sec-Fetch-Site: same-origin"], 200, b"version"),
        ([HOST, b"Sec-Fetch-Site: none"], 200, b"version"),
    ],
)
def test_who_may_ask(url, headers, expected, said):
    answer = sent(url, b"\r\n".join([b"GET /about HTTP/1.1", *headers, b"Connection: close", b"", b""]))
    assert status(answer) == expected
    assert said in answer


@pytest.mark.parametrize(
    ("end", "expected", "said"),
    [
        (b"Content-Length: 100\r\n\r\n{", 400, b"the body is shorter than its Content-Length"),
        (b"Transfer-Encoding: chunked\r\n\r\nfive\r\n", 400, b"the body does not consist of chunks"),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", 400, b"the body does not consist of chunks"),
        (b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\nhel", 400, b"the body does not consist of chunks"),
        (b"Content-Length: 134217729\r\n\r\n", 413, b"a request has at most 134217728 bytes here"),
    ],
)
def test_what_is_wrong_with_a_body_is_said(url, end, expected, said):
    answer = sent(url, b"\r\n".join([SUBMIT, HOST, end]))
    assert status(answer) == expected
    assert said in answer


def test_a_body_without_an_end_is_cut_off(url, monkeypatch):
    monkeypatch.setattr(loopback_module, "LARGEST_BODY", 1000)
    head = b"\r\n".join([SUBMIT, HOST, b"Transfer-Encoding: chunked", b"", b"fffffffffffffff", b""])
    assert status(sent(url, head + b"{" * 100_000, half_open=True)) == 413


def test_silence_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(loopback_module._Handler, "timeout", 0.05)
    for head in (b"", b"GET /about HT", SUBMIT + b"\r\n" + HOST + b"\r\nContent-Length: 5\r\n\r\n{"):
        with loopback(Api(FakeIQMServer("adonis"))) as address:
            assert status(sent(address, head, half_open=True)) in (None, 400)


def test_names_that_are_allowed():
    with loopback(Api(FakeIQMServer("adonis")), names=["Fake.example"]) as address:
        for headers in ({"Host": "fake.example:80"}, {"Origin": "https://fake.example"}):
            assert requests.get(f"{address}/about", headers=headers, timeout=30).ok


def test_a_server_for_other_machines_is_asked_by_address_or_by_its_own_name():
    server = loopback_module.LoopbackServer(Api(FakeIQMServer("adonis")), host="0.0.0.0")
    server.start()
    try:
        for host, ok in (("10.1.2.3", True), (socket.gethostname(), True), ("localhost", True), ("rebound.org", False)):
            assert requests.get(f"{server.url}/about", headers={"Host": host}, timeout=30).ok is ok
    finally:
        server.close()


def test_64_connections_with_100_requests_each(url):
    failures = []

    def ask():
        with requests.Session() as session:
            for _ in range(100):
                answer = session.get(f"{url}{V1}/quantum-computers/adonis/health", timeout=60)
                if not answer.ok or not answer.json()["health"]["healthy"]:
                    failures.append(answer.text)
            (pool,) = session.get_adapter(url).poolmanager.pools._container.values()
            if pool.num_connections != 1:
                failures.append("the connection was closed")

    threads = [threading.Thread(target=ask) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
