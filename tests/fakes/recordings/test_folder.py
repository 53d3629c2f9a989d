"""The files: whole, small, readable, and found without reading the others."""

import io
import json
import os
import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_recordings import made

from iqm_fakes import Device, RecordingError, Recordings
from iqm_fakes.recordings import folder as folder_module
from iqm_fakes.recordings import recording as recording_module
from iqm_fakes.recordings.codec import line, packed, parsed, unpacked
from iqm_fakes.recordings.recording import Recording, fingerprint

GOLDEN = Path(__file__).parent / "golden"


class TestCodec:
    @given(
        st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=1, max_size=40),
    )
    def test_shots_are_packed_without_loss(self, shots):
        text = packed(shots)
        assert isinstance(text, str)
        assert unpacked(text).tolist() == shots

    def test_other_digits_are_kept_and_anything_else_is_refused(self):
        assert unpacked(packed([[0], [2], [1]])).tolist() == [[0], [2], [1]]
        assert unpacked(packed([[0.0], [1.0]])).tolist() == [[0], [1]]
        assert unpacked(packed([])).shape == (0, 0)
        for wrong in ([["0"]], [[-1]], [[12]], [[0.5]], [0, 1]):
            with pytest.raises(ValueError, match="not lists of digits"):
                packed(wrong)

    @pytest.mark.parametrize("text", ["1x8:zz", "1x8:ffff", "8:ff", "1x9:ff"])
    def test_wrong_shots_are_refused(self, text):
        with pytest.raises(ValueError, match="shots"):
            unpacked(text)

    @given(
        st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=5),
        st.text(min_size=1),
        st.text(),
        st.none() | st.text(min_size=1),
    )
    def test_every_instruction_is_written_without_loss(self, value, name, component, implementation):
        instruction = {
            "name": name,
            "implementation": implementation,
            "locus": [component, "QB1"],
            "args": {name: value, "angle": 0.5},
        }
        written = line(instruction)
        assert (parsed(written) if isinstance(written, str) else written) == instruction

    def test_an_ordinary_instruction_is_a_line(self):
        step = {"name": "prx", "implementation": "drag", "locus": ["QB1"], "args": {"angle": 0.5, "key": "a b"}}
        assert line(step) == 'prx:drag QB1 angle=0.5 key="a b"'


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
            (("schema",), None, "its schema is None, not 'iqm-job/1'"),
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
        "change", [{"results": 5}, {"job": {}}, {"request": {"options": {}, "circuits": [{"instructions": ["??"]}]}}]
    )
    def test_a_file_with_a_digest_that_is_no_recording_is_refused(self, change):
        document = {**json.loads(made().text()), **change}
        del document["digest"]
        document["digest"] = recording_module._digest(document)
        with pytest.raises(RecordingError, match="it is not a recording"):
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


class TestSecrets:
    JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"

    def refused(self, tmp_path, text):
        with pytest.raises(RecordingError) as error:
            Recordings(tmp_path / "recordings").save(made(computer=text))
        assert text not in str(error.value).replace(str(tmp_path), "")
        assert not (tmp_path / "recordings").exists()
        return str(error.value)

    def test_the_token_is_not_written(self, tmp_path, monkeypatch):
        monkeypatch.setenv("IQM_TOKEN", 't0ken "quoted"')
        assert "it would contain the value of IQM_TOKEN" in self.refused(tmp_path, 'my t0ken "quoted"')

    def test_tokens_of_the_file_are_not_written(self, tmp_path, monkeypatch):
        (tmp_path / "tokens.json").write_text(
            json.dumps({"access_token": "s3cret-access", "auth_server_url": "garnet"})
        )
        monkeypatch.setenv("IQM_TOKENS_FILE", str(tmp_path / "tokens.json"))
        assert "'access_token' in IQM_TOKENS_FILE" in self.refused(tmp_path, "s3cret-access")
        Recordings(tmp_path).save(made())

    def test_what_looks_like_a_token_is_not_written(self, tmp_path):
        assert "a JWT" in self.refused(tmp_path, f"Bearer {self.JWT}")

    def test_calibrations_are_searched_too(self, tmp_path):
        device = Device.load("adonis")
        with pytest.raises(RecordingError, match="a JWT"):
            Recordings(tmp_path).save_calibration(Device({**device.document, "display_name": self.JWT}))


class TestManyFiles:
    def test_a_job_is_found_by_id_without_reading_others(self, tmp_path, monkeypatch):
        text = made(0).text()
        for number in range(10_000):
            (tmp_path / f"{made_id(number)}.json").write_text(text if number == 0 else "never read")
        opened = []
        real = io.open

        def counting(file, *args, **kwargs):
            opened.append(Path(file))
            return real(file, *args, **kwargs)

        monkeypatch.setattr(io, "open", counting)
        assert Recordings(tmp_path).load(made(0).id).text() == text
        assert opened == [tmp_path / f"{made(0).id}.json"]

    def test_heads_are_read_once_while_nothing_changes(self, tmp_path, monkeypatch):
        recordings = Recordings(tmp_path)
        for number in range(5):
            recordings.save(made(number))
        read = Counter()
        real = folder_module._head
        monkeypatch.setattr(folder_module, "_head", lambda path: read.update([path.name]) or real(path))
        assert [entry.id for entry in recordings.entries()] == [made(number).id for number in range(5)]
        recordings.save(made(2, tests=["other"]))
        assert recordings.entries()[2].tests == ("other",)
        assert sorted(read.values()) == [1, 1, 1, 1, 2]

    def test_other_files_are_ignored(self, tmp_path):
        recordings = Recordings(tmp_path)
        recordings.save(made())
        for name in ("README.md", "notes.json", ".x.json.1.2.tmp"):
            (tmp_path / name).write_text("{")
        assert recordings.ids() == [made().id]


def made_id(number):
    return made(number, qubits=1, shots=1).id


class TestWriters:
    @pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")  # the children only write
    def test_killed_at_any_moment_nothing_is_lost(self, tmp_path):
        """200 writers are killed; what a writer reported is there, and everything that is there is whole."""
        dice = random.Random(5)
        recordings = Recordings(tmp_path)
        context = get_context("fork")
        survived = 0
        for run in range(200):
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_write_for_ever, args=(tmp_path, run * 1000, sender))
            process.start()
            assert receiver.recv() == "started"
            reported = [receiver.recv() for _ in range(dice.randrange(4))]
            time.sleep(dice.uniform(0, 0.003))
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            sender.close()
            reported += _everything(receiver)
            survived += len(reported)
            for job_id in reported:
                assert recordings.load(job_id).id == job_id
        assert survived > 200
        assert len([recordings.load(job_id) for job_id in recordings.ids()]) >= survived
        for path in list(recordings.leftovers()):
            path.unlink()
        assert {path.suffix for path in tmp_path.iterdir()} == {".json"}

    def test_writers_of_the_same_job_do_not_mix(self, tmp_path):
        recordings = Recordings(tmp_path)
        versions = [made(0, tests=[f"test_{n}"] * 50).text() for n in range(8)]

        def write(number):
            for _ in range(20):
                recordings.save(Recording.from_text(versions[number]))
                assert recordings.load(made(0).id).text() in versions

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(8)))
        assert [path.name for path in tmp_path.iterdir()] == [f"{made(0).id}.json"]

    def test_a_full_disk_leaves_the_old_file(self, tmp_path, monkeypatch):
        recordings = Recordings(tmp_path)
        path = recordings.save(made())

        def full(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            recordings.save(made(tests=["new"]))
        assert path.read_text() == made().text()
        assert list(tmp_path.iterdir()) == [path]


def _write_for_ever(folder, first, sender):
    recordings = Recordings(folder)
    sender.send("started")
    for number in range(first, first + 1000):
        recording = made(number, qubits=1, shots=1)
        recordings.save(recording)
        sender.send(recording.id)


def _everything(receiver):
    received = []
    try:
        while receiver.poll():
            received.append(receiver.recv())
    except (EOFError, OSError):
        pass
    return received
