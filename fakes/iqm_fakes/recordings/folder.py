"""Recordings: a folder with a file for each job, and one for each calibration set in ``calibrations/``."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher, unified_diff
from pathlib import Path
from typing import Any
from uuid import UUID

from iqm_fakes.atomic_write import TEMPORARY, write
from iqm_fakes.device.device import Calibration, Device, DeviceError
from iqm_fakes.documents import loads, misshapen, moment
from iqm_fakes.recordings.credentials import credential_in
from iqm_fakes.recordings.recording import HEAD, Recording, RecordingError, canonical, fingerprints, migrated

_NAME = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json")

COMPARED = 50
"""Recordings that are looked at to find the one nearest to a submission."""


class RecordingNotFound(LookupError):
    """Nothing recorded answers a submission; the message shows the nearest recording and how to record."""


@dataclass(frozen=True)
class Entry:
    """What the head of a file says: enough to find a recording, without reading its shots."""

    id: str
    fingerprint: str
    status: str
    computer: str
    calibration_set: str
    submitted_at: str
    recorded_at: str
    tests: tuple[str, ...]


class Recordings:
    """A folder of recorded jobs. Nothing is created or read before it is needed.

    Args:
        folder: Where it is.

    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._entries: dict[str, tuple[tuple[int, int], Entry]] = {}

    def __contains__(self, job_id: str) -> bool:
        """Whether there is a file for a job."""
        return self._path(job_id).is_file()

    def ids(self) -> list[str]:
        """Return the ids of the recorded jobs, in order."""
        return sorted(self._files())

    def _files(self) -> dict[str, os.DirEntry[str]]:
        try:
            with os.scandir(self.folder) as files:
                return {match[1]: file for file in files if (match := _NAME.fullmatch(file.name))}
        except FileNotFoundError:
            return {}

    def load(self, job_id: str) -> Recording:
        """Read the recording of a job, and no other file.

        Raises:
            KeyError: There is none.
            RecordingError: Its file can't be read, or was changed.

        """
        path = self._path(job_id)
        try:
            recording = Recording.from_text(path.read_bytes())
        except FileNotFoundError:
            raise KeyError(job_id) from None
        except (RecordingError, OSError) as error:
            raise RecordingError(f"recording {path}: {error}") from None
        _require_name(path, recording.id)
        return recording

    def save(self, recording: Recording) -> Path:
        """Write a recording, atomically and durably.

        Raises:
            RecordingError: It contains a secret, or could not be read again.
            OSError: It can't be written.

        """
        path = self._path(recording.id)
        text = recording.text()
        _refuse_credentials(text, path)
        try:
            Recording.from_text(text)
        except RecordingError as error:
            raise RecordingError(f"{path} was not written: {error}") from None
        self.folder.mkdir(parents=True, exist_ok=True)
        write(path, text)
        return path

    def delete(self, job_id: str) -> None:
        """Remove a recording, if it is there."""
        self._path(job_id).unlink(missing_ok=True)

    # -- calibrations ------------------------------------------------------------------------------------------------

    @property
    def calibration_folder(self) -> Path:
        """Where they are."""
        return self.folder / "calibrations"

    def calibration_files(self) -> list[Path]:
        """Return their files, in order."""
        return sorted(self.calibration_folder.glob("*.json"))

    def has_calibration(self, identifier: str) -> bool:
        """Whether the documents of a calibration set are there."""
        return self._calibration_path(identifier).is_file()

    def save_calibration(self, device: Device) -> None:
        """Write what a quantum computer published with its default calibration set."""
        path = self._calibration_path(device.default_calibration_set_id)
        _refuse_credentials(device.text(), path)
        path.parent.mkdir(parents=True, exist_ok=True)
        device.save(path)

    def calibration(self, identifier: str) -> Calibration:
        """Return what a quantum computer published with a calibration set.

        Raises:
            RecordingError: It is missing, or its file is broken.

        """
        if not self.has_calibration(identifier):
            raise RecordingError(f"its calibration set {identifier} is missing in {self.folder}")
        try:
            return Device.read(self._calibration_path(identifier)).calibrations[identifier]
        except (DeviceError, KeyError) as error:
            raise RecordingError(f"its calibration set {identifier} can't be read: {error}") from None

    def devices(self) -> list[Device]:
        """Return the quantum computers of the recordings, each with all its calibrations.

        The default calibration is that of the job submitted last.

        Raises:
            RecordingError: A file is broken.

        """
        last: dict[str, Entry] = {}
        for entry in self.entries():
            if self.has_calibration(entry.calibration_set):
                last[entry.computer] = entry
        found: dict[str, list[Device]] = {}
        for path in self.calibration_files():
            try:
                device = Device.read(path)
            except DeviceError as error:
                raise RecordingError(str(error)) from None
            found.setdefault(device.alias, []).append(device)
        return [_merged(devices, last.get(alias)) for alias, devices in found.items()]

    # -- finding -----------------------------------------------------------------------------------------------------

    def entries(
        self, job_ids: Iterable[str] | None = None, *, onerror: Callable[[RecordingError], None] | None = None
    ) -> list[Entry]:
        """Return what the heads of all files say, or of those of some jobs, in the order of the jobs' submission.

        Files are read again only if they changed.

        Args:
            job_ids: The jobs.
            onerror: Is called with what is wrong with a broken file, which is left out; None raises it.

        Raises:
            RecordingError: A file is broken.

        """
        files = self._files()
        found = []
        for job_id in sorted(files) if job_ids is None else [job_id for job_id in job_ids if job_id in files]:
            try:
                found.append(self._entry(job_id, files[job_id]))
            except RecordingError as error:
                if onerror is None:
                    raise
                onerror(error)
        return sorted(found, key=lambda entry: (entry.submitted_at, entry.id))

    def _entry(self, job_id: str, file: os.DirEntry[str]) -> Entry:
        try:
            status = file.stat()
            known = self._entries.get(job_id)
            if known is None or known[0] != (status.st_mtime_ns, status.st_size):
                known = (status.st_mtime_ns, status.st_size), _head(self._path(job_id))
                self._entries[job_id] = known
        except OSError as error:
            raise RecordingError(f"recording {self._path(job_id)}: {error}") from None
        return known[1]

    def of_test(self, test: str) -> list[Entry]:
        """Return the jobs that a test submitted or retrieved, in the order of their submission."""
        return [entry for entry in self.entries() if test in entry.tests]

    def answer(self, request: Any, computer: str, test: str | None, taken: Counter[str]) -> Recording:
        """Return the next recording of a submission.

        Args:
            request: What was submitted.
            computer: To which quantum computer.
            test: Id of the test that submitted it, if it was one.
            taken: How often which submission was answered already, by fingerprint; counted up.

        Raises:
            RecordingNotFound: There is none, or none is left.
            RecordingError: Its file is broken.

        """
        wanted = fingerprints(request, computer)
        every = [self.load(entry.id) for entry in self.entries() if entry.fingerprint in wanted]
        found = [recording for recording in every if test in recording.tests] or every
        number = taken[wanted[0]]
        if number >= len(found):
            raise RecordingNotFound(self._not_found(request, computer, test, len(found)))
        taken[wanted[0]] += 1
        return found[number]

    def _not_found(self, request: Any, computer: str, test: str | None, used: int) -> str:
        live, fetch = f"pytest --iqm-live --iqm-record missing '{test}'", "iqm-fake recordings fetch JOB_ID"
        until = f"record it with\n    {live}" if test else f"run it on the quantum computer, then\n    {fetch}"
        if used:
            return f"this submission was made more often than it was recorded in {self.folder} ({used} times); {until}"
        nearest = self._nearest(request, computer, test)
        if nearest is None:
            return f"there is no recording of a job of '{computer}' in {self.folder}; {until}"
        before, now = canonical(nearest.request), canonical(request)
        diff = "\n".join(unified_diff(before, now, f"recorded as {nearest.id}", "submitted", lineterm=""))
        return f"no recording in {self.folder} is of what was submitted; {until}\n\nThe nearest one differs:\n{diff}"

    def _nearest(self, request: Any, computer: str, test: str | None) -> Recording | None:
        entries = [entry for entry in self.entries() if entry.computer == computer]
        entries.sort(key=lambda entry: test in entry.tests)
        lines = canonical(request)
        recordings = [self.load(entry.id) for entry in entries[-COMPARED:]]
        return max(
            recordings,
            key=lambda recording: SequenceMatcher(None, canonical(recording.request), lines).ratio(),
            default=None,
        )

    # -- housekeeping ------------------------------------------------------------------------------------------------

    def forget(self, test: str, keep: Sequence[str]) -> None:
        """Remove a test from recordings other than these; what no test uses any more is deleted."""
        for entry in self.entries():
            if test not in entry.tests or entry.id in keep:
                continue
            tests = [name for name in entry.tests if name != test]
            if tests:
                self.save(replace(self.load(entry.id), tests=tests))
            else:
                self.delete(entry.id)

    def older_than(self, days: float, job_ids: Iterable[str]) -> list[str]:
        """Return lines that name those of some recordings that were recorded more than so many days ago."""
        limit = datetime.now(UTC) - timedelta(days=days)
        old = [entry for entry in self.entries(job_ids) if (moment(entry.recorded_at) or limit) < limit]
        return [f"{entry.id} of {entry.computer}, recorded {entry.recorded_at}" for entry in old]

    def migrate(self) -> list[str]:
        """Rewrite the files of former schemas; returns the ids."""
        rewritten = []
        for job_id in self.ids():
            path = self._path(job_id)
            try:
                document = loads(path.read_bytes())
                former = migrated(document) is not document
            except (RecordingError, ValueError, OSError) as error:
                raise RecordingError(f"recording {path}: {error}") from None
            if former:
                self.save(self.load(job_id))
                rewritten.append(job_id)
        return rewritten

    def unfinished(self) -> Iterator[Path]:
        """Yield files that a writer that was killed has left behind."""
        yield from sorted(self.folder.glob(f".*{TEMPORARY}"))
        yield from sorted(self.calibration_folder.glob(f".*{TEMPORARY}"))

    def unused_calibrations(self) -> Iterator[Path]:
        """Yield the files of calibrations that no job refers to.

        Raises:
            RecordingError: A recording is broken, so nobody knows which it refers to.

        """
        used = {entry.calibration_set for entry in self.entries()}
        for path in self.calibration_files():
            if path.stem not in used:
                yield path

    def _path(self, job_id: str) -> Path:
        with suppress(ValueError):
            job_id = str(UUID(job_id))
        return self.folder / f"{job_id}.json"

    def _calibration_path(self, identifier: str) -> Path:
        return self.calibration_folder / f"{identifier}.json"


def _require_name(path: Path, job_id: str) -> None:
    if job_id != path.stem:
        raise RecordingError(f"recording {path}: it is that of job {job_id}")


def _refuse_credentials(text: str, path: Path) -> None:
    found = credential_in(text)
    if found is not None:
        raise RecordingError(f"{path} was not written: it would contain {found}")


def _head(path: Path) -> Entry:
    """Read the first lines of a file: each is a field, up to ``recorded_with``; if they are others, all of it."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            lines: list[str] = []
            for text in file:
                if text.startswith(' "recorded_with"'):
                    lines = ["".join(lines).rstrip().rstrip(","), "}"]
                    break
                lines.append(text)
        fields = loads("".join(lines))
        if any(misshapen(fields, HEAD)):
            fields = migrated(loads(path.read_bytes()))
            for problem in misshapen(fields, HEAD):
                raise RecordingError(problem)
    except (RecordingError, ValueError) as error:
        raise RecordingError(f"recording {path}: {error}") from None
    _require_name(path, fields["id"])
    said = {name: fields[name] for name in HEAD if name != "schema"}
    return Entry(**{**said, "tests": tuple(fields["tests"])})


def _merged(devices: Sequence[Device], last: Entry | None) -> Device:
    default = devices[-1].default_calibration_set_id if last is None else last.calibration_set
    newest = next(device for device in devices if device.default_calibration_set_id == default)
    others = [device for device in devices if device is not newest]
    calibrations = [entry for device in (newest, *others) for entry in device.document["calibrations"]]
    return Device.from_document({**newest.document, "calibrations": calibrations})
