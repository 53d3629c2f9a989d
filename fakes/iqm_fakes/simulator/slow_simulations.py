"""Simulations that take long: what makes them slow, and what would help."""

from __future__ import annotations

from collections.abc import Sequence

from iqm_fakes.simulator.methods import BatchedTrajectories, Trajectories
from iqm_fakes.simulator.simulator import Plan

SLOW = 10.0
"""Seconds, by estimate, from which on a job is worth a warning."""

TIME_LIMIT = 900.0
"""Seconds, by estimate, that a job may take if nothing else is said."""


class SlowSimulationWarning(UserWarning):
    """A job whose simulation is thought to take more than 10 s."""


def explained(plans: Sequence[Plan], *, noise: bool, idle: bool) -> str:
    """Return how long the circuits of a job take, why, and what would help.

    Args:
        plans: One for each circuit; at least one has something to simulate.
        noise: Whether there is noise.
        idle: Whether components that wait have noise.

    """
    seconds = sum(plan.seconds for plan in plans)
    index, slowest = max(enumerate(plans), key=lambda each: each[1].seconds)
    choice = max(slowest.choices, key=lambda choice: choice.estimate.seconds)
    trajectories = isinstance(choice.engine, Trajectories | BatchedTrajectories)
    shots = f" for each of {slowest.shots} shots" if trajectories else ""
    helps = [
        *(["fewer shots"] if trajectories else []),
        *(["noise=False"] if noise else []),
        *(["idle=False"] if noise and idle else []),
        "fewer components in use at a time",
    ]
    *some, last = helps
    return (
        f"the simulation takes about {readable(seconds)}, most of it for circuit {index}: {choice.engine.method} "
        f"{choice.engine.name} of {choice.estimate.width} components{shots}. What helps: "
        + (f"{', '.join(some)}, or {last}" if some else last)
    )


def readable(seconds: float) -> str:
    """Return a time for people: ``40 s``, ``12 min``, ``3 h``."""
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
