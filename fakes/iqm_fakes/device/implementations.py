"""Which implementation of a gate runs on a locus, by what a dynamic quantum architecture says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations
from typing import Any

from iqm_fakes.device.metrics import Locus, Place

LOCUS_SIZES: Mapping[str, int] = {
    **dict.fromkeys(("prx", "measure", "measure_fidelity", "cc_prx", "reset", "reset_wait"), 1),
    **dict.fromkeys(("cz", "move"), 2),
}
"""How many components each calibrated locus of a gate has, whatever its implementation."""

_SYMMETRIC = ("cz",)
"""Gates whose locus may be written in any order."""


def equivalent_loci(gate: str, locus: Iterable[str]) -> Iterator[Locus]:
    """Yield the loci on which a gate is the same, this one first: every order of them for cz."""
    yield from permutations(locus) if gate in _SYMMETRIC else [tuple(locus)]


def unordered(gate: str, locus: Iterable[str]) -> Place:
    """Return the same place for all loci on which a gate is the same."""
    return gate, min(equivalent_loci(gate, locus))


def default_implementation(gate: str, info: Mapping[str, Any], locus: Locus) -> str:
    """Return the implementation that runs on a locus if none is asked for.

    An override may be listed for an equivalent locus; the one for just this locus comes first, as for the vendor.

    Args:
        gate: Its name.
        info: What the dynamic architecture says of the gate.
        locus: Where it runs.

    """
    overrides = info["override_default_implementation"]
    keys = map(",".join, equivalent_loci(gate, locus))
    chosen: str = next((overrides[key] for key in keys if key in overrides), info["default_implementation"])
    return chosen


def default_loci(architecture: Mapping[str, Any]) -> dict[Place, str]:
    """Return the default implementation of each gate of a dynamic architecture on each of its loci."""
    return {
        (gate, locus): implementation
        for gate, info in architecture["gates"].items()
        for implementation, entry in info["implementations"].items()
        for locus in map(tuple, entry["loci"])
        if default_implementation(gate, info, locus) == implementation
    }
