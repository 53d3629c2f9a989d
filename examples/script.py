"""The fake without pytest: in a script, a notebook, or a REPL."""

from qiskit import QuantumCircuit, transpile

from iqm_fakes import FakeIQMClient
from pytest_iqm import IQMBackend


def main() -> None:
    backend = IQMBackend(FakeIQMClient("garnet", seed=7), use_metrics=True)

    qc = QuantumCircuit(3)
    qc.h(0)
    qc.cx(0, 1)
    qc.cx(1, 2)
    qc.measure_all()

    job = backend.run(transpile(qc, backend, seed_transpiler=1), shots=1000)
    print(job.job_id(), job.status().name)
    print(job.result().get_counts())


if __name__ == "__main__":
    main()
