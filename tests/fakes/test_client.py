"""FakeIQMClient in other processes, and copies of it whose server is gone."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from operator import attrgetter

import pytest
import requests
from in_other_processes import pickled_client, submitted

from iqm_fakes import FakeIQMClient

FORK = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system can't fork")


def in_processes(method):
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method))


@pytest.fixture
def client():
    client = FakeIQMClient("adonis", seed=1)
    yield client
    client.server.close()


def test_a_copy_is_a_handle_on_the_same_server(client):
    for other in (copy.copy(client), copy.deepcopy(client), pickle.loads(pickle.dumps(client))):
        assert other.server is client.server
        job_id, description = submitted(other)
        assert str(client.server.jobs[-1].id) == job_id
        assert description == repr(client)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_submit_to_the_server_that_the_client_comes_from(client, method):
    submitted(client)
    with in_processes(method) as pool:
        ran = list(pool.map(submitted, [client] * 2, timeout=300))
    assert [job_id for job_id, _ in ran] == [str(job.id) for job in client.server.jobs[1:]]
    assert {description for _, description in ran} == {"FakeIQMClient('adonis', in another process)"}


@FORK
def test_what_another_process_steers_is_an_error(client):
    with in_processes("fork") as pool, pytest.raises(RuntimeError, match="of this client is in another process"):
        pool.submit(attrgetter("server"), client).result()


@pytest.mark.parametrize("way", ["closed", pytest.param("ended", marks=FORK)])
def test_a_server_that_is_gone_is_an_error_that_says_so(client, way):
    if way == "closed":
        pickled = pickle.dumps(client)
        client.server.close()
    else:
        with in_processes("fork") as pool:
            pickled = pool.submit(pickled_client).result()
    with pytest.raises(requests.ConnectionError, match=r"the fake IQM Server .* is gone: it was at http://127"):
        submitted(pickle.loads(pickled))


FORKING = """
import multiprocessing, os, pickle
from iqm_fakes import FakeIQMClient
client = FakeIQMClient("adonis", seed=1)
from in_other_processes import submitted

if __name__ == "__main__":
    submitted(client)
    pickle.dumps(client)
    processes = [multiprocessing.get_context("fork").Process(target=submitted, args=[client]) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(len({job.id for job in client.server.jobs}))
"""


@FORK
@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python before 3.12 doesn't warn of forking with threads")
def test_forking_warns_of_no_threads_of_ours(tmp_path):
    (tmp_path / "forking.py").write_text(FORKING)
    path = os.pathsep.join(sys.path)
    command = [
        sys.executable,
        "-W",
        "always::DeprecationWarning:multiprocessing.popen_fork",
        str(tmp_path / "forking.py"),
    ]
    ran = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("3\n", "")
