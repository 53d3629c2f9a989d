"""Circuits of a quantum computer with a given calibration → measured bits, on Qiskit Aer; no HTTP and no jobs."""
