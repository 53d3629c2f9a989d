"""A class that shares one ``iqm-fake serve``: how long its users wait, and how much the server does.

Every user submits small jobs one after another, polls, and fetches the counts; one more has a job of about a minute.
Arguments after ``--`` are the server's::

    python benchmarks/load.py -- --workers 1
    python benchmarks/load.py --devices garnet emerald -- --workers 2
    python benchmarks/load.py --kill 2 -- --workers 2
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

API = "/api/v1"
LONG_SHOTS = 500
"""Shots of the long job, which take about a minute."""


@dataclass
class Class:
    """What happened to whom.

    Attributes:
        waits: Seconds from a submission to its counts, by quantum computer.
        failed: Messages of jobs that failed.
        long: Seconds that the long job took.

    """

    waits: dict[str, list[float]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    long: float | None = None


class User:
    """One kept-alive connection to the server.

    Args:
        url: Where that is.
        computer: Alias of the quantum computer that the user uses.

    """

    def __init__(self, url: str, computer: str) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self.computer = computer

    async def connect(self) -> None:
        """Open the connection."""
        self._answers, self._requests = await asyncio.open_connection(self._host, self._port)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the document that a request is answered by."""
        sent = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {API}{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(sent)}\r\n\r\n"
        self._requests.write(head.encode() + sent)
        headers = (await self._answers.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"(?i)content-length: (\d+)", headers)[1])  # type: ignore[index]  # it is always there
        answer = json.loads(await self._answers.readexactly(length))
        if not headers.startswith("HTTP/1.1 200 "):
            raise RuntimeError(f"{method} {path}: {answer}")
        return answer

    async def architecture(self) -> tuple[list[str], list[list[str]]]:
        """Return the qubits, and the loci of cz."""
        document = await self.ask("GET", f"/calibration-sets/{self.computer}/default/dynamic-quantum-architecture")
        cz = document["gates"]["cz"]
        return document["qubits"], cz["implementations"][cz["default_implementation"]]["loci"]

    async def run(self, job: dict[str, Any]) -> dict[str, Any]:
        """Submit a job, poll until it has ended, and fetch its counts; returns its document."""
        document = await self.ask("POST", f"/jobs/{self.computer}/circuit", job)
        while document["status"] in ("waiting", "processing"):
            document = await self.ask("GET", f"/jobs/{document['id']}")
        if document["status"] == "completed":
            (counted,) = await self.ask("GET", f"/jobs/{document['id']}/artifacts/measurement_counts")
            assert sum(counted["counts"].values()) == job["shots"]
        return dict(document)


def turn(qubit: str, angle: float = 1.5707963) -> dict[str, Any]:
    """Return a rotation."""
    return {"name": "prx", "locus": [qubit], "args": {"angle": angle, "phase": 0.0}}


def submission(gates: list[dict[str, Any]], measured: list[str], shots: int) -> dict[str, Any]:
    """Return a job of one circuit."""
    measure = {"name": "measure", "locus": measured, "args": {"key": "m"}}
    return {"circuits": [{"name": "c", "instructions": [*gates, measure]}], "shots": shots}


async def work(user: User, jobs: int, seen: Class) -> None:
    """Run small jobs one after another; what fails is run again."""
    await user.connect()
    _, loci = await user.architecture()
    pair = random.choice(loci)  # noqa: S311  # no secret
    cz = {"name": "cz", "locus": pair, "args": {}}
    job = submission([*map(turn, pair), cz, turn(pair[1])], pair, 1000)
    while jobs:
        start = time.monotonic()
        document = await user.run(job)
        if document["status"] == "completed":
            seen.waits.setdefault(user.computer, []).append(time.monotonic() - start)
            jobs -= 1
        else:
            seen.failed.append(document["errors"][0]["message"])


async def work_long(user: User, seen: Class) -> None:
    """Run one job of about a minute: all qubits are entangled, and in use together."""
    await user.connect()
    qubits, loci = await user.architecture()
    layer = [*(turn(qubit, 1.1) for qubit in qubits[:20])]
    layer += [{"name": "cz", "locus": pair, "args": {}} for pair in loci if set(pair) <= set(qubits[:20])]
    start = time.monotonic()
    document = await user.run(submission(8 * layer, qubits[:20], LONG_SHOTS))
    if document["status"] == "completed":
        seen.long = time.monotonic() - start
    else:
        seen.failed.append(document["errors"][0]["message"])


async def kill(server: int, seconds: float) -> None:
    """Kill one of the server's processes now and then."""
    while True:
        await asyncio.sleep(seconds)
        os.kill(random.choice(list(children(server))), signal.SIGKILL)  # noqa: S311  # no secret


def children(process: int) -> Iterator[int]:
    """Give the processes that simulate (Linux only)."""
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        for child in thread.read_text().split():
            if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text():
                yield int(child)


def memory(process: int) -> float:
    """Return the memory of a process in MB (Linux only)."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1]) / 1024  # type: ignore[index]


@contextmanager
def serving(devices: list[str], arguments: list[str]) -> Iterator[tuple[int, str]]:
    """Serve; gives the process id and the address."""
    command = [sys.executable, "-W", "ignore", "-m", "iqm_fakes.cli", "serve", "--port", "0", *arguments]
    for device in devices:
        command += ["--device", device]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        printed = "".join(process.stdout.readline() for _ in range(4))
        try:
            yield process.pid, re.findall(r"http://\S+", printed)[0]
        finally:
            process.terminate()


async def attend(url: str, server: int, options: argparse.Namespace) -> Class:
    """Let the class work; returns what happened."""
    seen = Class()
    users = [User(url, options.devices[index % len(options.devices)]) for index in range(options.users)]
    killer = asyncio.create_task(kill(server, options.kill)) if options.kill else None
    long = [work_long(User(url, options.devices[0]), seen)] if options.long else []
    await asyncio.gather(*long, *(work(user, options.jobs, seen) for user in users))
    if killer:
        killer.cancel()
    return seen


def main() -> None:
    """Serve, let the class work, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--users", type=int, default=300, help="(default: 300)")
    parser.add_argument("--jobs", type=int, default=20, help="small jobs of each (default: 20)")
    parser.add_argument("--devices", nargs="+", default=["garnet"], help="which users share (default: garnet)")
    parser.add_argument("--long", action="store_true", help="one more user has a job of a minute, on the first device")
    parser.add_argument("--kill", type=float, metavar="SECONDS", help="kill one of its processes every so many seconds")
    parser.add_argument("server", nargs="*", help="arguments of the server, after --")
    options = parser.parse_args()
    with serving(options.devices, options.server) as (process, url):
        start = time.monotonic()
        seen = asyncio.run(attend(url, process, options))
        seconds = time.monotonic() - start
        total = options.users * options.jobs
        done = sum(map(len, seen.waits.values()))
        print(f"{done} of {total} jobs in {seconds:.1f} s: {done / seconds:.0f} a second")
        for computer, waits in seen.waits.items():
            ranks = statistics.quantiles(waits, n=20)
            print(f"{computer}: median {statistics.median(waits):.2f} s, 95th percentile {ranks[-1]:.2f} s")
        if seen.long is not None:
            print(f"the long job took {seen.long:.0f} s")
        for message in sorted(set(seen.failed)):
            print(f"failed and run again, {seen.failed.count(message)} times: {message}")
        simulate = ", ".join(f"{memory(child):.0f}" for child in children(process))
        print(f"memory: server {memory(process):.0f} MB, processes that simulate {simulate or 'elsewhere'} MB")


if __name__ == "__main__":
    main()
