"""How long a circuit takes, and whether that is too long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from iqm_fakes.noise import Noise
from iqm_fakes.simulator.circuit import CircuitError, Instruction
from iqm_fakes.simulator.loci import Locus


class Step(NamedTuple):
    """An instruction that passed its checks: what is executed as one, and its numeric arguments."""

    instruction: Instruction
    factors: tuple[tuple[Locus, str], ...]
    parameters: tuple[float, ...]


def check_duration(steps: Iterable[Step], noise: Noise, over_t2: float) -> None:
    """Check the duration of a circuit against the shortest T2 of the components it uses.

    Raises:
        CircuitError: It takes longer than ``over_t2`` times that T2.

    """
    ends = _ends(steps, noise)
    t2, component = min((noise.relaxation(component).t2, component) for component in ends)
    duration = max(ends.values())
    if duration > over_t2 * t2:
        raise CircuitError(
            f"the circuit takes {duration * 1e6:.3g} µs, more than max_circuit_duration_over_t2 = {over_t2:g} times "
            f"the T2 of {component} ({t2 * 1e6:.3g} µs); shorten the circuit or raise the limit"
        )


def _ends(steps: Iterable[Step], noise: Noise) -> Mapping[str, float]:
    """Start everything as soon as possible; return when each used component is done, in seconds.

    A barrier makes its components wait for each other; a conditional pulse waits for the measurement that decides it.
    """
    clock: dict[str, float] = {}
    known: dict[tuple[str, str], float] = {}
    used: set[str] = set()
    for step in steps:
        name, locus, args = step.instruction.name, step.instruction.locus, step.instruction.args
        start = max((clock.get(component, 0.0) for component in locus), default=0.0)
        if name == "cc_prx":
            start = max(start, known[args["feedback_qubit"], args["feedback_key"]])
        end = start + _duration(step, noise)
        clock.update(dict.fromkeys(locus, end))
        if "feedback_key" in args and name != "cc_prx":
            known.update({(component, args["feedback_key"]): end for component in locus})
        if name != "barrier":
            used.update(locus)
    return {component: clock[component] for component in used}


def _duration(step: Step, noise: Noise) -> float:
    name = step.instruction.name
    if name == "delay":
        return step.parameters[0]
    return max((noise.gate(name, *factor).duration for factor in step.factors), default=0.0)
