"""Recordings: jobs on disk, so that what ran on hardware is retrieved and replayed without a network."""

from iqm_fakes.recordings.folder import RecordingNotFound, Recordings
from iqm_fakes.recordings.recorder import NotEnded, record
from iqm_fakes.recordings.recording import Recording, RecordingError

__all__ = ["NotEnded", "Recording", "RecordingError", "RecordingNotFound", "Recordings", "record"]
