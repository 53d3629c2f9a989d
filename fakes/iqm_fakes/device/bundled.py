"""The bundled devices, by name."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

DEFAULT_DEVICE = "garnet"
"""What is simulated if nothing else is asked for."""

CATALOGUE = "iqm_fakes.device.catalogue"


def bundled_devices() -> tuple[str, ...]:
    """Return the names of the bundled devices."""
    names = (entry.name for entry in files(CATALOGUE).iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


def bundled_file(name: str) -> Traversable:
    """Return the device file of a bundled device."""
    return files(CATALOGUE) / f"{name}.json"
