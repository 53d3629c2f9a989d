"""Circuits of a quantum computer with a given calibration → measured bits, on Qiskit Aer; no HTTP and no jobs."""

from __future__ import annotations

from iqm_fakes.simulator.circuit import Circuit, CircuitError, Instruction, NoShotsLeft, Operation, Options, Program
from iqm_fakes.simulator.engines import Choice, Method
from iqm_fakes.simulator.simulator import Bits, Plan, Simulator, check_method

__all__ = [
    "Bits",
    "Choice",
    "Circuit",
    "CircuitError",
    "Instruction",
    "Method",
    "NoShotsLeft",
    "Operation",
    "Options",
    "Plan",
    "Program",
    "Simulator",
    "check_method",
]
