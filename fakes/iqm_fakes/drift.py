"""How calibrations of one quantum computer differ: what changed from one to the next, and a next one made up."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from iqm_fakes.device import Calibration, Device

THRESHOLD = 0.25
"""Relative change from which on a metric counts as changed."""

RATES = {"fidelity": True, "repeatability": True, "error_0_to_1": False, "error_1_to_0": False}
"""Metrics that are compared as error rates, and whether the rate is 1 minus what is published."""

TIMES = ("t1_time", "t2_time", "t2_echo_time")
"""Metrics that are compared as they are, in seconds."""

Locus: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[str, Locus]
"""A gate and a locus."""


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
    before, after = loci(first), loci(second)
    lost = [Change("lost", name, locus, was, "") for name, locus, was in _only(before, after)]
    found = [Change("new", name, locus, "", now) for name, locus, now in _only(after, before)]
    switched = [
        Change("implementation", gate, locus, implementation, after[gate, locus])
        for (gate, locus), implementation in before.items()
        if after.get((gate, locus), implementation) != implementation
    ]
    return [*lost, *found, *switched, *_metrics(first, second, threshold)]


def loci(calibration: Calibration) -> dict[Place, str]:
    """Return the default implementation of each gate on each of its loci."""
    found = {}
    for gate, info in calibration.dynamic_quantum_architecture["gates"].items():
        overrides = info["override_default_implementation"]
        for implementation, entry in info["implementations"].items():
            for locus in map(tuple, entry["loci"]):
                default = overrides.get(",".join(locus), info["default_implementation"])
                if default == implementation:
                    found[gate, locus] = implementation
    return found


def _only(
    some: Mapping[tuple[str, Locus], str], others: Mapping[tuple[str, Locus], str]
) -> Iterator[tuple[str, Locus, str]]:
    """Yield gates and loci that others don't have; a component without any gate there counts once."""
    there = {component for _, locus in others for component in locus}
    absent = dict.fromkeys(component for _, locus in some for component in locus if component not in there)
    yield from (("every gate", (component,), "") for component in absent)
    for (gate, locus), implementation in some.items():
        if (gate, locus) not in others and absent.keys().isdisjoint(locus):
            yield gate, locus, implementation


def errors(calibration: Calibration) -> dict[Place, float]:
    """Return 1 - fidelity of each gate on each of its loci, as far as it is published."""
    published = _published(calibration)
    experiments = {"prx": "rb", "cz": "irb", "move": "irb", "measure": "ssro"}
    names = {
        (gate, locus): f"metrics.{experiments[gate]}.{gate}.{implementation}.{'__'.join(locus)}.fidelity"
        for (gate, locus), implementation in loci(calibration).items()
        if gate in experiments
    }
    return {place: 1 - published[name] for place, name in names.items() if name in published}


def _metrics(old: Calibration, new: Calibration, threshold: float) -> list[Change]:
    before, after = _published(old), _published(new)
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


def _published(calibration: Calibration) -> dict[str, float]:
    values: dict[str, float] = {}
    for observation in calibration.observations():
        if isinstance(observation["value"], int | float) and not observation.get("invalid"):
            values.setdefault(observation["dut_field"].partition(":")[0], observation["value"])
    return values


def recalibrated(device: Device, seed: int, *, drift: float = 0.1, lost: Iterable[str | Locus] = ()) -> Device:
    """Return a device with one more calibration, which is the default: the former default's, drifted.

    Args:
        device: A device.
        seed: Determines the new calibration, its id included, together with the former one.
        drift: Standard deviation of the logarithm of the factors by which error rates and relaxation times change.
        lost: Components, or loci such as ``("QB1", "QB2")``, that the new calibration does without.

    Raises:
        ValueError: There is nothing of that name to lose.

    """
    last = device.calibration()
    dice = random.Random(f"{seed}:{last.id}")  # noqa: S311  # has to be reproducible, not secret
    identifier = str(UUID(int=dice.getrandbits(128), version=4))
    calibration_set = _next_set(last.calibration_set, identifier, None, dice, drift)
    metrics = last.quality_metric_set
    if metrics is not None:
        metrics = _next_set(metrics, str(UUID(int=dice.getrandbits(128), version=4)), identifier, dice, drift)
    architecture = _without(last.dynamic_quantum_architecture, lost) | {"calibration_set_id": identifier}
    entry = {
        "calibration_set": calibration_set,
        "quality_metric_set": metrics,
        "dynamic_quantum_architecture": architecture,
        **({"noise": last.noise} if last.noise else {}),
    }
    calibrations = [*device.document["calibrations"], entry]
    return Device.from_document(
        {**device.document, "default_calibration_set_id": identifier, "calibrations": calibrations}
    )


def _next_set(
    document: Mapping[str, Any], identifier: str, describes: str | None, dice: random.Random, drift: float
) -> dict[str, Any]:
    observations = [dict(observation) for observation in document["observations"]]
    for observation in observations:
        if isinstance(observation["value"], float):
            observation["value"] = _drifted(observation["dut_field"], observation["value"], dice, drift)
    values = {observation["dut_field"].partition(":")[0]: observation for observation in observations}
    for name, observation in values.items():
        path, _, field = name.rpartition(".")
        if field == "t2_time" and f"{path}.t1_time" in values:
            observation["value"] = min(observation["value"], 2 * values[f"{path}.t1_time"]["value"])
        elif field == "fidelity" and f"{path}.error_0_to_1" in values and f"{path}.error_1_to_0" in values:
            wrong = values[f"{path}.error_0_to_1"]["value"] + values[f"{path}.error_1_to_0"]["value"]
            observation["value"] = 1 - wrong / 2
    later = {
        name: _a_day_later(document[name]) for name in ("created_timestamp", "end_timestamp") if document.get(name)
    }
    described = {"describes_id": describes} if "describes_id" in document else {}
    return {**document, **later, **described, "observation_set_id": identifier, "observations": observations}


def _drifted(name: str, value: float, dice: random.Random, drift: float) -> float:
    field = name.partition(":")[0].rpartition(".")[2]
    factor = math.exp(dice.gauss(0.0, drift))
    if field in TIMES:
        return value * factor
    if field in RATES and 0 <= value <= 1:
        return max(1 - (1 - value) * factor, 0.0) if RATES[field] else min(value * factor, 1.0)
    return value


def _a_day_later(timestamp: str) -> str:
    moment = datetime.fromisoformat(timestamp.replace("Z", "+00:00")) + timedelta(days=1)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _without(architecture: Mapping[str, Any], lost: Iterable[str | Locus]) -> dict[str, Any]:
    """Return a dynamic architecture without gates on these components and loci."""
    gone = [(name,) if isinstance(name, str) else tuple(name) for name in lost]
    names = {locus[0] for locus in gone if len(locus) == 1}
    pairs = {frozenset(locus) for locus in gone if len(locus) > 1}
    known = {frozenset(locus) for _, locus in _every_locus(architecture)}
    for locus in gone:
        if frozenset(locus) not in known:
            raise ValueError(f"{'-'.join(locus)} can't be lost: no gate of the calibration has this locus")

    def stays(locus: Iterable[str]) -> bool:
        return names.isdisjoint(locus) and frozenset(locus) not in pairs

    gates = {
        gate: {
            **info,
            "implementations": {
                name: {**entry, "loci": [locus for locus in entry["loci"] if stays(locus)]}
                for name, entry in info["implementations"].items()
            },
            "override_default_implementation": {
                key: name for key, name in info["override_default_implementation"].items() if stays(key.split(","))
            },
        }
        for gate, info in architecture["gates"].items()
    }
    return {
        **architecture,
        "qubits": [name for name in architecture["qubits"] if name not in names],
        "computational_resonators": [n for n in architecture["computational_resonators"] if n not in names],
        "gates": gates,
    }


def _every_locus(architecture: Mapping[str, Any]) -> Iterator[Place]:
    for gate, info in architecture["gates"].items():
        for entry in info["implementations"].values():
            yield from ((gate, tuple(locus)) for locus in entry["loci"])
