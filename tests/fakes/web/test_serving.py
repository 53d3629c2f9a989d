"""``served`` and ``intercepted``: a fake server around programs that make their own client."""

import os

import pytest
import requests

from iqm_fakes import FakeIQMServer, intercepted, served
from iqm_fakes.vendor.http import COMPOSED, connect, quantum_computer_alias

NAMES = ("IQM_SERVER_URL", "IQM_QUANTUM_COMPUTER", "IQM_TOKEN", "IQM_TOKENS_FILE")


def environment():
    return {name: os.environ.get(name) for name in NAMES}


def program(url=None, computer=None):
    """A program that makes its own client, perhaps of what the environment says."""
    return quantum_computer_alias(connect(url or os.environ["IQM_SERVER_URL"], quantum_computer=computer))


@pytest.fixture(autouse=True)
def real_credentials(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "is the user's")
    monkeypatch.delenv("IQM_TOKENS_FILE")


def test_a_server_on_a_socket():
    before = environment()
    with served("deneb", "adonis") as url:
        assert environment() == {**dict.fromkeys(NAMES), "IQM_SERVER_URL": url, "IQM_QUANTUM_COMPUTER": "deneb"}
        named = None if COMPOSED else "deneb"  # earlier clients don't look at the variable themselves
        assert program(computer=named) == program(url, named) == "deneb"
    assert environment() == before
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_a_server_that_wants_a_token():
    with served("adonis", token="s3cret") as url:
        assert program(url) == "adonis"
        assert requests.get(f"{url}/api/v1/quantum-computers", timeout=5).status_code == 401


def test_what_requests_sends_is_answered():
    before = environment()
    with intercepted("adonis", seed=7) as server:
        assert server.seed == 7
        assert program() == program("https://iqm.example.org") == "adonis"
    assert environment() == before
    assert requests.Session.send.__module__ == "requests.sessions"


def test_a_server_of_ones_own_stays_open():
    server = FakeIQMServer("adonis", seed=3)
    with intercepted(server) as same, served(server) as url:
        assert same is server
        assert program(url) == "adonis"
    with pytest.raises(ValueError, match="a server has its devices and settings already"), served(server, seed=3):
        pass


@pytest.mark.parametrize("way", [served, intercepted])
def test_they_decorate_functions(way):
    @way("adonis")
    def decorated(number, *, by):
        return number * by, program()

    before = environment()
    assert decorated(3, by=2) == decorated(2, by=3) == (6, "adonis")
    assert environment() == before


@pytest.mark.parametrize("way", [served, intercepted])
def test_a_failure_leaves_everything_as_it_was(way):
    before = environment()
    with pytest.raises(ZeroDivisionError), way("adonis"):
        raise ZeroDivisionError
    assert environment() == before


def test_the_default_is_garnet():
    with intercepted():
        assert program() == "garnet"
