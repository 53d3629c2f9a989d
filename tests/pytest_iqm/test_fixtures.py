"""What the fixtures give, and that tests don't see each other."""

import re

import pytest

from iqm_fakes import Device


def test_devices_of_options_and_markers(suite, pytester):
    document = {**Device.load("adonis").document, "alias": "mine"}
    Device.from_document(document).save(pytester.path / "mine.json")
    source = """
    import pytest
    pytestmark = pytest.mark.iqm(device="adonis")

    def test_module(iqm_backend):
        print("NAME module", iqm_backend.name)

    @pytest.mark.iqm(device="deneb")
    class TestClass:
        def test_class(self, iqm_backend):
            print("NAME class", iqm_backend.name)

        @pytest.mark.iqm(device="mine.json", seed=3)
        def test_closest(self, iqm_backend, iqm_server):
            print("NAME closest", iqm_backend.name, iqm_server.seed)
    """
    plain = "def test_plain(iqm_backend, request): print('NAME', request.node.name, iqm_backend.name)"
    result = suite("--iqm-device", "garnet", "--iqm-device", "mine.json", test_a=source, test_b=plain)
    result.assert_outcomes(passed=5)
    assert sorted(re.findall(r"NAME (.*)", result.stdout.str())) == [
        "class deneb",
        "closest mine 3",
        "module adonis",
        "test_plain[garnet] garnet",
        "test_plain[mine.json] mine",
    ]


def test_without_noise_results_are_exact(suite):
    source = """
    import pytest
    from bell import counts

    @pytest.mark.iqm(noise=False)
    def test_x(iqm_backend):
        assert set(counts(iqm_backend, shots=5000)) == {"00", "11"}
    """
    suite(test_a=source).assert_outcomes(passed=1)


def test_a_seed_of_the_marker_is_the_servers(suite):
    source = """
    import pytest

    @pytest.mark.iqm(seed=42)
    @pytest.mark.parametrize("n", range(2))
    def test_x(iqm_server, n):
        assert iqm_server.seed == 42
    """
    suite(test_a=source).assert_outcomes(passed=2)


def test_what_a_test_changes_is_undone(suite):
    source = """
    import pytest
    from bell import counts

    @pytest.mark.parametrize("n", range(3))
    def test_x(iqm_backend, iqm_server, n):
        assert iqm_server.jobs == []
        assert not iqm_server.queue.is_held
        assert iqm_backend.options.shots == 1024
        assert iqm_backend.max_circuits is None
        assert iqm_backend.name == "garnet"
        counts(iqm_backend)
        iqm_backend.set_options(shots=3)
        iqm_backend.max_circuits = 1
        iqm_backend.name = "other"
        iqm_server.queue.held().__enter__()
        iqm_backend.close_client()
    """
    suite(test_a=source).assert_outcomes(passed=3)


def test_jobs_of_fixtures_with_a_wider_scope_stay_retrievable(suite):
    source = """
    import pytest
    from bell import counts
    from qiskit import QuantumCircuit, transpile

    @pytest.fixture(scope="module")
    def job(iqm_backend):
        qc = QuantumCircuit(1)
        qc.measure_all()
        return iqm_backend.run(transpile(qc, iqm_backend), shots=10)

    @pytest.mark.parametrize("n", range(2))
    def test_x(iqm_backend, job, n):
        assert iqm_backend.retrieve_job(job.job_id()).result().success
    """
    suite(test_a=source).assert_outcomes(passed=2)


def test_hypothesis_takes_the_fixtures(suite):
    source = """
    from bell import counts
    from hypothesis import given, settings, strategies as st

    @settings(max_examples=5, deadline=None)
    @given(shots=st.integers(1, 50))
    def test_x(iqm_backend, iqm_client, iqm_server, iqm_url, shots):
        assert sum(counts(iqm_backend, shots).values()) == shots
    """
    suite(test_a=source).assert_outcomes(passed=1)


def test_the_url_and_the_client_reach_the_same_server(suite):
    source = """
    from bell import counts
    from iqm_fakes.vendor.http import connect
    from pytest_iqm import IQMBackend

    def test_x(iqm_url, iqm_server, iqm_backend):
        outside = IQMBackend(connect(iqm_url, quantum_computer="garnet"))
        counts(outside)
        counts(iqm_backend)
        assert len(iqm_server.jobs) == 2
        for backend in (outside, iqm_backend):
            for job in iqm_server.jobs:
                assert backend.retrieve_job(str(job.id)).result().success
    """
    suite(test_a=source).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("fixture", "needed"),
    [
        ("iqm_server", "iqm_fakes.FakeIQMServer"),
        ("iqm_client", "iqm_fakes.FakeIQMClient"),
        ("iqm_backend", "pytest_iqm.backend.IQMBackend"),
        ("iqm_url", "iqm_fakes.web.loopback.LoopbackServer.start"),
    ],
)
def test_what_fails_in_one_test_is_tried_again_in_the_next(suite, fixture, needed):
    """As an interrupted import, a socket that is forbidden, or a machine that is away for a moment."""
    source = f"""
    import pytest

    def fail(*_, **__):
        raise OSError("for a moment")

    @pytest.mark.xfail(raises=OSError, strict=True)
    def test_1(monkeypatch, request):
        monkeypatch.setattr("{needed}", fail)
        request.getfixturevalue("{fixture}")

    def test_2({fixture}):
        pass
    """
    suite(test_a=source).assert_outcomes(xfailed=1, passed=1)
