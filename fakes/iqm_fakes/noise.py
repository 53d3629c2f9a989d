r"""What a calibration's published numbers say about noise.

A gate of duration :math:`t` on a locus of :math:`n` components (dimension :math:`d = 2^n`) is the ideal gate, then
the relaxation of each component by its own :math:`T_1, T_2`, then a depolarising channel
:math:`\rho \mapsto (1-p)\rho + p\,I/d`. Relaxation has the process (entanglement) fidelity

.. math:: F_\mathrm{relax} = \prod_i \tfrac14 \left(1 + e^{-t/T_{1,i}} + 2 e^{-t/T_{2,i}}\right),

the composition :math:`(1-p) F_\mathrm{relax} + p/d^2`, and the published average gate fidelity is
:math:`\bar F = (d F + 1)/(d + 1)` (Nielsen, Phys. Lett. A 303, 249 (2002)). That gives :math:`p`. Where relaxation
alone explains more infidelity than was published, :math:`p = 0` and relaxation stays: T1 and T2 were measured too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from iqm_fakes.device import Calibration


class GateNoise(NamedTuple):
    """Relaxation for ``duration`` seconds, then depolarising with probability ``depolarizing``."""

    duration: float
    depolarizing: float


class Relaxation(NamedTuple):
    """Relaxation times in seconds, T2 ≤ 2·T1; infinite where none is published."""

    t1: float
    t2: float


class Readout(NamedTuple):
    """Probabilities of a wrong outcome."""

    p_1_given_0: float
    p_0_given_1: float


_PULSES = {("sx", "prx_sx"): 1, ("u", "prx_u"): 1, ("rz", "prx_composite"): 2}
"""Composite operations: how many prx pulses they compile to; virtual z rotations are exact."""

_FIDELITY = {"prx": "rb", "cz": "irb", "move": "irb"}
"""Gates with a published fidelity, and the experiment that measures it ((interleaved) randomised benchmarking)."""


class Noise:
    """The noise that a calibration publishes.

    Args:
        calibration: Calibration set, quality metrics and dynamic architecture.

    Attributes:
        missing: Names of observations that were looked for and are absent or invalid, in the order they were missed.
            What they would have said is taken as perfect.

    """

    def __init__(self, calibration: Calibration) -> None:
        self._gates: Mapping[str, Any] = calibration.dynamic_quantum_architecture["gates"]
        self._values = _values(
            [*calibration.calibration_set["observations"], *calibration.quality_metric_set["observations"]]
        )
        self._missed: dict[str, None] = {}
        self.gate = lru_cache(maxsize=None)(self._gate)  # asked once for each instruction of each circuit

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of observations that were looked for in vain."""
        return tuple(self._missed)

    def implementation(self, name: str, locus: tuple[str, ...], implementation: str | None = None) -> str | None:
        """Return the implementation that runs: the one asked for, or the calibration's default for the locus."""
        if implementation is not None or name not in self._gates:
            return implementation
        gate = self._gates[name]
        default: str = gate["default_implementation"]
        orders = (locus, locus[::-1]) if name == "cz" else (locus,)
        overrides = [gate["override_default_implementation"].get(",".join(order)) for order in orders]
        return next((override for override in overrides if override), default)

    def measures(self, component: str) -> bool:
        """Return whether the component can be measured."""
        implementations = self._gates.get("measure", {"implementations": {}})["implementations"]
        return any([component] in entry["loci"] for entry in implementations.values())

    def _gate(self, name: str, locus: tuple[str, ...], implementation: str | None = None) -> GateNoise:
        """Return the noise of a gate on a locus, by the calibration's default implementation if none is named."""
        if name == "cc_prx":  # its implementations are compositions with prx, whose noise it carries
            return self.gate("prx", locus)
        if (name, implementation) in _PULSES or name in ("sx", "u"):
            pulse, pulses = self.gate("prx", locus), _PULSES.get((name, implementation or ""), 1)
            if pulses == 1:
                return pulse
            return GateNoise(pulse.duration * pulses, 1 - (1 - pulse.depolarizing) ** pulses)
        if name == "reset" and self.measures(locus[0]):  # a measurement and a conditional pulse
            return GateNoise(self.gate("measure", locus).duration + self.gate("prx", locus).duration, 0.0)
        if name in ("measure", "measure_fidelity"):
            return GateNoise(max(self._duration(name, (q,), implementation) for q in locus), 0.0)
        if name not in _FIDELITY:
            return GateNoise(0.0, 0.0)
        duration = self._duration(name, locus, implementation)
        fidelity = self._number(
            [
                f"metrics.{_FIDELITY[name]}.{self._key(name, order, implementation)}.fidelity"
                for order in _orders(locus)
            ],
            0.0,
            1.0,
        )
        return GateNoise(duration, 0.0 if fidelity is None else self._depolarizing(locus, duration, fidelity))

    def relaxation(self, component: str) -> Relaxation:
        """Return the relaxation times of a qubit or resonator."""
        t1 = self._number([f"characterization.model.{component}.t1_time"], 0.0, math.inf) or math.inf
        t2 = self._number([f"characterization.model.{component}.t2_time"], 0.0, math.inf) or math.inf
        return Relaxation(t1, min(t2, 2 * t1))

    def readout(self, component: str, name: str = "measure", implementation: str | None = None) -> Readout:
        """Return the readout errors; a published fidelity alone is taken as symmetric.

        Where nothing is published for ``measure_fidelity``, what is published for ``measure`` holds.
        """
        prefix = f"metrics.ssro.{self._key(name, (component,), implementation)}"
        if name != "measure" and not any(known.startswith(f"{prefix}.") for known in self._values):
            return self.readout(component)
        fidelity = self._number([f"{prefix}.fidelity"], 0.0, 1.0)
        fallback = 0.0 if fidelity is None else 1 - fidelity
        errors = [self._number([f"{prefix}.{error}"], 0.0, 1.0) for error in ("error_0_to_1", "error_1_to_0")]
        return Readout(*(fallback if error is None else error for error in errors))

    def _depolarizing(self, locus: tuple[str, ...], duration: float, fidelity: float) -> float:
        d: int = 2 ** len(locus)
        process = ((d + 1) * fidelity - 1) / d
        relaxed: float = math.prod(_relaxed_fidelity(duration, *self.relaxation(component)) for component in locus)
        return min(max((relaxed - process) / (relaxed - 1 / d**2), 0.0), 1.0)

    def _key(self, name: str, locus: tuple[str, ...], implementation: str | None) -> str:
        return f"{name}.{self.implementation(name, locus, implementation)}.{'__'.join(locus)}"

    def _duration(self, name: str, locus: tuple[str, ...], implementation: str | None) -> float:
        names = [f"gates.{self._key(name, order, implementation)}.duration" for order in _orders(locus)]
        return self._number(names, 0.0, math.inf) or 0.0

    def _number(self, names: list[str], low: float, high: float) -> float | None:
        """Return the first of the named observations that is a number in range."""
        for name in names:
            value = self._values.get(name)
            if value is not None and low <= value <= high:
                return value
        self._missed[names[0]] = None
        return None


def _orders(locus: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [locus] if len(locus) == 1 else [locus, locus[::-1]]


def _relaxed_fidelity(duration: float, t1: float, t2: float) -> float:
    return (1 + math.exp(-duration / t1) + 2 * math.exp(-duration / t2)) / 4


def _values(observations: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return valid numeric observations by name without suffix; the first of a name counts, as for the vendor."""
    values: dict[str, float] = {}
    for observation in observations:
        value = observation.get("value")
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            continue
        if not observation.get("invalid"):
            values.setdefault(observation["dut_field"].partition(":")[0], float(value))
    return values
