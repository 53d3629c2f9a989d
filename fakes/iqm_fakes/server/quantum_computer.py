"""What is behind the queue: it compiles and executes jobs, perhaps on an executor's processes."""

from __future__ import annotations

import math
import random
import threading
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Executor, Future, wait
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from iqm_fakes.device.device import MOCK, Calibration
from iqm_fakes.server.job import STATION, Cancelled, Job, JobFailure, NeverEnds
from iqm_fakes.server.progress import progress
from iqm_fakes.server.seeds import entropy
from iqm_fakes.server.workers import Task, WorkerDied, report
from iqm_fakes.simulator.circuit import PASSES, CircuitError, NoShotsLeft, Program, Refused
from iqm_fakes.simulator.shots import Bits, Done, groups
from iqm_fakes.simulator.simulator import Plan, Simulator, check_results
from iqm_fakes.simulator.slow_simulations import SLOW, SlowSimulationWarning, explained
from iqm_fakes.wire.error_codes import ErrorCode
from iqm_fakes.wire.payload import CircuitJobPayload

WORTH_A_TASK = 0.05
"""Seconds: circuits are sent to an executor in groups that take about so long, because sending has its price."""

MAX_POINTS = 3 * 10**8
"""The most bits that the results of a job may have."""

GLANCE = 0.2
"""Seconds after which it is looked again whether a job was cancelled while an executor runs it."""

RESET = 300e-6
"""Seconds between two shots, in which components relax to 0, for estimates; they are not published."""


class SimulatedComputers:
    """The quantum computers of a server, each with its calibrations, as simulators; mocks compile, and draw bits.

    Args:
        calibration: Returns the calibration of a computer with a calibration set.
        settings: How it simulates: ``noise``, ``idle`` and ``method`` of :class:`Simulator`.
        executor: Runs the circuits of a job elsewhere; None runs them here.
        time_limit: Seconds that the simulation of a job may take, by estimate; None is no limit.

    """

    def __init__(
        self,
        calibration: Callable[[str, str], Calibration],
        settings: Mapping[str, Any],
        executor: Executor | None = None,
        time_limit: float | None = None,
    ) -> None:
        self._calibration = calibration
        self._settings = settings
        self._executor = executor
        self._time_limit = math.inf if time_limit is None else time_limit
        self._lock = threading.Lock()
        self._simulators: dict[tuple[str, str], Simulator] = {}

    def compile(self, job: Job) -> list[Plan]:
        """Check every circuit of a job against its calibration, and decide how to run it.

        Raises:
            JobFailure: The machine refuses a circuit or breaks, a circuit can't be simulated or not in time, or a
                fault says so.

        """
        if job.fault is not None and job.fault.how == "compilation":
            raise JobFailure(job.fault.message, job.fault.code)
        request: CircuitJobPayload = job.request or CircuitJobPayload.parse(job.body)  # if it was cancelled meanwhile
        _check_unbreakable(request)
        simulator = self._simulator(job)
        try:
            options = request.options()
        except Refused as refusal:
            raise _failure(0, refusal) from None
        plans, failures = [], []
        for index in range(len(request.circuits)):
            try:
                program = simulator.compile(request.circuit(index, simulator.components), options)
                mock = Plan(program, request.shots, (), ())  # with nothing to simulate
                plans.append(mock if job.computer.endswith(MOCK) else simulator.plan(program, request.shots))
            except (CircuitError, NotImplementedError) as error:
                failures.append((index, error))
        if failures:  # each pass of the compiler goes through all circuits, so the earliest pass is heard of
            raise _failure(*min(failures, key=_pass)) from None
        _check_points(plans)
        try:
            check_results(plans)
        except CircuitError as error:
            raise JobFailure(str(error)) from None
        self._check_time(plans)
        job.messages += [
            (STATION, f"Circuit {index}: {remark}")
            for index, plan in enumerate(plans)
            for remark in plan.program.remarks
        ]
        job.simulation = tuple(plan.choices for plan in plans)
        job.estimate_ms = math.ceil(sum(plan.shots * (plan.program.duration + RESET) for plan in plans) * 1000)
        return plans

    def execute(self, job: Job, program: list[Plan]) -> list[Bits]:
        """Take the shots of every circuit.

        Raises:
            JobFailure: Heralding left no shots, it can't be simulated, the machine breaks at the results, or a fault
                says so.
            NeverEnds: A fault says so.
            Cancelled: A fault says so, or it was cancelled meanwhile, or what the executor does for it.

        """
        if job.fault is None or job.fault.how == "compilation":
            return self._take(job, program)
        if job.fault.how == "execution":
            raise JobFailure(job.fault.message, job.fault.code)
        if job.fault.how == "never":
            raise NeverEnds
        if job.fault.how == "cancelled":
            raise Cancelled
        keep = random.Random(f"{job.seed}:{job.index}")  # noqa: S311  # has to be reproducible, not secret
        return [_fewer(bits, job.fault.fraction, keep) for bits in self._take(job, program)]

    def _take(self, job: Job, program: list[Plan]) -> list[Bits]:
        _check_readable(program)
        seeds = [SeedSequence(entropy(job.seed, job.index, index)) for index in range(len(program))]
        if job.computer.endswith(MOCK):
            return [_random_bits(plan, seed) for plan, seed in zip(program, seeds, strict=True)]
        simulator = self._simulator(job)
        seconds = [plan.seconds for plan in program]
        taken: list[Bits] = []
        try:
            with progress(job, sum(seconds)) as done:
                if self._executor is None:
                    return simulator.run_all(program, seeds, done)
                parts = groups(seconds, WORTH_A_TASK)
                futures = [
                    self._executor.submit(
                        _run, simulator, [plan.program for plan in program[part]], program[0].shots, seeds[part]
                    )
                    for part in parts
                ]
                try:
                    for future, part in zip(futures, parts, strict=True):
                        taken += _awaited(future, sum(seconds[part]), done)
                finally:
                    for future in futures:
                        future.cancel()
        except NoShotsLeft as error:
            index = len(taken) + error.index
            raise JobFailure(f"Execution of circuit {index} with heralding discarded all the shots.") from None
        except CircuitError as error:
            raise JobFailure(str(error)) from None
        except CancelledError:  # who owns the executor does not want it any more
            raise Cancelled from None
        except WorkerDied as error:
            raise JobFailure(str(error), ErrorCode.INTERNAL_ERROR) from None
        return taken

    def _check_time(self, plans: list[Plan]) -> None:
        """Warn of a job whose simulation takes long, and refuse one that takes too long.

        Raises:
            JobFailure: It takes longer than the limit.

        """
        seconds = sum(plan.seconds for plan in plans)
        if seconds <= min(SLOW, self._time_limit):
            return
        message = explained(plans, noise=self._settings["noise"], idle=self._settings["idle"])
        if seconds > self._time_limit:
            limit = f"time_limit={self._time_limit:g} (seconds; in pytest the ini key iqm_simulation_limit)"
            raise JobFailure(f"{message}; or a limit above the server's {limit}")
        warnings.warn(message, SlowSimulationWarning, stacklevel=2)

    def _simulator(self, job: Job) -> Simulator:
        key = (job.computer, job.calibration_set_id)
        with self._lock:
            if key not in self._simulators:
                self._simulators[key] = Simulator(self._calibration(*key), **self._settings)
            return self._simulators[key]


def _check_unbreakable(request: CircuitJobPayload) -> None:
    """Refuse what the vendor's station accepts and then breaks at, without a word to the user.

    Raises:
        JobFailure: It would.

    """
    if isinstance(request.calibration_set_id, str):
        raise JobFailure.internal(f"the calibration set '{request.calibration_set_id}' is no UUID")
    if not request.circuits:
        raise JobFailure.internal("the list of circuits is empty")
    for index, circuit in enumerate(request.circuits):
        if not isinstance(circuit, str) and not circuit.instructions:
            raise JobFailure.internal(f"circuit {index} has no instructions")


def _pass(failure: tuple[int, Exception]) -> int:
    """Return how late the compiler hears of a failure; of what can't be simulated it does not."""
    _, error = failure
    return list(PASSES).index(error.compiler_pass) if isinstance(error, Refused) else len(PASSES)


def _failure(index: int, error: Exception) -> JobFailure:
    """Return what a job ends with, because of the circuit of this index."""
    if not isinstance(error, Refused):
        return JobFailure(f"Circuit {index}: {error}")
    if error.breaks:
        return JobFailure.internal(f"circuit {index}: {error.explanation} ({error.message(index)})")
    return JobFailure(error.message(index), explanation=f"circuit {index}: {error.explanation}")


def _check_points(plans: list[Plan]) -> None:
    """Refuse a job whose results are more than the machine makes.

    Raises:
        JobFailure: They are.

    """
    points = sum(plan.shots * plan.program.points for plan in plans)
    if points > MAX_POINTS:
        raise JobFailure.internal(
            f"the job reads {points} bits, circuits times shots times measurements; the machine stops at {MAX_POINTS}"
        )


def _check_readable(plans: list[Plan]) -> None:
    """Refuse results that the machine measures and can't read.

    Raises:
        JobFailure: They are.

    """
    for index, plan in enumerate(plans):
        if plan.program.unreadable:
            raise JobFailure.internal(f"circuit {index}: {plan.program.unreadable}")
    if not any(plan.program.points for plan in plans):
        raise JobFailure.internal("no circuit of the job measures anything; add a measure instruction")


def _random_bits(plan: Plan, seed: SeedSequence) -> Bits:
    """Return what a mock measures."""
    dice = np.random.default_rng(seed)
    return {key: dice.integers(0, 2, (plan.shots, width), dtype=np.uint8) for key, width in plan.program.keys}


def _fewer(bits: Bits, fraction: float, dice: random.Random) -> Bits:
    """Return measurements without a fraction of the shots; at least one stays."""
    shots = len(next(iter(bits.values()), ()))
    kept = sorted(dice.sample(range(shots), max(1, shots - math.ceil(shots * fraction))))
    return {key: outcomes[kept] for key, outcomes in bits.items()}


def _run(simulator: Simulator, programs: list[Program], shots: int, seeds: list[SeedSequence]) -> list[Bits]:
    """Run some circuits of a job, perhaps on another machine."""
    return simulator.run_all([simulator.plan(program, shots) for program in programs], seeds, report)


def _awaited(future: Future[list[Bits]], seconds: float, done: Done) -> list[Bits]:
    """Return the results of something that takes so long by estimate, and say meanwhile how much of it is done."""
    told = 0.0
    while not future.done():  # of one that is cancelled, wait() may never hear
        wait([future], timeout=GLANCE)
        reported = future.reported if isinstance(future, Task) else told
        done(reported - told)
        told = reported
    taken = future.result()
    done(seconds - told)
    return taken
