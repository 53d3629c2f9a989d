"""Which live tests run: by their markers, by what the machine has, and by whether it is there."""

import pytest
from server_process import TOKEN
from werkzeug.wrappers import Response

from iqm_fakes import Api, Device, FakeIQMServer, loopback

BELL = """
from bell import counts

def test_one(iqm_backend): counts(iqm_backend)
def test_two(iqm_backend): counts(iqm_backend)
"""


@pytest.fixture
def server():
    return FakeIQMServer("adonis", seed=1)


class TestUnavailable:
    def test_maintenance_ends_the_run_before_it_begins(self, live, server):
        server.maintenance = True
        result = live(test_a=BELL)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        said = result.stderr.str()
        assert "can't use adonis (IQM_QUANTUM_COMPUTER)" in said
        assert "it is in maintenance. With --iqm-unavailable=skip its tests would be skipped." in said

    def test_maintenance_may_skip_everything(self, live, server):
        server.maintenance = True
        result = live("-rs", "--iqm-unavailable=skip", test_a=BELL)
        result.assert_outcomes(skipped=2)
        assert result.ret == 0
        assert "adonis can't be used now: it is in maintenance (--iqm-unavailable: skip)" in result.stdout.str()
        assert "adonis could not be used: it is in maintenance (--iqm-unavailable)" in result.stdout.str()

    def test_a_closed_queue_is_away(self, suite, server, monkeypatch):
        class Closed(Api):
            def _queue_availability(self, request, qc):
                return Response('{"queue_length": 3, "available": []}', content_type="application/json")

        with loopback(Closed(server, token=TOKEN)) as url:
            for name, value in (("SERVER_URL", url), ("QUANTUM_COMPUTER", "adonis"), ("TOKEN", TOKEN)):
                monkeypatch.setenv(f"IQM_{name}", value)
            result = suite("--iqm-live", test_a=BELL)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "its queue is closed" in result.stderr.str()

    def test_a_server_that_answers_503_is_away(self, live, server):
        server.faults.on("computers").answers(503, times=100)
        result = live(test_a=BELL)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "With --iqm-unavailable=skip" in result.stderr.str()

    @pytest.mark.parametrize(("choice", "outcomes"), [("fail", {"failed": 1, "errors": 1}), ("skip", {"skipped": 2})])
    def test_maintenance_in_the_middle(self, live, server, choice, outcomes):
        server.faults.on("submit").answers(503)
        server.faults.on("health", after=1).answers(503, times=100)  # the first one is asked before the tests
        result = live("-rs", f"--iqm-unavailable={choice}", test_a=BELL)
        result.assert_outcomes(**outcomes)
        assert not server.jobs
        assert len(server.faults.unfired()) == 1  # nothing was submitted after the first trouble

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_short_trouble_costs_one_test(self, live, server, status):
        server.faults.on("submit").answers(status)
        live("--iqm-unavailable=skip", test_a=BELL).assert_outcomes(skipped=1, passed=1)

    def test_a_failure_of_the_test_is_never_skipped(self, live, server):
        server.faults.on("submit").answers(503)
        suite = """
            from bell import counts

            def test_wrong(iqm_backend):
                try:
                    counts(iqm_backend)
                except Exception:
                    pass
                assert counts(iqm_backend) == {}
            """
        live("--iqm-unavailable=skip", test_a=suite).assert_outcomes(failed=1)

    def test_what_changes_nothing_is_tried_again(self, live, server):
        for operation in ("status", "results", "calibration"):
            server.faults.on(operation).answers(503, times=2)
        server.faults.on("computers").answers(429)
        live(test_a=BELL).assert_outcomes(passed=2)
        assert not server.faults.unfired()

    def test_a_submission_is_never_tried_again(self, live, server):
        server.faults.on("submit").resets()
        result = live("-k", "one", test_a=BELL)
        result.assert_outcomes(failed=1)
        assert len(server.jobs) == 1
        assert "a submission without an answer, whose job may exist, of test_a.py::test_one" in result.stdout.str()


class TestMarkers:
    SUITE = """
        import pytest

        @pytest.mark.iqm_live_only
        def test_live(iqm_backend): pass

        @pytest.mark.iqm_live_only("needs real drift")
        def test_live_reason(): pass

        @pytest.mark.iqm_fake_only(reason="counts are exact")
        def test_fake(iqm_backend): pass

        @pytest.mark.iqm_requires(qubits=5, gates=["cz"], connected=5)
        def test_fits(iqm_backend): pass

        @pytest.mark.iqm_requires(qubits=6)
        def test_large(iqm_backend): pass

        @pytest.mark.iqm_requires(gates=["move", "prx"])
        def test_star(iqm_backend): pass

        @pytest.mark.iqm_requires(connected=[("QB1", "QB2"), ("QB3", "QB1")])
        def test_edges(iqm_backend): pass
        """
    LACKS = (
        "adonis lacks 6 qubits (it has 5)",
        "adonis lacks the gate 'move' (it has cc_prx, cz, measure, measure_fidelity, prx, reset_wait)",
        "adonis lacks a gate on QB1 and QB2",
    )

    def test_offline(self, suite):
        result = suite("-rs", "--iqm-device", "adonis", test_a=self.SUITE)
        result.assert_outcomes(passed=2, skipped=5)
        output = result.stdout.str()
        assert "runs on a real machine only, with --iqm-live\n" in output
        assert "runs on a real machine only, with --iqm-live: needs real drift" in output
        assert all(line in output for line in self.LACKS)

    def test_live(self, live):
        result = live("-rs", test_a=self.SUITE)
        result.assert_outcomes(passed=3, skipped=4)
        output = result.stdout.str()
        assert "runs on the fake only, and this run is live: counts are exact" in output
        assert all(line in output for line in self.LACKS)

    def test_a_star_connects_all_its_qubits(self, suite):
        source = """
            import pytest

            @pytest.mark.iqm_requires(qubits=6, gates=["move"], connected=6)
            def test_all(iqm_backend): pass

            @pytest.mark.iqm_requires(connected=[("QB1", "QB5")])
            def test_pair(iqm_backend): pass

            @pytest.mark.iqm_requires(connected=7)
            def test_more(iqm_backend): pass
            """
        suite("--iqm-device", "deneb", test_a=source).assert_outcomes(passed=2, skipped=1)

    def test_each_device_is_asked(self, suite):
        arguments = ("-rs", "--iqm-device", "adonis", "--iqm-device", "garnet", "-k", "large")
        suite(*arguments, test_a=self.SUITE).assert_outcomes(passed=1, skipped=1)

    @pytest.mark.parametrize(
        "arguments", ["5", "qubit=5", "qubits='5'", "qubits=0", "gates='cz'", "connected=True", "connected=['QB1']"]
    )
    def test_wrong_arguments_are_errors(self, suite, arguments):
        source = f"import pytest\n@pytest.mark.iqm_requires({arguments})\ndef test_x(iqm_backend): pass"
        result = suite(test_a=source)
        assert result.ret != 0
        assert "test_a.py::test_x: @pytest.mark.iqm_requires takes qubits=number" in result.stdout.str()


class TestRandomBits:
    @pytest.fixture
    def server(self):
        return FakeIQMServer(Device.from_document({**Device.load("adonis").document, "alias": "adonis:mock"}), seed=1)

    def test_what_passes_on_them_is_inconclusive(self, live):
        source = BELL + "\ndef test_target(iqm_backend): assert iqm_backend.num_qubits == 5\n"
        result = live("-v", test_a=source)
        output = result.stdout.str()
        assert {"passed": 1, "inconclusive": 2}.items() <= result.parseoutcomes().items()
        assert "test_a.py::test_one INCONCLUSIVE" in output
        assert "iqm: adonis:mock answers with random bits: claims about counts mean nothing" in output
        assert "adonis:mock answered with random bits: what passed on counts is inconclusive" in output
        assert result.ret == 0
