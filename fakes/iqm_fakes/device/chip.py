"""What is on a chip, and how good it is by a calibration: one number for each qubit, resonator or coupler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iqm_fakes.device.comparison import errors
from iqm_fakes.device.device import Calibration, Device
from iqm_fakes.device.implementations import default_loci
from iqm_fakes.device.metrics import TIMES, published_values, split_name

RELAXATION = "characterization.model"
"""What is before the component in the name of a relaxation time."""

TITLES: Mapping[str, str] = {
    "prx": "prx error",
    "measure": "readout error",
    "t1_time": "T1",
    "t2_time": "T2",
    "t2_echo_time": "T2 echo",
    "cz": "cz error",
    "move": "move error",
}
"""What can be said of the parts of a chip, and what it is called."""


@dataclass(frozen=True)
class Metric:
    """A number for each part of a chip, as far as it is published.

    Attributes:
        name: One of :data:`TITLES`.
        values: Components, one or the two ends of a coupler, → error, or seconds.

    """

    name: str
    values: Mapping[frozenset[str], float]

    @property
    def title(self) -> str:
        """What it is called."""
        return TITLES[self.name]

    @property
    def is_time(self) -> bool:
        """Whether it is a relaxation time, of which more is better; otherwise it is an error."""
        return self.name in TIMES

    @property
    def of_couplers(self) -> bool:
        """Whether it is about couplers."""
        return any(len(part) > 1 for part in self.values)

    def text(self, value: float) -> str:
        """Return a value with its unit."""
        return f"{1e6 * value:.3g} µs" if self.is_time else f"{100 * value:.2g} %"


def parts(device: Device, calibration: Calibration) -> dict[str, Any]:
    """Return the ``components`` of a chip, its ``couplers``, and which of these are not calibrated (``lost``)."""
    architecture = device.static_quantum_architecture
    couplers = [list(pair) for pair in architecture["connectivity"]]
    calibrated = {frozenset(locus) for _, locus in default_loci(calibration.dynamic_quantum_architecture)}
    return {
        "components": [*architecture["qubits"], *architecture["computational_resonators"]],
        "couplers": couplers,
        "lost": [pair for pair in couplers if frozenset(pair) not in calibrated],
    }


def metrics(calibration: Calibration) -> list[Metric]:
    """Return what is published of the parts of a chip, in the order of :data:`TITLES`."""
    found: dict[str, dict[frozenset[str], float]] = {name: {} for name in TITLES}
    for (gate, locus), error in errors(calibration).items():
        if gate in found:
            found[gate].setdefault(frozenset(locus), error)
    for name, value in published_values(calibration.observations()).items():
        prefix, component, field = split_name(name)
        if prefix == RELAXATION and field in found:
            found[field][frozenset([component])] = value
    return [Metric(name, values) for name, values in found.items() if values]
