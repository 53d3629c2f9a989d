"""Where operations can be executed: the loci and implementations of a dynamic quantum architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iqm_fakes.device.implementations import default_implementation, equivalent_loci
from iqm_fakes.device.metrics import Locus
from iqm_fakes.simulator.circuit import CircuitError, Instruction
from iqm_fakes.simulator.operations import OPERATIONS


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

    def preferred(self, locus: Locus) -> tuple[str, ...]:
        """Return the implementations to choose from when none is asked for, best first."""
        default = default_implementation(self._name, self._document, locus)
        return (default, self._document["default_implementation"], *self.loci)


class Loci:
    """Says which implementation executes an operation on a locus, or why none can.

    Args:
        architecture: A dynamic quantum architecture document.

    """

    def __init__(self, architecture: Mapping[str, Any]) -> None:
        self.qubits = tuple(architecture["qubits"])
        self.resonators = tuple(architecture["computational_resonators"])
        self._components = frozenset((*self.qubits, *self.resonators))
        self._gates = {name: _Gate(name, document) for name, document in architecture["gates"].items()}

    def has(self, name: str) -> bool:
        """Return whether an operation is calibrated anywhere."""
        return name in self._gates

    def measurable(self, component: str) -> bool:
        """Return whether the component has a calibrated ``measure``."""
        return "measure" in self._gates and any((component,) in loci for loci in self._gates["measure"].loci.values())

    def readable(self, name: str) -> list[str]:
        """Return the qubits that a measurement is calibrated for; ``measure`` where ``name`` is for none."""
        gate = self._gates.get(name, self._gates.get("measure"))
        found = () if gate is None else (locus[0] for loci in gate.loci.values() for locus in loci)
        return sorted(set(found), key=self.qubits.index)

    def factors(self, instruction: Instruction) -> tuple[tuple[Locus, str], ...]:
        """Split an instruction into what is executed as one: loci, and the implementation that runs on each.

        Raises:
            CircuitError: The instruction can't be executed on its locus.

        """
        name, locus = instruction.name, instruction.locus
        operation = OPERATIONS[name]
        if operation.arity is not None and len(locus) != operation.arity:
            raise CircuitError(f"'{name}' acts on {operation.arity} component(s), its locus has {len(locus)}")
        if operation.factorizable and not locus:
            raise CircuitError(f"'{name}' acts on at least one component, its locus is empty")
        for index, component in enumerate(locus):
            self.check_component(component)
            if component in locus[:index]:
                raise CircuitError(f"component {component} is repeated in the locus")
        places = [(component,) for component in locus] if operation.arity is None else [locus]
        return tuple((place, self._implementation(name, place, instruction.implementation)) for place in places)

    def check_component(self, component: str) -> None:
        """Raise CircuitError if there is no such component."""
        if component not in self._components:
            names = ", ".join((*self.qubits, *self.resonators))
            raise CircuitError(f"component {component} does not exist on the QPU; it has {names}")

    def _implementation(self, name: str, locus: Locus, requested: str | None) -> str:
        operation, gate = OPERATIONS[name], self._gates.get(name)
        loci = {} if gate is None else gate.loci
        if requested is None:
            candidates = (*(() if gate is None else gate.preferred(locus)), operation.default)
        elif requested in operation.uncalibrated or requested in loci:
            candidates = (requested,)
        else:
            known = ", ".join(dict.fromkeys((*loci, *operation.uncalibrated))) or "none"
            raise CircuitError(f"'{name}' has no implementation '{requested}' in this calibration; available: {known}")
        for candidate in candidates:
            if candidate in operation.uncalibrated or locus in loci.get(candidate, ()):
                return candidate
        if not loci:
            raise CircuitError(f"'{name}' is not available in this calibration; available: {', '.join(self._gates)}")
        what = name if requested is None else f"{name}.{requested}"
        calibrated = sorted({place for candidate in candidates for place in loci.get(candidate, ())})
        raise CircuitError(f"{locus} is not allowed as locus for '{what}'; {_near(locus, calibrated)}")


def _near(locus: Locus, loci: list[Locus]) -> str:
    """Name calibrated loci, those that share a component first."""
    loci.sort(key=lambda other: not set(other) & set(locus))
    more = f" and {len(loci) - 8} more" if len(loci) > 8 else ""
    return f"calibrated: {', '.join(map('-'.join, loci[:8])) or 'none'}{more}"
