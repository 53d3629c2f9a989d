"""``iqm-fake``: the fake server as a process of its own."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from importlib import import_module
from types import FrameType

from iqm_fakes.device import DeviceError, bundled_devices

WORKERS = 2
"""Jobs that the server runs at the same time."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except (DeviceError, OSError, ValueError) as error:
        print(f"iqm-fake: {error}", file=sys.stderr)  # noqa: T201
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="iqm-fake", description="Fake IQM quantum computers.")
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
        help=f"device to serve, again for more: a file or one of {', '.join(bundled_devices())} (default: garnet)",
    )
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8123, help="port, 0 for any free one (default: %(default)s)")
    serve.add_argument("--seed", type=int, help="makes results reproducible (default: a new one each time)")
    serve.add_argument("--no-noise", action="store_true", help="simulate perfect quantum computers")
    serve.add_argument("--no-idle", action="store_true", help="let components that wait for others keep their state")
    serve.add_argument("--method", default="auto", help="a method of Aer (default: the cheapest for each circuit)")
    serve.add_argument(
        "--require-token",
        action="store_true",
        help="answer 401 unless requests carry the token that IQM_TOKEN holds when the server starts",
    )
    serve.set_defaults(command=_serve)
    return parser


def _serve(options: argparse.Namespace) -> int:
    from iqm_fakes.api import Api
    from iqm_fakes.server import FakeIQMServer
    from iqm_fakes.transport import LoopbackServer

    token = os.environ.get("IQM_TOKEN") if options.require_token else None
    if options.require_token and not token:
        raise ValueError("--require-token needs the token in the environment variable IQM_TOKEN")
    logging.basicConfig(format="%(levelname)s %(message)s")
    server = FakeIQMServer(
        *(options.device or ["garnet"]),
        seed=options.seed,
        noise=not options.no_noise,
        idle=not options.no_idle,
        method=options.method,
        workers=WORKERS,
    )
    import_module("iqm_fakes.simulator.aer")  # takes a second, which the first job would wait
    socket = LoopbackServer(Api(server, token=token), host=options.host, port=options.port)
    for signum in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(signum, _interrupt)
    with closing(server), suppress(KeyboardInterrupt):
        _announce(socket.url, list(server.devices), server.seed, required=token is not None)
        socket.serve_forever()
    print("iqm-fake: stopped", file=sys.stderr)  # noqa: T201
    return 0


def _announce(url: str, aliases: list[str], seed: int, *, required: bool) -> None:
    token = (
        "# set IQM_TOKEN to the token that this server was started with"
        if required
        else "export IQM_TOKEN=fake  # any token is accepted"
    )
    more = f"  # or {', '.join(aliases[1:])}" if len(aliases) > 1 else ""
    lines = [
        f"# Serving {', '.join(aliases)}, seed {seed}. Ctrl-C stops.",
        f"export IQM_SERVER_URL={url}",
        f"export IQM_QUANTUM_COMPUTER={aliases[0]}{more}",
        token,
    ]
    print("\n".join(lines), flush=True)  # noqa: T201


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
