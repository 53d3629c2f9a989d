"""The metrics that machines publish: which experiment measures which gate, and what the numbers are."""

from __future__ import annotations

from typing import TypeAlias

EXPERIMENTS = {"prx": "rb", "cz": "irb", "move": "irb", "measure": "ssro"}
"""Gate → the experiment that measures its fidelity: (interleaved) randomised benchmarking, single-shot readout."""

RATES = {"fidelity": True, "repeatability": True, "error_0_to_1": False, "error_1_to_0": False}
"""Fields that are error rates, and whether the rate is 1 minus what is published."""

TIMES = ("t1_time", "t2_time", "t2_echo_time")
"""Fields that are relaxation times, in seconds."""

Locus: TypeAlias = tuple[str, ...]
"""Names of components, in the order of the gate's definition."""

Place: TypeAlias = tuple[str, Locus]
"""A gate and a locus."""
