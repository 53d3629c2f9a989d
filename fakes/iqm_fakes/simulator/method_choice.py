"""The choice of how to simulate a subcircuit: whatever is thought to be fastest and fits into memory.

That is one of Aer's methods, unless another engine is thought to be much faster.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from iqm_fakes.simulator.circuit import CircuitError
from iqm_fakes.simulator.methods import (
    AER_METHODS,
    BYTES_PER_AMPLITUDE,
    BYTES_PER_PROBABILITY,
    MEMORY_LIMIT,
    BatchedTrajectories,
    Engine,
    Estimate,
    Evolution,
    ExactEngine,
    Method,
    PauliEvolution,
    Trajectories,
    Unsupported,
)
from iqm_fakes.simulator.subcircuits import Subcircuit

EVOLUTIONS: tuple[ExactEngine, ...] = (Evolution("density_matrix"), Evolution("statevector"), PauliEvolution())
"""The engines that have exact probabilities."""

ENGINES: tuple[Engine, ...] = (
    Evolution("density_matrix"),
    Evolution("statevector"),
    Trajectories("density_matrix"),
    Trajectories("statevector"),
    Trajectories("stabilizer"),
    PauliEvolution(),
    BatchedTrajectories(),
    Trajectories("matrix_product_state"),
)
"""What there is, in the order in which they are asked: whoever takes longest to answer comes last."""

WORTH_A_PILOT = 50e-3
"""Seconds: what is faster than this is not worth a pilot run, which takes tens of milliseconds."""

WORTH_LEAVING_AER = 20e-3
"""Seconds that an engine other than Aer has to save; at least half of Aer's time, too."""

FAST_ENOUGH = 3e-3
"""Seconds: if an engine is as fast as this, asking the others would take longer than they could save."""


@dataclass(frozen=True)
class Choice:
    """How a subcircuit is simulated.

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


def choose(subcircuit: Subcircuit, shots: int, method: Method | Literal["auto"]) -> Choice:
    """Return the cheapest engine for a subcircuit, which has to be much cheaper than Aer's if it is another one.

    Raises:
        CircuitError: None can simulate it; the message says why each of them can't.

    """
    engines = ENGINES if method == "auto" else [engine for engine in ENGINES if engine.method == method]
    able, refusals = _asked(engines, subcircuit, shots)
    if not able:
        raise CircuitError(
            f"{_connected(subcircuit)} can't be simulated within {MEMORY_LIMIT / 2**30:g} GiB. {refusals}. "
            f"What works: {_what_works(method)}"
        )
    engine, estimate = _best(able)
    return Choice(engine, subcircuit.components, estimate)


def choose_evolution(subcircuit: Subcircuit) -> tuple[ExactEngine, Estimate]:
    """Return the cheapest evolution of a subcircuit, from which its exact probabilities come, and what it costs.

    Raises:
        CircuitError: There is none; the message says why.

    """
    able, refusals = _asked(EVOLUTIONS, subcircuit, 1)
    if not able:
        qubits = int(math.log2(MEMORY_LIMIT / (BYTES_PER_AMPLITUDE + 2 * BYTES_PER_PROBABILITY)))
        raise CircuitError(
            f"the exact distribution of {_connected(subcircuit)} can't be computed within "
            f"{MEMORY_LIMIT / 2**30:g} GiB. {refusals}. What works: with noise {qubits // 2} components and bits "
            f"measured in mid-circuit that gates connect, without noise {qubits}"
        )
    return _best(able)


_E = TypeVar("_E", bound=Engine)


def _asked(engines: Iterable[_E], subcircuit: Subcircuit, shots: int) -> tuple[list[tuple[_E, Estimate]], str]:
    """Return the engines that can simulate a subcircuit, until one is fast enough, and why the others can't."""
    able: list[tuple[_E, Estimate]] = []
    refusals: dict[Method, str] = {}
    for engine in engines:
        fastest = min(map(_seconds, able), default=math.inf)
        if engine.method not in AER_METHODS and fastest < WORTH_LEAVING_AER:
            continue
        try:
            estimate = engine.estimate(subcircuit, shots, pilot_run if fastest > WORTH_A_PILOT else no_pilot_run)
        except Unsupported as reason:
            refusals.setdefault(engine.method, str(reason))
            continue
        if estimate.memory > MEMORY_LIMIT:
            refusals[engine.method] = f"the state of {estimate.width} components takes {_readable(estimate.memory)}"
        else:
            able.append((engine, estimate))
            if estimate.seconds < FAST_ENOUGH:
                break
    return able, "; ".join(f"{method}: {reason}" for method, reason in refusals.items())


def _best(able: Sequence[tuple[_E, Estimate]]) -> tuple[_E, Estimate]:
    best = min(able, key=_seconds)
    if aer := [one for one in able if one[0].method in AER_METHODS]:
        aers_best = min(aer, key=_seconds)
        if _seconds(aers_best) - _seconds(best) < max(WORTH_LEAVING_AER, _seconds(aers_best) / 2):
            return aers_best
    return best


def _seconds(one: tuple[Engine, Estimate]) -> float:
    return one[1].seconds


def _connected(subcircuit: Subcircuit) -> str:
    names = subcircuit.components
    return f"{len(names)} connected components ({_some(names)})"


def pilot_run(subcircuit: Subcircuit, most: int) -> int:
    """Return the largest bond dimension of one run, as a :data:`~iqm_fakes.simulator.methods.PilotRun`."""
    from iqm_fakes.simulator import aer  # importing Qiskit takes seconds, and few choices need it

    return aer.bond_dimension(subcircuit, most)


def no_pilot_run(subcircuit: Subcircuit, most: int) -> int:
    """Return that nothing is known: the bond dimension may be ``most`` or larger."""
    return most


def _what_works(method: Method | Literal["auto"]) -> str:
    qubits = int(math.log2(MEMORY_LIMIT / BYTES_PER_AMPLITUDE))
    few = f"at most {qubits // 2 if method == 'density_matrix' else qubits} components in use at a time"
    ways = {"stabilizer": "only Clifford gates", "auto": f"{few}, or only Clifford gates"}
    another = "" if method == "auto" else f", or another method than '{method}'"
    return ways.get(method, few) + another


def _readable(memory: float) -> str:
    return f"{memory / 2**30:,.0f} GiB" if memory < 2**50 else f"{memory / 2**30:.1e} GiB"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])} and {len(names) - 5} more"
