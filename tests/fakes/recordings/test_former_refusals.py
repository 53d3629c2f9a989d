"""Recordings of submissions that an earlier version refused to read are found and replayed as before."""

from collections import Counter

import pytest
from made_up_recordings import made

from iqm_fakes.recordings import recording
from iqm_fakes.recordings.folder import RecordingNotFound, Recordings


@pytest.mark.parametrize(
    "options",
    [
        {"dd_strategy": {"gate_sequences": [[2, "XX", "ASAP"]]}},
        {"move_gate_validation": "none"},
        {"calibration_set_id": "default"},
    ],
)
def test_they_are_replayed(tmp_path, monkeypatch, options):
    job = made()
    submitted = {**job.request, **options}
    with monkeypatch.context() as former:
        former.setattr(recording, "canonical", recording.verbatim)
        (tmp_path / f"{job.id}.json").write_text(made(request=submitted).text())
    folder = Recordings(tmp_path)
    assert folder.load(job.id).request == submitted
    taken = Counter()
    assert folder.answer(submitted, "garnet", None, taken).id == job.id
    with pytest.raises(RecordingNotFound, match="more often"):
        folder.answer(submitted, "garnet", None, taken)


def test_another_submission_is_not_theirs(tmp_path):
    job = made()
    folder = Recordings(tmp_path)
    folder.save(job)
    with pytest.raises(RecordingNotFound):
        folder.answer({**job.request, "shots": 11}, "garnet", None, Counter())
