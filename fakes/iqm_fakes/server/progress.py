"""How far a long simulation is: in its job's document, in the log, and in a line on a terminal that goes away."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from iqm_fakes.server.job import Cancelled, Job
from iqm_fakes.simulator.shots import Done
from iqm_fakes.simulator.slow_simulations import SLOW, readable

logger = logging.getLogger(__name__)

LOGGED = 10
"""Percent from one line in the log to the next."""

ERASE = "\r\x1b[K"
"""What takes a terminal back to the start of its line, and clears that."""


@contextmanager
def progress(job: Job, seconds: float) -> Iterator[Done]:
    """Show how far a job is inside the ``with`` block, if it takes long by estimate.

    The terminal is that of standard error, and it is only written to by who waits for the job: not by a worker.

    Yields:
        What has to be called after each part of the work. It raises :class:`Cancelled` if the job was cancelled
        meanwhile.

    """
    shown = seconds >= SLOW
    waits = threading.current_thread() is threading.main_thread()
    terminal = sys.stderr if shown and waits and sys.stderr is not None and sys.stderr.isatty() else None
    past = 0.0

    def done(more: float) -> None:
        nonlocal past
        if job.status.terminal:
            raise Cancelled
        if not shown:
            return
        past += more
        before, job.progress = job.progress or 0, min(round(100 * past / seconds), 100)
        if job.progress // LOGGED > before // LOGGED:
            logger.info("job %s: %d %% simulated", job.id, job.progress)
        if terminal is not None:
            terminal.write(f"{ERASE}iqm-fake: {job.progress} % of a simulation of about {readable(seconds)}")
            terminal.flush()

    job.progress = 0 if shown else None
    try:
        yield done
    finally:
        job.progress = None
        if terminal is not None:
            terminal.write(ERASE)
            terminal.flush()
