"""``iqm-fake recordings``: what is in a folder, whether it is whole, and what can go."""

from __future__ import annotations

import argparse
import json

from iqm_fakes.device.device import Device, DeviceError
from iqm_fakes.documents import moment
from iqm_fakes.printed import say
from iqm_fakes.recordings.codec import line
from iqm_fakes.recordings.folder import Recordings
from iqm_fakes.recordings.recording import Recording, RecordingError
from iqm_fakes.wire.results import histogram, ranked

BAR, ROWS = 40, 32
"""Characters of the longest bar of a histogram, and its rows."""


def listed(options: argparse.Namespace) -> int:
    """Print a line for each recording, in the order of their submission."""
    for entry in _folder(options).entries():
        tests = ", ".join(entry.tests) or "-"
        say(f"{entry.id}  {entry.submitted_at}  {entry.computer}  {entry.status:9}  {tests}")
    return 0


def show(options: argparse.Namespace) -> int:
    """Print a job."""
    try:
        recording = _folder(options).load(options.job)
    except KeyError:
        raise RecordingError(f"there is no recording of job {options.job} in {options.folder}") from None
    say(*described(recording))
    return 0


def check(options: argparse.Namespace) -> int:
    """Read every file; the exit status is 1 if one is broken."""
    recordings, broken = _folder(options), 0
    ids = recordings.ids()
    for job_id in ids:
        try:
            recording = recordings.load(job_id)
            calibration = recording.calibration_set
            if not recordings.has_calibration(calibration):
                raise RecordingError(
                    f"recording {recordings.folder / f'{job_id}.json'}: its calibration set {calibration} is missing; "
                    "restore its file in 'calibrations', or record the job again"
                )
        except RecordingError as error:
            broken += 1
            say(str(error), error=True)
    for path in sorted((recordings.folder / "calibrations").glob("*.json")):
        try:
            Device.read(path)
        except DeviceError as error:
            broken += 1
            say(str(error), error=True)
    say(f"{len(ids)} recordings, {broken} broken files")
    return int(broken > 0)


def migrate(options: argparse.Namespace) -> int:
    """Rewrite the files of former schemas."""
    for job_id in _folder(options).migrate():
        say(f"{job_id}: migrated")
    return 0


def prune(options: argparse.Namespace) -> int:
    """Delete leftovers, and the recordings that options name."""
    recordings = _folder(options)
    entries = recordings.entries()
    old = (
        recordings.older_than(options.older_than, [entry.id for entry in entries])
        if options.older_than is not None
        else []
    )
    gone = {text.partition(" ")[0] for text in old}
    gone |= {entry.id for entry in entries if options.without_tests and not entry.tests}
    for job_id in sorted(gone):
        say(f"{job_id}.json")
        if not options.dry_run:
            recordings.delete(job_id)
    for path in list(recordings.leftovers()):
        say(str(path.relative_to(recordings.folder)))
        if not options.dry_run:
            path.unlink()
    return 0


def described(recording: Recording) -> list[str]:
    """Return a job for people: what was run, what came out, and when."""
    lines = [f"{recording.id}  {recording.computer}  {recording.status}  {recording.request.get('shots')} shots"]
    lines.append(f"calibration set {recording.calibration_set}, recorded {recording.recorded_at}")
    lines += [f"test {test}" for test in recording.tests]
    for index, circuit in enumerate(recording.request["circuits"]):
        if not isinstance(circuit, dict):
            lines += ["", f"circuit {index}: QIR"]
            continue
        lines += ["", f"circuit {index}: {circuit.get('name')}"]
        lines += [
            f"  {text if isinstance(text, str) else json.dumps(text)}" for text in map(line, circuit["instructions"])
        ]
        if recording.results is not None:
            lines += ["", *_histogram(recording, index)]
    for error in recording.job.get("errors") or ():
        lines += ["", f"error {error.get('error_code')}: {error.get('message')}"]
    lines += ["", "timeline"]
    start = moment(recording.submitted_at)
    for source, status, timestamp in recording.timeline:
        then = moment(timestamp)
        seconds = (then - start).total_seconds() if start and then else 0.0
        lines.append(f"  {seconds:10.3f} s  {source}  {status}")
    return lines


def _histogram(recording: Recording, index: int) -> list[str]:
    results = (recording.results or ())[index]
    counts = histogram(list(results.values())) if results else {}
    total, most = sum(counts.values()), max(counts.values(), default=1)
    rows = ranked(counts)
    lines = [f"  {' '.join(results)}"]
    for outcome, count in rows[:ROWS]:
        lines.append(f"  {outcome}  {count:7d}  {count / total:6.1%}  {'#' * round(BAR * count / most)}")
    if len(rows) > ROWS:
        lines.append(f"  and {len(rows) - ROWS} more outcomes")
    return lines


def _folder(options: argparse.Namespace) -> Recordings:
    recordings = Recordings(options.folder)
    if not recordings.folder.is_dir():
        raise RecordingError(f"there is no folder {options.folder}; name another one with --folder")
    return recordings
