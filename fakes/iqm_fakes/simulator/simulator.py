"""Simulator: one calibration's quantum computer, from a circuit to the bits that it records.

The stages: a circuit is checked (:mod:`.check`) and becomes a program on the components that it uses, with the delays
that its schedule leaves (:mod:`.schedule`); operations become actions with noise (:mod:`.physics`) in independent parts
(:mod:`.parts`); the cheapest engine for each part is chosen (:mod:`.engines`) and runs on Aer (:mod:`.aer`).
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from iqm_fakes.device.device import Calibration
from iqm_fakes.device.error_rates import Noise
from iqm_fakes.simulator.check import check
from iqm_fakes.simulator.circuit import Circuit, NoShotsLeft, Options, Program
from iqm_fakes.simulator.engines import METHODS, Choice, Engine, Method, Task, choose
from iqm_fakes.simulator.loci import Loci
from iqm_fakes.simulator.parts import Part, parts
from iqm_fakes.simulator.physics import Physics

Bits: TypeAlias = dict[str, NDArray[np.uint8]]
"""Measurement key → bits of shape (shots, components of the measurement)."""


@dataclass(frozen=True, eq=False)
class Plan:
    """How the shots of a program are going to be taken.

    Attributes:
        program: What is run.
        shots: How often.
        parts: What has to be simulated of it.
        choices: How, for each part.

    """

    program: Program
    shots: int
    parts: tuple[Part, ...]
    choices: tuple[Choice, ...]

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        return sum(choice.estimate.seconds for choice in self.choices)


class Simulator:
    """A quantum computer with one calibration.

    Every shot starts with all components in 0. Gates, delays, waiting and readout have the noise that the calibration's
    published numbers describe.

    Args:
        calibration: What the computer publishes.
        noise: False makes gates, components and readout perfect.
        idle: False lets components that wait for others keep their state; a ``delay`` relaxes them nevertheless.
        method: Aer's method for everything; ``auto`` takes the fastest for each circuit. The distribution of results
            is the same.

    Raises:
        ValueError: There is no such method.

    """

    def __init__(
        self,
        calibration: Calibration,
        *,
        noise: bool = True,
        idle: bool = True,
        method: Method | Literal["auto"] = "auto",
    ) -> None:
        check_method(method)
        self._made_of = (calibration, noise, idle, method)
        self._method: Method | Literal["auto"] = method
        self._idle = noise and idle
        self._noise = Noise(calibration)
        self._loci = Loci(calibration.dynamic_quantum_architecture)
        self._physics = Physics(self._noise if noise else None)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let executors send simulators to other processes, where one of each kind is made only once."""
        return _restored, (self._pickled,)

    @cached_property
    def _pickled(self) -> bytes:
        return pickle.dumps(self._made_of)

    def check(self, circuit: Circuit, options: Options) -> Program:
        """Return the program that executes a circuit.

        Raises:
            CircuitError: The real computer's compiler would refuse the circuit.

        """
        return check(circuit, options, self._loci, self._noise, idle=self._idle)

    def plan(self, program: Program, shots: int) -> Plan:
        """Decide how to take the shots of a program.

        Raises:
            CircuitError: It can't be simulated, because it is too large or the method does not allow it.

        """
        separate = parts(program, self._physics)
        return Plan(program, shots, separate, tuple(choose(part, shots, self._method) for part in separate))

    def run(self, program: Program, shots: int, seed: SeedSequence) -> Bits:
        """Take the shots of one program: :meth:`plan`, then :meth:`run_all`."""
        (bits,) = self.run_all([self.plan(program, shots)], [seed])
        return bits

    def run_all(self, plans: Sequence[Plan], seeds: Sequence[SeedSequence]) -> list[Bits]:
        """Take the shots of several programs.

        Args:
            plans: What :meth:`plan` returned.
            seeds: One for each; it determines the result, together with the plan.

        Returns:
            For each program its bits, as many shots as heralding kept, keys in the order of their measurements.

        Raises:
            NoShotsLeft: Heralding discarded all the shots of a program; ``index`` says which one.

        """
        work: dict[Engine, list[tuple[int, int]]] = {}  # engine → (plan, part) that it simulates
        tasks: dict[tuple[int, int], Task] = {}
        for index, (plan, seed) in enumerate(zip(plans, seeds, strict=True)):
            own, *others = _children(seed, 1 + len(plan.parts))
            kept = self._heralded(plan, index, np.random.default_rng(own))
            for number, (part, choice) in enumerate(zip(plan.parts, plan.choices, strict=True)):
                work.setdefault(choice.engine, []).append((index, number))
                tasks[index, number] = Task(part, kept, others[number])
        taken: dict[tuple[int, int], NDArray[np.uint8]] = {}
        for engine, places in work.items():
            taken.update(zip(places, engine.sample([tasks[place] for place in places]), strict=True))
        return [
            _joined(plan, [taken[index, number] for number in range(len(plan.parts))])
            for index, plan in enumerate(plans)
        ]

    def _heralded(self, plan: Plan, index: int, random: Generator) -> int:
        """Return how many shots have a herald of zeros: each component is in 0, so only readout errors matter."""
        program = plan.program
        errors = [self._physics.readout(program.components[index], "measure") for index in program.heralded]
        kept = int(random.binomial(plan.shots, math.prod(1 - error.p_1_given_0 for error in errors)))
        if not kept:
            raise NoShotsLeft(index)
        return kept


@lru_cache(maxsize=16)
def _restored(pickled: bytes) -> Simulator:
    calibration, noise, idle, method = pickle.loads(pickled)  # noqa: S301  # what is unpickled already, one level up
    return Simulator(calibration, noise=noise, idle=idle, method=method)


def check_method(method: str) -> None:
    """Raise ValueError if there is no such method."""
    if method not in (*METHODS, "auto"):
        raise ValueError(f"there is no simulation method '{method}'; choose auto, {', '.join(METHODS)}")


def _joined(plan: Plan, taken: Sequence[NDArray[np.uint8]]) -> Bits:
    """Put the bits of the parts, whose shots are in random order, together by measurement key."""
    bits = np.empty((len(taken[0]), plan.program.bits), dtype=np.uint8)
    for part, columns in zip(plan.parts, taken, strict=True):
        bits[:, part.bits] = columns
    ends = np.cumsum([width for _, width in plan.program.keys])
    return {key: bits[:, end - width : end] for (key, width), end in zip(plan.program.keys, ends, strict=True)}


def _children(seed: SeedSequence, number: int) -> list[SeedSequence]:
    """Return independent seeds; unlike ``seed.spawn``, the same ones every time."""
    return [
        SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, child), pool_size=seed.pool_size)
        for child in range(number)
    ]
