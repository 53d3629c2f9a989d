"""Answers from recordings: retrieved jobs, and in a replay the submissions, too."""

from __future__ import annotations

import json
import threading
from collections import Counter
from uuid import UUID

from iqm_fakes.device.device import Device
from iqm_fakes.recordings.folder import RecordingNotFound, Recordings
from iqm_fakes.recordings.recording import Recording
from iqm_fakes.server.job import Job
from iqm_fakes.wire.status import JobStatus


class Replay:
    """The recorded jobs that a server answers with.

    Args:
        recordings: The folder; None has no job.

    Attributes:
        used: Ids of the recordings that answered a submission or were retrieved, in that order.

    """

    def __init__(self, recordings: Recordings | None) -> None:
        self._recordings = recordings
        self._lock = threading.Lock()
        self.used: dict[str, None] = {}
        self.reset(None)

    def reset(self, test: str | None) -> None:
        """Start again: every recording can answer once more, those of this test before others."""
        self._test = test
        self._answered: Counter[str] = Counter()

    def devices(self) -> list[Device]:
        """Return the quantum computers of the recordings.

        Raises:
            RecordingNotFound: There are none.

        """
        if self._recordings is None:
            return []
        devices = self._recordings.devices()
        folder = self._recordings.folder
        if not devices and self._recordings.ids():
            raise RecordingNotFound(
                f"of the recordings in {folder}, no calibration set is there: {self._recordings.calibration_folder} "
                "belongs to them"
            )
        if not devices:
            raise RecordingNotFound(
                f"there are no recordings in {folder}; record with pytest --iqm-live --iqm-record missing, or with "
                "iqm-fake recordings fetch JOB_ID"
            )
        return devices

    def calibrations(self) -> list[tuple[str, str]]:
        """Return computer and calibration set of the test's recordings, the latest first."""
        if self._recordings is None or self._test is None:
            return []
        return [(entry.computer, entry.calibration_set) for entry in reversed(self._recordings.of_test(self._test))]

    def answer(self, body: bytes, computer: str) -> Job:
        """Return the job that a submission made when it was recorded.

        Raises:
            RecordingNotFound: It was not recorded, or not as often.
            RecordingError: Its recording is broken.

        """
        if self._recordings is None:
            raise RecordingNotFound("there are no recordings to answer a submission")
        with self._lock:
            return self._job(self._recordings.answer(json.loads(body), computer, self._test, self._answered))

    def retrieve(self, identifier: UUID) -> Job | None:
        """Return a recorded job by its id, None if there is none.

        Raises:
            RecordingError: Its recording is broken.

        """
        if self._recordings is None:
            return None
        try:
            with self._lock:
                return self._job(self._recordings.load(str(identifier)))
        except KeyError:
            return None

    def _job(self, recording: Recording) -> Job:
        self.used[recording.id] = None
        return Job(
            id=UUID(recording.id),
            index=-1,
            computer=recording.computer,
            body=json.dumps(recording.request, ensure_ascii=False).encode(),
            request=None,
            calibration_set_id=recording.calibration_set,
            status=JobStatus(recording.status),
            results=recording.results,
            recorded=recording.job_document(),
        )
