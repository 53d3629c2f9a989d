"""Jobs outlive the object that submitted them: keep the id, and ask for the job again."""

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.providers import JobStatus

from pytest_iqm import IQMBackend


@pytest.fixture(scope="module")
def job_id(iqm_backend):
    qc = QuantumCircuit(1, metadata={"experiment": 7})
    qc.x(0)
    qc.measure_all()
    job = iqm_backend.run([transpile(qc, iqm_backend)] * 2, shots=100)
    job.result()
    return job.job_id()


def test_retrieved_job_has_the_result(iqm_backend, job_id):
    job = iqm_backend.retrieve_job(job_id)
    assert job.status() == JobStatus.DONE
    result = job.result()
    assert result.success
    assert [sum(counts.values()) for counts in result.get_counts()] == [100, 100]


def test_another_backend_retrieves_it_too(iqm_client, job_id):
    assert IQMBackend(iqm_client).retrieve_job(job_id).result().success


def test_an_ended_job_can_not_be_cancelled(iqm_backend, job_id):
    with pytest.warns(UserWarning, match="Failed to cancel job"):
        assert not iqm_backend.retrieve_job(job_id).cancel()


def test_an_id_that_is_none(iqm_backend):
    with pytest.raises(ValueError, match="a job id is a UUID"):
        iqm_backend.retrieve_job("last tuesday")
