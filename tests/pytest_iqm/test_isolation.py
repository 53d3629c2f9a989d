"""What a test leaves behind, another one doesn't meet: ids of jobs, the vendor's environment variables."""

import re
from collections import Counter

from iqm_fakes.server import seeds

IDS = """
import pytest
from bell import counts

KEPT = []

@pytest.fixture(scope="module")
def of_the_module(iqm_backend, iqm_server):
    counts(iqm_backend)
    print("ID fixture", iqm_server.jobs[-1].id)

@pytest.mark.iqm(seed=7)
@pytest.mark.parametrize("n", range(2))
def test_parameters(iqm_backend, iqm_server, n):
    run(iqm_backend, iqm_server, "parameters%d" % n)

@pytest.mark.iqm(seed=7)
def test_first(iqm_backend, iqm_server, of_the_module):
    run(iqm_backend, iqm_server, "first")

@pytest.mark.iqm(seed=7)
def test_second(iqm_backend, iqm_server, of_the_module):
    run(iqm_backend, iqm_server, "second")

def run(backend, server, name):
    found = counts(backend)
    KEPT.append((str(server.jobs[-1].id), found))
    print("ID", name, server.jobs[-1].id)
    for job_id, former in KEPT:
        assert dict(backend.retrieve_job(job_id).result().get_counts()) == former
    assert len({tuple(sorted(former.items())) for _, former in KEPT}) == 1  # shots are those of the seed
"""


def test_tests_with_one_seed_have_ids_of_their_own_the_same_ones_every_time(suite, monkeypatch):
    def ids(*selected):
        monkeypatch.setattr(seeds, "_begun", Counter())  # as in a new process
        result = suite(*selected)
        assert result.ret == 0
        return dict(re.findall(r"ID (\w+) (\S+)", result.stdout.str()))

    suite(test_a=IDS)
    everything = ids("test_a.py")
    assert len(set(everything.values())) == len(everything) == 5
    for alone in ("test_second", "test_parameters[1]"):
        again = ids(f"test_a.py::{alone}")
        assert again.items() <= everything.items()


VARIABLES = """
import os
import pytest
from bell import counts

NAMES = ("IQM_TOKEN", "IQM_TOKENS_FILE", "IQM_SERVER_URL", "IQM_QUANTUM_COMPUTER")

@pytest.fixture(scope="session")
def configured():
    os.environ["IQM_QUANTUM_COMPUTER"] = "garnet"

@pytest.fixture
def careless():
    os.environ["IQM_TOKENS_FILE"] = "tokens.json"

@pytest.mark.parametrize("n", range(2))
def test_an_example_program(iqm_url, configured, careless, n):
    assert [os.environ.get(name) for name in NAMES] == [None, "tokens.json", None, "garnet"]
    del os.environ["IQM_TOKENS_FILE"]
    os.environ["IQM_TOKEN"] = "anything"
    os.environ["IQM_SERVER_URL"] = "https://iqm.example.org"
    from iqm.qiskit_iqm import IQMProvider
    counts(IQMProvider(iqm_url, quantum_computer="garnet").get_backend())

def test_another_one(iqm_url, configured):
    from iqm.qiskit_iqm import IQMProvider
    counts(IQMProvider(iqm_url, quantum_computer="garnet", token="mine").get_backend())
    assert [os.environ.get(name) for name in NAMES] == [None, None, None, "garnet"]
"""


def test_the_vendors_variables_are_given_back(suite, monkeypatch):
    monkeypatch.setenv("IQM_QUANTUM_COMPUTER", "is given back by this test")
    monkeypatch.delenv("IQM_QUANTUM_COMPUTER")
    suite(test_a=VARIABLES).assert_outcomes(passed=3)
