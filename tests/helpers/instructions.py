"""Instructions of circuits as clients send them, and programs that a simulator makes of them."""

from __future__ import annotations

from math import pi
from typing import Any

from iqm_fakes.simulator.circuit import Circuit, Instruction, Options, Program
from iqm_fakes.simulator.simulator import Simulator


def do(name: str, *locus: str, implementation: str | None = None, **args: Any) -> Instruction:
    return Instruction(name, locus, args, implementation)


def prx(qubit: str, **args: Any) -> Instruction:
    return do("prx", qubit, **{"angle": pi, "phase": 0.0, **args})


def conditional(qubit: str, feedback_qubit: str, feedback_key: str = "f") -> Instruction:
    return do("cc_prx", qubit, angle=pi, phase=0.0, feedback_qubit=feedback_qubit, feedback_key=feedback_key)


READ = do("measure", "QB1", key="m")


def compiled(simulator: Simulator, *instructions: Instruction, **options: Any) -> Program:
    return simulator.compile(Circuit("test", instructions), Options(**options))
