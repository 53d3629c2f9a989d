from qiskit import QuantumCircuit, transpile

from pytest_iqm import distribution


def test_bell(iqm_backend):
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    job = iqm_backend.run(transpile(qc, iqm_backend), shots=1000)
    counts = job.result().get_counts()
    assert counts == distribution({"00": 0.5, "11": 0.5}, within="calibration")
    again = iqm_backend.retrieve_job(job.job_id())
    assert again.result().get_counts() == counts
