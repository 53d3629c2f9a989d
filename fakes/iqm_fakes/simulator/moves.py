"""The rules of MOVE sandwiches: a state that was moved to a resonator comes back before its qubit is used again."""

from __future__ import annotations

from typing import Literal

from iqm_fakes.simulator.circuit import CircuitError, Instruction


class MoveChecker:
    """Keeps track of which resonators hold the states of which qubits, and refuses instructions that disagree.

    Args:
        validation: ``strict``; ``allow_prx`` also allows prx on a moved qubit; ``none`` allows everything.
        resonators: Names of the computational resonators.

    """

    def __init__(self, validation: Literal["strict", "allow_prx", "none"], resonators: tuple[str, ...]) -> None:
        self._off = validation == "none"
        self._allowed = {"barrier", "prx"} if validation == "allow_prx" else {"barrier"}
        self._resonators = resonators
        self._held: dict[str, str] = {}

    def check(self, instruction: Instruction) -> None:
        """Check the next instruction and remember what it moves.

        Raises:
            CircuitError: It uses a qubit whose state has been moved, or moves what it must not.

        """
        if self._off:
            return
        if instruction.name == "move":
            self._move(*instruction.locus)
        elif instruction.name not in self._allowed:
            for resonator, qubit in self._held.items():
                if qubit in instruction.locus:
                    raise CircuitError(f"acts on {qubit}, whose state is in resonator {resonator}; move it back first")

    def check_end(self) -> None:
        """Raise CircuitError if a state is still in a resonator at the end of the circuit."""
        if self._held:
            held = ", ".join(f"{qubit} in {resonator}" for resonator, qubit in self._held.items())
            raise CircuitError(f"the circuit ends while qubit states are in a resonator ({held}); move them back")

    def _move(self, qubit: str, resonator: str) -> None:
        if resonator not in self._resonators or qubit in self._resonators:
            raise CircuitError(f"move takes a qubit and a resonator, in this order, not {qubit} and {resonator}")
        holder = self._held.get(resonator)
        if holder == qubit:
            del self._held[resonator]
        elif holder is not None:
            raise CircuitError(f"resonator {resonator} already holds the state of {holder}; move that back first")
        elif qubit in self._held.values():
            raise CircuitError(f"the state of {qubit} is already in another resonator; move it back first")
        else:
            self._held[resonator] = qubit
