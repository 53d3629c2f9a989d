"""The methods by which a subcircuit can be simulated exactly, and what each of them costs.

There are two ways, each with several of Aer's methods:

- **evolution**: the state of all components at the end, computed once. All shots are drawn from its probabilities, so
  they cost next to nothing. A measurement in mid-circuit writes its bit into one more component. With noise the state
  is a density matrix, without a state vector.
- **trajectories**: every shot is a run of its own, with noise drawn for it. Components share registers: one is taken
  when it is first used and given back after its last step, so that the state is only as large as the number of
  components in use at a time. Several runs in a row are one shot of Aer's, because that has a price of its own.

The distribution of results is the same for all; with the same seed the counts differ. The seconds that
:class:`Estimate` speaks of are those of one core of a server of the 2020s, fitted to measurements; only their ratios
matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

import numpy as np

from iqm_fakes.simulator.subcircuits import Block, Subcircuit, gates_of

Method: TypeAlias = Literal["density_matrix", "statevector", "stabilizer", "matrix_product_state"]
"""Aer's name of how the state is represented."""

METHODS: tuple[Method, ...] = get_args(Method)

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

BYTES_PER_AMPLITUDE = 16
"""One complex number of a state."""

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


@dataclass(frozen=True)
class Estimate:
    """What simulating a subcircuit costs.

    Attributes:
        seconds: About how long it takes.
        memory: Bytes of the state.
        width: Components of the state.

    """

    seconds: float
    memory: float
    width: int


class Unsupported(Exception):
    """A method can't simulate a subcircuit; the message says why."""


@dataclass(frozen=True)
class Evolution:
    """One evolution of the state, from whose probabilities all shots are drawn."""

    method: Method
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
        steps = sum(_ELEMENT[len(block.targets)][self.method] for block in subcircuit.blocks)
        steps += sum(_ELEMENT[2][self.method] for step in subcircuit.steps if not isinstance(step, Block))
        seconds = _CALL + len(subcircuit.steps) * (_BUILD + _STEP[self.method]) + steps * size + _DRAW * 2.0**width
        return Estimate(seconds, BYTES_PER_AMPLITUDE * size, width)


@dataclass(frozen=True)
class Trajectories:
    """A run for every shot."""

    method: Method
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
        prepared = _CALL if self.method == "density_matrix" else _CALL + subcircuit.error_count * _ERROR
        if once:
            return Estimate(prepared + instructions * _BUILD + run + shots * 1e-6 * width, memory, width)
        runs = self.runs_per_shot(subcircuit, shots)
        seconds = prepared + _BUILD * instructions * runs + _SHOT * shots / runs + run * shots
        return Estimate(seconds, memory, width)

    def runs_per_shot(self, subcircuit: Subcircuit, shots: int) -> int:
        """Return how many runs in a row are one shot of Aer's: what a shot costs against building more instructions."""
        if runs_once(subcircuit, self.method):
            return 1
        instructions = _instructions(subcircuit, self.method)
        return max(1, min(shots, round(math.sqrt(shots * _SHOT / (_BUILD * max(instructions, 1))))))

    def _run(self, subcircuit: Subcircuit, width: int, instructions: int, pilot_run: PilotRun) -> tuple[float, float]:
        """Return the seconds of one run and the bytes of its state."""
        if self.method == "stabilizer":
            return instructions * (_STEP[self.method] + 2e-9 * width**2 / 8), width**2 / 2
        if self.method == "matrix_product_state":
            bond = _bond_dimension(subcircuit, pilot_run)
            joint = sum(len(block.targets) == 2 for block in subcircuit.blocks)
            return instructions * _STEP[self.method] + joint * (
                15e-6 + _BOND * bond**3
            ), BYTES_PER_AMPLITUDE * 2 * width * bond**2
        size = 2.0 ** (width if self.method == "statevector" else 2 * width)
        blocks = sum(_ELEMENT[len(block.targets)][self.method] for block in subcircuit.blocks)
        other = _ELEMENT[1][self.method] * 3 * sum(not isinstance(step, Block) for step in subcircuit.steps)
        return instructions * _STEP[self.method] + (blocks + other) * size, BYTES_PER_AMPLITUDE * size


Engine: TypeAlias = Evolution | Trajectories
"""One of the two ways with one of Aer's methods."""


def check_method(method: str) -> None:
    """Raise ValueError if there is no such method."""
    if method not in (*METHODS, "auto"):
        raise ValueError(f"there is no simulation method '{method}'; choose auto, {', '.join(METHODS)}")


def runs_once(subcircuit: Subcircuit, method: Method) -> bool:
    """Return whether all trajectories are the same until the last measurements, so that Aer needs only one."""
    return subcircuit.is_unitary and method != "density_matrix"


@lru_cache(maxsize=1024)
def _instructions(subcircuit: Subcircuit, method: Method) -> int:
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
