"""When operations happen, by their published durations: how long components wait, and how long a circuit takes.

Everything starts as soon as possible, as the real compiler schedules by default. A barrier makes its components wait
for each other; a conditional gate waits for the measurement that decides about it.
"""

from __future__ import annotations

from typing import NamedTuple

from iqm_fakes.device.error_rates import Noise
from iqm_fakes.device.metrics import Locus
from iqm_fakes.simulator.circuit import CircuitError, Instruction


class CheckedInstruction(NamedTuple):
    """An instruction that the machine can execute.

    Attributes:
        instruction: As it was written.
        factors: What is executed as one: loci, and the implementation that runs on each.
        parameters: Numeric arguments, in the order of the operation's definition.

    """

    instruction: Instruction
    factors: tuple[tuple[Locus, str], ...]
    parameters: tuple[float, ...]


class Timeline:
    """The schedule of a circuit, made while its instructions are being read.

    Args:
        noise: Says how long operations take.

    """

    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        self._free: dict[str, float] = {}  # component → when its next operation may start
        self._used: dict[str, float] = {}  # component → when its last operation ended
        self._known: dict[tuple[str, str], float] = {}  # (component, feedback key) → when the latest bit is known

    def place(self, checked: CheckedInstruction) -> dict[str, float]:
        """Schedule the next instruction; return for how many seconds each of its components has waited for it."""
        name, locus, args = checked.instruction.name, checked.instruction.locus, checked.instruction.args
        start = max((self._free.get(component, 0.0) for component in locus), default=0.0)
        if name == "barrier":
            self._free.update(dict.fromkeys(locus, start))
            return {}
        if name == "cc_prx":
            start = max(start, self._known[args["feedback_qubit"], args["feedback_key"]])
        waited = {component: start - self._used.get(component, start) for component in locus}
        end = start + self._duration(checked)
        self._free.update(dict.fromkeys(locus, end))
        self._used.update(dict.fromkeys(locus, end))
        if "feedback_key" in args and name != "cc_prx":
            self._known.update({(component, args["feedback_key"]): end for component in locus})
        return waited

    @property
    def duration(self) -> float:
        """Seconds from the start of the circuit to the end of its last operation."""
        return max(self._used.values())

    def check_duration(self, over_t2: float) -> None:
        """Compare the duration of the circuit with the shortest T2 of the components it uses.

        Raises:
            CircuitError: The circuit takes longer than ``over_t2`` times that T2.

        """
        t2, component = min((self._noise.relaxation(component).t2, component) for component in self._used)
        if self.duration > over_t2 * t2:
            raise CircuitError(
                f"the circuit takes {self.duration * 1e6:.3g} µs, more than max_circuit_duration_over_t2 = {over_t2:g} "
                f"times the T2 of {component} ({t2 * 1e6:.3g} µs); shorten the circuit or raise the limit"
            )

    def _duration(self, checked: CheckedInstruction) -> float:
        name = checked.instruction.name
        if name == "delay":
            return checked.parameters[0]
        return max((self._noise.gate(name, *factor).duration for factor in checked.factors), default=0.0)
