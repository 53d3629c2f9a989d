"""The file of a job: small, readable, of every schema, and never read if it was changed."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_recordings import made

from iqm_fakes import RecordingError, Recordings
from iqm_fakes.recordings import recording as recording_module
from iqm_fakes.recordings.recording import Recording, fingerprint

GOLDEN = Path(__file__).parent / "golden"


class TestFile:
    def test_a_large_job_is_a_small_file(self):
        assert len(made(shots=10_000, qubits=20).text()) < 60_000

    def test_text_is_stable_and_readable(self):
        text = made(1).text()
        assert Recording.from_text(text).text() == text
        assert '\n     "prx QB1 angle=0.5 phase=0.14285714285714285",\n' in text
        assert max(map(len, text.splitlines())) < 120
        assert text.endswith("}\n")

    def test_names_metadata_and_calibration_do_not_count(self):
        recording = made()
        circuit = recording.request["circuits"][0]
        other = {
            **recording.request,
            "circuits": [{**circuit, "name": "x", "metadata": {"a": 1}}],
            "calibration_set_id": "5f0a1d0e-0c1c-4b7f-9a51-2a4a1f5a7c01",
            "heralding_mode": "none",
        }
        assert fingerprint(other, "garnet") == recording.fingerprint
        assert fingerprint(other, "deneb") != recording.fingerprint
        assert fingerprint({**other, "shots": 11}, "garnet") != recording.fingerprint
        assert fingerprint({**other, "heralding_mode": "zeros"}, "garnet") != recording.fingerprint

    @pytest.mark.parametrize(("change", "same"), [(4e-10, True), (1e-8, False)])
    def test_arguments_agree_to_nine_decimals(self, change, same):
        recording = made()
        request = json.loads(json.dumps(recording.request))
        request["circuits"][0]["instructions"][0]["args"]["angle"] += change
        assert (fingerprint(request, "garnet") == recording.fingerprint) is same

    def test_dialects_of_a_submission_are_the_same(self):
        request = json.loads(json.dumps(made().request))
        step = request["circuits"][0]["instructions"][0]
        former = json.loads(json.dumps(request))
        for instruction in former["circuits"][0]["instructions"]:
            instruction["qubits"] = instruction.pop("locus")
        turns = former["circuits"][0]["instructions"][0]
        turns["args"] = {"angle_t": step["args"]["angle"] / (2 * np.pi), "phase_t": step["args"]["phase"] / (2 * np.pi)}
        turns["name"] = "phased_rx"
        assert fingerprint(former, "garnet") == fingerprint(request, "garnet")

    @given(st.integers(0), st.integers(0, 7))
    def test_a_flipped_bit_is_noticed(self, place, bit):
        text = made().text().encode()
        place %= len(text)
        flipped = bytearray(text)
        flipped[place] ^= 1 << bit
        try:
            again = Recording.from_text(flipped.decode())
        except (RecordingError, UnicodeDecodeError):
            return
        assert again.text().encode() == text  # a blank of the layout, or an escape, became another one

    @given(st.integers(0))
    def test_a_truncated_file_is_noticed(self, length):
        text = made().text()
        with pytest.raises(RecordingError):
            Recording.from_text(text[: length % (len(text) - 2)])

    @pytest.mark.parametrize(
        ("path", "value", "message"),
        [
            (("results", 0, "counts"), {"00": 10}, "was changed after it was recorded"),
            (("request", "options", "shots"), 11, "was changed after it was recorded"),
            (("digest",), "sha256:0", "was changed after it was recorded"),
            (("schema",), "iqm-job/2", "its schema is 'iqm-job/2', which is newer: upgrade pytest-iqm"),
            (("schema",), None, "schema has to be a JSON string, got null"),
            (("schema",), "iqm-device/1", "its schema is 'iqm-device/1', not 'iqm-job/1'"),
        ],
    )
    def test_an_edited_file_is_refused(self, tmp_path, path, value, message):
        recordings = Recordings(tmp_path)
        file = recordings.save(made())
        document = json.loads(file.read_text())
        inner = document
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        file.write_text(json.dumps(document))
        with pytest.raises(RecordingError, match=message) as error:
            recordings.load(made().id)
        assert str(file) in str(error.value)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"results": 5}, "results has to be a JSON array or null, got int"),
            ({"results": []}, "it has results of 0 circuits, and 1 circuit"),
            ({"job": {}}, "job has no 'timeline'"),
            (
                {"request": {"options": {}, "circuits": [{"name": "", "instructions": ["??"]}]}},
                r"'\?\?' is not an instruction",
            ),
            ({"status": "exploded"}, "status has to be one of completed, failed, cancelled, got 'exploded'"),
            ({"tests": [5]}, r"tests\[0\] has to be a JSON string, got int"),
            ({"recorded_at": "yesterday"}, "recorded_at has to be a time such as .*, got 'yesterday'"),
            ({"job": {"timeline": [], "errors": 5}}, "job.errors has to be a JSON array, got int"),
        ],
    )
    def test_a_file_with_a_digest_that_is_no_recording_is_refused(self, change, message):
        document = {**json.loads(made().text()), **change}
        del document["digest"]
        document["digest"] = recording_module._digest(document)
        with pytest.raises(RecordingError, match=message):
            Recording.from_text(json.dumps(document))

    def test_counts_and_shots_have_to_agree(self):
        document = json.loads(made().text())
        document["results"][0]["counts"] = {"00": 10}
        del document["digest"]
        document["digest"] = recording_module._digest(document)
        with pytest.raises(RecordingError, match="counts and shots disagree"):
            Recording.from_text(json.dumps(document))

    def test_a_file_of_another_job_is_refused(self, tmp_path):
        recordings = Recordings(tmp_path)
        recordings.save(made(1)).rename(tmp_path / f"{made(2).id}.json")
        with pytest.raises(RecordingError, match=f"it is that of job {made(1).id}"):
            recordings.load(made(2).id)
        with pytest.raises(RecordingError, match=f"it is that of job {made(1).id}"):
            recordings.entries()


class TestMigration:
    @pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.name)
    def test_golden_files_of_every_schema_are_read(self, path):
        recording = Recording.from_text(path.read_text(encoding="utf-8"))
        assert recording.status == "completed"
        assert recording.results[0]["m_2_0_0"].shape == (10, 1)
        assert recording.fingerprint == made().fingerprint

    def test_todays_schema_has_a_golden_file(self):
        schemas = {json.loads(path.read_text(encoding="utf-8"))["schema"] for path in GOLDEN.glob("*.json")}
        assert schemas == {recording_module.SCHEMA, *recording_module.MIGRATIONS}

    def test_a_former_schema_is_migrated_when_it_is_read_and_on_disk_when_asked_for(self, tmp_path, monkeypatch):
        """A made-up one, until there is a real one."""
        document = json.loads(made().text())
        former = {**document, "schema": "iqm-job/0", "circuits": document["request"]["circuits"]}
        (tmp_path / f"{made().id}.json").write_text(json.dumps(former))
        recordings = Recordings(tmp_path)
        with pytest.raises(RecordingError, match="its schema is 'iqm-job/0', not 'iqm-job/1'"):
            recordings.entries()
        migration = lambda old: {k: v for k, v in {**old, "schema": "iqm-job/1"}.items() if k != "circuits"}  # noqa: E731
        monkeypatch.setitem(recording_module.MIGRATIONS, "iqm-job/0", migration)
        assert [entry.id for entry in recordings.entries()] == [made().id]
        assert recordings.load(made().id).text() == made().text()
        assert recordings.migrate() == [made().id]
        assert (tmp_path / f"{made().id}.json").read_text() == made().text()
        assert recordings.migrate() == []
