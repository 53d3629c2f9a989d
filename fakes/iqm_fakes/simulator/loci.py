"""Where operations can be executed: the loci and implementations of a dynamic quantum architecture."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from iqm_fakes.device.implementations import default_implementation, equivalent_loci
from iqm_fakes.device.metrics import Locus
from iqm_fakes.simulator.circuit import Refused
from iqm_fakes.simulator.operations import OPERATIONS, Implementation, Place

Factors = tuple[tuple[Locus, str], ...]
"""What is executed as one: loci, and the implementation that runs on each."""


class _Gate:
    """One operation of a dynamic architecture.

    Attributes:
        loci: Where each implementation is calibrated, in every order of the locus that is the same to the gate.

    """

    def __init__(self, name: str, document: Mapping[str, Any]) -> None:
        self._name = name
        self._document = document
        self.loci: dict[str, frozenset[Locus]] = {
            implementation: frozenset(order for locus in entry["loci"] for order in equivalent_loci(name, locus))
            for implementation, entry in document["implementations"].items()
        }

    def default(self, locus: Locus) -> str:
        """Return the implementation that runs if none is asked for."""
        return default_implementation(self._name, self._document, locus)


class Loci:
    """Says which implementation executes an operation on a locus, or why none can.

    Couplers are not published: two components are coupled if an operation is calibrated on both.

    Args:
        architecture: A dynamic quantum architecture document.

    """

    def __init__(self, architecture: Mapping[str, Any]) -> None:
        self.qubits = tuple(architecture["qubits"])
        self.resonators = tuple(architecture["computational_resonators"])
        self._number = {component: number for number, component in enumerate((*self.qubits, *self.resonators))}
        self._gates = {name: _Gate(name, document) for name, document in architecture["gates"].items()}
        coupled = {
            order
            for gate in self._gates.values()
            for locus in frozenset().union(*gate.loci.values())
            if len(locus) == 2
            for order in (locus, locus[::-1])
        }
        self.readable = lru_cache(maxsize=None)(self._readable)
        self.pick = lru_cache(maxsize=4096)(self._possible)  # asked for each instruction of each circuit
        self.factors = lru_cache(maxsize=4096)(self._factors)
        self.check_members = lru_cache(maxsize=4096)(self._check_members)
        qubits = frozenset(self.qubits)
        self._places: Mapping[Place, frozenset[Locus]] = {
            "qubits": frozenset((qubit,) for qubit in self.qubits),
            "components": frozenset((component,) for component in self._number),
            "couplings": frozenset(coupled),
            "couplings of qubits": frozenset(pair for pair in coupled if qubits.issuperset(pair)),
            "couplings from a qubit": frozenset(pair for pair in coupled if pair[0] in qubits),
        }

    def has(self, name: str) -> bool:
        """Return whether an operation is calibrated anywhere."""
        return name in self._gates

    def has_component(self, name: object) -> bool:
        """Return whether the machine has a component of this name."""
        return name in self._number

    def calibrated(self, name: str, locus: Locus) -> bool:
        """Return whether what runs if no implementation is asked for is calibrated."""
        gate = self._gates.get(name)
        return gate is not None and locus in gate.loci.get(gate.default(locus), ())

    def _readable(self, name: str) -> tuple[str, ...]:
        """Return the qubits that a measurement is calibrated for, and the reset between shots."""
        reset = not self.has("reset_wait")
        return tuple(
            qubit
            for qubit in self.qubits
            if self.calibrated(name, (qubit,)) and (reset or self.calibrated("reset_wait", (qubit,)))
        )

    def _possible(self, name: str, locus: Locus, implementation: str | None = None) -> None:
        """Check whether an operation is possible on a locus, calibrated or not.

        Raises:
            Refused: It is not, by any implementation or by the one asked for.

        """
        if OPERATIONS[name].factorizable and len(locus) > 1:
            if implementation is not None:
                self._check_known(name, implementation)
        else:
            self._pick(name, locus, implementation)

    def _factors(self, name: str, locus: Locus, implementation: str | None = None) -> Factors:
        """Split an operation into what is executed as one.

        Raises:
            Refused: It is not calibrated there.

        """
        operation = OPERATIONS[name]
        parts: list[Locus] = [locus]
        if operation.any_size and (locus or not operation.factorizable):
            parts = [(component,) for component in dict.fromkeys(locus)]
        if operation.factorizable:
            order = sorted(parts, key=self._order) if operation.symmetric else parts
            chosen = {part: self._checked(name, part, implementation) for part in order}
            return tuple((part, chosen[part]) for part in parts)
        whole = self._checked(name, locus, implementation)
        return tuple((part, whole) for part in parts)

    def _check_members(self, name: str, factors: Factors) -> None:
        """Check the operations that one is made of.

        Raises:
            Refused: One of them is not calibrated.

        """
        for implementation in dict.fromkeys(implementation for _, implementation in factors):
            for member, chosen in OPERATIONS[name].implementation(implementation).members.items():
                for locus in sorted((locus for locus, other in factors if other == implementation), key=self._order):
                    self.check_members(member, self.factors(member, locus, chosen))

    def _order(self, locus: Locus) -> list[int]:
        return [self._number.get(component, -1) for component in locus]

    def _checked(self, name: str, locus: Locus, implementation: str | None) -> str:
        chosen, ordered = self._pick(name, locus, implementation)
        self._check_calibrated(name, chosen, ordered)
        return chosen

    def _pick(self, name: str, locus: Locus, implementation: str | None) -> tuple[str, Locus]:
        """Return the implementation that runs, and the locus in an order in which it is calibrated, if it is."""
        operation, gate = OPERATIONS[name], self._gates.get(name)
        if implementation is None:
            implementation = operation.default if gate is None else gate.default(locus)
        chosen, ordered = self._check_known(name, implementation), locus
        if operation.symmetric and chosen.symmetric:
            ordered = tuple(sorted(locus, key=lambda component: self._number.get(component, -1)))
        elif operation.symmetric and chosen.calibrated:
            self._check_calibrated(name, implementation, locus)
            return implementation, locus
        parts = [(component,) for component in locus] if operation.any_size else [ordered]
        if not self._places[chosen.place].issuperset(parts):
            raise Refused(
                f"{name}.{implementation}: {locus} is not a valid locus.",
                f"{self._unknown(locus)}'{name}' acts on {_PLACES[chosen.place]}; {self._where(name, locus)}",
            )
        return implementation, ordered

    def _check_known(self, name: str, implementation: str) -> Implementation:
        known = OPERATIONS[name].implementations
        calibrated = self._gates[name].loci if name in self._gates else {}
        if implementation not in known and implementation not in calibrated:
            names = ", ".join(f"'{other}'" for other in dict.fromkeys((*calibrated, *known)))
            raise Refused(
                f"Unknown quantum operation implementation '{name}.{implementation}'.",
                f"'{name}' has no implementation '{implementation}'; it has {names}",
            )
        return OPERATIONS[name].implementation(implementation)

    def _check_calibrated(self, name: str, implementation: str, locus: Locus) -> None:
        calibrated = OPERATIONS[name].implementation(implementation).calibrated
        if calibrated and (name not in self._gates or locus not in self._gates[name].loci.get(implementation, ())):
            raise Refused(
                f"No calibration data for '{name}.{implementation}' at {locus}.",
                f"{self._unknown(locus)}{self._where(name, locus)}",
            )

    def _unknown(self, locus: Locus) -> str:
        unknown = [component for component in locus if component not in self._number]
        known = ", ".join(self._number)
        return f"{', '.join(unknown)} does not exist on the QPU, which has {known}; " if unknown else ""

    def _where(self, name: str, locus: Locus) -> str:
        """Name the loci where an operation is calibrated by default, those that share a component first."""
        if name not in self._gates:
            if not any(implementation.calibrated for implementation in OPERATIONS[name].implementations.values()):
                return f"'{name}' needs no calibration of its own"
            return f"'{name}' is not available in this calibration; available: {', '.join(self._gates)}"
        gate = self._gates[name]
        loci = sorted(
            (place for place in frozenset().union(*gate.loci.values()) if self.calibrated(name, place)),
            key=lambda place: (not set(place) & set(locus), self._order(place)),
        )
        more = f" and {len(loci) - 8} more" if len(loci) > 8 else ""
        return f"calibrated: {', '.join(map('-'.join, loci[:8])) or 'none'}{more}"


_PLACES: Mapping[Place, str] = {
    "qubits": "qubits",
    "components": "qubits and resonators",
    "couplings": "two coupled components",
    "couplings of qubits": "two coupled qubits",
    "couplings from a qubit": "a qubit and a component coupled to it, in this order",
}
