"""The ways to simulate a part exactly, what each of them costs, and the choice of the cheapest.

There are two ways, each with several of Aer's methods:

- **evolution**: the state of all components at the end of the part, computed once. All shots are drawn from its
  probabilities, so they cost next to nothing. Measurements that something follows write their outcome into one more
  component. With noise the state is a density matrix, without a state vector.
- **trajectories**: every shot is a run of its own, with noise drawn for it. Components share registers: one is taken
  when it is first used and given back after its last step, so that the state is only as large as the number of
  components in use at a time. Several runs in a row are one shot of Aer's, because that has a price of its own.

All are exact; which one is used changes only the time. The seconds that :class:`Estimate` speaks of are those of one
core of a server of the 2020s, fitted to measurements; only their ratios matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol, TypeAlias, get_args

import numpy as np
from numpy.random import SeedSequence
from numpy.typing import NDArray

from iqm_fakes.simulator.circuit import CircuitError
from iqm_fakes.simulator.parts import Block, Part, actions_of

Method: TypeAlias = Literal["density_matrix", "statevector", "stabilizer", "matrix_product_state"]
METHODS: tuple[Method, ...] = get_args(Method)

MEMORY_LIMIT = 2 * 2**30
"""Bytes that the state of one circuit may take."""

SMALL, PILOT, FEW = 8, 32, 1000
"""Bond dimensions up to which it does not matter, and up to which one run of so few gates can be tried quickly."""

NOTHING_TO_GAIN = 3e-3
"""Seconds: if an engine is as fast as this, asking the others would take longer than they could save."""

_COMPLEX = 16
_CALL = 0.7e-3
"""One call of Aer."""
_BUILD = 15e-6
"""One instruction, from here into Aer."""
_ERROR = 0.2e-3
"""One error whose events are drawn for each shot, from here into Aer."""
_SHOT = 75e-6
"""What Aer does for each shot before the first instruction, mostly seeding a generator."""
_DRAW = 30e-9
"""Drawing from one of the probabilities at the end of an evolution."""
_STEP = {"density_matrix": 2e-6, "statevector": 2e-6, "stabilizer": 0.8e-6, "matrix_product_state": 8e-6}
"""One instruction in one shot, besides what depends on the size of the state."""
_ELEMENT = {1: {"density_matrix": 8e-9, "statevector": 5e-9}, 2: {"density_matrix": 25e-9, "statevector": 9e-9}}
"""One instruction on one or two components, for each element of the state."""
_BOND = 40e-9
"""One instruction on two components, for each cube of a matrix product's bond dimension."""


class Task(NamedTuple):
    """Take so many shots of a part."""

    part: Part
    shots: int
    seed: SeedSequence


@dataclass(frozen=True)
class Estimate:
    """What simulating a part costs.

    Attributes:
        seconds: About how long it takes.
        memory: Bytes of the state.
        width: Components of the state.

    """

    seconds: float
    memory: float
    width: int


class Impossible(Exception):
    """An engine can't simulate a part; the message says why."""


class Engine(Protocol):
    """One exact way to simulate a part."""

    @property
    def method(self) -> Method:
        """Aer's name of the representation of the state."""

    @property
    def name(self) -> str:
        """What is computed once: ``evolution``; or for each shot: ``trajectories``."""

    def estimate(self, part: Part, shots: int) -> Estimate:
        """Return what the engine would cost.

        Raises:
            Impossible: It can't simulate the part, memory aside.

        """

    def sample(self, tasks: Sequence[Task]) -> list[NDArray[np.uint8]]:
        """Take shots: for each task, recorded bits of shape (shots, bits of the part), in random order."""


@dataclass(frozen=True)
class Evolution:
    """One evolution of the state, from whose probabilities all shots are drawn."""

    method: Method
    name: str = "evolution"

    def estimate(self, part: Part, shots: int) -> Estimate:
        """Return the cost: the number of blocks times the size of the state."""
        if self.method == "statevector" and not part.ideal:
            raise Impossible("noise, resets or measurements before the end make the state a mixture")
        width = len(part.components) + len(part.early)
        size = 2.0 ** (width if self.method == "statevector" else 2 * width)
        steps = sum(_ELEMENT[len(block.targets)][self.method] for block in part.blocks)
        steps += sum(_ELEMENT[2][self.method] for step in part.steps if not isinstance(step, Block))
        seconds = _CALL + len(part.steps) * (_BUILD + _STEP[self.method]) + steps * size + _DRAW * 2.0**width
        return Estimate(seconds, _COMPLEX * size, width)

    def sample(self, tasks: Sequence[Task]) -> list[NDArray[np.uint8]]:
        """Take shots; all tasks are one call of Aer."""
        from iqm_fakes.simulator import aer  # importing Qiskit takes seconds, and choosing an engine does not need it

        everything = aer.probabilities([task.part for task in tasks], self.method)
        return [_drawn(task, probabilities) for task, probabilities in zip(tasks, everything, strict=True)]


@dataclass(frozen=True)
class Trajectories:
    """A run for every shot."""

    method: Method
    name: str = "trajectories"

    def estimate(self, part: Part, shots: int) -> Estimate:
        """Return the cost: the number of shots times that of a run."""
        if self.method == "stabilizer":
            _check_stabilizer(part)
        once = runs_once(part, self.method)
        layout = part.layout
        width = len(part.components) if once else layout.width
        width += any(measure.decides for measure in part.measures)
        instructions = _instructions(part, self.method)
        run, memory = self._run(part, width, instructions)
        prepared = _CALL if self.method == "density_matrix" else _CALL + part.errors * _ERROR
        if once:
            return Estimate(prepared + instructions * _BUILD + run + shots * 1e-6 * width, memory, width)
        runs = repetitions(shots, instructions)
        seconds = prepared + _BUILD * instructions * runs + _SHOT * shots / runs + run * shots
        return Estimate(seconds, memory, width)

    def _run(self, part: Part, width: int, instructions: int) -> tuple[float, float]:
        """Return the seconds of one run and the bytes of its state."""
        if self.method == "stabilizer":
            return instructions * (_STEP[self.method] + 2e-9 * width**2 / 8), width**2 / 2
        if self.method == "matrix_product_state":
            bond = _bond_dimension(part)
            joint = sum(len(block.targets) == 2 for block in part.blocks)
            return instructions * _STEP[self.method] + joint * (15e-6 + _BOND * bond**3), _COMPLEX * 2 * width * bond**2
        size = 2.0 ** (width if self.method == "statevector" else 2 * width)
        blocks = sum(_ELEMENT[len(block.targets)][self.method] for block in part.blocks)
        other = _ELEMENT[1][self.method] * 3 * sum(not isinstance(step, Block) for step in part.steps)
        return instructions * _STEP[self.method] + (blocks + other) * size, _COMPLEX * size

    def sample(self, tasks: Sequence[Task]) -> list[NDArray[np.uint8]]:
        """Take shots; each task is a call of Aer, which spreads the shots over the cores."""
        return [self._sample(task) for task in tasks]

    def _sample(self, task: Task) -> NDArray[np.uint8]:
        from iqm_fakes.simulator import aer

        part, once = task.part, runs_once(task.part, self.method)
        runs = 1 if once else repetitions(task.shots, _instructions(part, self.method))
        random = np.random.default_rng(task.seed)
        seed = int(random.integers(2**63))
        rows, counts = aer.outcomes(part, self.method, -(-task.shots // runs), runs, seed)
        bits = np.repeat(rows, counts, axis=0).reshape(-1, len(part.bits))
        bits = random.permutation(bits)[: task.shots]  # Aer's counts are sorted; the order of shots is random
        errors = np.array([(0.0, 0.0) if measure.decides else measure.readout for measure in part.measures])
        bits ^= random.random(bits.shape) < np.where(bits, errors[:, 1], errors[:, 0])
        return bits


ENGINES: tuple[Engine, ...] = (
    Evolution("density_matrix"),
    Evolution("statevector"),
    *(Trajectories(method) for method in METHODS),
)


@dataclass(frozen=True)
class Choice:
    """How a part is simulated.

    Attributes:
        engine: What simulates it.
        components: Names of its components.
        estimate: What it is thought to cost.

    """

    engine: Engine
    components: tuple[str, ...]
    estimate: Estimate

    def __str__(self) -> str:
        """Return method, way and size, as in ``density_matrix evolution of 2 components (QB1, QB2)``."""
        engine, count = self.engine, self.estimate.width
        names = ", ".join(self.components)
        return f"{engine.method} {engine.name} of {count} component{'s' * (count != 1)} ({names})"


def choose(part: Part, shots: int, method: Method | Literal["auto"]) -> Choice:
    """Return the cheapest engine for a part.

    Raises:
        CircuitError: None can simulate it; the message says why each of them can't.

    """
    choices: list[Choice] = []
    refusals: dict[Method, str] = {}
    for engine in ENGINES if method == "auto" else [engine for engine in ENGINES if engine.method == method]:
        try:
            estimate = engine.estimate(part, shots)
        except Impossible as reason:
            refusals.setdefault(engine.method, str(reason))
            continue
        if estimate.memory > MEMORY_LIMIT:
            refusals[engine.method] = f"the state of {estimate.width} components takes {_readable(estimate.memory)}"
        else:
            choices.append(Choice(engine, part.components, estimate))
            if estimate.seconds < NOTHING_TO_GAIN:
                break
    if not choices:
        reasons = "; ".join(f"{method}: {reason}" for method, reason in refusals.items())
        raise CircuitError(
            f"{len(part.components)} connected components ({_some(part.components)}) can't be simulated within "
            f"{MEMORY_LIMIT / 2**30:g} GiB. {reasons}. What works: {_what_works(method)}"
        )
    return min(choices, key=lambda choice: choice.estimate.seconds)


def _what_works(method: Method | Literal["auto"]) -> str:
    qubits = int(math.log2(MEMORY_LIMIT / _COMPLEX))
    few = f"at most {qubits // 2 if method == 'density_matrix' else qubits} components in use at a time"
    ways = {"stabilizer": "only Clifford gates", "auto": f"{few}, or only Clifford gates"}
    another = "" if method == "auto" else f", or another method than '{method}'"
    return ways.get(method, few) + another


def runs_once(part: Part, method: Method) -> bool:
    """Return whether all trajectories are the same until the last measurements, so that Aer needs only one."""
    return part.ideal and method != "density_matrix"


def repetitions(shots: int, instructions: int) -> int:
    """Return how many runs in a row are one shot of Aer's: what a shot costs against building more instructions."""
    return max(1, min(shots, round(math.sqrt(shots * _SHOT / (_BUILD * max(instructions, 1))))))


@lru_cache(maxsize=1024)
def _instructions(part: Part, method: Method) -> int:
    """Return about how many instructions of Aer's a run is."""
    separate = method == "stabilizer"
    count = len(part.components)  # resets
    for step in part.steps:
        actions = actions_of(step)
        errors = sum(len(action.errors) for action in actions) if method != "density_matrix" else 0
        count += errors + (sum(1 + (not action.idle) for action in actions) if separate else 1)
    return count


def _check_stabilizer(part: Part) -> None:
    for step in part.steps:
        for action in actions_of(step):
            names = ", ".join(part.components[target] for target in step.targets)
            if action.clifford is None:
                raise Impossible(f"there is a gate on {names} that is no Clifford gate")
            if any(error.mixture is None for error in action.errors):
                raise Impossible(f"the relaxation on {names} is no mixture of Pauli errors and resets, because T2 > T1")


@lru_cache(maxsize=1024)
def _bond_dimension(part: Part) -> float:
    """Return about the largest bond dimension of a part's matrix product state, its registers in a row.

    Each gate at most doubles it between the registers that it connects. If that allows much, one run without noise
    shows how much entanglement there is.
    """
    layout = part.layout
    crossings = np.zeros(max(layout.width - 1, 1))
    for step, registers, _ in layout.steps:
        if isinstance(step, Block) and len(registers) == 2:
            crossings[min(registers) : max(registers)] += 1
    sides = np.minimum(np.arange(1, layout.width), layout.width - np.arange(1, layout.width))
    bound = float(2.0 ** np.max(np.minimum(crossings[: layout.width - 1], sides), initial=0))
    if bound <= SMALL or crossings.sum() > FEW:
        return bound
    from iqm_fakes.simulator import aer

    seen = aer.bond_dimension(part, PILOT)
    return bound if seen >= PILOT else min(bound, 2.0 * seen)


def _drawn(task: Task, probabilities: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Draw shots from the probabilities of true outcomes; readout errors are put in."""
    part, random = task.part, np.random.default_rng(task.seed)
    for measure in part.measures:
        if measure.bit not in part.early:  # what is recorded early has its errors already
            p_1_given_0, p_0_given_1 = measure.readout
            pairs = probabilities.reshape(-1, 2, 2**measure.bit)
            zero, one = pairs[:, 0], pairs[:, 1]
            lost, found = p_1_given_0 * zero, p_0_given_1 * one
            probabilities = np.stack([zero - lost + found, one - found + lost], axis=1).ravel()
    probabilities = np.maximum(probabilities, 0)
    counts = random.multinomial(task.shots, probabilities / probabilities.sum())
    seen = np.flatnonzero(counts)
    outcomes = np.repeat(seen, counts[seen])
    random.shuffle(outcomes)
    columns: NDArray[np.uint8] = ((outcomes[:, None] >> np.arange(len(part.bits))) & 1).astype(np.uint8)
    return columns


def _readable(memory: float) -> str:
    return f"{memory / 2**30:,.0f} GiB" if memory < 2**50 else f"{memory / 2**30:.1e} GiB"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed) if len(listed) <= 6 else f"{', '.join(listed[:5])} and {len(listed) - 5} more"
