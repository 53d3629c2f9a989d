"""How the server simulates: what it says about it, batches, executors."""

import gc
import json
import multiprocessing
import re
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from functools import partial

import devices
import in_other_processes
import numpy as np
import pytest

from iqm_fakes import FakeIQMServer, SlowSimulationWarning, Workers
from iqm_fakes.server import quantum_computer
from iqm_fakes.server.seeds import Submitter
from iqm_fakes.simulator.slow_simulations import readable
from iqm_fakes.wire.status import JobStatus


def gate(name, *locus, **args):
    return {"name": name, "locus": list(locus), "args": args}


def circuit(angle, *extra):
    half = {"phase": 0.0, "angle": angle}
    return {
        "name": "c",
        "instructions": [
            gate("prx", "QB1", **half),
            gate("cz", "QB1", "QB2"),
            gate("prx", "QB2", **half),
            gate("prx", "QB4", **half),
            *extra,
            gate("measure", "QB1", "QB2", "QB4", key="m"),
        ],
    }


BATCH = [circuit(0.1 * number) for number in range(12)]
EARLY = [
    circuit(0.1 * number, gate("measure", "QB2", key="early"), gate("prx", "QB2", angle=0.2, phase=0.1))
    for number in range(4)
]


def submitted(machine, circuits, shots=200, **options):
    return machine.submit("chain", json.dumps({"circuits": circuits, "shots": shots, **options}).encode())


def results(machine, circuits=BATCH + EARLY):
    job = submitted(machine, circuits)
    assert job.status is JobStatus.COMPLETED, job.errors
    return json.loads(machine.measurements(str(job.id)))


ALONE = results(FakeIQMServer(devices.chain(), seed=3))


def test_a_job_says_how_each_part_of_each_circuit_is_simulated():
    machine = FakeIQMServer(devices.chain(), seed=1)
    job = submitted(machine, [circuit(0.3), circuit(0.4)])
    assert machine.jobs == [job]
    assert [[str(choice) for choice in parts] for parts in job.simulation] == [
        [
            "density_matrix evolution of 2 components (QB1, QB2)",
            "density_matrix evolution of 1 component (QB4)",
        ]
    ] * 2


@pytest.mark.parametrize("method", ["density_matrix", "statevector", "matrix_product_state"])
def test_a_method_may_be_forced(method):
    machine = FakeIQMServer(devices.chain(), seed=1, method=method)
    job = submitted(machine, [circuit(0.3)])
    assert job.status is JobStatus.COMPLETED
    assert {choice.engine.method for parts in job.simulation for choice in parts} == {method}


def test_a_job_that_the_method_can_not_do_fails_and_says_why():
    machine = FakeIQMServer(devices.chain(), seed=1, method="stabilizer")
    job = submitted(machine, [circuit(0.3)])
    assert job.status is JobStatus.FAILED
    ((_, _, message),) = job.errors
    assert message == (
        "Circuit 0: 2 connected components (QB1, QB2) can't be simulated within 2 GiB. stabilizer: there is a gate on "
        "QB1, QB2 that is no Clifford gate. What works: only Clifford gates, or another method than 'stabilizer'"
    )


@pytest.mark.parametrize(
    ("settings", "helps"),
    [
        ({}, "noise=False, idle=False, or fewer components in use at a time"),
        ({"idle": False}, "noise=False, or fewer components in use at a time"),
        ({"noise": False, "method": "matrix_product_state"}, "fewer shots, or fewer components in use at a time"),
    ],
)
def test_a_job_that_takes_long_says_so_and_what_helps(settings, helps, monkeypatch):
    monkeypatch.setattr(quantum_computer, "SLOW", 1e-9)
    machine = FakeIQMServer(devices.chain(), seed=3, **settings)
    with pytest.warns(SlowSimulationWarning) as warned:
        job = submitted(machine, BATCH)
    assert job.status is JobStatus.COMPLETED
    (warning,) = warned
    message = str(warning.message)
    assert re.match(
        r"the simulation takes about [\d.e-]+ s, most of it for circuit \d+: \w+ \w+ of 2 components", message
    )
    assert message.endswith(f"What helps: {helps}")


def test_a_job_that_takes_too_long_fails_at_once():
    machine = FakeIQMServer(devices.chain(), seed=3, time_limit=1e-9)
    job = submitted(machine, BATCH)
    assert job.status is JobStatus.FAILED
    ((_, _, message),) = job.errors
    assert message.startswith("the simulation takes about ")
    assert message.endswith("the server's time_limit=1e-09 (seconds; in pytest the ini key iqm_simulation_limit)")


def test_there_may_be_no_limit():
    assert submitted(FakeIQMServer(devices.chain(), seed=3, time_limit=None), BATCH).status is JobStatus.COMPLETED


@pytest.mark.parametrize(("seconds", "said"), [(12.34, "12.3 s"), (119, "119 s"), (600, "10 min"), (2e4, "5.56 h")])
def test_times_are_said_for_people(seconds, said):
    assert readable(seconds) == said


@pytest.mark.parametrize("seconds", [0.0, 1e-3, 3e-3, 1.0])
def test_how_a_batch_is_split_changes_nothing(seconds, monkeypatch):
    monkeypatch.setattr(quantum_computer, "WORTH_A_TASK", seconds)
    assert results(FakeIQMServer(devices.chain(), seed=3, executor=_Immediately())) == ALONE


def test_a_seed_may_hold_for_a_while():
    def bits(job):
        return np.concatenate(list(job.results[0].values())).tolist()

    machine, other, former = (FakeIQMServer(devices.chain(), seed=seed) for seed in (1, 2, 1))
    plain = [submitted(former, [circuit(0.7)]) for _ in range(2)]
    first = submitted(machine, [circuit(0.7)])
    somebody = Submitter("somebody", 2)
    with machine.used_by(somebody):
        assert machine.seed == 2
        assert machine.jobs == []
        inner = submitted(machine, [circuit(0.7)])
        assert machine.jobs == [inner]
        assert bits(inner) == bits(submitted(other, [circuit(0.7)]))
    last = submitted(machine, [circuit(0.7)])
    assert machine.seed == 1
    assert [bits(first), bits(last)] == [bits(job) for job in plain]
    assert len({job.id for job in [first, inner, last, *plain]}) == 5
    assert machine.jobs == [first, last]
    assert machine.jobs_of("somebody") == [inner]
    with machine.used_by(somebody):
        again = submitted(machine, [circuit(0.7)])
        assert bits(again) == bits(submitted(other, [circuit(0.7)]))
        machine.reset(seed=3)
    assert machine.seed == 3
    assert machine.jobs_of("somebody") == [inner, again]
    machine.delete(str(inner.id))
    assert machine.jobs_of("somebody") == [again]
    del somebody
    gc.collect()
    with pytest.raises(ValueError, match="these do: nobody"):
        machine.jobs_of("somebody")


def test_listeners_hear_of_each_job_when_it_comes_and_when_it_ends():
    machine, heard = FakeIQMServer(devices.chain(), seed=1), []
    machine.listeners.append(lambda event, job: heard.append((event, job, job.status.value)))
    with machine.queue.held():
        job = submitted(machine, [circuit(0.7)])
        assert heard == [("submitted", job, "waiting")]
    assert heard[1:] == [("ended", job, "completed")]


def test_held_jobs_keep_the_seed_that_they_were_submitted_with():
    machine, other = (FakeIQMServer(devices.chain(), seed=seed) for seed in (1, 2))
    with machine.queue.held(), machine.used_by(Submitter("somebody", 2)):
        job = submitted(machine, [circuit(0.7)])
    (bits,), (expected,) = job.results, submitted(other, [circuit(0.7)]).results
    assert all((bits[key] == expected[key]).all() for key in expected)


class _Immediately(Executor):
    """An executor without concurrency."""

    def submit(self, function, /, *arguments, **named):
        future = Future()
        future.set_result(function(*arguments, **named))
        return future


def test_circuits_of_a_job_give_what_they_give_in_any_company():
    first = results(FakeIQMServer(devices.chain(), seed=3), BATCH[:5])
    assert first == ALONE[:5]


def test_processes_give_the_same_results(monkeypatch):
    monkeypatch.setattr(quantum_computer, "WORTH_A_TASK", 5e-3)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        machine = FakeIQMServer(devices.chain(), seed=3, executor=pool)
        assert results(machine) == ALONE
        job = submitted(machine, [*BATCH, circuit(0.2)], shots=1, heralding_mode="zeros")
        while job.status is not JobStatus.FAILED:  # each circuit keeps its shot with probability 0.76
            job = submitted(machine, [*BATCH, circuit(0.2)], shots=1, heralding_mode="zeros")
    assert "with heralding discarded all the shots" in job.errors[0][2]


def test_workers_give_the_same_results_and_the_death_of_one_fails_one_job(monkeypatch):
    monkeypatch.setattr(quantum_computer, "WORTH_A_TASK", 5e-3)
    with Workers(2) as workers:
        machine = FakeIQMServer(devices.chain(), seed=3, executor=workers)
        assert results(machine) == ALONE
        monkeypatch.setattr(quantum_computer, "_run", partial(in_other_processes.leave, 3))
        job = submitted(machine, BATCH)
        assert job.status is JobStatus.FAILED
        message = "the process that simulated it ended with status 3"
        assert job.errors == [("iqm-station-control", "internal_error", message)]
        monkeypatch.undo()
        assert submitted(machine, BATCH).status is JobStatus.COMPLETED


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system can't fork")
@pytest.mark.parametrize("method", ["auto", "matrix_product_state"])  # one thread of Aer, and one for each core
def test_processes_that_are_forked_after_a_simulation_give_the_same_results(method, monkeypatch):
    monkeypatch.setattr(quantum_computer, "WORTH_A_TASK", 5e-3)
    alone = results(FakeIQMServer(devices.chain(), seed=3, method=method), BATCH)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        assert results(FakeIQMServer(devices.chain(), seed=3, method=method, executor=pool), BATCH) == alone


def test_a_dask_cluster_gives_the_same_results(monkeypatch):
    distributed = pytest.importorskip("distributed", reason="needs the extra 'dask' (tox -e dask)")
    monkeypatch.setattr(quantum_computer, "WORTH_A_TASK", 5e-3)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor() as executor,
    ):
        assert results(FakeIQMServer(devices.chain(), seed=3, executor=executor)) == ALONE


def test_an_executor_that_breaks_fails_the_job():
    class Broken:
        def submit(self, function, *arguments):
            raise RuntimeError("no workers left")

    job = submitted(FakeIQMServer(devices.chain(), seed=3, executor=Broken()), BATCH)
    assert job.status is JobStatus.FAILED
    assert "no workers left" in job.errors[0][2]


def test_a_job_whose_tasks_the_executor_drops_is_cancelled():
    class Dropping:
        def submit(self, function, *arguments):
            (task := Future()).cancel()
            return task

    job = submitted(FakeIQMServer(devices.chain(), seed=3, executor=Dropping()), BATCH)
    assert job.status is JobStatus.CANCELLED
    assert job.errors == []


def test_many_shots_are_answered_in_full():
    machine = FakeIQMServer(devices.chain(), seed=1)
    job = submitted(machine, [circuit(0.3)], shots=100_000)
    (document,) = json.loads(machine.measurement_counts(str(job.id)))
    assert sum(document["counts"].values()) == 100_000
    (bits,) = json.loads(machine.measurements(str(job.id)))
    assert np.shape(bits["m"]) == (100_000, 3)


def only(*instructions, **options):
    """A job of one circuit with these instructions, on a server without noise."""
    machine = FakeIQMServer(devices.chain(), seed=1, noise=False)
    job = submitted(machine, [{"name": "c", "instructions": list(instructions)}], **{"shots": 3, **options})
    return machine, job


HALF_TURN = {"phase": 0.0, "angle": 3.141592653589793}
READ = gate("measure", "QB1", key="m")


def test_what_the_machine_refuses_is_in_its_words_and_explained_elsewhere(caplog):
    _, job = only(gate("prx", "QB9", **HALF_TURN), READ)
    where = 'Error in stage "circuit_stage" pass "validate_circuits": Circuit 0: '
    assert job.errors == [
        ("iqm-station-control", "circuit_error", f"{where}prx.drag_crf_sx: ('QB9',) is not a valid locus.")
    ]
    assert job.explanation.startswith("circuit 0: instruction 0 ('prx' on QB9): QB9 does not exist on the QPU")
    assert job.explanation in caplog.text


def test_what_breaks_the_machine_is_explained_elsewhere(caplog):
    _, job = only(gate("prx", "QB1", phase=0.0), READ)
    assert job.errors == [("iqm-station-control", "unknown", "Internal server error occurred")]
    assert "instruction 0 ('prx' on QB1): argument 'angle' is missing; 'prx' takes angle, phase" in job.explanation
    assert job.explanation in caplog.text


@pytest.mark.parametrize(
    ("instructions", "reason"),
    [
        ([gate("prx", "QB1", **HALF_TURN)], "no circuit of the job measures anything"),
        ([gate("measure", "QB1", key="a__b")], "two underscores inside the key 'a__b'"),
        ([READ, gate("prx", "QB1", **HALF_TURN), READ], "QB1 is measured twice with the key 'm'"),
    ],
)
def test_results_that_the_machine_can_not_make_fail_after_the_execution(instructions, reason):
    _, job = only(*instructions)
    assert job.errors == [("iqm-station-control", "unknown", "Internal server error occurred")]
    assert reason in job.explanation
    assert "execution_started" in [status for _, status, _ in job.timeline]


def test_circuit_that_measures_nothing_has_no_results_beside_one_that_does():
    machine = FakeIQMServer(devices.chain(), seed=1, noise=False)
    circuits = [{"name": "c", "instructions": [step]} for step in (gate("prx", "QB1", **HALF_TURN), READ)]
    job = submitted(machine, circuits, shots=2)
    assert json.loads(machine.measurements(str(job.id))) == [{}, {"m": [[0], [0]]}]


def test_key_of_two_measurements_has_the_bits_of_both():
    machine, job = only(gate("measure", "QB2", key="m"), gate("prx", "QB1", **HALF_TURN), READ)
    assert json.loads(machine.measurements(str(job.id))) == [{"m": [[0, 1]] * 3}]


def test_a_job_may_read_so_many_bits():
    limit = quantum_computer.MAX_POINTS
    bits = [gate("reset", "QB3"), gate("measure", "QB1", "QB2", key="m")]  # 3 bits of the circuit, 3 of heralding
    assert limit == 300_000_000
    _, job = only(*bits, shots=limit // 6 + 1, heralding_mode="zeros")
    assert job.errors == [("iqm-station-control", "unknown", "Internal server error occurred")]
    assert f"the job reads {limit + 6} bits" in job.explanation


def test_feedback_keys_that_mean_something_else_to_earlier_software_are_said_in_the_job():
    first, second = (gate("measure", "QB1", key=key, feedback_key=key) for key in "ab")
    condition = gate("cc_prx", "QB2", feedback_qubit="QB1", feedback_key="a")
    _, job = only(first, second, condition, condition, gate("measure", "QB2", key="m"))
    (said,) = job.document(None)["messages"]
    assert said["source"] == "iqm-station-control"
    assert said["message"].startswith("Circuit 0: instruction 2 ('cc_prx' on QB2): the measurement of QB1 with the")
    _, job = only(first, condition, gate("measure", "QB2", key="m"))
    assert job.document(None)["messages"] == []
