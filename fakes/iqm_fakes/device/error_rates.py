r"""Error rates and times of a quantum computer, derived from the numbers that its calibration publishes.

Times are in seconds, fidelities and errors between 0 and 1.

A gate of duration :math:`t` on a locus of :math:`n` components (dimension :math:`d = 2^n`) is the ideal gate, then
the relaxation of each component by its own :math:`T_1, T_2`, then a depolarising channel
:math:`\rho \mapsto (1-p)\rho + p\,I/d`. Relaxation has the process (entanglement) fidelity

.. math:: F_\mathrm{relax} = \prod_i \tfrac14 \left(1 + e^{-t/T_{1,i}} + 2 e^{-t/T_{2,i}}\right),

the composition :math:`(1-p) F_\mathrm{relax} + p/d^2`, and the published average gate fidelity is
:math:`\bar F = (d F + 1)/(d + 1)` (Nielsen, Phys. Lett. A 303, 249 (2002)). That gives :math:`p`.

T2 inside gates is that of an echo experiment (``t2_echo_time``) if one is published, and Ramsey's (``t2_time``)
otherwise, which also holds while a component waits: the randomised benchmarking that gate fidelities come from does
not see the slow noise that makes up most of the difference. Where relaxation alone still explains more infidelity than
was published, there is no depolarising part, and all components relax for less than :math:`t`, just so long that the
fidelity is the published one. So T1 and T2 both count less, in proportion: nothing says which of them the gate suffers
less from, and a relaxation with T2 ≤ T1 stays one, so that Clifford circuits stay fast.

What is published for prx is the time and the fidelity of one pulse. Implementations ``*_sx`` have only pulses of a
quarter turn (iqm-pulse 15, ``PRX_CustomWaveformsSX``), so that most rotations are two of them: on real Garnet
:math:`(1 - F_\mathrm{clifford})/(1 - F_\mathrm{prx})` is 52/24 for all qubits, the mean number of quarter turns in the
24 Clifford gates; on Emerald, whose pulses are of any angle, it is 44/24.

A fidelity published with the suffix ``:n_interleaved_gates=k``, as machines do for pairs of MOVE, is that of :math:`k`
gates in a row. That of one is taken as if the error were depolarising, which multiplies polarisations
:math:`u = (d \bar F - 1)/(d - 1)`: :math:`u_1 = u_k^{1/k}`.

What is not published, flagged as invalid or out of range (:data:`.metrics.RANGES`; T2 above 4·T1, too) is replaced, and
named by :attr:`Noise.missing`: T2 by the T2 of an echo experiment, ``measure_fidelity`` by ``measure``, and everything
else by the median of what is published for the same gate and implementation on other loci of that kind. If there is
none, it is taken as perfect: no relaxation, no depolarising, T2 = 2·T1, no readout error, a measurement that changes
nothing but by collapse.

A device file may give a calibration a noise profile (``noise``), which overrides all that: ``gates`` (name → locus,
joined by commas → ``duration``, ``depolarizing``), ``relaxation`` (component → ``t1``, ``t2``) and ``readout``
(component → ``p_1_given_0``, ``p_0_given_1``). What the profile leaves out is derived. Stated relaxation counts in
full, for as long as a gate takes.

Two effects that no machine publishes are simulated only if the profile states them. ``readout`` may have ``relaxing``,
seconds for which a qubit relaxes before it is read, beyond what its readout errors contain: 1 µs at a T1 of 50 µs reads
2 % more ones as zeros; real counts of two to ten qubits show no such excess. ``zz`` (pair, joined by a comma → Hz) is a
residual interaction, by which |11⟩ gets a phase (:mod:`iqm_fakes.simulator.residual_zz`): between transmons with fixed
couplings it is below a megahertz (Xu and Ansari, "ZZ freedom in two-qubit gates"); with tunable couplers, which IQM's
chips have, it can be next to nothing (Pettersson Fors et al., arXiv:2408.15402).
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property, lru_cache
from statistics import median
from typing import Any, NamedTuple

from iqm_fakes.device.device import Calibration, Device
from iqm_fakes.device.implementations import default_implementation, default_loci
from iqm_fakes.device.metrics import (
    EXPERIMENTS,
    QNDNESS_FIELDS,
    RATES,
    READOUT_FIELDS,
    TIMES,
    Locus,
    Published,
    published_metrics,
    split_name,
    value_range,
)
from iqm_fakes.device.readout import PERFECT, Measurement, Qndness, Readout, measurement
from iqm_fakes.device.station import RESET_WAIT


class GateNoise(NamedTuple):
    """What follows an ideal gate, or one of its pulses: relaxation, then depolarising.

    Attributes:
        duration: Seconds that it takes.
        depolarizing: Probability of depolarising.
        relaxing: Seconds for which the components relax, at most the duration.

    """

    duration: float
    depolarizing: float
    relaxing: float


class Relaxation(NamedTuple):
    """Relaxation times of a component, T2 ≤ 2·T1; infinite where none is published."""

    t1: float
    t2: float


_COMPOSED_OF_PRX = ("cc_prx", "sx", "u", "rz")
"""Operations that the machine makes of the default prx of their qubit, and of virtual z rotations, which are exact."""

READOUT_TIMES = ("acquisition_delay", "integration_length")
"""What a readout takes, in seconds, where a calibration set tells: its ``duration`` is that of the probe pulse."""

ROUNDING = 1e-12
"""Fidelities that differ by less are the same."""

SX = "_sx"
"""How implementations of prx end that have one pulse, of a quarter turn, and virtual z rotations."""

NO_ANGLE = 1e-8
"""Radians: a smaller rotation is one pulse of no amplitude (iqm-pulse 15)."""

QUARTER_TURN = 1e-8 + 1e-5 * math.pi / 2
"""Radians: an angle that is so close to a quarter turn is played as one (iqm-pulse 15: ``numpy.isclose``)."""


class Noise:
    """The errors and times of one calibration, by gate and component.

    Args:
        calibration: Calibration set, quality metrics and dynamic architecture.
        uncertain: Components whose published values are not taken as they are: those of just this locus (in any order)
            are worse by ``sigmas`` times their published uncertainties.
        sigmas: See there.

    """

    def __init__(self, calibration: Calibration, uncertain: Collection[str] = (), sigmas: float = 0.0) -> None:
        self._calibration = calibration
        self._architecture = calibration.dynamic_quantum_architecture
        self._gates: Mapping[str, Any] = self._architecture["gates"]
        self._resonators = frozenset(self._architecture["computational_resonators"])
        self._profile: Mapping[str, Any] = calibration.noise
        published, uncertain = published_metrics(calibration.observations()), frozenset(uncertain)
        self._values = {
            name: _worse(name, metric, sigmas if _components(name) == uncertain else 0.0)
            for name, metric in published.items()
        }
        self._uncertain = frozenset(_components(name) for name, metric in published.items() if metric.uncertainty)
        names = {observation["dut_field"].partition(":")[0] for observation in calibration.observations()}
        self._unusable = names - self._values.keys()
        self._replaced: dict[str, None] = {}  # names of observations, in the order in which they were missed
        self.gate = lru_cache(maxsize=None)(self._gate)  # asked once for each instruction of each circuit
        self.measurement = lru_cache(maxsize=None)(self._measurement)
        self.duration = lru_cache(maxsize=4096)(self._time)
        self.worse = lru_cache(maxsize=None)(self._worse)

    def _worse(self, components: frozenset[str], sigmas: float) -> Noise | None:
        """Return this with worse errors and times of one locus, by so many uncertainties; None if none is published."""
        return Noise(self._calibration, components, sigmas) if components in self._uncertain else None

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of observations of this calibration's gates and components that had to be replaced, see above."""
        for component in (*self._architecture["qubits"], *self._architecture["computational_resonators"]):
            self.relaxation(component)
            self.relaxation_in_gates(component)
        places = default_loci(self._architecture).items()
        for name in (*EXPERIMENTS, "measure_fidelity"):
            for locus, implementation in ((locus, chosen) for (gate, locus), chosen in places if gate == name):
                self.gate(name, locus, implementation)
                if name in ("measure", "measure_fidelity"):
                    self.measurement(locus[0], name, implementation)
        return tuple(self._replaced)

    def implementation(self, name: str, locus: Locus, implementation: str | None = None) -> str | None:
        """Return the implementation that runs: the one asked for, or the calibration's default for the locus."""
        if implementation is not None or name not in self._gates:
            return implementation
        return default_implementation(name, self._gates[name], locus)

    def measures(self, component: str) -> bool:
        """Return whether the component can be measured."""
        implementations = self._gates.get("measure", {"implementations": {}})["implementations"]
        return any([component] in entry["loci"] for entry in implementations.values())

    def pulses(self, name: str, locus: Locus, implementation: str | None, parameters: tuple[float, ...]) -> int:
        """Return how many pulses an operation plays; each takes the time and has the noise that :meth:`gate` says.

        What is published for prx is one pulse's. An implementation ``*_sx`` has only quarter turns, so any other angle
        takes two of them; u is virtual if it does not rotate.

        Args:
            name: The operation.
            locus: Where.
            implementation: Which; None is the default.
            parameters: Its angles, in radians.

        """
        if name not in ("prx", *_COMPOSED_OF_PRX):
            return 1
        if name == "rz":
            return 0 if implementation != "prx_composite" else 2 * self.pulses("prx", locus, None, (math.pi, 0.0))
        angle = abs(math.remainder(parameters[0] if name != "sx" else math.pi / 2, math.tau))
        if name == "u" and angle < 1e-13:
            return 0
        chosen = implementation if name == "prx" else self.implementation("prx", locus)
        is_one = angle < NO_ANGLE or abs(angle - math.pi / 2) < QUARTER_TURN
        return 1 if is_one or not str(self.implementation("prx", locus, chosen)).endswith(SX) else 2

    def _time(self, name: str, locus: Locus, implementation: str | None, parameters: tuple[float, ...]) -> float:
        """Return how many seconds an operation takes, whose time does not depend on the control electronics."""
        return self.pulses(name, locus, implementation, parameters) * self.gate(name, locus, implementation).duration

    def _gate(self, name: str, locus: Locus, implementation: str | None = None) -> GateNoise:
        """Return the noise of a gate, of one of its pulses if it has several; by the default implementation if None."""
        noise = self._published_gate(name, locus, implementation)
        stated = self._profile.get("gates", {}).get(name, {})
        fixed: dict[str, float] = next((stated[key] for key in map(",".join, _orders(locus)) if key in stated), {})
        if "duration" in fixed:
            noise = noise._replace(relaxing=fixed["duration"])
        return noise._replace(**fixed)

    def _published_gate(self, name: str, locus: Locus, implementation: str | None) -> GateNoise:
        if name in _COMPOSED_OF_PRX:
            return self.gate("prx", locus)
        duration = 0.0
        if name in ("measure", "measure_fidelity"):
            duration = max(self._duration(name, (qubit,), implementation) for qubit in locus)
        elif name == "reset_wait" and not set(locus) <= self._resonators:  # which have no channel to wait on
            duration = self._duration(name, locus[:1], implementation) or RESET_WAIT
        elif name in EXPERIMENTS:
            duration = self._duration(name, locus, implementation)
            implementation = self.implementation(name, locus, implementation)
            fidelity = self._find(f"metrics.{EXPERIMENTS[name]}.{name}.{implementation}", locus, "fidelity")
            if fidelity is not None:
                return self._with_fidelity(locus, duration, fidelity)
        return GateNoise(duration, 0.0, duration)

    def _with_fidelity(self, locus: Locus, duration: float, fidelity: float) -> GateNoise:
        """Return the noise of a gate with this average gate fidelity."""
        d = 2 ** len(locus)
        process = ((d + 1) * fidelity - 1) / d
        times = [self.relaxation_in_gates(component) for component in locus]
        relaxed = _relaxed_fidelity(duration, times)
        if relaxed > process + ROUNDING:
            return GateNoise(duration, min((relaxed - process) / (relaxed - 1 / d**2), 1.0), duration)
        stated = any(component in self._profile.get("relaxation", {}) for component in locus)
        if stated or relaxed > process - ROUNDING:
            return GateNoise(duration, 0.0, duration)
        short, long = 0.0, duration
        for _ in range(60):
            middle = (short + long) / 2
            short, long = (middle, long) if _relaxed_fidelity(middle, times) > process else (short, middle)
        return GateNoise(duration, 0.0, short)

    def relaxation(self, component: str) -> Relaxation:
        """Return the relaxation times of a qubit or resonator while it waits."""
        return self._relaxation(component, "t2_time", "t2_echo_time")

    def relaxation_in_gates(self, component: str) -> Relaxation:
        """Return the relaxation times of a qubit or resonator inside gates."""
        echo = f"characterization.model.{component}.t2_echo_time"
        if echo in self._values or echo in self._unusable:
            return self._relaxation(component, "t2_echo_time", "t2_time")
        return self.relaxation(component)

    def _relaxation(self, component: str, *t2_fields: str) -> Relaxation:
        """Return relaxation times, T2 from the first of the fields that has one."""
        prefix, locus = "characterization.model", (component,)
        t1 = self._find(prefix, locus, "t1_time") or math.inf
        t2 = self._find(prefix, locus, *t2_fields) or math.inf
        fixed = self._profile.get("relaxation", {}).get(component, {})
        t1, t2 = fixed.get("t1", t1), fixed.get("t2", t2)
        return Relaxation(t1, min(t2, 2 * t1))

    def readout(self, component: str, name: str = "measure", implementation: str | None = None) -> Readout:
        """Return the readout errors; a published fidelity alone is taken as symmetric."""
        prefix = f"metrics.{EXPERIMENTS['measure']}.{name}.{self.implementation(name, (component,), implementation)}"
        published = [self._published(f"{prefix}.{component}.{field}") for field in READOUT_FIELDS]
        if name != "measure" and not any(value is not None for value in published):
            return self.readout(component)
        fidelity, *errors = published
        if fidelity is None and None in errors:
            fidelity = self._find(prefix, (component,), "fidelity")
        symmetric = 0.0 if fidelity is None else 1 - fidelity
        noise = Readout(*(symmetric if error is None else error for error in errors))
        stated = self._profile.get("readout", {}).get(component, {})
        return noise._replace(**{field: stated[field] for field in Readout._fields if field in stated})

    def relaxing_before_readout(self, component: str) -> float:
        """Return for how many seconds a qubit relaxes before it is read, beyond what its readout errors contain."""
        stated: float = self._profile.get("readout", {}).get(component, {}).get("relaxing", 0.0)
        return stated

    @property
    def zz(self) -> Mapping[Locus, float]:
        """Rates of residual ZZ interaction, in Hz, by pair."""
        return {tuple(pair.split(",")): rate for pair, rate in self._profile.get("zz", {}).items()}

    def _measurement(self, component: str, name: str = "measure", implementation: str | None = None) -> Measurement:
        """Return a measurement that something follows: its errors, and what it does to the state."""
        implementation = self.implementation(name, (component,), implementation)
        prefix, locus = f"metrics.qndness.{name}.{implementation}", (component,)
        errors = self.readout(component, name, implementation)
        if not all((prefix, _kind(locus), field) in self._typical for field in ("qndness_0", "qndness_1")):
            return Measurement(PERFECT, errors)
        fidelity, zero, one, repeatability = (self._find(prefix, locus, field) for field in QNDNESS_FIELDS)
        return measurement(errors, Qndness(zero or 0.0, one or 0.0, fidelity, repeatability))

    def _duration(self, name: str, locus: Locus, implementation: str | None) -> float:
        prefix = f"gates.{name}.{self.implementation(name, locus, implementation)}"
        if name == "measure_fidelity" and self._published(f"{prefix}.{locus[0]}.duration") is None:
            return self._duration("measure", locus, None)
        acquired = [self._published(f"{prefix}.{locus[0]}.{part}") for part in READOUT_TIMES]
        if None not in acquired:
            return sum(filter(None, acquired))
        return self._find(prefix, locus, "duration") or 0.0

    def _published(self, name: str) -> float | None:
        """Return the value of an observation, or None; what is published and can't be is noted."""
        if name in self._unusable:
            self._replaced[name] = None
        return self._values.get(name)

    def _find(self, prefix: str, locus: Locus, *fields: str) -> float | None:
        """Return the first of the fields that is published for a locus, or what is typical for such loci."""
        names = [f"{prefix}.{'__'.join(order)}.{field}" for field in fields for order in _orders(locus)]
        found = (self._published(name) for name in names)
        value = next((value for value in found if value is not None), None)
        if value is None:
            self._replaced[names[0]] = None
            typical = ((prefix, _kind(locus), field) for field in fields)
            value = next((self._typical[group] for group in typical if group in self._typical), None)
        return value

    @cached_property
    def _typical(self) -> dict[tuple[str, str, str], float]:
        """Medians over the loci of a kind, by what comes before and after the locus in the name."""
        groups: dict[tuple[str, str, str], list[float]] = {}
        for name, value in self._values.items():
            prefix, where, field = split_name(name)
            groups.setdefault((prefix, _kind(where.split("__")), field), []).append(value)
        return {group: median(values) for group, values in groups.items()}


def _components(name: str) -> frozenset[str]:
    """Return the components that a published value is about."""
    return frozenset(name.split(".")[-2].split("__")) if "." in name else frozenset()


def _worse(name: str, metric: Published, sigmas: float) -> float:
    """Return a published value, or a worse one that can be; values that are neither rates nor times stay."""
    field, (lowest, highest) = name.rpartition(".")[2], value_range(name)
    if not sigmas or metric.uncertainty is None or field not in (*RATES, *TIMES):
        return metric.value
    worse = -1 if RATES.get(field, True) else 1
    return min(max(metric.value + worse * sigmas * metric.uncertainty, lowest), highest)


def _kind(locus: Iterable[str]) -> str:
    """Return what the components of a locus are, without their numbers."""
    return "__".join(re.sub(r"\d+$", "", component) for component in locus)


def _orders(locus: Locus) -> list[Locus]:
    """Return the orders in which a published name may list a locus."""
    return [locus] if len(locus) == 1 else [locus, locus[::-1]]


def _relaxed_fidelity(duration: float, times: Iterable[Relaxation]) -> float:
    """Return the process fidelity of components that relax."""
    return math.prod((1 + math.exp(-duration / t1) + 2 * math.exp(-duration / t2)) / 4 for t1, t2 in times)


class MissingMetricsWarning(UserWarning):
    """A device does not publish everything that its noise is derived from."""


def warn_of_missing_metrics(devices: Iterable[Device]) -> None:
    """Warn of each calibration that leaves something out, at the line that made the server."""
    for device in devices:
        for identifier, calibration in device.calibrations.items():
            if missing := Noise(calibration).missing:
                shown = ", ".join(missing[:20]) + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")
                warnings.warn(
                    f"calibration set {identifier} of '{device.alias}' has no valid value for {shown}; for its noise, "
                    "the median of the same metric on other loci is taken, or else there is none",
                    MissingMetricsWarning,
                    stacklevel=3,
                )
