"""A mock machine answers with random bits: claims about counts mean nothing."""

import pytest
from server_process import TOKEN, name_machine
from suites import CLAIMS, NOT_EQUAL

from iqm_fakes import Api, Device, FakeIQMServer
from iqm_fakes.web.loopback import loopback

BELL = """
from bell import counts

def test_one(iqm_backend): counts(iqm_backend)
def test_two(iqm_backend): counts(iqm_backend)
"""


@pytest.fixture
def server():
    return FakeIQMServer(Device.from_document({**Device.load("adonis").document, "alias": "adonis:mock"}), seed=1)


def test_what_passes_on_them_is_inconclusive(live):
    source = BELL + "\ndef test_target(iqm_backend): assert iqm_backend.num_qubits == 5\n"
    result = live("-v", test_a=source)
    output = result.stdout.str()
    assert {"passed": 1, "inconclusive": 2}.items() <= result.parseoutcomes().items()
    assert "test_a.py::test_one INCONCLUSIVE" in output
    assert "iqm: adonis:mock answers with random bits: claims about counts mean nothing" in output
    assert "adonis:mock answered with random bits: what passed on counts is inconclusive" in output
    assert result.ret == 0


@pytest.mark.parametrize(
    ("alias", "outcomes"),
    [("adonis", {"failed": 1, "passed": 2}), ("adonis:mock", {"passed": 1, "inconclusive": 2})],
)
def test_the_same_claims_hold_live_and_mean_nothing_on_random_bits(suite, monkeypatch, alias, outcomes):
    server = FakeIQMServer(Device.from_document({**Device.load("adonis").document, "alias": alias}), seed=1)
    with loopback(Api(server, token=TOKEN)) as url:
        name_machine(monkeypatch, url, alias)
        result = suite("--iqm-live", test_a=CLAIMS)
    assert outcomes.items() <= result.parseoutcomes().items()
    assert "claims: 3; prob" in result.stdout.str()


def test_they_refute_what_should_be_refuted(live):
    assert live("-k", "differ", test_a=NOT_EQUAL).parseoutcomes()["inconclusive"] == 2
