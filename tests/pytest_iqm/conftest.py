import pytest
from server_process import TOKEN

# Test runs inside this process forget what they import, and neither Qiskit nor Aer can be imported twice.
import pytest_iqm.backend  # noqa: F401
from iqm_fakes import Api, loopback

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
def live(suite, server, monkeypatch):
    """Runs a suite live on the test module's ``server``, of which it takes the first computer."""
    with loopback(Api(server, token=TOKEN)) as url:
        monkeypatch.setenv("IQM_SERVER_URL", url)
        monkeypatch.setenv("IQM_QUANTUM_COMPUTER", next(iter(server.devices)))
        monkeypatch.setenv("IQM_TOKEN", TOKEN)
        yield lambda *arguments, **sources: suite("--iqm-live", *arguments, **sources)
