"""Results on the wire, of every operation."""

import math

import pytest
from api_client import PRX, V1, Http, measure, submission

from iqm_fakes import Api, FakeIQMServer


class TestResults:
    def test_exact_shots_of_the_circuits_keys(self, http):
        payload = submission(PRX, measure("QB2", "QB1", key="a"), measure("QB3", key="b"), shots=7)
        (circuit,) = http.measured(payload)
        assert circuit == {"a": [[0, 1]] * 7, "b": [[0]] * 7}

    def test_counts_agree(self, http):
        superposed = {"name": "prx", "locus": ["QB1"], "args": {"angle": math.pi / 2, "phase": 0.3}}
        job = http.run(submission(superposed, measure("QB1", "QB2", key="a"), measure("QB1", key="b"), shots=200))
        (shots,) = http.ask("GET", f"{V1}/jobs/{job['id']}/artifacts/measurements")
        (histogram,) = http.ask("GET", f"{V1}/jobs/{job['id']}/artifacts/measurement_counts")
        assert histogram["measurement_keys"] == ["a", "b"]
        strings = ["".join(map(str, a + b)) for a, b in zip(shots["a"], shots["b"], strict=True)]
        assert histogram["counts"] == {string: strings.count(string) for string in set(strings)}
        assert set(strings) == {"000", "101"}

    def test_circuits_in_order(self, http):
        circuits = [{"name": str(i), "instructions": [PRX] * i + [measure("QB1", key=f"k{i}")]} for i in range(4)]
        results = http.measured({"circuits": circuits, "shots": 3})
        assert results == [{f"k{i}": [[i % 2]] * 3} for i in range(4)]

    def test_reserved_and_doubled_keys_fail(self, http):
        for circuit, said in (
            ([measure("QB1", key="__HERALD")], "Measurement keys ['__HERALD'"),
            ([measure("QB1"), measure("QB1")], "Internal server error occurred"),
            ([PRX], "Internal server error occurred"),
        ):
            job = http.run(submission(*circuit))
            assert job["status"] == "failed"
            assert said in job["errors"][0]["message"]
            assert job["errors"][0]["source"] == "iqm-station-control"
            assert {"measurements", "measurement_counts"}.isdisjoint(entry["type"] for entry in job["artifacts"])


@pytest.fixture(scope="module")
def noisy():
    return Http(Api(FakeIQMServer("adonis", seed=1)))


class TestHeralding:
    def test_fewer_shots_never_none(self, noisy):
        payload = submission(measure("QB1"), measure("QB3", key="n"), shots=2000, heralding_mode="zeros")
        (circuit,) = noisy.measured(payload)
        assert 1700 < len(circuit["m"]) == len(circuit["n"]) < 2000

    def test_nothing_left_fails(self, noisy):
        statuses = {}
        for _ in range(200):
            job = noisy.run(submission(measure("QB3"), shots=1, heralding_mode="zeros"))
            statuses.setdefault(job["status"], job)
        failed = statuses.pop("failed")
        assert failed["errors"][0]["message"] == "Execution of circuit 0 with heralding discarded all the shots."
        assert set(statuses) == {"completed"}


class TestOperations:
    def test_feedback(self, http):
        feedback = {"angle": math.pi, "phase": 0.0, "feedback_qubit": "QB1", "feedback_key": "f"}
        for flips in (0, 1):
            circuit = [PRX] * flips + [
                measure("QB1", key="m", feedback_key="f"),
                {"name": "cc_prx", "locus": ["QB3"], "args": feedback},
                {"name": "reset", "locus": ["QB1"]},
                measure("QB1", "QB3", key="n"),
            ]
            assert http.measured(submission(*circuit)) == [{"m": [[flips]] * 20, "n": [[0, flips]] * 20}]

    def test_anything_calibration_free_on_any_component(self, http):
        half = {"name": "u", "locus": ["QB1"], "args": {"theta": math.pi / 2, "phi": 0.0, "lam": math.pi}}
        circuit = [
            half,
            {"name": "barrier", "locus": ["QB1", "QB5"]},
            {"name": "delay", "locus": ["QB1", "QB2"], "args": {"duration": 1e-6}},
            {"name": "rz", "locus": ["QB1"], "args": {"angle": math.pi}},
            half,
            {"name": "sx", "locus": ["QB2"]},
            {"name": "sx", "locus": ["QB2"]},
            {"name": "reset_wait", "locus": ["QB4"]},
            {"name": "measure_fidelity", "locus": ["QB1", "QB2"], "args": {"key": "m"}},
        ]
        assert http.measured(submission(*circuit)) == [{"m": [[1, 1]] * 20}]

    def test_cz_in_either_order(self, http):
        def half(phase):
            return {"name": "prx", "locus": ["QB3"], "args": {"angle": math.pi / 2, "phase": phase}}

        for locus in (["QB1", "QB3"], ["QB3", "QB1"]):
            circuit = [PRX, half(math.pi / 2), {"name": "cz", "locus": locus}, half(-math.pi / 2), measure("QB3")]
            assert http.measured(submission(*circuit)) == [{"m": [[1]] * 20}]

    def test_move_sandwich(self, http):
        move = {"name": "move", "locus": ["QB1", "COMPR1"]}
        assert http.measured(submission(PRX, move, move, measure("QB1")), "deneb") == [{"m": [[1]] * 20}]
        job = http.run(submission(PRX, move, measure("QB2")), "deneb")
        assert job["status"] == "failed"
