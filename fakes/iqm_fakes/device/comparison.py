"""How two calibrations of a quantum computer differ: lost and new loci, other implementations, changed metrics."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from iqm_fakes.device.device import Calibration, Device
from iqm_fakes.device.implementations import default_loci, equivalent_loci, unordered
from iqm_fakes.device.metrics import (
    EXPERIMENTS,
    RATES,
    TIMES,
    Locus,
    Place,
    Published,
    published_metrics,
    published_values,
    split_name,
)

SIGMAS = 3.0
"""By how many of its published uncertainties a metric has to move to count as changed."""

THRESHOLD = 0.25
"""Relative change from which on a metric without a published uncertainty counts as changed."""


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
        sigmas: Of a metric: by how many of its uncertainties, combined, it moved; None if none is published.
        worse: Of a metric: whether it is worse now, a larger error or a shorter time.

    """

    kind: str
    name: str
    locus: Locus
    old: str
    new: str
    factor: float = 1.0
    sigmas: float | None = None
    worse: bool = False

    def __str__(self) -> str:
        where = f"{self.name} on {'-'.join(self.locus)}"
        if self.kind in ("lost", "new"):
            return f"{self.kind} {where}"
        return f"{where}: {self.old} -> {self.new}"


def changes(old: Device, new: Device, threshold: float | None = None) -> list[Change]:
    """Return what distinguishes two devices' default calibrations.

    A metric counts as changed if it moved by more than 3 times its published uncertainties combined (the root of the
    sum of their squares); where none is published, if its error rate or relaxation time changed by more than a
    quarter. What follows from metrics that are listed is not listed again: a readout fidelity beside its errors, and
    the fidelity of Clifford gates beside that of the gate that it is measured with.

    Args:
        old: A device.
        new: The same one, later.
        threshold: Report metrics whose error rate, or relaxation time, changed by more than this fraction, whatever
            their uncertainties.

    Returns:
        Lost and new components and loci, then other default implementations, then metrics: those that are worse now,
        then those that are better, each with the largest change first.

    """
    first, second = old.calibration(), new.calibration()
    before, after = _loci(first), _loci(second)
    lost = [Change("lost", name, locus, was, "") for name, locus, was in _only(before, after)]
    found = [Change("new", name, locus, "", now) for name, locus, now in _only(after, before)]
    return [*lost, *found, *_implementations(before, after), *_metrics(first, second, threshold)]


def and_more(found: Sequence[Change], shown: int) -> str:
    """Return how many changes follow the first ones, and of which kind; empty if there are none."""
    kinds = Counter(
        change.kind if change.kind != "metric" else "worse" if change.worse else "better" for change in found[shown:]
    )
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return f"and {len(found) - shown} more ({said})" if said else ""


_Loci = Mapping[Place, tuple[Locus, str]]
"""A place, whatever the order of its components → the locus as it is written, and the default implementation."""


def _loci(calibration: Calibration) -> _Loci:
    places = default_loci(calibration.dynamic_quantum_architecture).items()
    return {unordered(gate, locus): (locus, implementation) for (gate, locus), implementation in places}


def _only(some: _Loci, others: _Loci) -> Iterator[tuple[str, Locus, str]]:
    """Yield gates and loci that others don't have; a component without any gate there counts once."""
    there = {component for _, locus in others for component in locus}
    absent = dict.fromkeys(component for _, locus in some for component in locus if component not in there)
    yield from (("every gate", (component,), "") for component in absent)
    for (gate, place), (locus, implementation) in some.items():
        if (gate, place) not in others and absent.keys().isdisjoint(locus):
            yield gate, locus, implementation


def _implementations(before: _Loci, after: _Loci) -> Iterator[Change]:
    """Yield other default implementations; if a gate has the same other one on each of several loci, once."""
    gates: dict[str, dict[Locus, tuple[str, str]]] = {}
    for (gate, place), (locus, was) in before.items():
        if (gate, place) in after:
            gates.setdefault(gate, {})[locus] = was, after[gate, place][1]
    for gate, loci in gates.items():
        if len(loci) > 1 and len(set(loci.values())) == 1:
            loci = {("every locus",): next(iter(loci.values()))}
        yield from (Change("implementation", gate, locus, was, now) for locus, (was, now) in loci.items() if was != now)


def errors(calibration: Calibration) -> dict[Place, float]:
    """Return 1 - fidelity of each gate on each of its loci, as far as it is published."""
    published = published_values(calibration.observations())
    found: dict[Place, float] = {}
    for (gate, locus), implementation in default_loci(calibration.dynamic_quantum_architecture).items():
        for order in equivalent_loci(gate, locus) if gate in EXPERIMENTS else ():
            name = f"metrics.{EXPERIMENTS[gate]}.{gate}.{implementation}.{'__'.join(order)}.fidelity"
            if name in published:
                found.setdefault((gate, locus), 1 - published[name])
    return found


_Metric = tuple[str, frozenset[str], str]
"""Name of a metric: what is before the locus, the locus in any order, the field."""


def _metrics(old: Calibration, new: Calibration, threshold: float | None) -> list[Change]:
    before, after = _rates_and_times(old), _rates_and_times(new)
    both = [name for name in before if name in after]
    moved = {name: change for name in both if (change := _change(name, before[name], after[name], threshold))}
    return sorted(
        (change for name, change in moved.items() if not _follows(name, moved)),
        key=lambda change: (not change.worse, -abs(_log(change.factor)), change.name, change.locus),
    )


def _rates_and_times(calibration: Calibration) -> dict[_Metric, tuple[Locus, Published]]:
    """Return error rates and relaxation times, with the locus as it is written; fidelities as errors."""
    found: dict[_Metric, tuple[Locus, Published]] = {}
    for name, published in published_metrics(calibration.observations()).items():
        path, where, field = split_name(name)
        if field in RATES or field in TIMES:
            locus = tuple(where.split("__"))
            rate = published._replace(value=1 - published.value) if RATES.get(field) else published
            found.setdefault((path, frozenset(locus), field), (locus, rate))
    return found


def _change(
    name: _Metric, old: tuple[Locus, Published], new: tuple[Locus, Published], threshold: float | None
) -> Change | None:
    """Return how a metric changed; None if not, or by too little."""
    path, _, field = name
    (locus, was), (_, now) = old, new
    uncertainty = math.hypot(was.uncertainty or 0.0, now.uncertainty or 0.0)
    sigmas = abs(now.value - was.value) / uncertainty if uncertainty else None
    factor = now.value / was.value if was.value else math.inf if now.value else 1.0
    if threshold is None and sigmas is not None:
        changed = sigmas > SIGMAS
    else:
        changed = abs(factor - 1) > (THRESHOLD if threshold is None else threshold)
    if not changed:
        return None
    label = f"{path}.{field}" + (" (error)" if RATES.get(field) else "")
    old_text, new_text = (
        f"{value * 1e6:.3g} us" if field in TIMES else f"{value:.3g}" for value in (was.value, now.value)
    )
    return Change("metric", label, locus, old_text, new_text, factor, sigmas, (factor < 1) is (field in TIMES))


def _follows(name: _Metric, others: Mapping[_Metric, Change]) -> bool:
    """Return whether a metric follows from others: a fidelity from its parts, one of Clifford gates from a gate's."""
    path, locus, field = name
    if field != "fidelity":
        return False
    if path.startswith("metrics.rb.clifford."):
        gates = tuple(f"metrics.{EXPERIMENTS[gate]}.{gate}." for gate in ("prx", "cz"))
        return any(where == locus and other.startswith(gates) for other, where, _ in others)
    return any((path, locus, part) in others for part in RATES if part != field)


def _log(factor: float) -> float:
    return math.log(factor) if factor else -math.inf
