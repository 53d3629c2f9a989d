"""Many at once: nothing is lost, nothing moves backwards, and results are those of one at a time."""

import random
import threading
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from circuits import bell

from iqm_fakes import Api, FakeIQMClient, FakeIQMServer
from iqm_fakes.vendor.http import VENDOR_ERRORS, connect
from iqm_fakes.web.loopback import loopback
from pytest_iqm import IQMBackend

THREADS, OPERATIONS = 32, 200
SOCKETS, JOBS = 16, 20
RANK = {"QUEUED": 0, "RUNNING": 1, "DONE": 2, "CANCELLED": 2, "ERROR": 2}


def outcomes(server):
    return {job.index: tuple(tuple(bits.ravel().tolist()) for bits in job.results[0].values()) for job in server.jobs}


def one_at_a_time(jobs):
    server = FakeIQMServer("adonis", seed=1)
    backend = IQMBackend(FakeIQMClient(server=server))
    circuit = bell(backend)
    for _ in range(jobs):
        backend.run(circuit, shots=20)
    return outcomes(server)


@pytest.mark.filterwarnings("ignore::UserWarning")  # of jobs that can't be cancelled any more
def test_threads_on_one_client():
    server = FakeIQMServer("adonis", seed=1)
    backend = IQMBackend(FakeIQMClient(server=server))
    circuit = bell(backend)
    known, lock, deleted = [], threading.Lock(), set()

    def work(number):
        dice, ranks = random.Random(number), {}
        for step in range(OPERATIONS):
            if step % 10 == 0:
                own = job_id = backend.run(circuit, shots=20).job_id()
                with lock:
                    known.append(job_id)
                continue
            with lock:
                job_id = dice.choice(known)
            try:
                job = backend.retrieve_job(job_id)
                rank = RANK[job.status().name]
                assert rank >= ranks.get(job_id, 0)
                ranks[job_id] = rank
                if step % 10 == 5:
                    assert job.result().success
                if step % 10 == 7:
                    assert job.cancel() is False  # it has ended
                if step == 99:
                    with lock:
                        deleted.add(own)
                    server.delete(own)
            except VENDOR_ERRORS:
                assert job_id in deleted

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    submitted = THREADS * OPERATIONS // 10
    assert len(known) == len(set(known)) == submitted
    assert {str(job.id) for job in server.jobs} == set(known) - deleted
    expected = one_at_a_time(submitted)
    assert outcomes(server) == {job.index: expected[job.index] for job in server.jobs}


def test_clients_on_sockets():
    server = FakeIQMServer("adonis", seed=1, background=True)
    circuit = bell(IQMBackend(FakeIQMClient(server=server)))  # Qiskit's transpiler does not like threads

    def work(number):
        backend = IQMBackend(connect(url, quantum_computer="adonis"))
        jobs = [backend.run(circuit, shots=20) for _ in range(JOBS)]
        return [sum(job.result().get_counts().values()) for job in jobs]

    with loopback(Api(server)) as url, warnings.catch_warnings(), ThreadPoolExecutor(SOCKETS) as pool:
        shots = list(pool.map(work, range(SOCKETS)))
    assert shots == [[20] * JOBS] * SOCKETS
    assert sorted(job.index for job in server.jobs) == list(range(SOCKETS * JOBS))
    assert Counter(job.status for job in server.jobs) == {"completed": SOCKETS * JOBS}
    assert outcomes(server) == one_at_a_time(SOCKETS * JOBS)
    server.close()
