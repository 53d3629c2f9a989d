"""A folder of recordings: files are whole, and found without reading the others."""

import io
import os
import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from made_up_recordings import made

from iqm_fakes import Recordings
from iqm_fakes.recordings import folder as folder_module
from iqm_fakes.recordings.recording import Recording


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
        for path in list(recordings.unfinished()):
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
