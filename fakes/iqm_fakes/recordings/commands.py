"""``iqm-fake recordings``: what is in a folder, whether it is whole, and what can go."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from iqm_fakes.device.device import Device, DeviceError
from iqm_fakes.documents import moment
from iqm_fakes.printed import say
from iqm_fakes.recordings.codec import line
from iqm_fakes.recordings.folder import Recordings
from iqm_fakes.recordings.recording import Recording, RecordingError
from iqm_fakes.wire.qiskit_order import OutcomeOrder, order_notes
from iqm_fakes.wire.results import CircuitResults, histogram, ranked
from iqm_fakes.words import several

BAR, ROWS = 40, 32
"""Characters of the longest bar of a histogram, and its rows."""


def listed(options: argparse.Namespace) -> int:
    """Print a line for each recording, in the order of their submission; the exit status is 1 if a file is broken."""
    recordings = _folder(options)
    broken: list[RecordingError] = []
    entries = recordings.entries(onerror=broken.append)
    for entry in entries:
        tests = ", ".join(entry.tests) or "-"
        say(f"{entry.id}  {entry.submitted_at}  {entry.computer}  {entry.status:9}  {tests}")
    if not entries and not broken:
        say(f"there are no recordings in {options.folder}")
    return _told(broken)


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
    for path in recordings.calibration_files():
        try:
            Device.read(path)
        except DeviceError as error:
            broken += 1
            say(str(error), error=True)
    say(f"{several(len(ids), 'recording')}, {several(broken, 'broken file')}")
    return int(broken > 0)


def migrate(options: argparse.Namespace) -> int:
    """Rewrite the files of former schemas."""
    migrated = _folder(options).migrate()
    for job_id in migrated:
        say(f"{job_id}: migrated")
    if not migrated:
        say("nothing to migrate: all recordings have today's schema")
    return 0


def prune(options: argparse.Namespace) -> int:
    """Delete leftovers, and the recordings that options name; the exit status is 1 if a file is broken."""
    recordings = _folder(options)
    broken: list[RecordingError] = []
    entries = recordings.entries(onerror=broken.append)
    old = (
        recordings.older_than(options.older_than, [entry.id for entry in entries])
        if options.older_than is not None
        else []
    )
    gone = {text.partition(" ")[0] for text in old}
    gone |= {entry.id for entry in entries if options.without_tests and not entry.tests}
    deleted = 0

    def delete(paths: Iterable[Path]) -> None:
        nonlocal deleted
        for path in list(paths):
            say(f"{'would delete' if options.dry_run else 'deleted'} {path.relative_to(recordings.folder)}")
            deleted += 1
            if not options.dry_run:
                path.unlink(missing_ok=True)

    delete(recordings.folder / f"{job_id}.json" for job_id in sorted(gone))
    delete(recordings.unfinished())
    if broken:
        say("calibrations are kept: the broken files may need them")
    else:
        delete(recordings.unused_calibrations())
    say(
        f"{several(deleted, 'file')} {'to delete' if options.dry_run else 'deleted'}"
        if deleted
        else "nothing to delete"
    )
    return _told(broken)


def described(recording: Recording) -> list[str]:
    """Return a job for people: what was run, what came out, and when."""
    lines = [f"{recording.id}  {recording.computer}  {recording.status}  {recording.request.get('shots')} shots"]
    lines.append(f"calibration set {recording.calibration_set}, recorded {recording.recorded_at}")
    lines += [f"test {test}" for test in recording.tests]
    circuits = recording.request["circuits"]
    orders = [
        OutcomeOrder.of((key, bits.shape[1]) for key, bits in results.items()) for results in recording.results or ()
    ]
    lines += order_notes(order.is_qiskit for order in orders)
    for index, circuit in enumerate(circuits):
        place = f"circuit {index + 1} of {len(circuits)}"
        if not isinstance(circuit, dict):
            lines += ["", f"{place}: QIR"]
            continue
        lines += ["", f"{place}: {circuit.get('name')}"]
        lines += [
            f"  {text if isinstance(text, str) else json.dumps(text)}" for text in map(line, circuit["instructions"])
        ]
        if recording.results is not None:
            lines += ["", *_histogram(recording.results[index], orders[index])]
    for error in recording.job.get("errors") or ():
        lines += ["", f"error {error.get('error_code')}: {error.get('message')}"]
    lines += ["", "timeline"]
    start = moment(recording.submitted_at)
    for source, status, timestamp in recording.timeline:
        then = moment(timestamp)
        seconds = (then - start).total_seconds() if start and then else 0.0
        lines.append(f"  {seconds:10.3f} s  {source}  {status}")
    return lines


def _histogram(results: CircuitResults, order: OutcomeOrder) -> list[str]:
    counts = order.counts(histogram(list(results.values())))
    total, most = sum(counts.values()), max(counts.values(), default=1)
    rows = ranked(counts)
    lines = [f"  {order.heading}"]
    for outcome, count in rows[:ROWS]:
        lines.append(f"  {outcome}  {count:7d}  {count / total:6.1%}  {'#' * round(BAR * count / most)}")
    if len(rows) > ROWS:
        lines.append(f"  and {several(len(rows) - ROWS, 'more outcome')}")
    return lines


def _told(broken: Sequence[RecordingError]) -> int:
    """Name broken files; returns the exit status."""
    for error in broken:
        say(f"iqm-fake: {error}", error=True)
    return int(bool(broken))


def _folder(options: argparse.Namespace) -> Recordings:
    recordings = Recordings(options.folder)
    if not recordings.folder.is_dir():
        raise RecordingError(f"there is no folder {options.folder}; name another one with --folder")
    return recordings
