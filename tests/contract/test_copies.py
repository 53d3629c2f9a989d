"""A copy of a client, a backend or a job, in whichever process it is, belongs to the same server."""

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest
from circuits import bell

from iqm_fakes.vendor.http import quantum_computer_alias


def pickled(original):
    return pickle.loads(pickle.dumps(original))


def dilled(original):
    dill = pytest.importorskip("dill", reason="needs dill, which some of Qiskit's packages bring along")
    return dill.loads(dill.dumps(original))


WAYS = pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled, dilled])


def run(backend, circuit, shots=100):
    job = backend.run(circuit, shots=shots)
    return job.job_id(), job.result().get_counts()


@WAYS
def test_what_a_copy_of_a_backend_runs_is_on_the_same_server(backend, copied):
    circuit = bell(backend)
    job_id, counts = run(copied(backend), circuit)
    assert backend.retrieve_job(job_id).result().get_counts() == counts


@WAYS
def test_a_copy_of_a_client_is_connected_to_the_same_computer(backend, client, copied):
    job_id, _ = run(backend, bell(backend))
    other = copied(client)
    assert quantum_computer_alias(other) == quantum_computer_alias(client)
    backend.client = other
    assert backend.retrieve_job(job_id).job_id() == job_id


@WAYS
def test_a_copied_job_is_the_same_job(backend, copied):
    job = backend.run(bell(backend), shots=100)
    before = copied(job)
    counts = job.result().get_counts()
    for other in (before, copied(job)):
        assert other.job_id() == job.job_id()
        assert other.result().get_counts() == counts


FORK = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system can't fork")


def forking():
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork"))


@FORK
def test_a_pool_that_takes_backends_runs_on_the_same_server(backend):
    circuit = bell(backend)
    run(backend, circuit)
    with forking() as pool:
        ran = list(pool.map(run, [backend] * 4, [circuit] * 4, timeout=120))
    assert len({job_id for job_id, _ in ran}) == 4
    for job_id, counts in ran:
        assert backend.retrieve_job(job_id).result().get_counts() == counts


@FORK
def test_a_forked_process_runs_on_the_server_that_it_had_before(backend, monkeypatch):
    monkeypatch.setitem(globals(), "BACKEND", backend)
    with forking() as pool:
        ran = list(pool.map(run_globally, [bell(backend)] * 4, timeout=120))
    assert len({job_id for job_id, _ in ran}) == 4
    for job_id, counts in ran:
        assert backend.retrieve_job(job_id).result().get_counts() == counts


BACKEND = None


def run_globally(circuit):
    return run(BACKEND, circuit)
