"""Circuits of a quantum computer with a given calibration → measured bits, on Qiskit Aer; no HTTP and no jobs."""

from __future__ import annotations

from iqm_fakes.simulator.circuit import Circuit, CircuitError, Instruction, NoShotsLeft, Operation, Options, Program
from iqm_fakes.simulator.simulator import Simulator

__all__ = ["Circuit", "CircuitError", "Instruction", "NoShotsLeft", "Operation", "Options", "Program", "Simulator"]
