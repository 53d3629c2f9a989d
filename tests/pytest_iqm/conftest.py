import pytest
from server_process import TOKEN, name_machine

# Test runs inside this process forget what they import; neither Qiskit nor Aer can be imported twice, and a claim of
# the first run would be none to the second.
import pytest_iqm.backend
import pytest_iqm.claims  # noqa: F401
from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.web.loopback import loopback

BELL = """
from qiskit import QuantumCircuit, transpile

def counts(backend, shots=1000):
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    job = backend.run(transpile(qc, backend, seed_transpiler=1), shots=shots)
    return dict(sorted(job.result().get_counts().items()))
"""


@pytest.fixture
def suite(pytester, monkeypatch):
    """A project with a ``counts`` helper, in which nothing of IQM is set; runs in this process."""
    for name in ("IQM_SERVER_URL", "IQM_QUANTUM_COMPUTER", "IQM_TOKEN", "IQM_TOKENS_FILE"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(bell=BELL)
    pytester.syspathinsert()

    def run(*arguments, **sources):
        if sources:
            pytester.makepyfile(**sources)
        return pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider", "-s", *arguments)

    return run


@pytest.fixture
def server():
    return FakeIQMServer("adonis", seed=1)


@pytest.fixture
def live(suite, server, monkeypatch):
    """Runs a suite live on the ``server``, which test modules may replace, and of which it takes the first computer."""
    with loopback(Api(server, token=TOKEN)) as url:
        name_machine(monkeypatch, url, next(iter(server.devices)))
        yield lambda *arguments, **sources: suite("--iqm-live", *arguments, **sources)
