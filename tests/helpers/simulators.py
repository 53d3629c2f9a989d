"""Simulators of the made-up devices, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import devices
import numpy as np
from numpy.random import SeedSequence
from numpy.typing import NDArray

from iqm_fakes.device.device import Device
from iqm_fakes.device.error_rates import Noise
from iqm_fakes.device.station import Station
from iqm_fakes.simulator.circuit import CheckedInstruction, Circuit, Instruction, Options
from iqm_fakes.simulator.loci import Loci
from iqm_fakes.simulator.methods import Method
from iqm_fakes.simulator.operations import check_args
from iqm_fakes.simulator.schedule import Schedule, Span
from iqm_fakes.simulator.simulator import Simulator

DEVICES: dict[str, Callable[[], Device]] = {
    "chain": devices.chain,
    "star": devices.star,
    "six": lambda: devices.row(1, 6),
    "ten": lambda: devices.row(1, 10),
    "dephased": lambda: devices.row(5, 8),
}

QUBITS = {
    "chain": ["QB1", "QB2", "QB3", "QB4"],
    "star": ["QB1", "QB2", "QB3"],
    "six": ["QB1", "QB2", "QB3", "QB4", "QB5", "QB6"],
    "ten": ["QB1", "QB2", "QB3", "QB4", "QB5", "QB6", "QB7", "QB8", "QB9", "QB10"],
    "dephased": ["QB5", "QB6", "QB7", "QB8"],
}


@cache
def simulator(device: str, *, noise: bool = True, idle: bool = True, method: Method | None = None) -> Simulator:
    return Simulator(DEVICES[device]().calibration(), noise=noise, idle=idle, method=method or "auto")


def spans(device: str, instructions: list[Instruction]) -> list[Span]:
    """When each instruction is played; tests of the schedule hold it against the vendor's compiler."""
    calibration = DEVICES[device]().calibration()
    loci = Loci(calibration.dynamic_quantum_architecture)
    checked = [
        CheckedInstruction(i, loci.factors(i.name, i.locus, i.implementation), check_args(i.name, i.args))
        for i in instructions
    ]
    station = calibration.station or Station.of({}, loci.qubits)
    return Schedule(checked, Noise(calibration), station, loci.readable("measure"), "measure").spans


def sample(
    device: str, instructions: list[Instruction], shots: int, *, noise: bool = True, seed: int = 1, **settings: Any
) -> NDArray[np.uint8]:
    machine = simulator(device, noise=noise, **settings)
    program = machine.compile(Circuit("test", tuple(instructions)), Options())
    return np.concatenate(list(machine.run(program, shots, SeedSequence(seed)).values()), axis=1)
