"""Without --iqm-live nothing reaches a real server."""

import os
import sys

import pytest
import responses
from iqm.iqm_client import IQMClient
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.vendor import layout
from iqm_fakes.vendor.http import COMPOSED, connect
from iqm_fakes.web.loopback import loopback
from pytest_iqm import LiveAccessRefused, offline_guard

REAL = "https://resonance.iqm.tech"


def test_the_vendors_call_is_refused():
    with pytest.raises(LiveAccessRefused, match=f"{REAL}.*fixtures iqm_backend.*--iqm-live") as error:
        connect(REAL, quantum_computer="garnet")
    assert isinstance(error.value, RuntimeError)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_this_machine_is_allowed(name):
    with loopback(Api(FakeIQMServer("adonis", seed=1))) as url:
        assert isinstance(connect(url.replace("127.0.0.1", name), quantum_computer="adonis"), IQMClient)


def test_stand_ins_for_requests_are_allowed():
    computers = FakeIQMServer("adonis", seed=1).quantum_computers()
    with responses.RequestsMock() as mock:
        mock.get(f"{REAL}/api/v1/quantum-computers", json=computers)
        assert isinstance(connect(REAL, quantum_computer="adonis"), IQMClient)


def test_credentials_leave_the_environment_for_the_session(suite, monkeypatch):
    monkeypatch.setenv("IQM_TOKEN", "s3cret")
    source = "import os\ndef test_x(): assert not {'IQM_TOKEN', 'IQM_TOKENS_FILE'} & set(os.environ)"
    result = suite(test_a=source)
    result.assert_outcomes(passed=1)
    assert os.environ["IQM_TOKEN"] == "s3cret"
    assert "s3cret" not in result.stdout.str()


def test_lifting_leaves_everything_as_it_was(monkeypatch):
    monkeypatch.setenv("IQM_TOKEN", "s3cret")
    watched = [(HTTPConnectionPool, "urlopen"), (HTTPConnection, "request"), (HTTPSConnection, "connect")]
    before = [vars(owner)[name] for owner, name in watched]
    finders = list(sys.meta_path)
    another = offline_guard.OfflineGuard()
    assert "IQM_TOKEN" not in os.environ
    assert all(vars(owner)[name] is not former for (owner, name), former in zip(watched, before, strict=True))
    another.lift()
    assert os.environ["IQM_TOKEN"] == "s3cret"
    assert [vars(owner)[name] for owner, name in watched] == before
    assert sys.meta_path == finders


def test_a_client_imported_in_a_test_is_guarded_too(pytester):
    pytester.makepyfile(
        f"""
        import sys, pytest

        def test_x():
            assert {layout.SERVER_CLIENT!r} not in sys.modules
            from iqm_fakes.vendor.http import connect
            with pytest.raises(RuntimeError, match="this run is offline"):
                connect("{REAL}", quantum_computer="garnet")
        """
    )
    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=1)


CLIENT = "IQMClient.from_url" if COMPOSED else "IQMClient"

WAYS = {
    "client": f'{CLIENT}(REAL, quantum_computer="garnet", token="t0ken-of-the-test")',
    "provider": 'IQMProvider(REAL, quantum_computer="garnet", token="t0ken-of-the-test").get_backend()',
}


class TestEveryWay:
    """Code of users' that makes the vendor's client itself, in a run without ``--iqm-live``."""

    @pytest.fixture(params=WAYS)
    def way(self, request):
        head = f'from iqm.iqm_client import IQMClient\nfrom iqm.qiskit_iqm import IQMProvider\nREAL = "{REAL}"\n'
        return head, WAYS[request.param]

    def test_in_a_test(self, suite, way):
        head, code = way
        result = suite(test_a=f"{head}def test_x():\n    {code}")
        result.assert_outcomes(failed=1)
        self.check(result)

    def test_in_a_thread(self, suite, way):
        head, code = way
        source = "from concurrent.futures import ThreadPoolExecutor\n"
        source += f"{head}def test_x():\n    ThreadPoolExecutor().submit(lambda: {code}).result()"
        result = suite(test_a=source)
        result.assert_outcomes(failed=1)
        self.check(result)

    def test_at_import(self, suite, way):
        head, code = way
        result = suite(test_a=f"{head}backend = {code}\ndef test_x(): pass")
        result.assert_outcomes(errors=1)
        self.check(result)

    @staticmethod
    def check(result):
        assert f"LiveAccessRefused: a test is about to call the IQM Server at {REAL}" in result.stdout.str()


TRICKS = {
    "passthru": """
import responses
def trick():
    with responses.RequestsMock() as mock:
        mock.add_passthru(REAL)
        call()
""",
    "tracing": """
import functools, requests
def trick():
    original = requests.Session.send
    def traced(self, *args, **kwargs):
        return original(self, *args, **kwargs)
    requests.Session.send = traced
    try: call()
    finally: requests.Session.send = original
""",
    "adapter": """
import requests
def trick():
    original = requests.adapters.HTTPAdapter.send
    requests.adapters.HTTPAdapter.send = lambda self, *args, **kwargs: original(self, *args, **kwargs)
    try: call()
    finally: requests.adapters.HTTPAdapter.send = original
""",
    "get": """
import functools, requests
def trick():
    original = requests.get
    requests.get = functools.wraps(original)(lambda *args, **kwargs: original(*args, **kwargs))
    try: call()
    finally: requests.get = original
""",
    "mock with a session": """
import requests, responses
def trick():
    session = requests.Session()
    def pass_on(request):
        with responses.RequestsMock() as inner:
            inner.add_passthru(REAL)
            answer = requests.get(request.url, headers=request.headers, timeout=5)
        return answer.status_code, {}, answer.text
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_callback(responses.GET, REAL + "/api/v1/quantum-computers", pass_on)
        mock.add_callback(responses.GET, REAL + "/api/v1/about", pass_on)
        mock.add_passthru(REAL)
        call()
""",
    "reload": """
import importlib
def trick():
    from iqm.iqm_server_client import iqm_server_client as module
    former = dict(vars(module))
    importlib.reload(module)
    client = next(vars(module)[name] for name in ("IQMServerClient", "_IQMServerClient") if name in vars(module))
    try: client(REAL, token="t0ken-of-the-test")
    finally: vars(module).update(former)
""",
    "station control": """
def trick():
    from iqm.station_control.client import station_control_client as module
    module.StationControlClient(REAL)
""",
}


@pytest.mark.parametrize("name", TRICKS)
def test_whoever_wraps_requests_does_not_switch_it_off(suite, name):
    if name == "station control" and not COMPOSED:
        pytest.skip("this iqm-client has no such client")
    head = f"""
import pytest
from iqm.iqm_client import IQMClient
from pytest_iqm import LiveAccessRefused
REAL = "{REAL}"

def call():
    {WAYS["client"]}
"""
    source = head + TRICKS[name] + "\ndef test_x():\n    with pytest.raises(LiveAccessRefused): trick()\n"
    suite(test_a=source).assert_outcomes(passed=1)


def test_a_redirect_to_another_host_is_not_followed(suite):
    source = f"""
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
import pytest
from iqm_fakes.vendor.http import connect
from pytest_iqm import LiveAccessRefused

class Redirect(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(302)
        self.send_header("Location", "{REAL}" + self.path)
        self.end_headers()

def test_x():
    server = HTTPServer(("127.0.0.1", 0), Redirect)
    Thread(target=server.serve_forever, daemon=True).start()
    with pytest.raises(LiveAccessRefused):
        connect("http://127.0.0.1:%d" % server.server_port, quantum_computer="garnet")
    server.shutdown()
    server.server_close()
"""
    suite(test_a=source).assert_outcomes(passed=1)


def test_a_proxy_is_not_told_of_calls_to_this_machine(suite, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://proxy.example.org:3128")
    monkeypatch.setenv("no_proxy", "intranet.example.org")
    source = f"""
import os
import pytest
from bell import counts
from iqm.iqm_client import IQMClient
from iqm.qiskit_iqm import IQMProvider
from pytest_iqm import LiveAccessRefused
REAL = "{REAL}"

def test_url(iqm_url):
    counts(IQMProvider(iqm_url, quantum_computer="garnet").get_backend())
    assert "intranet.example.org" in os.environ["no_proxy"]

def test_real():
    with pytest.raises(LiveAccessRefused):
        {WAYS["client"]}
"""
    suite(test_a=source).assert_outcomes(passed=2)
    assert os.environ["no_proxy"] == "intranet.example.org"


def test_a_cassette_that_was_there_first_changes_nothing(monkeypatch):
    """As vcrpy does, around a whole session: a class of its own, which makes real connections, is urllib3's."""
    import urllib3.connection

    class Cassette(HTTPSConnection):
        def request(self, *args, **kwargs):
            HTTPSConnection.request(self, *args, **kwargs)

    monkeypatch.setattr(urllib3.connection, "HTTPSConnection", Cassette)
    before = HTTPSConnection.connect
    another = offline_guard.OfflineGuard()
    assert HTTPSConnection.connect is not before
    another.lift()
    assert HTTPSConnection.connect is before
