"""``iqm-fake``: the fake server as a process of its own, device files, and recordings."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing, contextmanager, suppress
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from socket import gethostname
from types import FrameType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from iqm_fakes.atomic_write import write
from iqm_fakes.device.bundled import DEFAULT_DEVICE, bundled_devices
from iqm_fakes.device.comparison import SIGMAS, THRESHOLD, Change, and_more, changes
from iqm_fakes.device.device import MOCK, Device
from iqm_fakes.device.health import HEALTH_SHAPES
from iqm_fakes.device.implementations import default_loci
from iqm_fakes.printed import say
from iqm_fakes.recordings import commands as recording_commands
from iqm_fakes.recordings.folder import RecordingNotFound
from iqm_fakes.recordings.recording import RecordingError

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from iqm_fakes.server.server import FakeIQMServer
    from iqm_fakes.web.api import Api
    from iqm_fakes.web.loopback import LoopbackServer

ENDING = (signal.SIGINT, signal.SIGTERM)
"""Signals that end a server."""

WORKERS = 2
"""Processes that simulate, unless it is said how many."""

KEPT = 10_000
"""Jobs that have ended and can still be retrieved, unless it is said how many."""

SHOWN = 20
"""Changes that ``diff`` lists."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except BrokenPipeError:  # what reads this, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where Python flushes what is left
        return 1
    except (OSError, ValueError, RecordingError, RecordingNotFound) as error:
        say(*f"iqm-fake: {error}".split("\n"), error=True)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="iqm-fake", description="Fake IQM quantum computers.")
    parser.add_argument("--version", action="version", version=f"iqm-fake, pytest-iqm {version('pytest-iqm')}")
    if find_spec("shtab"):
        import_module("shtab").add_argument_to(parser, help="print what completes commands in this shell")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="serve fake quantum computers over HTTP",
        description="Serve fake quantum computers over HTTP until Ctrl-C, for any client of an IQM Server.",
    )
    serve.add_argument(
        "--device",
        action="append",
        metavar="NAME|FILE",
        help=f"device to serve, again for more: a file or one of {', '.join(bundled_devices())} "
        f"(default: {DEFAULT_DEVICE})",
    )
    serve.add_argument(
        "--mock", action="store_true", help="list each device's mock, too: NAME:mock, which answers with random bits"
    )
    serve.add_argument(
        "--recordings",
        metavar="FOLDER",
        help="folder of recorded jobs, to be retrieved; without --device, submissions are answered by them",
    )
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 is all of this machine's (default: %(default)s, this machine only)",
    )
    serve.add_argument(
        "--port", type=_whole(0, 65535), default=8123, help="port, 0 for any free one (default: %(default)s)"
    )
    serve.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="name that it is reached by besides those of this machine, such as that of a container; again for more",
    )
    serve.add_argument("--seed", type=int, help="makes results reproducible (default: a new one each time)")
    serve.add_argument("--no-noise", action="store_true", help="simulate perfect quantum computers")
    serve.add_argument("--no-idle", action="store_true", help="no relaxation while a component waits for others")
    serve.add_argument(
        "--time-limit",
        type=float,
        default=900.0,
        metavar="SECONDS",
        help="how long the simulation of a job may take, by estimate (default: 900)",
    )
    serve.add_argument("--method", default="auto", help="how to simulate (default: the cheapest way for each circuit)")
    simulated = serve.add_mutually_exclusive_group()
    simulated.add_argument(
        "--workers",
        type=_whole(1),
        default=WORKERS,
        metavar="N",
        help="processes that simulate (default: %(default)s); the results are the same for any number",
    )
    simulated.add_argument(
        "--dask", metavar="ADDRESS", help="simulate on this Dask cluster instead (needs the extra 'dask')"
    )
    for name, text in (
        ("shots", "shots that a circuit may ask for"),
        ("circuits", "circuits that a job may have"),
        ("queued", "jobs that may be in the queue"),
    ):
        serve.add_argument(f"--max-{name}", type=_whole(1), metavar="N", help=f"{text} (default: any number)")
    serve.add_argument(
        "--keep",
        type=_whole(1),
        default=KEPT,
        metavar="N",
        help="jobs that have ended and can be retrieved; older ones are forgotten (default: %(default)s)",
    )
    for name, text in (
        ("latency", "seconds by which every answer is late"),
        ("queue-time", "seconds that a job waits at least"),
        ("execution-time", "seconds that a job is processed"),
    ):
        serve.add_argument(f"--{name}", type=float, default=0.0, metavar="SECONDS", help=f"{text} (default: 0)")
    serve.add_argument(
        "--health",
        choices=HEALTH_SHAPES,
        default=HEALTH_SHAPES[0],
        help="shape of the health document: nested as in production, today or in August 2026, or flat as on premises "
        "(default: %(default)s)",
    )
    serve.add_argument(
        "--require-token",
        action="store_true",
        help="answer 401 unless requests carry the token that IQM_TOKEN holds when the server starts",
    )
    serve.add_argument(
        "--control",
        action="store_true",
        help="let everybody who reaches it control the server below /_fake/: reset it, arm faults, step the queue",
    )
    serve.add_argument(
        "--verbose", action="store_true", help="log each request, each job and the progress of long simulations"
    )
    serve.set_defaults(command=_serve)
    _add_snapshot(commands)
    _add_import(commands)
    _add_diff(commands)
    _add_recordings(commands)
    return parser


def _add_recordings(commands: Any) -> None:
    recordings = commands.add_parser("recordings", help="recorded jobs", description="Look after recorded jobs.")
    recordings.add_argument(
        "--folder", default="iqm_recordings", help="folder of recordings (default: %(default)s)", metavar="FOLDER"
    )
    actions = recordings.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = actions.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + "."
        )
        parser.add_argument(
            "--folder",
            default=argparse.SUPPRESS,
            help="folder of recordings, here or before the action",
            metavar="FOLDER",
        )
        parser.set_defaults(command=run)
        return parser

    action("list", recording_commands.listed, "list the recordings, a line each")
    show = action("show", recording_commands.show, "show a job: circuits, histograms, timeline")
    show.add_argument("job", metavar="JOB_ID")
    action("check", recording_commands.check, "read every file, and name those that are broken")
    action("migrate", recording_commands.migrate, "rewrite files of former schemas")
    prune = action(
        "prune", recording_commands.prune, "delete what is not needed any more: leftovers, and what options name"
    )
    prune.add_argument("--older-than", type=float, metavar="DAYS", help="recordings that are older than that")
    prune.add_argument("--without-tests", action="store_true", help="recordings that belong to no test")
    prune.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    _add_compare(action("compare", _compare, "say how well the fake predicts what was measured"))
    fetch = action("fetch", _fetch, "record jobs that ran on a quantum computer")
    fetch.add_argument("jobs", nargs="+", metavar="JOB_ID")
    fetch.add_argument("--url", help="address of the IQM Server (default: IQM_SERVER_URL)")
    fetch.add_argument("--computer", metavar="ALIAS", help="quantum computer (default: IQM_QUANTUM_COMPUTER)")
    fetch.add_argument("--metadata", action="store_true", help="keep the metadata of circuits")


def _add_compare(compare: argparse.ArgumentParser) -> None:
    compare.add_argument(
        "folder", nargs="?", metavar="FOLDER", default=argparse.SUPPRESS, help="folder of recordings, as --folder"
    )
    compare.add_argument("--html", metavar="FILE", help="write a page with all outcomes, too")
    compare.add_argument("--seed", type=int, default=0, help="of the p-values (default: %(default)s)")
    compare.add_argument(
        "--drifts",
        type=int,
        metavar="N",
        help="calibrations that are drawn for p-values with drift; 0 leaves them out (default: 99)",
    )
    compare.add_argument(
        "--seconds",
        type=float,
        metavar="SECONDS",
        help="what the distributions of one circuit may take, for drift and for suspects each (default: 60)",
    )


def _add_snapshot(commands: Any) -> None:
    snapshot = commands.add_parser(
        "snapshot",
        help="save what a quantum computer publishes as a device file",
        description="Save what a quantum computer publishes now as a device file. The credentials are those in "
        "IQM_TOKEN or in the file that IQM_TOKENS_FILE names.",
    )
    snapshot.add_argument("--out", required=True, metavar="FILE", help="device file to write")
    snapshot.add_argument("--url", help="address of the IQM Server (default: IQM_SERVER_URL)")
    snapshot.add_argument("--computer", metavar="ALIAS", help="quantum computer (default: IQM_QUANTUM_COMPUTER)")
    snapshot.add_argument(
        "--calibration-set",
        action="append",
        default=[],
        metavar="ID",
        help="calibration set to save beside the default one, again for more",
    )
    snapshot.set_defaults(command=_snapshot)


def _add_import(commands: Any) -> None:
    imported = commands.add_parser(
        "import",
        help="make a device file of a downloaded quality metric set",
        description="Make a device file of a quality metric set, as the vendor's web page has it for download. What it "
        "doesn't say is taken from a device with the same chip: qubits, couplers, gate durations, drive frequencies. "
        "Couplers and qubits without metrics are lost.",
    )
    imported.add_argument("metrics", metavar="METRICS", help="quality metric set, a JSON file")
    imported.add_argument(
        "--like",
        required=True,
        metavar="NAME|FILE",
        help=f"device with the same chip: a file or one of {', '.join(bundled_devices())}",
    )
    imported.add_argument("--out", required=True, metavar="FILE", help="device file to write")
    imported.add_argument("--force", action="store_true", help="write it even if it exists")
    imported.set_defaults(command=_import)


def _add_diff(commands: Any) -> None:
    diff = commands.add_parser(
        "diff",
        help="compare two device files",
        description="Say what changed from one device to another: loci, implementations, metrics.",
    )
    diff.add_argument("old", metavar="OLD", help="device file, or a bundled device")
    diff.add_argument("new", metavar="NEW", help="device file, or a bundled device")
    diff.add_argument(
        "--threshold",
        type=float,
        metavar="FRACTION",
        help="report metrics that changed by more than this part of themselves (default: those that moved by more than "
        f"{SIGMAS:g} times their published uncertainty, or {THRESHOLD:g} of themselves where none is published)",
    )
    diff.add_argument("--all", action="store_true", help=f"list all changes, not the first {SHOWN}")
    diff.add_argument("--plot", metavar="FILE", help="draw both chips, coloured by error (needs the extra 'plot')")
    diff.set_defaults(command=_diff)


def _snapshot(options: argparse.Namespace) -> int:
    from iqm_fakes.vendor.http import VENDOR_ERRORS, told

    client = _connected(options)
    try:
        device = Device.snapshot(client, calibration_sets=options.calibration_set)
    except VENDOR_ERRORS as error:
        computer = options.computer or os.environ.get("IQM_QUANTUM_COMPUTER") or "the quantum computer"
        raise ValueError(f"no snapshot of {computer}: {told(error)}") from None
    _save(device, options.out)
    say(f"{options.out}: {device.display_name}, calibration set {device.default_calibration_set_id}")
    return 0


def _import(options: argparse.Namespace) -> int:
    if not options.force and os.path.exists(options.out):
        raise ValueError(f"{options.out} exists: choose another --out, or overwrite it with --force")
    device = Device.from_quality_metrics(options.metrics, like=options.like)
    _save(device, options.out)
    chip, calibration = device.static_quantum_architecture, device.calibration()
    qubits = calibration.dynamic_quantum_architecture["qubits"]
    loci = {frozenset(locus) for _, locus in default_loci(calibration.dynamic_quantum_architecture)}
    lost = [name for name in chip["qubits"] if name not in qubits]
    gone = ["-".join(pair) for pair in chip["connectivity"] if frozenset(pair) not in loci]
    lines = [
        f"{options.out}: {device.display_name}, calibration set {calibration.id}",
        f"measured: {calibration.calibration_set['created_timestamp']}",
        f"qubits: {len(qubits)} of {len(chip['qubits'])}",
        f"couplers: {len(chip['connectivity']) - len(gone)} of {len(chip['connectivity'])}",
        *([f"lost: {', '.join([*lost, *gone])}"] if lost or gone else []),
    ]
    say(*lines)
    return 0


def _save(device: Device, path: str) -> None:
    try:
        device.save(path)
    except OSError as error:
        raise ValueError(f"{path} can't be written: {error.strerror}") from None


def _fetch(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from iqm_fakes.recordings.from_server import record
    from iqm_fakes.vendor.http import VENDOR_ERRORS, told

    client, failed = _connected(options), 0
    with tqdm(options.jobs, unit="job", leave=False, disable=None if len(options.jobs) > 1 else True) as jobs:
        for job in jobs:
            try:
                recording = record(client, job, options.folder, metadata=options.metadata)
                lines, error = [f"{job}: {recording.status}, recorded"], False
            except (*VENDOR_ERRORS, RecordingError) as problem:  # type: ignore[misc]  # a tuple of classes
                lines, error = f"iqm-fake: {job}: {told(problem)}".split("\n"), True
                failed = 1
            with tqdm.external_write_mode():
                say(*lines, error=error)
    return failed


def _compare(options: argparse.Namespace) -> int:
    from iqm_fakes.agreement.comparison import DRIFTS, SECONDS, compare_recordings
    from iqm_fakes.agreement.page import page

    comparison = compare_recordings(
        options.folder,
        seed=options.seed,
        drifts=DRIFTS if options.drifts is None else options.drifts,
        seconds=SECONDS if options.seconds is None else options.seconds,
    )
    if options.html:
        write(Path(options.html), page(comparison, f"How well the fake predicts {options.folder}"))
    say(*str(comparison).split("\n"))
    return 0


def _connected(options: argparse.Namespace) -> IQMClient:
    from iqm_fakes.vendor.http import VENDOR_ERRORS, connect, told

    url = options.url or os.environ.get("IQM_SERVER_URL")
    if not url:
        raise ValueError("where is the IQM Server? give --url, or set IQM_SERVER_URL")
    try:
        return connect(url, quantum_computer=options.computer or os.environ.get("IQM_QUANTUM_COMPUTER"))
    except VENDOR_ERRORS as error:
        raise ValueError(told(error)) from None


def _diff(options: argparse.Namespace) -> int:
    old, new = Device.load(options.old), Device.load(options.new)
    found = changes(old, new, options.threshold)
    shown = len(found) if options.all else SHOWN
    more = and_more(found, shown)
    lines = [*table(found[:shown]), *([f"{more}: --all lists them"] if more else [])]
    say(*(lines if found else ["no difference"]))
    if options.plot:
        from iqm_fakes.device.chip_plot import draw

        draw(old, new, options.plot)
    return 0


def table(found: Sequence[Change]) -> list[str]:
    """Return changes as aligned lines under a header."""
    rows = [("change", "locus", "what", "old", "new", "factor", "sigma")]
    for change in found:
        factor = f"{change.factor:.2f}" if change.kind == "metric" else ""
        sigmas = "" if change.sigmas is None else f"{change.sigmas:.1f}"
        kind = ("worse" if change.worse else "better") if change.kind == "metric" else change.kind
        rows.append((kind, "-".join(change.locus), change.name, change.old, change.new, factor, sigmas))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _serve(options: argparse.Namespace) -> int:
    from iqm_fakes.server.limits import Limits
    from iqm_fakes.server.server import FakeIQMServer
    from iqm_fakes.web.api import Api

    token = os.environ.get("IQM_TOKEN") if options.require_token else None
    if options.require_token and not token:
        raise ValueError("--require-token needs the token in the environment variable IQM_TOKEN")
    logging.basicConfig(format="%(levelname)s %(message)s")
    if options.verbose:
        logging.getLogger("iqm_fakes").setLevel(logging.INFO)
    devices = options.device or ([] if options.recordings else [DEFAULT_DEVICE])
    if options.mock and not devices:
        raise ValueError("--mock is of a device: name it with --device, as recordings have their own results")
    limits = {
        "max_shots_per_circuit": options.max_shots,
        "max_circuits_per_job": options.max_circuits,
        "max_queued_jobs_per_user": options.max_queued,
    }
    with _executor(options) as executor:
        server = FakeIQMServer(
            *devices,
            *([f"{device}{MOCK}" for device in devices] if options.mock else []),
            seed=options.seed,
            noise=not options.no_noise,
            idle=not options.no_idle,
            method=options.method,
            executor=executor,
            time_limit=options.time_limit,
            background=True,
            keep=options.keep,
            recordings=options.recordings,
            limits=Limits(**{name: limit for name, limit in limits.items() if limit is not None}),
            health=options.health,
        )
        with closing(server):
            if options.queue_time or options.execution_time:
                server.queue.takes(waiting=options.queue_time, processing=options.execution_time)
            api = Api(server, token=token, latency=options.latency, controlled=options.control)
            socket = _listening(api, options)
            for signum in ENDING:  # a shell starts background jobs with SIGINT ignored
                signal.signal(signum, _interrupt)
            with suppress(KeyboardInterrupt):
                _announce(socket.url, server, options)
                socket.serve_forever()
    say("iqm-fake: stopped", error=True)
    return 0


@contextmanager
def _executor(options: argparse.Namespace) -> Iterator[Executor]:
    """Give what simulates."""
    if not options.dask:
        from iqm_fakes.server.workers import Workers

        with Workers(options.workers) as workers:
            yield workers
        return
    try:
        distributed = import_module("distributed")
    except ImportError:
        raise ValueError("--dask needs the extra 'dask': pip install 'pytest-iqm[dask]'") from None
    with distributed.Client(options.dask) as client:
        yield client.get_executor()


def _listening(api: Api, options: argparse.Namespace) -> LoopbackServer:
    from iqm_fakes.web.loopback import LoopbackServer

    try:
        return LoopbackServer(api, host=options.host, port=options.port, names=options.allow_host)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        hint = "; choose another --port, or 0 for any free one" if taken else ""
        raise ValueError(f"can't listen on {options.host}, port {options.port}: {error.strerror}{hint}") from None


def _announce(url: str, server: FakeIQMServer, options: argparse.Namespace) -> None:
    from iqm_fakes.web.same_origin import is_loopback

    aliases = list(server.devices)
    token = (
        "# set IQM_TOKEN to the token that this server was started with"
        if options.require_token
        else "export IQM_TOKEN=fake  # any token is accepted"
    )
    control = ", controlled below /_fake/" if options.control else ""
    more = f"  # or {', '.join(aliases[1:])}" if len(aliases) > 1 else ""
    is_open = not is_loopback(options.host)
    elsewhere = f"  # from other machines: http://{gethostname()}:{urlsplit(url).port}" if is_open else ""
    lines = [
        f"# Serving {', '.join(aliases)}, seed {server.seed}{control}; to look at in a browser: {url}/  Ctrl-C stops.",
        f"export IQM_SERVER_URL={url}{elsewhere}",
        f"export IQM_QUANTUM_COMPUTER={aliases[0]}{more}",
        token,
    ]
    say(*lines)
    if is_open and not options.require_token:
        say("iqm-fake: everybody who reaches this machine can use the server; --require-token asks for one", error=True)


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return what reads a whole number within limits."""

    def read(text: str) -> int:
        limits = f"from {least} to {most}" if most is not None else f"of at least {least}"
        if not re.fullmatch("-?[0-9]+", text) or not least <= int(text) <= (int(text) if most is None else most):
            raise argparse.ArgumentTypeError(f"a whole number {limits}, got '{text}'")
        return int(text)

    return read


def _interrupt(signum: int, frame: FrameType | None) -> None:
    for ending in ENDING:  # closing is under way, and takes a second
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
