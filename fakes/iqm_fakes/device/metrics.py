"""The metrics that machines publish: which experiment measures which gate, and what the numbers are.

An observation has a name such as ``metrics.irb.cz.crf_crf.QB1__QB2.fidelity``, perhaps with a ``:suffix``, and a value
in SI units. A locus in it is the names of its components, joined by two underscores.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias, TypeGuard

EXPERIMENTS = {"prx": "rb", "cz": "irb", "move": "irb", "measure": "ssro"}
"""The experiment by which a gate's published fidelity is measured, as in ``metrics.rb.prx.…``.

They are randomised benchmarking, interleaved randomised benchmarking and single-shot readout. ``measure_fidelity`` is
measured like ``measure``.
"""

RATES = {
    "fidelity": True,
    "repeatability": True,
    "qndness_0": True,
    "qndness_1": True,
    "error_0_to_1": False,
    "error_1_to_0": False,
}
"""Fields that are error rates, and whether the rate is 1 minus what is published."""

TIMES = ("t1_time", "t2_time", "t2_echo_time")
"""Fields that are relaxation times, in seconds."""

Locus: TypeAlias = tuple[str, ...]
"""Names of components, in the order of the gate's definition."""

Place: TypeAlias = tuple[str, Locus]
"""A gate and a locus."""

READOUT_FIELDS = ("fidelity", "error_0_to_1", "error_1_to_0")
"""Fields that say how a measurement errs."""


QNDNESS_FIELDS = ("fidelity", "qndness_0", "qndness_1", "repeatability")
"""Fields that say what a measurement does to the state; :mod:`.readout` says how they are measured."""

RANGES: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(RATES, (0.0, 1.0)),
    **dict.fromkeys(TIMES, (1e-9, 0.1)),
    **dict.fromkeys(("duration", "acquisition_delay", "integration_length"), (0.0, 0.01)),
}
"""Field → the smallest and the largest value that can be: probabilities, and seconds. Others are not negative.

The fidelity of a gate on d dimensions is at least 1/d, as after complete depolarisation.
"""

T2_OVER_T1 = 4.0
"""A T2 above this multiple of T1 is no measurement of it: it can't exceed 2, but both numbers have errors."""


class Published(NamedTuple):
    """A published number, and its standard uncertainty; None if none is published."""

    value: float
    uncertainty: float | None


def published_values(observations: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return numeric observations that can be, by name without suffix; the first of a name counts, as for the vendor.

    What is flagged as invalid, or out of range (:data:`RANGES`, :data:`T2_OVER_T1`), is left out.
    """
    return {name: published.value for name, published in published_metrics(observations).items()}


def published_metrics(observations: Iterable[Mapping[str, Any]]) -> dict[str, Published]:
    """Return what :func:`published_values` returns, with uncertainties."""
    found: dict[str, Published] = {}
    for observation in observations:
        name, _, suffix = observation["dut_field"].partition(":")
        value, (lowest, highest) = observation["value"], value_range(name)
        if is_number(value) and lowest <= value <= highest and not observation.get("invalid") and name not in found:
            given = observation.get("uncertainty")
            uncertainty = float(given) if is_number(given) and given > 0 else None
            found[name] = _of_one_gate(name, Published(float(value), uncertainty), suffix)
    for name, published in list(found.items()):
        t1 = found.get(f"{name.rpartition('.')[0]}.t1_time")
        if name.endswith((".t2_time", ".t2_echo_time")) and t1 is not None and published.value > T2_OVER_T1 * t1.value:
            del found[name]
    return found


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether an observation, or its uncertainty, is a number that can be computed with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def split_name(name: str) -> tuple[str, str, str]:
    """Return what a name says before its locus, the locus, and the field; what a name doesn't have is empty."""
    path, _, field = name.rpartition(".")
    before, _, locus = path.rpartition(".")
    return before, locus, field


def value_range(name: str) -> tuple[float, float]:
    """Return the smallest and the largest value that can be published under a name."""
    _, locus, field = split_name(name)
    lowest, highest = RANGES.get(field, (0.0, math.inf))
    if field == "fidelity" and name.startswith(("metrics.rb.", "metrics.irb.")):
        lowest = 0.5 ** len(locus.split("__"))
    return lowest, highest


def _of_one_gate(name: str, fidelity: Published, suffix: str) -> Published:
    """Return the fidelity of one gate from that of ``n_interleaved_gates``; other values are returned as they are."""
    gates = re.search(r"\bn_interleaved_gates=(\d{1,9})\b", suffix)
    components = len(split_name(name)[1].split("__"))
    if gates is None or int(gates[1]) < 2 or not name.endswith(".fidelity") or components > 2:
        return fidelity
    k, d = int(gates[1]), 2**components
    polarization: float = max((d * fidelity.value - 1) / (d - 1), 0.0)
    one: float = ((d - 1) * polarization ** (1 / k) + 1) / d
    if fidelity.uncertainty is None or polarization == 0:
        return Published(one, None)
    return Published(one, fidelity.uncertainty * polarization ** (1 / k - 1) / k)  # by the slope of the former
