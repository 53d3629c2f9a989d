"""Without --iqm-live nothing reaches a real server."""

import os
import sys

import pytest
import responses
from iqm.iqm_client import IQMClient

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
    module = sys.modules[layout.SERVER_CLIENT]
    before = [getattr(getattr(module, owner, None), name, None) for owner, name in layout.HTTP_CALLS]
    finders = list(sys.meta_path)
    another = offline_guard.OfflineGuard()
    assert "IQM_TOKEN" not in os.environ
    assert [getattr(getattr(module, owner, None), name, None) for owner, name in layout.HTTP_CALLS] != before
    another.lift()
    assert os.environ["IQM_TOKEN"] == "s3cret"
    assert [getattr(getattr(module, owner, None), name, None) for owner, name in layout.HTTP_CALLS] == before
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
