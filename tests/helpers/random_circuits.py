"""Random circuits with everything that a machine can do."""

from __future__ import annotations

from math import pi
from typing import Any

from instructions import do
from numpy.random import Generator
from simulators import QUBITS

from iqm_fakes.simulator.circuit import Instruction


def random_circuit(device: str, random: Generator, *, steps: int, early: int) -> list[Instruction]:
    """Return gates with ``early`` measurements among them, then a measurement of every qubit that was used."""
    writer = Writer(device, random)
    early_steps = set(random.choice(steps, size=early, replace=False).tolist())
    for step in range(steps):
        if step in early_steps:
            writer.measure()
        else:
            writer.operation()
    used = sorted(
        {component for instruction in writer.instructions for component in instruction.locus if component[0] == "Q"}
    )
    return [*writer.instructions, do("measure", *random.permutation(used).tolist(), key="end")]


class Writer:
    def __init__(self, device: str, random: Generator) -> None:
        self.random = random
        self.instructions: list[Instruction] = []
        self.measured: list[str] = []
        self.qubits = QUBITS[device]
        self.conditional = self.qubits[: 2 if device == "star" else 3]
        self.star = device == "star"

    def add(self, name: str, *locus: str, implementation: str | None = None, **args: Any) -> None:
        self.instructions.append(do(name, *locus, implementation=implementation, **args))

    def qubit(self) -> str:
        return str(self.random.choice(self.qubits))

    def angle(self) -> float:
        return float(self.random.uniform(-2 * pi, 2 * pi))

    def operation(self) -> None:
        choices = [self.prx, self.prx, self.prx, self.two, self.two, self.other, self.idle]
        choices += [self.feedback] * (3 if self.measured else 0)
        choices[self.random.integers(len(choices))]()

    def prx(self) -> None:
        qubit = self.qubit()
        second = qubit == "QB2" and len(self.qubits) < 5 and self.random.random() < 0.3
        implementation = "drag_gaussian" if second else None
        self.add("prx", qubit, implementation=implementation, angle=self.angle(), phase=self.angle())

    def two(self) -> None:
        qubits = self.random.permutation(self.qubits).tolist()
        if self.star:
            self.add("move", qubits[0], "COMPR1")
            for other in qubits[1 : self.random.integers(2, 4)]:
                self.add("prx", other, angle=self.angle(), phase=self.angle())
                self.add("cz", *self.random.permutation([other, "COMPR1"]).tolist())
            self.add("move", qubits[0], "COMPR1")
        else:
            left = int(self.random.integers(len(self.qubits) - 1))
            self.add("cz", *self.random.permutation(self.qubits[left : left + 2]).tolist())

    def other(self) -> None:
        qubit, kind = self.qubit(), self.random.integers(4)
        if kind == 0:
            self.add("sx", qubit)
        elif kind == 1:
            self.add("u", qubit, theta=self.angle(), phi=self.angle(), lam=self.angle())
        else:
            self.add("rz", qubit, angle=self.angle(), implementation=[None, "prx_composite"][kind - 2])

    def idle(self) -> None:
        locus = self.random.permutation(self.qubits)[: self.random.integers(1, 3)].tolist()
        kind = self.random.integers(4)
        if kind == 0:
            self.add("barrier", *locus)
        elif kind == 1:
            resets = str(self.random.choice(["reset", "reset_wait"]))
            self.add(resets if set(locus) <= set(self.conditional) else "reset_wait", *locus)
        else:
            self.add("delay", *locus, duration=float(self.random.uniform(0, 5e-7)))

    def measure(self) -> None:
        locus = self.random.permutation(self.qubits)[: self.random.integers(1, 3)].tolist()
        implementation = "fast_constant" if locus == ["QB1"] and len(self.qubits) < 5 else None
        key = f"early{len(self.instructions)}"
        self.add("measure", *locus, implementation=implementation, key=key, feedback_key="f")
        self.measured += locus

    def feedback(self) -> None:
        args: dict[str, Any] = {"angle": self.angle(), "phase": self.angle(), "feedback_key": "f"}
        target, source = str(self.random.choice(self.conditional)), str(self.random.choice(self.measured))
        self.add("cc_prx", target, feedback_qubit=source, **args)
