"""The choice of how to simulate a subcircuit: whatever is thought to be fastest and fits into memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from iqm_fakes.simulator.circuit import CircuitError
from iqm_fakes.simulator.methods import (
    BYTES_PER_AMPLITUDE,
    MEMORY_LIMIT,
    METHODS,
    Engine,
    Estimate,
    Evolution,
    Method,
    Trajectories,
    Unsupported,
)
from iqm_fakes.simulator.subcircuits import Subcircuit

ENGINES: tuple[Engine, ...] = (
    Evolution("density_matrix"),
    Evolution("statevector"),
    *(Trajectories(method) for method in METHODS),
)

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
    """Return the cheapest engine for a subcircuit.

    Raises:
        CircuitError: None can simulate it; the message says why each of them can't.

    """
    choices: list[Choice] = []
    refusals: dict[Method, str] = {}
    for engine in ENGINES if method == "auto" else [engine for engine in ENGINES if engine.method == method]:
        try:
            estimate = engine.estimate(subcircuit, shots, _pilot_run)
        except Unsupported as reason:
            refusals.setdefault(engine.method, str(reason))
            continue
        if estimate.memory > MEMORY_LIMIT:
            refusals[engine.method] = f"the state of {estimate.width} components takes {_readable(estimate.memory)}"
        else:
            choices.append(Choice(engine, subcircuit.components, estimate))
            if estimate.seconds < FAST_ENOUGH:
                break
    if not choices:
        reasons = "; ".join(f"{method}: {reason}" for method, reason in refusals.items())
        names = subcircuit.components
        raise CircuitError(
            f"{len(names)} connected components ({_some(names)}) can't be simulated within "
            f"{MEMORY_LIMIT / 2**30:g} GiB. {reasons}. What works: {_what_works(method)}"
        )
    return min(choices, key=lambda choice: choice.estimate.seconds)


def _pilot_run(subcircuit: Subcircuit, most: int) -> int:
    """Return the largest bond dimension of one run, as a :data:`~iqm_fakes.simulator.methods.PilotRun`."""
    from iqm_fakes.simulator import aer  # importing Qiskit takes seconds, and few choices need it

    return aer.bond_dimension(subcircuit, most)


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
