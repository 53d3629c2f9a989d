"""Cancels what is left on the machine, when a test, a worker or the session has ended."""

from __future__ import annotations

import time
from collections.abc import Iterable

from pytest_iqm.live.submissions import Submission
from pytest_iqm.live.transport import LiveTransport

ANSWERS = 5.0
"""Seconds that the end of a session waits for the answers to submissions."""


def after_test(transport: LiveTransport, test: str) -> None:
    """Cancel what a test left; jobs of fixtures whose scope is wider stay."""
    transport.end()
    cancel(transport, transport.submissions.pending(test=test, worker=transport.worker))


def after_worker(transport: LiveTransport, worker: str) -> None:
    """Cancel what a worker left, perhaps because it was killed."""
    cancel(transport, transport.submissions.pending(worker=worker))


def after_session(transport: LiveTransport) -> list[Submission]:
    """Let nothing be submitted any more, and cancel all that is left; returns what could not be cancelled."""
    transport.end()
    transport.interrupted = False
    transport.submissions.close()
    patience = time.monotonic() + ANSWERS
    while any(s.status == "sending" for s in transport.submissions.pending()) and time.monotonic() < patience:
        time.sleep(0.1)
    cancel(transport, transport.submissions.pending())
    return transport.submissions.pending()


def cancel(transport: LiveTransport, submissions: Iterable[Submission]) -> None:
    """Cancel jobs; the account of submissions tells which of them could not be."""
    from iqm_fakes.vendor.http import VENDOR_ERRORS, get
    from iqm_fakes.vendor.http import cancel as cancel_job

    for submission in submissions:
        if submission.job is None or not transport.reaches(submission.url):
            continue  # there is nothing to cancel, or no credentials for it
        try:
            cancel_job(transport.client, submission.job)
        except VENDOR_ERRORS:  # perhaps it has ended meanwhile
            try:
                if get(transport.client, f"jobs/{submission.job}", missing=True) is None:
                    transport.submissions.update(submission.job, "deleted")
            except VENDOR_ERRORS:
                continue  # it stays in the account, and the summary names it
