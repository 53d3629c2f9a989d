"""Whoever wraps or mocks ``requests``: what leaves is counted, and nothing else is."""

import pytest

TRICKS = """
import functools
import importlib
import re
import pytest
import requests
import responses
from bell import counts
from pytest_iqm import FakeIQMClient, IQMBackend, LiveAccessRefused

@pytest.fixture
def traced(monkeypatch):
    for owner, name in ((requests.Session, "send"), (requests.adapters.HTTPAdapter, "send"), (requests, "post")):
        original = getattr(owner, name)
        def wrapper(*args, original=original, **kwargs):
            return original(*args, **kwargs)
        monkeypatch.setattr(owner, name, functools.wraps(original)(wrapper))

def test_traced(iqm_backend, traced):
    counts(iqm_backend)

def test_passthru(iqm_backend):
    with responses.RequestsMock() as mock:
        mock.add_passthru("http://127.0.0.1")
        counts(iqm_backend)

def test_mocked(iqm_backend):
    import os
    from qiskit import QuantumCircuit, transpile
    qc = QuantumCircuit(1)
    qc.measure_all()
    circuit = transpile(qc, iqm_backend)
    with responses.RequestsMock() as mock:
        job = {"id": "8a28be71-b819-419d-bfcb-9ed9186b7473", "status": "waiting", "type": "circuit", "errors": [],
               "qc": {"id": "x"}, "timeline": [], "messages": [], "artifacts": [], "tag": None}
        mock.add_passthru(re.compile(".*/(about|calibration-sets|quantum-computers)"))
        mock.post(os.environ["IQM_SERVER_URL"] + "/api/v1/jobs/adonis/circuit", json=job)
        assert iqm_backend.run(circuit, shots=10).job_id() == job["id"]

def test_fake_of_its_own():
    counts(IQMBackend(FakeIQMClient("garnet", seed=1)))
"""


def test_what_leaves_is_counted_and_nothing_else(live, server):
    result = live("--iqm-max-jobs=2", test_a=TRICKS)
    result.assert_outcomes(passed=4)
    assert len(server.jobs) == 2
    assert "adonis: 2 jobs, 2000 shots submitted" in result.stdout.str()


@pytest.mark.parametrize("name", ["traced", "passthru"])
def test_and_the_budget_holds(live, server, name):
    result = live("--iqm-max-jobs=0", "-k", name, test_a=TRICKS)
    result.assert_outcomes(failed=1)
    assert not server.jobs
    assert "BudgetExceeded" in result.stdout.str()


RELOADED = """
import importlib
import os
import sys
import pytest
from pytest_iqm import LiveAccessRefused

def test_reloaded(iqm_client, monkeypatch):
    module = sys.modules["iqm.iqm_server_client.iqm_server_client"]
    former = dict(vars(module))
    importlib.reload(module)
    client = next(vars(module)[name] for name in ("IQMServerClient", "_IQMServerClient") if name in vars(module))
    try:
        with pytest.raises(LiveAccessRefused, match="no budget sees"):
            client(os.environ["IQM_SERVER_URL"], quantum_computer="adonis")
    finally:
        vars(module).update(former)
"""


def test_a_module_that_is_loaded_again_can_not_go_around_it(live):
    live(test_a=RELOADED).assert_outcomes(passed=1)
