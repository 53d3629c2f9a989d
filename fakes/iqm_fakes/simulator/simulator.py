"""Simulator: one calibration's quantum computer, from a circuit to the bits that it records.

The stages: a circuit is compiled (:mod:`.compiler`) to a program on the components that it uses, with delays where its
schedule makes them wait (:mod:`.schedule`); operations become noisy gates (:mod:`.noise_model`) in independent
subcircuits (:mod:`.subcircuits`); the cheapest method for each is chosen (:mod:`.method_choice`) and runs on Aer
(:mod:`.aer`) or an engine of our own (:mod:`.pauli_evolution`, :mod:`.batched_trajectories`); shots are drawn and put
together (:mod:`.shots`). Where an evolution is feasible, there are exact probabilities, too (:mod:`.distribution`).
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
from numpy.random import Generator, SeedSequence

from iqm_fakes.device.device import Calibration
from iqm_fakes.device.error_rates import Noise
from iqm_fakes.device.station import Station
from iqm_fakes.simulator.circuit import Circuit, CircuitError, NoShotsLeft, Options, Program
from iqm_fakes.simulator.compiler import compile_circuit
from iqm_fakes.simulator.distribution import Distribution, Factor
from iqm_fakes.simulator.loci import Loci
from iqm_fakes.simulator.method_choice import Choice, choose, choose_evolution
from iqm_fakes.simulator.methods import MEMORY_LIMIT, Engine, ExactEngine, Method, check_method
from iqm_fakes.simulator.noise_model import NoiseModel
from iqm_fakes.simulator.shots import Bits, Columns, Done, Task, join, outcome_probabilities, take
from iqm_fakes.simulator.subcircuits import Subcircuit, split


@dataclass(frozen=True, eq=False)
class Plan:
    """How the shots of a program are going to be taken.

    Attributes:
        program: What is run.
        shots: How often.
        subcircuits: What has to be simulated of it.
        choices: How each subcircuit is simulated.

    """

    program: Program
    shots: int
    subcircuits: tuple[Subcircuit, ...]
    choices: tuple[Choice, ...]

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        return sum(choice.estimate.seconds for choice in self.choices)

    @property
    def result_memory(self) -> int:
        """About how many bytes the results take, while they are drawn, written as JSON or counted."""
        bits = self.program.bits
        drawn = self.shots * (bits + 24)
        written = self.shots * sum(2 * (2 * width + 2) for _, width in self.program.keys)
        counted = self.shots * (bits + 40) + min(self.shots, 1 << bits) * (bits + 200)
        return self.shots * bits + max(drawn, written, counted)


def check_results(plans: Sequence[Plan]) -> None:
    """Refuse shots whose results, not the states, would take too much memory.

    Raises:
        CircuitError: They would, all together.

    """
    memory = sum(plan.result_memory for plan in plans)
    if memory > MEMORY_LIMIT:
        index, largest = max(enumerate(plans), key=lambda each: each[1].result_memory)
        most = int(0.9 * largest.shots * MEMORY_LIMIT / memory)  # a part does not grow with the number of shots
        raise CircuitError(
            f"the results take about {memory / 2**30:.1f} GiB of memory, and a job may take "
            f"{MEMORY_LIMIT / 2**30:g} GiB; most of them are of circuit {index}, which has {largest.shots} shots of "
            f"{largest.program.bits} bit{'s' * (largest.program.bits != 1)}. What works: at most {most} shots, fewer "
            "measured qubits, or several jobs"
        )


class Simulator:
    """A quantum computer with one calibration.

    Every shot starts with all components in 0. Gates, delays, waiting and readout have the noise that the calibration's
    published numbers describe.

    Args:
        calibration: What the computer publishes.
        noise: False makes gates, components and readout perfect.
        idle: False: no relaxation while a component waits for others; a ``delay`` still relaxes it.
        method: How to simulate everything; ``auto`` takes the fastest for each circuit. The distribution of results
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
        self._arguments = (calibration, noise, idle, method)
        self._method: Method | Literal["auto"] = method
        self._idle = noise and idle
        self._noise = Noise(calibration)
        self._station = calibration.station or Station.of({}, calibration.dynamic_quantum_architecture["qubits"])
        self._loci = Loci(calibration.dynamic_quantum_architecture)
        self._noise_model = NoiseModel(self._noise if noise else None)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let executors send simulators to other processes, where one of each kind is made only once."""
        return _restored, (self._pickled,)

    @cached_property
    def _pickled(self) -> bytes:
        return pickle.dumps(self._arguments)

    @property
    def components(self) -> tuple[str, ...]:
        """The qubits and resonators."""
        return (*self._loci.qubits, *self._loci.resonators)

    def compile(self, circuit: Circuit, options: Options) -> Program:
        """Return the program that executes a circuit.

        Raises:
            Refused: The real computer's compiler would refuse the circuit.
            CircuitError: It can't be simulated, or takes too long.

        """
        return compile_circuit(circuit, options, self._loci, self._noise, self._station, idle=self._idle)

    def plan(self, program: Program, shots: int) -> Plan:
        """Decide how to take the shots of a program.

        Raises:
            CircuitError: It can't be simulated, because it is too large or the method does not allow it.

        """
        separate = split(program, self._noise_model)
        return Plan(program, shots, separate, tuple(choose(each, shots, self._method) for each in separate))

    def distribution(self, program: Program) -> Distribution:
        """Return the exact joint probabilities of what a program records, noise included; the method does not matter.

        Raises:
            CircuitError: They can't be computed, because more components are connected than fit into memory.

        """
        work: dict[ExactEngine, list[Subcircuit]] = {}
        for subcircuit in split(program, self._noise_model):
            work.setdefault(choose_evolution(subcircuit)[0], []).append(subcircuit)
        factors = [
            Factor(subcircuit.bits, probabilities)
            for engine, subcircuits in work.items()
            for subcircuit, probabilities in zip(subcircuits, outcome_probabilities(engine, subcircuits), strict=True)
        ]
        return Distribution(program.keys, tuple(factors), self._kept(program))

    def distribution_seconds(self, program: Program) -> float:
        """Return about how long :meth:`distribution` takes.

        Raises:
            CircuitError: It can't be computed.

        """
        subcircuits = split(program, self._noise_model)
        return sum(choose_evolution(subcircuit)[1].seconds for subcircuit in subcircuits)

    def run(self, program: Program, shots: int, seed: SeedSequence) -> Bits:
        """Take the shots of one program: :meth:`plan`, then :meth:`run_all`."""
        (bits,) = self.run_all([self.plan(program, shots)], [seed])
        return bits

    def run_all(
        self, plans: Sequence[Plan], seeds: Sequence[SeedSequence], done: Done = lambda seconds: None
    ) -> list[Bits]:
        """Take the shots of several programs.

        Args:
            plans: What :meth:`plan` returned.
            seeds: One for each; it determines the result, together with the plan.
            done: Is called after each part of the work.

        Returns:
            For each program its bits, as many shots as heralding kept, keys in the order of their measurements.

        Raises:
            NoShotsLeft: Heralding discarded all the shots of a program; ``index`` says of which.
            CircuitError: The results would take too much memory.

        """
        check_results(plans)
        work: dict[Engine, list[tuple[int, int]]] = {}  # engine → (plan, subcircuit) that it simulates
        tasks: dict[tuple[int, int], Task] = {}
        for index, (plan, seed) in enumerate(zip(plans, seeds, strict=True)):
            own, *others = _child_seeds(seed, 1 + len(plan.subcircuits))
            kept = self._kept_shots(plan, index, np.random.default_rng(own))
            for number, (subcircuit, choice) in enumerate(zip(plan.subcircuits, plan.choices, strict=True)):
                work.setdefault(choice.engine, []).append((index, number))
                tasks[index, number] = Task(subcircuit, kept, others[number], choice.estimate.seconds)
        taken: dict[tuple[int, int], Columns] = {}
        for engine, places in work.items():
            taken.update(zip(places, take(engine, [tasks[place] for place in places], done), strict=True))
        return [
            join(plan.program, plan.subcircuits, [taken[index, number] for number in range(len(plan.subcircuits))])
            for index, plan in enumerate(plans)
        ]

    def _kept_shots(self, plan: Plan, index: int, random: Generator) -> int:
        """Return how many shots heralding keeps."""
        kept = int(random.binomial(plan.shots, self._kept(plan.program)))
        if not kept:
            raise NoShotsLeft(index)
        return kept

    def _kept(self, program: Program) -> float:
        """Return the part of shots that heralding keeps: every component starts in 0, so only readout errors matter."""
        return math.prod(self._noise_model.heralded(qubit)[0] for qubit in program.heralded)


@lru_cache(maxsize=16)
def _restored(pickled: bytes) -> Simulator:
    calibration, noise, idle, method = pickle.loads(pickled)  # noqa: S301  # what is unpickled already, one level up
    return Simulator(calibration, noise=noise, idle=idle, method=method)


def _child_seeds(seed: SeedSequence, number: int) -> list[SeedSequence]:
    """Return independent seeds; unlike ``seed.spawn``, the same ones every time."""
    return [
        SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, child), pool_size=seed.pool_size)
        for child in range(number)
    ]
