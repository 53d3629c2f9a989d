"""Cancels what is left on the machine, when a test, a worker or the session has ended."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from pytest_iqm.live.interruption import ignore_signals
from pytest_iqm.live.submissions import CONTROLLER, FINAL, Submission, dead_sessions
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


def after_controller(transport: LiveTransport) -> None:
    """Do in a worker what the controller would have done, if that is gone; what is left, the next run names."""
    if not transport.submissions.lives(CONTROLLER):
        ignore_signals()  # execnet's, in some seconds
        after_session(transport)


def after_dead_sessions(transport: LiveTransport) -> Iterator[str]:
    """Cancel what sessions of this user that were killed left on machines, and yield a line about each submission.

    Whoever asks for the next line has shown the one before. What this session has no credentials for is named until
    one that has them cancels it.
    """
    for account in dead_sessions():
        for each in account.pending():
            left = cancel(transport, [each])
            if not left and each.job is not None:
                account.update(each.job, "cancelled")
            end = "cancelled now" if not left else f"noted in {account.path}"
            yield f"iqm: a former run was killed and left this on {each.server}: {each}; {end}"
        if not any(each.job for each in account.pending()):
            account.remove()


def cancel(transport: LiveTransport, submissions: Iterable[Submission]) -> list[Submission]:
    """Cancel jobs; returns those that could not be."""
    from iqm_fakes.vendor.http import VENDOR_ERRORS, get
    from iqm_fakes.vendor.http import cancel as cancel_job

    left = []
    for submission in submissions:
        if submission.job is None or not transport.reaches(submission.url):
            left.append(submission)  # there is nothing to cancel, or no credentials for it
            continue
        try:
            cancel_job(transport.client, submission.job)
        except VENDOR_ERRORS:  # perhaps it has ended meanwhile
            try:
                document = get(transport.client, f"jobs/{submission.job}", missing=True)
            except VENDOR_ERRORS:
                left.append(submission)
                continue
            if document is None:
                transport.submissions.update(submission.job, "deleted")
            elif document["status"] not in FINAL:
                left.append(submission)
    return left
