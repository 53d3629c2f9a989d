"""What each operation does to the state, noise included, and how each measurement errs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from iqm_fakes.noise import Noise, Readout
from iqm_fakes.simulator import channels
from iqm_fakes.simulator.channels import Matrix

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
class Action:
    """What an operation does to the state of its locus: ``matrix`` is a unitary or a channel as in :mod:`.channels`."""

    matrix: Matrix
    unitary: bool

    @cached_property
    def kraus(self) -> list[Matrix]:
        """The action as Kraus operators."""
        return [self.matrix] if self.unitary else channels.to_kraus(self.matrix)


class Physics:
    """A calibration's operations as matrices.

    A gate is its ideal unitary, then its noise. A conditional pulse has its noise when the pulse is applied. Components
    do not decay while they wait for others or are being measured; a ``delay`` is how to let them.

    Args:
        noise: The calibration's noise; ``None`` makes everything perfect.

    """

    def __init__(self, noise: Noise | None) -> None:
        self._noise = noise
        self._after = lru_cache(maxsize=None)(self._noise_after)  # one entry a gate and locus
        self.action = lru_cache(maxsize=4096)(self._action)
        self.recording = lru_cache(maxsize=None)(self._recording)

    def readout(self, component: str, name: str, implementation: str | None = None) -> Readout:
        """Return the errors of a measurement."""
        return PERFECT if self._noise is None else self._noise.readout(component, name, implementation)

    def _action(
        self, name: str, locus: tuple[str, ...], implementation: str, parameters: tuple[float, ...]
    ) -> Action | None:
        """Return what an operation other than a measurement does to its locus, or ``None`` for nothing."""
        if name in ("reset", "reset_wait"):
            return Action(channels.RESET, unitary=False)
        if name == "delay":
            return self._idle(locus[0], *parameters)
        unitary = _UNITARIES[name](*parameters)
        noise = self._after(name, locus, implementation)
        if noise is None:
            return Action(unitary, unitary=True)
        return Action(noise @ channels.from_unitary(unitary), unitary=False)

    def _recording(self, component: str, name: str, implementation: str) -> Action:
        """Return a measurement as an action on the component and a record of it, readout error included."""
        return Action(channels.recording(self.readout(component, name, implementation)), unitary=False)

    def _idle(self, component: str, duration: float) -> Action | None:
        if self._noise is None or not duration:
            return None
        return Action(channels.relaxation(self._noise.relaxation(component), duration), unitary=False)

    def _noise_after(self, name: str, locus: tuple[str, ...], implementation: str) -> Matrix | None:
        if self._noise is None:
            return None
        duration, depolarizing = self._noise.gate(name, locus, implementation)
        if not duration and not depolarizing:
            return None
        relaxation = [channels.relaxation(self._noise.relaxation(component), duration) for component in locus]
        return channels.depolarizing(depolarizing, len(locus)) @ channels.together(relaxation)
