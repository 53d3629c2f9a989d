"""The methods by which a subcircuit can be simulated exactly, and what each of them costs.

There are two ways, each with several of Aer's methods, and with one of our own (:mod:`.pauli_evolution`,
:mod:`.batched_trajectories`):

- **evolution**: the state of all components at the end, computed once. All shots are drawn from its probabilities, so
  they cost next to nothing. A measurement in mid-circuit writes its bit into one more component. With noise the state
  is a density matrix, without a state vector.
- **trajectories**: every shot is a run of its own, with noise drawn for it. Components share registers: one is taken
  when it is first used and given back after its last step, so that the state is only as large as the number of
  components in use at a time. Several runs in a row are one shot of Aer's, because that has a price of its own.

The distribution of results is the same for all; with the same seed the counts differ. The seconds that
:class:`Estimate` speaks of are those of one core of a server of the 2020s; mostly their ratios matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, TypeAlias, get_args

import numpy as np

from iqm_fakes.simulator.batched_trajectories import memory as batch_memory
from iqm_fakes.simulator.batched_trajectories import plan as plan_of_batches
from iqm_fakes.simulator.batched_trajectories import shots_at_once
from iqm_fakes.simulator.fused_gates import FusedGates
from iqm_fakes.simulator.pauli_evolution import contraction
from iqm_fakes.simulator.subcircuits import Block, Subcircuit, gates_of

AerMethod: TypeAlias = Literal["density_matrix", "statevector", "stabilizer", "matrix_product_state"]
"""Aer's name of how the state is represented."""

OwnMethod: TypeAlias = Literal["pauli", "batched"]
"""By expectation values of Pauli operators; by state vectors, those of many shots in one array."""

Method: TypeAlias = AerMethod | OwnMethod
"""How the state is represented."""

AER_METHODS: tuple[AerMethod, ...] = get_args(AerMethod)
METHODS: tuple[Method, ...] = (*AER_METHODS, *get_args(OwnMethod))

PilotRun: TypeAlias = Callable[[Subcircuit, int], int]
"""Returns the largest bond dimension seen in one run of a subcircuit without noise, cut off at the number given."""

MEMORY_LIMIT = 2 * 2**30
"""Bytes that the state of one circuit may take."""

PILOT_ABOVE = 8
"""Up to this bond dimension the pilot run is skipped: the state is small anyway."""
PILOT_CUT_OFF = 32
"""The bond dimension at which a pilot run is cut off, so that it is quick."""
PILOT_GATES = 1000
"""Above this number of gates, each counted by the registers it spans, the pilot run is skipped: it would take long."""

LONGEST_CALL = 0.5
"""Seconds, by estimate, that a call of Aer may take if its work can be split: it can't be interrupted, and nothing else
in the process runs meanwhile, as Aer keeps Python's lock."""
MOST_PREPARATION = 0.1
"""Which part of that may be spent before the first shot; otherwise calls are longer."""
_AGAIN = 0.15
"""Which part of what is prepared for a call of Aer has to be prepared again for the next one."""

BYTES_PER_AMPLITUDE = 16
"""One complex number of a state."""
BYTES_PER_PROBABILITY = 8
"""One of the numbers that an evolution ends with; they are in Aer and here while the state is still there."""

COSTS: Mapping[str, float] = {
    "call": 0.7e-3,  # of Aer
    "instruction": 15e-6,  # from here into Aer
    "error": 0.2e-3,  # whose events are drawn for each shot, from here into Aer
    "shot": 75e-6,  # what Aer does for each before the first instruction, mostly seeding a generator
    "measured bit": 1e-6,  # where Aer runs once and draws all shots
    "outcome": 30e-9,  # one of the probabilities at the end of an evolution
    "density_matrix step": 2e-6,  # an instruction in a shot, besides what depends on the size of the state
    "density_matrix, 1 component": 8e-9,  # an instruction, for each element of the state
    "density_matrix, 2 components": 25e-9,
    "statevector step": 2e-6,
    "statevector, 1 component": 5e-9,
    "statevector, 2 components": 9e-9,
    "stabilizer step": 0.8e-6,
    "stabilizer row": 0.25e-9,  # one bit of the tableau, for each instruction
    "matrix_product_state step": 3e-6,
    "matrix_product_state, 2 components": 15e-6,
    "matrix_product_state bond": 40e-9,  # the same, for each cube of the bond dimension
    "tensor": 25e-6,  # of a network, made and contracted
    "multiplication": 0.05e-9,  # in a contraction, with the addition after it
    "number": 0.8e-9,  # that a contraction reads or writes
    "batch step": 75e-6,  # of trajectories in one array
    "batch amplitude": 3.5e-9,  # in a step
    "batch error": 65e-6,  # that happens in some shots of a batch
    "batch operator": 2e-9,  # a number of an operator that may be drawn for a shot
}
"""Seconds of each kind of work, as ``benchmarks/cost_model.py`` fits them."""

_SHOT_BY_INSTRUCTION = 5.0
"""How many more instructions Aer could be given in the time that it takes to start a shot."""
_MOST_BITS = 32
"""Of so many recorded bits the probabilities alone would take 32 GiB."""


@dataclass(frozen=True)
class Estimate:
    """What simulating a subcircuit costs.

    Attributes:
        work: How much of each of :data:`COSTS`.
        memory: Bytes of the state, and of the probabilities of all outcomes.
        width: Components of the state.

    """

    work: Mapping[str, float]
    memory: float
    width: int

    @cached_property
    def seconds(self) -> float:
        """About how long it takes."""
        return sum(COSTS[kind] * amount for kind, amount in self.work.items())


class Unsupported(Exception):
    """A method can't simulate a subcircuit; the message says why."""


@dataclass(frozen=True)
class Evolution:
    """One evolution of the state, from whose probabilities all shots are drawn."""

    method: AerMethod
    name: str = "evolution"

    def estimate(self, subcircuit: Subcircuit, shots: int, pilot_run: PilotRun) -> Estimate:
        """Return the cost: the number of blocks times the size of the state.

        Raises:
            Unsupported: The method can't simulate the subcircuit, memory aside.

        """
        if self.method == "statevector" and not subcircuit.is_unitary:
            raise Unsupported("noise, resets or measurements before the end make the state a mixture")
        width = len(subcircuit.components) + len(subcircuit.mid_circuit)
        size = 2.0 ** (width if self.method == "statevector" else 2 * width)
        steps = len(subcircuit.steps)
        alone = sum(len(block.targets) == 1 for block in subcircuit.blocks)
        work = {
            "call": 1,
            "instruction": steps,
            f"{self.method} step": steps,
            f"{self.method}, 1 component": alone * size,
            f"{self.method}, 2 components": (steps - alone) * size,
            "outcome": 2.0**width,
        }
        return Estimate(work, BYTES_PER_AMPLITUDE * size + 2 * BYTES_PER_PROBABILITY * 2.0**width, width)


@dataclass(frozen=True)
class Trajectories:
    """A run for every shot."""

    method: AerMethod
    name: str = "trajectories"

    def estimate(self, subcircuit: Subcircuit, shots: int, pilot_run: PilotRun) -> Estimate:
        """Return the cost: the number of shots times that of a run.

        Raises:
            Unsupported: The method can't simulate the subcircuit, memory aside.

        """
        if self.method == "stabilizer":
            _check_stabilizer(subcircuit)
        once = runs_once(subcircuit, self.method)
        width = len(subcircuit.components) if once else subcircuit.layout.width
        width += any(measure.is_feedback for measure in subcircuit.measures)
        instructions = _instructions(subcircuit, self.method)
        run, memory = self._run(subcircuit, width, instructions, pilot_run)
        errors = 0 if self.method == "density_matrix" else subcircuit.error_count
        if once:
            work = {"call": 1, "error": errors, "instruction": instructions, "measured bit": shots * width, **run}
            return Estimate(work, memory, width)
        runs = self.runs_per_shot(subcircuit, shots)
        work = {"call": 1, "error": errors, "instruction": instructions * runs, "shot": shots / runs}
        return Estimate({**work, **{kind: amount * shots for kind, amount in run.items()}}, memory, width)

    def runs_per_shot(self, subcircuit: Subcircuit, shots: int) -> int:
        """Return how many runs in a row are one shot of Aer's: what a shot costs against building more instructions."""
        if runs_once(subcircuit, self.method):
            return 1
        instructions = _instructions(subcircuit, self.method)
        return max(1, min(shots, round(math.sqrt(shots * _SHOT_BY_INSTRUCTION / max(instructions, 1)))))

    def shots_per_call(self, subcircuit: Subcircuit, shots: int, seconds: float) -> int:
        """Return how many shots are taken in one call of Aer, if all of them take so many seconds by estimate."""
        if seconds <= LONGEST_CALL or runs_once(subcircuit, self.method):
            return shots
        errors = 0 if self.method == "density_matrix" else subcircuit.error_count
        instructions = _instructions(subcircuit, self.method)
        preparing = _AGAIN * (COSTS["error"] * errors + COSTS["instruction"] * instructions)
        call = max(LONGEST_CALL, preparing / MOST_PREPARATION)
        return math.ceil(shots / math.ceil(seconds / call))

    def _run(
        self, subcircuit: Subcircuit, width: int, instructions: int, pilot_run: PilotRun
    ) -> tuple[dict[str, float], float]:
        """Return the work of one run and the bytes of its state."""
        joint = sum(len(block.targets) == 2 for block in subcircuit.blocks)
        work: dict[str, float] = {f"{self.method} step": instructions}
        if self.method == "stabilizer":
            return {**work, "stabilizer row": instructions * width**2}, width**2 / 2
        if self.method == "matrix_product_state":
            bond = _bond_dimension(subcircuit, pilot_run)
            work |= {f"{self.method}, 2 components": joint, f"{self.method} bond": joint * bond**3}
            return work, BYTES_PER_AMPLITUDE * 2 * width * bond**2
        size = 2.0 ** (width if self.method == "statevector" else 2 * width)
        others = 3 * (len(subcircuit.steps) - len(subcircuit.blocks))  # measurements take several passes
        alone = len(subcircuit.blocks) - joint + others
        work |= {f"{self.method}, 1 component": alone * size, f"{self.method}, 2 components": joint * size}
        return work, BYTES_PER_AMPLITUDE * size


@dataclass(frozen=True)
class PauliEvolution:
    """One contraction of a network of Pauli expectation values, from whose probabilities all shots are drawn."""

    method: Literal["pauli"] = "pauli"
    name: str = "evolution"

    def estimate(self, subcircuit: Subcircuit, shots: int, pilot_run: PilotRun) -> Estimate:
        """Return the cost, by the order in which tensors are contracted.

        Raises:
            Unsupported: There are too many recorded bits for any memory.

        """
        bits = len(subcircuit.bits)
        if bits > _MOST_BITS:
            raise Unsupported(f"{bits} recorded bits have too many outcomes")
        tensors, _, order = contraction(subcircuit)
        work = {
            "tensor": len(tensors),
            "multiplication": order.multiplications,
            "number": order.moved,
            "outcome": 2.0**bits,
        }
        return Estimate(work, 4 * order.largest + 8 * 5 * 2.0**bits, len(subcircuit.components))


@dataclass(frozen=True)
class BatchedTrajectories:
    """A run for every shot, many of them in one array."""

    method: Literal["batched"] = "batched"
    name: str = "trajectories"

    def estimate(self, subcircuit: Subcircuit, shots: int, pilot_run: PilotRun) -> Estimate:
        """Return the cost: the number of shots times the sizes of the state, and what the errors take."""
        steps = plan_of_batches(subcircuit)
        width = max((step.width for step in steps), default=0)
        batches = math.ceil(shots / shots_at_once(width))
        work = {"batch step": batches * len(steps), "batch amplitude": 0.0, "batch error": 0.0, "batch operator": 0.0}
        for does, _, components in steps:
            size = shots * 2.0**components
            if isinstance(does, FusedGates):
                size *= 1 + 2 * does.hit
                likely = 1 - does.nothing
                numbers = 8 ** len(does.targets) * np.array([len(error.operators) for error in does.errors])
                work["batch error"] += batches * float(np.sum(-np.expm1(-likely * shots / batches)))
                work["batch operator"] += shots * float(np.sum(likely * numbers))
            work["batch amplitude"] += size
        return Estimate(work, batch_memory(subcircuit), width)


ExactEngine: TypeAlias = Evolution | PauliEvolution
"""What computes the probabilities of all outcomes."""

Engine: TypeAlias = ExactEngine | Trajectories | BatchedTrajectories
"""One of the two ways with one of the methods."""


def check_method(method: str) -> None:
    """Raise ValueError if there is no such method."""
    if method not in (*METHODS, "auto"):
        raise ValueError(f"there is no simulation method '{method}'; choose auto, {', '.join(METHODS)}")


def runs_once(subcircuit: Subcircuit, method: AerMethod) -> bool:
    """Return whether all trajectories are the same until the last measurements, so that Aer needs only one."""
    return subcircuit.is_unitary and method != "density_matrix"


@lru_cache(maxsize=1024)
def _instructions(subcircuit: Subcircuit, method: AerMethod) -> int:
    """Return about how many instructions of Aer's a run is."""
    separate = method == "stabilizer"
    count = len(subcircuit.components)  # resets
    for step in subcircuit.steps:
        gates = gates_of(step)
        errors = sum(len(gate.errors) for gate in gates) if method != "density_matrix" else 0
        count += errors + (sum(1 + (not gate.only_noise) for gate in gates) if separate else 1)
    return count


def _check_stabilizer(subcircuit: Subcircuit) -> None:
    for step in subcircuit.steps:
        for gate in gates_of(step):
            names = ", ".join(subcircuit.components[target] for target in step.targets)
            if gate.clifford_gates is None:
                raise Unsupported(f"there is a gate on {names} that is no Clifford gate")
            if any(error.mixture is None for error in gate.errors):
                raise Unsupported(
                    f"the relaxation on {names} is no mixture of Pauli errors and resets, because T2 > T1"
                )


@lru_cache(maxsize=1024)
def _bond_dimension(subcircuit: Subcircuit, pilot_run: PilotRun) -> float:
    """Return about the largest bond dimension of a matrix product state, the registers of the subcircuit in a row.

    Each gate at most doubles it between the registers that it connects. If that allows much, one run without noise
    shows how much entanglement there is.
    """
    layout = subcircuit.layout
    crossings = np.zeros(max(layout.width - 1, 1))
    for step, registers, _ in layout.steps:
        if isinstance(step, Block) and len(registers) == 2:
            crossings[min(registers) : max(registers)] += 1
    sides = np.minimum(np.arange(1, layout.width), layout.width - np.arange(1, layout.width))
    bound = float(2.0 ** np.max(np.minimum(crossings[: layout.width - 1], sides), initial=0))
    if bound <= PILOT_ABOVE or crossings.sum() > PILOT_GATES:
        return bound
    seen = pilot_run(subcircuit, PILOT_CUT_OFF)
    return bound if seen >= PILOT_CUT_OFF else min(bound, 2.0 * seen)
