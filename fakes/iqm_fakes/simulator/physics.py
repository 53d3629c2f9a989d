"""What each operation does to the state, noise included, and how each measurement errs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce

import numpy as np
from numpy.typing import NDArray

from iqm_fakes.device.error_rates import Noise, Readout
from iqm_fakes.simulator import channels, mixtures
from iqm_fakes.simulator.channels import Matrix
from iqm_fakes.simulator.cliffords import gates_of
from iqm_fakes.simulator.mixtures import Mixture

PERFECT = Readout(0.0, 0.0)

_UNITARIES: Mapping[str, Callable[..., Matrix]] = {
    "prx": channels.prx,
    "cc_prx": channels.prx,
    "u": channels.u,
    "rz": channels.rz,
    "sx": lambda: channels.prx(np.pi / 2, 0),
    "cz": lambda: channels.CZ,
    "move": lambda: channels.SWAP,
}
"""Ideal gates. MOVE's phase cancels in a sandwich, so an exchange of qubit and resonator is exact."""


@dataclass(frozen=True, eq=False)
class Error:
    """Noise on some of the components of a locus.

    Attributes:
        positions: Which ones.
        channel: The noise, as in :mod:`.channels`.
        mixture: The same as a mixture of events, if it is one.

    """

    positions: tuple[int, ...]
    channel: Matrix
    mixture: Mixture | None


@dataclass(frozen=True, eq=False)
class Action:
    """What an operation does to the state of its locus: a unitary, then errors in their order."""

    unitary: Matrix
    errors: tuple[Error, ...] = ()

    @property
    def idle(self) -> bool:
        """Whether the unitary is nothing but the identity."""
        return self.unitary is channels.IDENTITY

    @cached_property
    def channel(self) -> Matrix:
        """The whole action, as in :mod:`.channels`."""
        channel = channels.from_unitary(self.unitary)
        alone = [channels.ONE] * (len(self.unitary).bit_length() - 1)
        for error in self.errors:
            if len(error.positions) == len(alone):
                channel = error.channel @ channel
            else:
                (position,) = error.positions
                channel = channels.together([*alone[:position], error.channel, *alone[position + 1 :]]) @ channel
        return channel

    @cached_property
    def flips(self) -> NDArray[np.float64] | None:
        """How the errors of an action on one component change populations, shape (after, before).

        None where populations after depend on more than populations before.
        """
        channel = reduce(np.matmul, (error.channel for error in reversed(self.errors)), channels.ONE)
        return None if np.any(channel[[0, 3], 1:3]) else channel[np.ix_([0, 3], [0, 3])].real

    @cached_property
    def perfect(self) -> Action:
        """The action without its errors."""
        return Action(self.unitary)

    @cached_property
    def clifford(self) -> tuple[str, ...] | None:
        """Names of Clifford gates that are the unitary, first one first, if it is one."""
        return gates_of(self.unitary)


class Physics:
    """A calibration's operations as actions.

    A gate is its ideal unitary, then its noise. A conditional pulse has its noise when the pulse is applied.

    Args:
        noise: The calibration's noise; ``None`` makes everything perfect.

    """

    def __init__(self, noise: Noise | None) -> None:
        self._noise = noise
        self._after = lru_cache(maxsize=None)(self._errors_after)  # one entry a gate and locus
        self.action = lru_cache(maxsize=4096)(self._action)
        self.readout = lru_cache(maxsize=None)(self._readout)

    def _readout(self, component: str, name: str, implementation: str | None = None) -> Readout:
        """Return the errors of a measurement."""
        return PERFECT if self._noise is None else self._noise.readout(component, name, implementation)

    def _action(
        self, name: str, locus: tuple[str, ...], implementation: str, parameters: tuple[float, ...]
    ) -> Action | None:
        """Return what an operation other than a measurement does to its locus, or ``None`` for nothing."""
        if name in ("reset", "reset_wait"):
            measures = self._noise is not None and name == "reset" and self._noise.measures(locus[0])
            readout = self.readout(locus[0], "measure") if measures else PERFECT
            return Action(channels.IDENTITY, (Error((0,), channels.resetting(readout), mixtures.resetting(readout)),))
        if name == "delay":
            return self._idle(locus[0], *parameters)
        unitary = _UNITARIES[name](*parameters)
        return Action(unitary, self._after(name, locus, implementation))

    def _idle(self, component: str, duration: float) -> Action | None:
        error = self._relaxation(component, 0, duration)
        return None if error is None else Action(channels.IDENTITY, (error,))

    def _errors_after(self, name: str, locus: tuple[str, ...], implementation: str) -> tuple[Error, ...]:
        if self._noise is None:
            return ()
        duration, depolarizing = self._noise.gate(name, locus, implementation)
        relaxed = [self._relaxation(component, position, duration) for position, component in enumerate(locus)]
        errors = [error for error in relaxed if error is not None]
        if depolarizing:
            n = len(locus)
            channel, mixture = channels.depolarizing(depolarizing, n), mixtures.depolarizing(depolarizing, n)
            errors.append(Error(tuple(range(n)), channel, mixture))
        return tuple(errors)

    def _relaxation(self, component: str, position: int, duration: float) -> Error | None:
        if self._noise is None or not duration:
            return None
        times = self._noise.relaxation(component)
        if times.t1 == times.t2 == np.inf:
            return None
        return Error((position,), channels.relaxation(times, duration), mixtures.relaxation(times, duration))
