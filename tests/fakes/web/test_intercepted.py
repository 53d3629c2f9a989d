"""What ``intercepted`` answers is what a socket answers; and it answers IQM requests only, whoever else mocks."""

import contextlib
import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests
import responses
from api_client import FLIP
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError
from urllib3.util import Retry
from werkzeug.wrappers import Response

from iqm_fakes import FakeIQMServer, intercepted, served
from iqm_fakes.vendor.http import connect, quantum_computer_alias
from iqm_fakes.web.loopback import loopback

try:
    import requests_mock
except ImportError:
    requests_mock = None

IQM = "https://iqm.example.org"
COMPUTERS = "/api/v1/quantum-computers"
VENDOR = {"User-Agent": "Linux-6.8, python 3.12.3, IQMServerClient iqm-client 36.0.0"}

needs_requests_mock = pytest.mark.skipif(requests_mock is None, reason="requests-mock is not installed")


@pytest.fixture(scope="module")
def server():
    server = FakeIQMServer("adonis", seed=1)
    yield server
    server.close()


@pytest.fixture(autouse=True)
def fresh(server, monkeypatch):
    server.reset(seed=1)
    monkeypatch.delenv("IQM_SERVER_URL", raising=False)


@pytest.fixture(params=[served, intercepted])
def url(request, server):
    """Where the server answers: on a socket, which is right by nature, and in the process."""
    with request.param(server):
        yield os.environ["IQM_SERVER_URL"]


def computers(url):
    return [computer["alias"] for computer in requests.get(f"{url}{COMPUTERS}", timeout=5).json()["quantum_computers"]]


class TestWholeAnswers:
    """With everything that `requests` offers for an answer."""

    def test_it_is_a_context_manager(self, url):
        with requests.get(f"{url}/about", timeout=5) as response:
            assert response.json() == {"version": "fake"}
        response.close()
        assert response.text == '{"version": "fake"}'

    def test_it_can_be_streamed(self, url):
        def ask():
            return requests.get(f"{url}/about", timeout=5, stream=True)

        with ask() as response:
            assert response.raw.read(3) == b'{"v'
            assert response.raw.read() == b'ersion": "fake"}'
        assert [*ask().iter_content(10)] == [b'{"version"', b': "fake"}']
        assert [*ask().iter_lines()] == [b'{"version": "fake"}']
        assert [*ask()] == [b'{"version": "fake"}']
        closed = ask()
        closed.close()
        assert closed.raw.closed

    def test_it_knows_what_it_answers(self, url):
        response = requests.get(f"{url}/about", params={"a": "ä b"}, timeout=5)
        assert response.url == response.request.url == f"{url}/about?a=%C3%A4+b"
        assert response.request.headers["Accept"] == "*/*"
        assert response.elapsed > timedelta(0)
        assert (response.history, response.cookies.get_dict(), response.is_redirect) == ([], {}, False)
        assert (response.status_code, response.reason, response.encoding) == (200, "OK", "utf-8")
        assert response.headers["content-length"] == "19"
        assert isinstance(response.connection, HTTPAdapter)

    def test_hooks_see_it(self, url):
        seen = []
        hooks = {"response": lambda response, **settings: seen.append((response.json(), response.elapsed))}
        requests.get(f"{url}/about", hooks=hooks, timeout=5)
        ((document, elapsed),) = seen
        assert document == {"version": "fake"}
        assert elapsed > timedelta(0)

    @pytest.mark.parametrize("kind", ["bytes", "text", "generator", "file"])
    def test_every_kind_of_body_arrives(self, url, server, kind, tmp_path):
        file = tmp_path / "body.json"
        text = requests.Request("POST", url, json=FLIP).prepare().body.decode()
        file.write_text(text)
        with file.open("rb") as opened:
            body = {"bytes": text.encode(), "text": text, "generator": iter(text.encode().split(b" ")), "file": opened}
            if kind == "generator":
                body[kind] = (part + b" " for part in text.encode().split(b" "))
            response = requests.post(f"{url}/api/v1/jobs/adonis/circuit", data=body[kind], timeout=30)
        assert response.status_code == 200
        assert server.jobs[0].payload["circuits"] == FLIP["circuits"]

    def test_a_session_asks_with_its_settings(self, url):
        with requests.Session() as session:
            session.params = {"tag": "x" * 51}
            answer = session.post(f"{url}/api/v1/jobs/adonis/circuit", json=FLIP, timeout=5)
        assert answer.status_code == 400
        assert "tag" in answer.json()["message"]

    def test_a_cache_keeps_it(self, url, server):
        requests_cache = pytest.importorskip("requests_cache", reason="requests-cache is not installed")
        with requests_cache.CachedSession(backend="memory") as session:
            first, second = (session.get(f"{url}{COMPUTERS}", timeout=5) for _ in range(2))
        assert (first.from_cache, second.from_cache) == (False, True)
        assert first.json() == second.json() == server.quantum_computers()


class Counting(HTTPAdapter):
    """An adapter of the user's, as many have one: with a timeout, and positional arguments."""

    asked = 0

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        self.asked += 1
        return super().send(request, stream, timeout or 5, verify, cert, proxies)


class TestAdapters:
    """Adapters of the user's do their work."""

    @staticmethod
    def get(url, adapter, path=COMPUTERS):
        with requests.Session() as session:
            session.mount(url, adapter)
            return session.get(f"{url}{path}", timeout=5)

    def test_retries_of_an_answer(self, url, server):
        server.faults.on("computers").answers(503)
        response = self.get(url, HTTPAdapter(max_retries=Retry(3, status_forcelist=[503])))
        assert response.status_code == 200
        assert [attempt.status for attempt in response.raw.retries.history] == [503]
        assert server.faults.unfired() == []

    @pytest.mark.parametrize("fault", ["refuses", "resets", "times_out"])
    def test_retries_of_a_broken_connection(self, url, server, fault):
        getattr(server.faults.on("computers"), fault)()
        response = requests.Session()
        with response as session:
            session.mount(url, HTTPAdapter(max_retries=2))
            assert session.get(f"{url}{COMPUTERS}", timeout=0.5).status_code == 200

    def test_retries_end(self, url, server):
        server.faults.on("computers").answers(503, times=4)
        with pytest.raises(requests.exceptions.RetryError, match="too many 503"):
            self.get(url, HTTPAdapter(max_retries=Retry(3, status_forcelist=[503])))
        assert server.faults.unfired() == []

    def test_one_of_the_users_own(self, url):
        adapter = Counting()
        assert self.get(url, adapter).status_code == 200
        assert adapter.asked == 1


class TestFaults:
    """They raise what they raise on a socket."""

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            ("refuses", requests.ConnectionError),
            ("resets", requests.ConnectionError),
            ("times_out", requests.ReadTimeout),
        ],
    )
    @pytest.mark.parametrize("stream", [False, True])
    def test_before_an_answer(self, url, server, fault, error, stream):
        getattr(server.faults.on("computers"), fault)()
        with pytest.raises(error) as raised:
            requests.get(f"{url}{COMPUTERS}", timeout=0.5, stream=stream)
        assert type(raised.value) is error
        assert raised.value.request.url == f"{url}{COMPUTERS}"

    def test_in_an_answer(self, url, server):
        server.faults.on("computers").breaks_off(times=2)
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
            requests.get(f"{url}{COMPUTERS}", timeout=5)
        response = requests.get(f"{url}{COMPUTERS}", timeout=5, stream=True)
        assert response.status_code == 200
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
            _ = response.content
        server.faults.on("computers").breaks_off()
        response = requests.get(f"{url}{COMPUTERS}", timeout=5, stream=True)
        with pytest.raises(ProtocolError, match="IncompleteRead"):
            response.raw.read()

    def test_an_answer_that_is_none(self, url, server):
        server.faults.on("computers").garbles()
        assert "<html>" in requests.get(f"{url}{COMPUTERS}", timeout=5).text


@contextlib.contextmanager
def another(url, text):
    """Yield what the user mocks at a URL, with ``responses`` and ``requests_mock``."""
    with responses.RequestsMock() as mock:
        mock.get(url, body=text)
        yield lambda: len(mock.calls)


@contextlib.contextmanager
def another_by_requests_mock(url, text):
    with requests_mock.Mocker() as mock:
        mock.get(url, text=text)
        yield lambda: mock.call_count


MOCKS = [another, pytest.param(another_by_requests_mock, marks=needs_requests_mock)]


@pytest.mark.parametrize("mock", MOCKS)
class TestOtherMocks:
    """A mock of the user's is asked for what is the user's, and for nothing else."""

    WEATHER = "https://weather.example.org/"

    def check(self, calls):
        assert requests.get(self.WEATHER, timeout=5).text == "rain"
        assert quantum_computer_alias(connect(IQM)) == "adonis"
        assert computers(IQM) == ["adonis"]
        assert calls() == 1
        with pytest.raises(Exception, match="elsewhere"):
            requests.get("https://elsewhere.example.org/", timeout=5)

    def test_inside(self, mock, server):
        with intercepted(server), mock(self.WEATHER, "rain") as calls:
            self.check(calls)

    def test_outside(self, mock, server):
        with mock(self.WEATHER, "rain") as calls:
            with intercepted(server):
                self.check(calls)
            with pytest.raises(Exception, match=r"iqm\.example\.org"):
                computers(IQM)

    def test_before_and_after(self, mock, server):
        with intercepted(server):
            with mock(self.WEATHER, "rain") as calls:
                self.check(calls)
            assert computers(IQM) == ["adonis"]
            with mock(self.WEATHER, "rain") as calls:
                self.check(calls)

    def test_between(self, mock, server):
        with mock(self.WEATHER, "rain") as outside, intercepted(server):
            with mock(self.WEATHER, "rain") as inside:
                self.check(inside)
            assert outside() == 0
            self.check(outside)

    def test_the_path_does_not_matter(self, mock, server):
        with mock(f"{self.WEATHER}api/v1/jobs/1", "rain") as calls, intercepted(server):
            connect(IQM)
            assert requests.get(f"{self.WEATHER}api/v1/jobs/1", timeout=5).text == "rain"
            assert calls() == 1

    def test_in_threads(self, mock, server):
        def ask(number):
            if number % 2:
                return requests.get(self.WEATHER, timeout=5).text
            return requests.get(f"{IQM}{COMPUTERS}", headers=VENDOR, timeout=5).json()

        with intercepted(server), mock(self.WEATHER, "rain") as calls, ThreadPoolExecutor(8) as threads:
            answers = [*threads.map(ask, range(100))]
            assert calls() == 50
        assert answers == [server.quantum_computers(), "rain"] * 50


@responses.activate
def test_inside_a_decorated_function(server):
    responses.get(IQM, body="mine")
    with intercepted(server):
        assert quantum_computer_alias(connect("https://other.example.org")) == "adonis"
        assert requests.get(IQM, timeout=5).text == "mine"


def test_around_a_decorated_function(server):
    @responses.activate
    def decorated():
        responses.get("https://weather.example.org", body="rain")
        assert quantum_computer_alias(connect(IQM)) == "adonis"
        assert requests.get("https://weather.example.org", timeout=5).text == "rain"

    with intercepted(server):
        decorated()
        decorated()


@pytest.fixture
def users():
    """A service of the user's on a socket of its own; gives its address."""
    with loopback(Response("the user's")) as url:
        yield url


class TestAddresses:
    """It answers for IQM Servers only."""

    @pytest.mark.parametrize("path", ["/about", "/api/v1/jobs/1", "/api/v1/quantum-computers", "/cocos/info", "/"])
    def test_a_service_of_the_users_has_the_same_paths(self, users, server, path):
        with intercepted(server):
            connect(IQM)
            assert requests.get(f"{users}{path}", timeout=5).text == "the user's"

    def test_a_host_is_known_by_the_vendors_client(self, users, server):
        with intercepted(server):
            assert requests.get(f"{users}/about", timeout=5).text == "the user's"
            connect(users)
            assert requests.get(f"{users}/about", timeout=5).json() == {"version": "fake"}
        assert requests.get(f"{users}/about", timeout=5).text == "the user's"
        with intercepted(server):
            assert requests.get(f"{users}/about", timeout=5).text == "the user's"

    def test_a_host_is_known_by_the_environment(self, users, server, monkeypatch):
        monkeypatch.setenv("IQM_SERVER_URL", users)  # read by a program before
        with intercepted(server):
            assert os.environ["IQM_SERVER_URL"] != users
            assert computers(users) == computers(os.environ["IQM_SERVER_URL"]) == ["adonis"]
            monkeypatch.setenv("IQM_SERVER_URL", "https://IQM.example.org:443")
            assert computers(IQM) == ["adonis"]

    def test_ports_are_of_different_servers(self, users, server, monkeypatch):
        monkeypatch.setenv("IQM_SERVER_URL", "http://127.0.0.1:1")
        with intercepted(server):
            assert requests.get(f"{users}/about", timeout=5).text == "the user's"

    @pytest.mark.parametrize(
        "agent", ["my-iqm-client/2.0", "IQMServerClient", "iqm-client", b"iqm-client-tests 1", None]
    )
    def test_other_clients_are_not_the_vendors(self, users, server, agent):
        with intercepted(server):
            assert requests.get(users, headers={"User-Agent": agent}, timeout=5).text == "the user's"

    @pytest.mark.parametrize("value", ["", "nonsense", "http://[", "https://a:port/", "ftp://127.0.0.1"])
    def test_an_environment_that_names_none(self, users, server, monkeypatch, value):
        monkeypatch.setenv("IQM_SERVER_URL", value)
        with intercepted(server):
            monkeypatch.setenv("IQM_SERVER_URL", value)
            assert requests.get(users, timeout=5).text == "the user's"


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system has no fork")
def test_a_process_that_is_forked_asks_the_same_server(server):
    def run(url):
        response = requests.post(f"{url}/api/v1/jobs/adonis/circuit", json=FLIP, timeout=30)
        sys.exit(response.status_code != 200)

    with intercepted(server):
        process = multiprocessing.get_context("fork").Process(target=run, args=(os.environ["IQM_SERVER_URL"],))
        process.start()
        process.join(60)
    assert process.exitcode == 0
    assert len(server.jobs) == 1


def test_the_innermost_answers():
    with intercepted("adonis"):
        with intercepted("deneb"):
            assert quantum_computer_alias(connect(IQM)) == "deneb"
            assert computers(IQM) == ["deneb"]
        assert quantum_computer_alias(connect(IQM)) == "adonis"


def test_what_is_served_on_a_socket_answers_for_itself():
    with intercepted("adonis"):
        connect(IQM)
        with served("deneb") as url:
            assert computers(url) == ["deneb"]
            assert quantum_computer_alias(connect(url)) == "deneb"
            assert computers(IQM) == ["adonis"]


def test_everything_is_as_it_was(server):
    owners = [(HTTPAdapter, "send"), (requests.Session, "send"), (responses.RequestsMock, "unbound_on_send")]
    before = [getattr(*place) for place in owners]
    with intercepted(server):
        assert requests.Session.send is before[1]
    assert [getattr(*place) for place in owners] == before


def test_a_mock_that_ends_later_brings_nothing_back(server, users):
    mock = responses.RequestsMock(assert_all_requests_are_fired=False)
    send = HTTPAdapter.send
    try:
        with intercepted(server):
            mock.start()
        mock.stop()  # puts back what it found
        assert requests.get(users, headers=VENDOR, timeout=5).text == "the user's"
    finally:
        HTTPAdapter.send = send
