"""What each operation does to the state, its noise included, and how each measurement errs.

A gate is its ideal unitary, then its errors; an operation that plays several pulses is several such gates. Delays and
waiting are relaxation alone. A conditional gate relaxes whether it is applied or not, and has its other errors when it
is applied. Durations and error rates come from :mod:`iqm_fakes.device.error_rates`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce

import numpy as np
from numpy.typing import NDArray

from iqm_fakes.device.error_rates import Noise, Relaxation
from iqm_fakes.device.metrics import Locus
from iqm_fakes.device.readout import PERFECT, Readout
from iqm_fakes.simulator import channels, pauli_mixtures
from iqm_fakes.simulator.channels import Matrix
from iqm_fakes.simulator.cliffords import clifford_gates
from iqm_fakes.simulator.pauli_mixtures import Mixture

ZERO_ANGLE = 1e-8
"""Radians: a smaller rotation is none, for iqm-pulse, too."""

_UNITARIES: Mapping[str, Callable[..., Matrix]] = {
    "prx": channels.prx,
    "cc_prx": channels.prx,
    "u": channels.u,
    "rz": channels.rz,
    "sx": lambda: channels.prx(np.pi / 2, 0),
    "cz": lambda: channels.CZ,
    "move": lambda: channels.SWAP,
    "zz": lambda angle: np.diag([1, 1, 1, np.exp(-1j * angle)]),
}
"""Operation → its unitary. MOVE's phase cancels in a sandwich, so it is an exchange of qubit and resonator.

``zz`` is the phase of residual interaction, see :mod:`.residual_zz`.
"""


@dataclass(frozen=True, eq=False)
class Error:
    """Noise on some components of a gate's locus.

    Attributes:
        positions: Which components, as indices into the locus.
        channel: The noise, as in :mod:`.channels`.
        mixture: The same as in :mod:`.pauli_mixtures`, or None if it is no such mixture.
        relaxes: Whether it comes with time, and not with the gate.

    """

    positions: tuple[int, ...]
    channel: Matrix
    mixture: Mixture | None
    relaxes: bool = False


@dataclass(frozen=True, eq=False)
class NoisyGate:
    """What an operation does to the state of its locus: a unitary, then errors in their order."""

    unitary: Matrix
    errors: tuple[Error, ...] = ()

    @property
    def only_noise(self) -> bool:
        """Whether the unitary is the identity: a delay or a reset."""
        return self.unitary is channels.IDENTITY

    @cached_property
    def channel(self) -> Matrix:
        """The unitary and all errors, as in :mod:`.channels`."""
        channel = channels.from_unitary(self.unitary)
        alone = [channels.IDENTITY_CHANNEL] * (len(self.unitary).bit_length() - 1)
        for error in self.errors:
            if len(error.positions) == len(alone):
                channel = error.channel @ channel
            else:
                (position,) = error.positions
                channel = channels.tensor([*alone[:position], error.channel, *alone[position + 1 :]]) @ channel
        return channel

    @cached_property
    def bit_flips(self) -> NDArray[np.float64] | None:
        """The errors of a gate on one component as probabilities of 0 and 1, shape (after, before).

        None if the probabilities after the errors depend on more than those before.
        """
        channel = reduce(np.matmul, (error.channel for error in reversed(self.errors)), channels.IDENTITY_CHANNEL)
        return None if np.any(channel[[0, 3], 1:3]) else channel[np.ix_([0, 3], [0, 3])].real

    @cached_property
    def noiseless(self) -> NoisyGate:
        """The gate without its errors."""
        return NoisyGate(self.unitary)

    @cached_property
    def clifford_gates(self) -> tuple[str, ...] | None:
        """Names of Clifford gates that together are the unitary, or None if it is no Clifford gate."""
        return clifford_gates(self.unitary)


class NoiseModel:
    """A calibration's operations as noisy gates, and the errors of its measurements.

    Args:
        noise: The calibration's noise; ``None`` makes everything perfect.

    """

    def __init__(self, noise: Noise | None) -> None:
        self._noise = noise
        self._errors = lru_cache(maxsize=None)(self._errors_after)  # one entry a gate and locus
        self.gates = lru_cache(maxsize=4096)(self._gates)
        self.conditional_gates = lru_cache(maxsize=1024)(self._conditional_gates)
        self.measurement = lru_cache(maxsize=None)(self._measurement)
        self.heralded = lru_cache(maxsize=None)(self._heralded)

    def _measurement(
        self, component: str, name: str, implementation: str | None
    ) -> tuple[tuple[NoisyGate, ...], Readout, tuple[NoisyGate, ...]]:
        """Return what a measurement does to the state before it is read, its errors, and what it does afterwards."""
        if self._noise is None:
            return (), PERFECT, ()
        before, readout, after = self._noise.measurement(component, name, implementation)
        return (*self._before_readout(component), *_change(before)), readout, _change(after)

    def _before_readout(self, component: str) -> tuple[NoisyGate, ...]:
        """Return the relaxation of a qubit before it is read, if a device file states it."""
        if self._noise is None:
            return ()
        errors = _relaxation(self._noise.relaxation(component), 0, self._noise.relaxing_before_readout(component))
        return (NoisyGate(channels.IDENTITY, errors),) if errors else ()

    def _heralded(self, component: str) -> tuple[float, tuple[NoisyGate, ...]]:
        """Return how likely a component in 0 is read as 0 before a circuit, and what the state is then."""
        if self._noise is None:
            return 1.0, ()
        measurement = self._noise.measurement(component)
        return 1 - measurement.recorded.p_1_given_0, _change(Readout(measurement.unheralded, 0.0))

    def _gates(
        self, name: str, locus: Locus, implementation: str, parameters: tuple[float, ...]
    ) -> tuple[NoisyGate, ...]:
        """Return what an operation other than a measurement does to its locus, a gate for each pulse."""
        if name in ("reset", "reset_wait"):
            wrong = PERFECT
            before: tuple[NoisyGate, ...] = ()
            if self._noise is not None and name == "reset" and self._noise.measures(locus[0]):
                wrong, before = self._noise.measurement(locus[0]).contradicted, self._before_readout(locus[0])
            reset = Error((0,), channels.measured_reset(wrong), pauli_mixtures.measured_reset(wrong))
            return (*before, NoisyGate(channels.IDENTITY, (reset,)))
        if name == "delay":
            relaxed = () if self._noise is None else _relaxation(self._noise.relaxation(locus[0]), 0, *parameters)
            return (NoisyGate(channels.IDENTITY, relaxed),) if relaxed else ()
        unitary = _UNITARIES[name](*parameters)
        if self._noise is None:
            return (NoisyGate(unitary),)
        errors = self._errors(name, locus, implementation)
        if name in ("prx", "cc_prx") and abs(math.remainder(parameters[0], math.tau)) < ZERO_ANGLE:
            errors = tuple(error for error in errors if error.relaxes)  # a pulse without amplitude
        pulses = self._noise.pulses(name, locus, implementation, parameters)
        if pulses != 2 or name == "rz":
            return (NoisyGate(unitary, errors * pulses),)
        half = _first_half(*_as_prx(name, parameters))
        return NoisyGate(half, errors), NoisyGate(unitary @ half.conj().T, errors)

    def _conditional_gates(
        self, locus: Locus, implementation: str, parameters: tuple[float, ...]
    ) -> tuple[tuple[NoisyGate, NoisyGate | None], ...]:
        """Return for each pulse of a cc_prx what happens if it is applied, and the relaxation in any case."""
        pulses = []
        for gate in self._gates("cc_prx", locus, implementation, parameters):
            relaxation = tuple(error for error in gate.errors if error.relaxes)
            rest = tuple(error for error in gate.errors if not error.relaxes)
            passing = NoisyGate(channels.IDENTITY, relaxation) if relaxation else None
            pulses.append((NoisyGate(gate.unitary, rest), passing))
        return tuple(pulses)

    def _errors_after(self, name: str, locus: Locus, implementation: str) -> tuple[Error, ...]:
        """Return the errors that follow a gate."""
        if self._noise is None:
            return ()
        _, depolarizing, relaxing = self._noise.gate(name, locus, implementation)
        errors: list[Error] = []
        for position, component in enumerate(locus):
            errors += _relaxation(self._noise.relaxation_in_gates(component), position, relaxing)
        if depolarizing:
            n = len(locus)
            channel, mixture = channels.depolarizing(depolarizing, n), pauli_mixtures.depolarizing(depolarizing, n)
            errors.append(Error(tuple(range(n)), channel, mixture))
        return tuple(errors)


def _relaxation(times: Relaxation, position: int, duration: float) -> tuple[Error, ...]:
    """Return the relaxation of the component at this position of a locus, if there is any."""
    if not duration or times.t1 == times.t2 == np.inf:
        return ()
    channel, mixture = channels.relaxation(times, duration), pauli_mixtures.relaxation(times, duration)
    return (Error((position,), channel, mixture, relaxes=True),)


def _change(change: Readout) -> tuple[NoisyGate, ...]:
    """Return what takes 0 to 1 and 1 to 0 with these probabilities, beside a measurement: it keeps no coherence."""
    if change == PERFECT:
        return ()
    error = Error((0,), channels.readout_error(change), pauli_mixtures.readout_error(change))
    return (NoisyGate(channels.IDENTITY, (error,)),)


def _as_prx(name: str, parameters: tuple[float, ...]) -> tuple[float, float]:
    """Return angle and phase of the prx that an operation is, but for a virtual z rotation after it."""
    if name == "u":
        theta, _, lam = parameters
        return theta, np.pi / 2 - lam
    angle, phase = parameters
    return angle, phase


def _first_half(angle: float, phase: float) -> Matrix:
    """Return the first of the two quarter turns that are a prx, as in iqm-pulse's ``PRX_CustomWaveformsSX``.

    A half turn is two equal ones; any other angle θ is Rz(φ − π/2) · SX · Rz(π − θ) · SX · Rz(−φ − π/2).
    """
    half_turn = np.isclose(abs(angle) % (2 * np.pi), np.pi, atol=1e-8)
    return channels.prx(np.pi / 2, phase if half_turn else phase + np.pi / 2)
