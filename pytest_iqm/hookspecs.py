"""Hooks that conftest files and plugins may implement."""

from __future__ import annotations

import pytest


@pytest.hookspec
def pytest_iqm_job_submitted(nodeid: str, job_id: str, circuits: int, shots: int) -> None:
    """A job was submitted, to the fake or to the real machine.

    Called in the process that runs the test; if a program submits it over a socket (``iqm_url``), in a thread of the
    server.

    Args:
        nodeid: The test that is running.
        job_id: The job.
        circuits: How many circuits it has.
        shots: How many shots are taken, of all circuits together.

    """


@pytest.hookspec
def pytest_iqm_job_finished(nodeid: str, job_id: str, status: str) -> None:
    """A job has ended. Live, this is when somebody hears of it.

    Args:
        nodeid: The test that is running; of a job that was submitted before it, not the one that did.
        job_id: The job.
        status: ``completed``, ``failed`` or ``cancelled``; live, ``deleted``, too.

    """
