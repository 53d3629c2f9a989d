"""What the server keeps of a job."""

from circuits import bell

from iqm_fakes import FakeIQMClient, FakeIQMServer
from pytest_iqm import IQMBackend


def test_an_ended_job_keeps_what_was_sent_not_what_was_parsed():
    server = FakeIQMServer("adonis", seed=1)
    backend = IQMBackend(FakeIQMClient(server=server))
    backend.run(bell(backend), shots=20)
    (job,) = server.jobs
    assert job.request is None
    assert job.payload["shots"] == 20
    assert job.payload["circuits"][0]["instructions"][-1]["name"] == "measure"
    assert "iqm-client" in job.client
