"""Recording the jobs of tests that passed on a real machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_iqm.settings import Settings

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from iqm_fakes.recordings.folder import Recordings

PATIENCE = 60.0
"""Seconds that the end of a session waits for jobs that have not ended."""


class Recorder:
    """Writes recordings; the only process of a session that does, so that xdist's workers can't disturb each other.

    Attributes:
        recorded: Ids of the jobs that were written.
        problems: What could not be recorded, and why.

    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: list[tuple[str, Sequence[str]]] = []
        self.recorded: dict[str, None] = {}
        self.problems: list[str] = []

    def keep(self, test: str, jobs: Sequence[str]) -> None:
        """Record the jobs of a test that passed."""
        if jobs and not self._try(test, jobs):
            self._waiting.append((test, jobs))

    def finish(self) -> None:
        """Record what had not ended when its test did."""
        deadline = time.monotonic() + PATIENCE
        while self._waiting and time.monotonic() < deadline:
            self._waiting = [(test, jobs) for test, jobs in self._waiting if not self._try(test, jobs)]
            if self._waiting:
                time.sleep(0.5)
        for test, jobs in self._waiting:
            self.problems.append(f"{test}: of the jobs {', '.join(jobs)} not all have ended")

    def _try(self, test: str, jobs: Sequence[str]) -> bool:
        """Record jobs if all of them have ended; returns whether they have."""
        from iqm_fakes.device.device import DeviceError
        from iqm_fakes.recordings.recording import RecordingError
        from iqm_fakes.vendor.http import VENDOR_ERRORS, get
        from iqm_fakes.wire.status import JobStatus

        expected: tuple[type[Exception], ...] = (*VENDOR_ERRORS, DeviceError, RecordingError, OSError)
        try:
            documents = {job: get(self._client, f"jobs/{job}", missing=True) for job in jobs}
            there = [job for job, document in documents.items() if document is not None]  # others were deleted
            if not all(JobStatus(documents[job]["status"]).terminal for job in there):
                return False
            self._write(test, there)
        except expected as error:
            self.problems.append(f"{test}: {error}")
        return True

    def _write(self, test: str, jobs: Sequence[str]) -> None:
        from iqm_fakes.recordings.from_server import record
        from iqm_fakes.recordings.recording import fingerprint
        from iqm_fakes.vendor.http import get, quantum_computer_alias

        rewrite = self._settings.record.value == "rewrite"
        known = (
            [] if rewrite else [entry.fingerprint for entry in self._recordings.of_test(test) if entry.id not in jobs]
        )
        for job in jobs:
            if not rewrite and job not in self._recordings:
                submitted = fingerprint(get(self._client, f"jobs/{job}/payload"), quantum_computer_alias(self._client))
                if submitted in known:
                    known.remove(submitted)
                    continue
            record(self._client, job, self._recordings, metadata=self._settings.record_metadata, tests=[test])
            self.recorded[job] = None
        if rewrite:
            self._recordings.forget(test, keep=jobs)

    @cached_property
    def _recordings(self) -> Recordings:
        from iqm_fakes.recordings.folder import Recordings

        return Recordings(self._settings.recordings.value)

    @cached_property
    def _client(self) -> IQMClient:
        return self._settings.real_machine.connect()
