"""The rules of MOVE sandwiches: a state that was moved to a resonator comes back before its qubit is used again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from iqm_fakes.simulator.circuit import Instruction, Refused


class MoveChecker:
    """Keeps track of which resonators hold the states of which qubits, and refuses instructions that disagree.

    Args:
        validation: ``strict``; ``allow_prx`` also allows prx on a moved qubit; ``none`` allows everything.

    """

    def __init__(self, validation: Literal["strict", "allow_prx", "none"]) -> None:
        self._off = validation == "none"
        self._allowed = {"barrier", "prx"} if validation == "allow_prx" else {"barrier"}
        self._held: dict[str, str] = {}

    def check(self, instruction: Instruction) -> None:
        """Check the next instruction and remember what it moves.

        Raises:
            Refused: It uses a qubit whose state has been moved, or moves what it must not.

        """
        if self._off:
            return
        if instruction.name == "move":
            self._move(*instruction.locus)
        elif self._held and instruction.name not in self._allowed:
            moved = {qubit: resonator for resonator, qubit in self._held.items() if qubit in instruction.locus}
            if moved:
                names = ", ".join(f"'{qubit}'" for qubit in moved)
                raise Refused(
                    f"Operation {instruction.name} acting on qubits '{{{names}}}' is forbidden while their states are "
                    "moved to a central component.",
                    "; ".join(f"the state of {qubit} is in {where}" for qubit, where in moved.items())
                    + "; move it back first (the machine also measures, without results, what a circuit leaves out)",
                )

    def check_end(self) -> None:
        """Raise Refused if a state is still in a resonator at the end of the circuit."""
        if self._held:
            raise Refused(
                f"The following central components are still holding qubit states at the end of the circuit: "
                f"{self._held}",
                "move them back at the end",
            )

    def _move(self, qubit: str, resonator: str) -> None:
        holder = self._held.get(resonator)
        if holder == qubit:
            del self._held[resonator]
        elif holder is not None:
            raise Refused(
                f"Cannot apply MOVE{(qubit, resonator)} because {resonator} already holds the state of '{holder}'",
                f"move the state of {holder} back first",
            )
        elif qubit in self._held.values():
            raise Refused(
                f"Cannot apply MOVE{(qubit, resonator)} because the state of {qubit} has already been moved to another "
                "central component.",
                f"move the state of {qubit} back first",
            )
        else:
            self._held[resonator] = qubit


def check_pairs(instructions: Iterable[Instruction]) -> None:
    """Check what the vendor's compiler needs to correct phases: the second MOVE of a qubit is one out of a resonator.

    It takes every second MOVE of a resonator for one out of it, whichever qubit that is of. Only circuits that nobody
    validated can go wrong here.

    Raises:
        Refused: The compiler breaks, because MOVEs of two qubits are interleaved.

    """
    open_resonators: set[str] = set()
    moved: set[str] = set()
    out: dict[tuple[str, str], int] = {}
    ends = []
    for instruction in instructions:
        if instruction.name == "move":
            qubit, resonator = instruction.locus
            if resonator in open_resonators:
                out[qubit, resonator] = out.get((qubit, resonator), 0) + 1
            open_resonators ^= {resonator}
            if qubit in moved:
                ends.append((qubit, resonator))
            moved ^= {qubit}
    for qubit, resonator in ends:
        out[qubit, resonator] = out.get((qubit, resonator), 0) - 1
        if out[qubit, resonator] < 0:
            raise Refused(
                "pop from an empty deque",
                f"MOVEs of {qubit} and another qubit into {resonator} are interleaved, so the phases can't be "
                "corrected; switch frame tracking off, or let MOVEs come in pairs",
                breaks=True,
            )
