"""A calibration whose errors are larger or smaller than published: the same documents with other figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from iqm_fakes.device.device import Calibration
from iqm_fakes.device.metrics import (
    EXPERIMENTS,
    QNDNESS_FIELDS,
    RATES,
    READOUT_FIELDS,
    TIMES,
    Locus,
    is_number,
    split_name,
)

READOUT, RELAXATION = "readout", "relaxation"
"""Kinds of errors beside those of gates, whose kind is the gate's name."""

MOST = 0.5
"""The largest readout error: a fair coin."""


_STATED = {"p_1_given_0": MOST, "p_0_given_1": MOST, "depolarizing": 1.0}
"""Errors that a noise profile may state, and the largest they become."""


class Figure(NamedTuple):
    """One published figure.

    Attributes:
        kind: ``readout``, ``relaxation``, or a gate: ``prx``, ``cz``, ``move``.
        locus: Its components, in alphabetical order.
        field: Which of the figures of that kind there.

    """

    kind: str
    locus: Locus
    field: str


Factor = Callable[[Figure], float]
"""By how much the error that a figure tells of is multiplied; positive. Relaxation times are divided by it."""


def scaled(calibration: Calibration, factor: Factor) -> Calibration:
    """Return a calibration whose errors of measurements and gates and whose relaxation rates are multiplied.

    A readout error stays at 1/2 at most, and the fidelity of a gate at what leaves nothing of the state, 1/d. What a
    noise profile states is multiplied, too; what is not published is not.
    """
    metrics = calibration.quality_metric_set
    return replace(
        calibration,
        calibration_set=_scaled_set(calibration.calibration_set, factor),
        quality_metric_set=None if metrics is None else _scaled_set(metrics, factor),
        noise=_scaled_profile(calibration.noise, factor),
    )


def _scaled_set(document: Mapping[str, Any], factor: Factor) -> dict[str, Any]:
    observations = []
    for observation in document["observations"]:
        figure, value = _figure(observation["dut_field"]), observation["value"]
        by = factor(figure) if figure is not None and is_number(value) else 1.0
        changed = observation if figure is None or by == 1 else {**observation, "value": _scaled(figure, value, by)}
        observations.append(changed)
    return {**document, "observations": observations}


@lru_cache(maxsize=8192)
def _figure(name: str) -> Figure | None:
    """Return what an observation is of; None if it is no error and no time."""
    before, where, field = split_name(name.partition(":")[0])
    path = before.split(".")
    locus = tuple(sorted(where.split("__")))
    if field in TIMES and path == ["characterization", "model"]:
        return Figure(RELAXATION, locus, field)
    if len(path) < 3 or path[0] != "metrics":
        return None
    gate = path[2].replace("measure_fidelity", "measure")
    if path[1] == "qndness" and field in QNDNESS_FIELDS:
        return Figure(READOUT, locus, field)
    if EXPERIMENTS.get(gate) != path[1] or field not in READOUT_FIELDS:
        return None
    return Figure(READOUT if gate == "measure" else gate, locus, field)


def _scaled(figure: Figure, value: float, factor: float) -> float:
    if figure.kind == RELAXATION:
        return value / factor
    if not RATES[figure.field]:
        return min(value * factor, max(value, MOST))
    least = 0.5 ** len(figure.locus)
    return max(1 - (1 - value) * factor, min(value, least))


def _scaled_profile(profile: Mapping[str, Any], factor: Factor) -> dict[str, Any]:
    def multiplied(kind: str, locus: Iterable[str], entry: Mapping[str, float]) -> dict[str, float]:
        where, result = tuple(sorted(locus)), dict(entry)
        for name, value in entry.items():
            if kind == RELAXATION:
                result[name] = value / factor(Figure(kind, where, name))
            elif name in _STATED:
                result[name] = min(value * factor(Figure(kind, where, name)), max(value, _STATED[name]))
        return result

    result = dict(profile)
    for kind in (READOUT, RELAXATION):
        if kind in profile:
            result[kind] = {where: multiplied(kind, (where,), entry) for where, entry in profile[kind].items()}
    if "gates" in profile:
        result["gates"] = {
            gate: {where: multiplied(gate, where.split(","), entry) for where, entry in loci.items()}
            for gate, loci in profile["gates"].items()
        }
    return result
