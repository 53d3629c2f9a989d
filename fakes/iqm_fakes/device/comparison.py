"""How two calibrations of a quantum computer differ: lost and new loci, other implementations, changed metrics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from iqm_fakes.device.device import Calibration, Device
from iqm_fakes.device.implementations import default_loci
from iqm_fakes.device.metrics import EXPERIMENTS, RATES, TIMES, Locus, Place, published_values

THRESHOLD = 0.25
"""Relative change from which on a metric counts as changed."""


@dataclass(frozen=True)
class Change:
    """One difference between the default calibrations of two devices.

    Attributes:
        kind: ``lost``, ``new``, ``implementation`` or ``metric``.
        name: A gate or a metric's name.
        locus: Where.
        old: Of the first device, for people; empty if there was nothing.
        new: Of the second device.
        factor: Of a metric: how many times larger it is now (error rates, times).

    """

    kind: str
    name: str
    locus: Locus
    old: str
    new: str
    factor: float = 1.0

    def __str__(self) -> str:
        where = f"{self.name} on {'-'.join(self.locus)}"
        if self.kind in ("lost", "new"):
            return f"{self.kind} {where}"
        return f"{where}: {self.old} -> {self.new}"


def changes(old: Device, new: Device, threshold: float = THRESHOLD) -> list[Change]:
    """Return what distinguishes two devices' default calibrations.

    Args:
        old: A device.
        new: The same one, later.
        threshold: Metrics are reported whose error rate, or relaxation time, changed by more than this fraction.

    Returns:
        Lost and new components and loci, then changed default implementations, then metrics, the largest change first.

    """
    first, second = old.calibration(), new.calibration()
    before, after = (default_loci(c.dynamic_quantum_architecture) for c in (first, second))
    lost = [Change("lost", name, locus, was, "") for name, locus, was in _only(before, after)]
    found = [Change("new", name, locus, "", now) for name, locus, now in _only(after, before)]
    switched = [
        Change("implementation", gate, locus, implementation, after[gate, locus])
        for (gate, locus), implementation in before.items()
        if after.get((gate, locus), implementation) != implementation
    ]
    return [*lost, *found, *switched, *_metrics(first, second, threshold)]


def _only(some: Mapping[Place, str], others: Mapping[Place, str]) -> Iterator[tuple[str, Locus, str]]:
    """Yield gates and loci that others don't have; a component without any gate there counts once."""
    there = {component for _, locus in others for component in locus}
    absent = dict.fromkeys(component for _, locus in some for component in locus if component not in there)
    yield from (("every gate", (component,), "") for component in absent)
    for (gate, locus), implementation in some.items():
        if (gate, locus) not in others and absent.keys().isdisjoint(locus):
            yield gate, locus, implementation


def errors(calibration: Calibration) -> dict[Place, float]:
    """Return 1 - fidelity of each gate on each of its loci, as far as it is published."""
    published = published_values(calibration.observations())
    names = {
        (gate, locus): f"metrics.{EXPERIMENTS[gate]}.{gate}.{implementation}.{'__'.join(locus)}.fidelity"
        for (gate, locus), implementation in default_loci(calibration.dynamic_quantum_architecture).items()
        if gate in EXPERIMENTS
    }
    return {place: 1 - published[name] for place, name in names.items() if name in published}


def _metrics(old: Calibration, new: Calibration, threshold: float) -> list[Change]:
    before, after = (published_values(calibration.observations()) for calibration in (old, new))
    found = []
    for name in before.keys() & after.keys():
        *path, where, field = name.split(".")
        if field in RATES:
            was, now = (1 - values[name] if RATES[field] else values[name] for values in (before, after))
            texts = f"{was:.3g}", f"{now:.3g}"
        elif field in TIMES:
            was, now = before[name], after[name]
            texts = f"{was * 1e6:.3g} us", f"{now * 1e6:.3g} us"
        else:
            continue
        factor = now / was if was > 0 and now > 0 else math.inf if now != was else 1.0
        if abs(factor - 1) > threshold:
            label = ".".join([*path, field]) + (" (error)" if RATES.get(field) else "")
            found.append(Change("metric", label, tuple(where.split("__")), *texts, factor))
    return sorted(found, key=lambda change: (-abs(math.log(change.factor)), change.name, change.locus))
