"""The metrics that machines publish: which experiment measures which gate, and what the numbers are.

An observation has a name such as ``metrics.irb.cz.crf_crf.QB1__QB2.fidelity``, perhaps with a ``:suffix``, and a value
in SI units. A locus in it is the names of its components, joined by two underscores.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

EXPERIMENTS = {"prx": "rb", "cz": "irb", "move": "irb", "measure": "ssro"}
"""The experiment by which a gate's published fidelity is measured, as in ``metrics.rb.prx.…``.

They are randomised benchmarking, interleaved randomised benchmarking and single-shot readout. ``measure_fidelity`` is
measured like ``measure``.
"""

RATES = {"fidelity": True, "repeatability": True, "error_0_to_1": False, "error_1_to_0": False}
"""Fields that are error rates, and whether the rate is 1 minus what is published."""

TIMES = ("t1_time", "t2_time", "t2_echo_time")
"""Fields that are relaxation times, in seconds."""

Locus: TypeAlias = tuple[str, ...]
"""Names of components, in the order of the gate's definition."""

Place: TypeAlias = tuple[str, Locus]
"""A gate and a locus."""

READOUT_FIELDS = ("fidelity", "error_0_to_1", "error_1_to_0")
"""Fields that say how a measurement errs."""


def published_values(observations: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return valid numeric observations by name without suffix; the first of a name counts, as for the vendor."""
    values: dict[str, float] = {}
    for observation in observations:
        name, _, suffix = observation["dut_field"].partition(":")
        value, highest = observation["value"], 1.0 if name.endswith(READOUT_FIELDS) else math.inf
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if number and 0 <= value <= highest and not observation.get("invalid"):
            values.setdefault(name, _of_one_gate(name, float(value), suffix))
    return values


def _of_one_gate(name: str, fidelity: float, suffix: str) -> float:
    """Return the fidelity of one gate from that of ``n_interleaved_gates``; other values are returned as they are."""
    gates = re.search(r"\bn_interleaved_gates=(\d+)", suffix)
    if gates is None or int(gates[1]) < 2 or not name.endswith(".fidelity"):
        return fidelity
    d: int = 2 ** len(name.split(".")[-2].split("__"))
    polarization = max((d * fidelity - 1) / (d - 1), 0.0) ** (1 / int(gates[1]))
    return float(((d - 1) * polarization + 1) / d)
