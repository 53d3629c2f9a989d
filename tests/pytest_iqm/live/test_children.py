"""What leaves a live run by child processes: they get credentials only if a test asks for that."""

import re

from server_process import TOKEN

from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.web.loopback import loopback

CHILDREN = """
import multiprocessing, os, subprocess, sys
import pytest

SUBMITS = '''
import os
from iqm.qiskit_iqm import IQMProvider
from helper import submit
if __name__ == "__main__":
    submit(IQMProvider(os.environ["IQM_SERVER_URL"], quantum_computer="adonis").get_backend())
'''

def child(**how):
    return subprocess.run([sys.executable, "-c", SUBMITS], capture_output=True, text=True, **how)

def inherited():
    shown = subprocess.run([sys.executable, "-c", "import os; print('IQM_TOKEN' in os.environ)"], capture_output=True)
    return shown.stdout.split() == [b"True"]

at_import = inherited()

def counted():
    from iqm.qiskit_iqm import IQMProvider
    from helper import submit
    submit(IQMProvider(os.environ["IQM_SERVER_URL"], quantum_computer="adonis").get_backend())

def test_inherits_nothing(iqm_backend):
    assert not at_import
    assert not inherited()
    assert os.environ["IQM_TOKEN"]

@pytest.mark.parametrize("number", range(2))
def test_asks(iqm_url, number):
    assert inherited()
    assert number or child().returncode == 0

def test_hands_over(iqm_backend):
    assert child(env={**os.environ}).returncode == 0

def test_inherits_nothing_again(): assert not inherited()

@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_other_processes_of_python(iqm_backend, method):
    process = multiprocessing.get_context(method).Process(target=counted)
    process.start()
    process.join()
    assert process.exitcode == (method == "spawn")

def test_looks(iqm_backend): assert iqm_backend.num_qubits == 5
"""


def test_children_have_credentials_only_if_a_test_asks(project):
    """In a process of its own: a fork of this one, where Qiskit may have started threads, might wait for them."""
    server = FakeIQMServer("adonis", seed=1)
    with loopback(Api(server, token=TOKEN)) as url:
        output = project(url, "-rA", test_a=CHILDREN).output
    assert " 8 passed" in output
    assert len(server.jobs) == 3
    assert "adonis: 1 job, 1000 shots submitted" in output  # of a fork, which has all that this process has
    seen = re.findall(r"^passed, but no job of it was seen: (\S+);", output, re.M)
    assert seen == ["test_a.py::test_asks[0]", "test_a.py::test_asks[1]"]
    assert "passed without a job that was seen, which is fine if none was meant: 4 (" in output
    assert "test_a.py::test_hands_over" in output
