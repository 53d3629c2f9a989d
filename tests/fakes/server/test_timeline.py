"""The timeline of a job has every stage that the vendor's server names, in the vendor's order."""

import pytest
from api_client import FLIP, Http

from iqm_fakes import Api, FakeIQMServer

JOBS = pytest.importorskip("iqm.station_control.interface.models.jobs")


def timeline(job):
    return [(entry["source"], entry["status"]) for entry in job["timeline"]]


def station(job):
    return [status for source, status in timeline(job) if source == "iqm-station-control"]


ENDS = {"ready", "failed", "aborted"}
WHOLE = [member.value for member in JOBS.JobExecutorStatus if member.value not in ENDS]


@pytest.fixture
def http():
    return Http(Api(FakeIQMServer("adonis", seed=1, noise=False)))


def test_a_completed_job_went_through_all_of_them(http):
    job = http.run(FLIP)
    assert station(job) == WHOLE
    own = [("iqm-server", "created"), ("iqm-server", "ready"), ("iqm-server", "completed")]
    assert timeline(job)[:1] + timeline(job)[-2:] == own


def test_a_job_that_does_not_compile_stops_there(http):
    job = http.run({**FLIP, "max_circuit_duration_over_t2": 1e-9})
    assert job["status"] == "failed"
    assert station(job) == WHOLE[: WHOLE.index("compilation_started") + 1]
    assert timeline(job)[-1] == ("iqm-server", "failed")


def test_a_real_machines_timeline_is_part_of_it():
    """A Q50 in April 2026."""
    real = "compilation_ended save_sweep_metadata_started save_sweep_metadata_ended pending_execution "
    real += "execution_started execution_ended post_processing_pending post_processing_started"
    start = WHOLE.index("compilation_ended")
    assert WHOLE[start : start + len(real.split())] == real.split()
