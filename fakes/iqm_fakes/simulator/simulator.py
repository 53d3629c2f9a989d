"""Simulator: one calibration's quantum computer, from a circuit to the bits that it records."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from iqm_fakes.device import Calibration
from iqm_fakes.noise import Noise
from iqm_fakes.simulator.check import check
from iqm_fakes.simulator.circuit import Circuit, NoShotsLeft, Options, Program
from iqm_fakes.simulator.loci import Loci
from iqm_fakes.simulator.operations import MEASUREMENTS
from iqm_fakes.simulator.physics import PERFECT, Physics

if TYPE_CHECKING:
    from iqm_fakes.simulator.aer import Aer


class Simulator:
    """A quantum computer with one calibration.

    Every shot starts with all components in 0. Gates, delays and readout have the noise that the calibration's
    published numbers describe; components that only wait do not decay.

    Args:
        calibration: What the computer publishes.
        noise: False makes gates, components and readout perfect.

    """

    def __init__(self, calibration: Calibration, *, noise: bool = True) -> None:
        self._noise = Noise(calibration)
        self._loci = Loci(calibration.dynamic_quantum_architecture)
        self._physics = Physics(self._noise if noise else None)

    def check(self, circuit: Circuit, options: Options) -> Program:
        """Return the program that executes a circuit.

        Raises:
            CircuitError: The real computer's compiler would refuse the circuit, or it can't be simulated.

        """
        return check(circuit, options, self._loci, self._noise)

    def run(self, program: Program, shots: int, seed: SeedSequence) -> dict[str, NDArray[np.uint8]]:
        """Execute a program.

        Args:
            program: What :meth:`check` returned.
            shots: How often to execute it.
            seed: Determines the result, together with the other arguments.

        Returns:
            Measurement key → bits of shape (shots kept by heralding, components of the measurement), keys in the order
            of their measurements.

        Raises:
            NoShotsLeft: Heralding discarded all the shots.
            CircuitError: The program is too large to be simulated.

        """
        engine_seed, own_seed = _children(seed)
        random = np.random.default_rng(own_seed)
        kept = self._heralded(program, shots, random)
        rows, counts = self._aer.sample(program, kept, int(engine_seed.generate_state(1, np.uint64)[0] >> np.uint64(1)))
        bits = random.permutation(np.repeat(rows, counts, axis=0))  # the order of independent shots is random
        bits ^= random.random(bits.shape) < self._error_rates(program, bits)
        ends = np.cumsum([width for _, width in program.keys])
        return {key: bits[:, end - width : end] for (key, width), end in zip(program.keys, ends, strict=True)}

    @cached_property
    def _aer(self) -> Aer:
        from iqm_fakes.simulator.aer import Aer  # importing Qiskit takes seconds, and checking does not need it

        return Aer(self._physics)

    def _heralded(self, program: Program, shots: int, random: Generator) -> int:
        """Return how many shots have a herald of zeros: each component is in 0, so only readout errors matter."""
        errors = [self._physics.readout(program.components[index], "measure") for index in program.heralded]
        kept = int(random.binomial(shots, math.prod(1 - error.p_1_given_0 for error in errors)))
        if not kept:
            raise NoShotsLeft("heralding discarded all the shots")
        return kept

    def _error_rates(self, program: Program, bits: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return how likely each true bit is read wrong; the bits that decide about pulses have been read already."""
        read = program.feedback_bits
        errors = [
            PERFECT
            if operation.bit in read
            else self._physics.readout(
                program.components[operation.targets[0]], operation.name, operation.implementation
            )
            for operation in program.operations
            if operation.name in MEASUREMENTS
        ]
        p_1_given_0, p_0_given_1 = np.array(errors).T
        rates: NDArray[np.float64] = np.where(bits, p_0_given_1, p_1_given_0)
        return rates


def _children(seed: SeedSequence) -> list[SeedSequence]:
    """Return two independent seeds; unlike ``seed.spawn``, the same ones every time."""
    return [
        SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, child), pool_size=seed.pool_size) for child in (0, 1)
    ]
