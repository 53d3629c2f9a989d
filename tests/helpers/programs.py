"""Programs written by hand, as the compiler makes them."""

from __future__ import annotations

from math import pi

from iqm_fakes.simulator.circuit import Operation, Program


def prx(target: int, angle: float = pi / 2) -> Operation:
    """A rotation; the one that is drawn if none is given is a single pulse."""
    return Operation("prx", (target,), "drag_crf_sx", (angle, 0.1))


def cz(*targets: int) -> Operation:
    return Operation("cz", targets, "crf_crf")


def measure(target: int, bit: int) -> Operation:
    return Operation("measure", (target,), "constant", bit=bit)


def program(components: int, bits: int, *operations: Operation) -> Program:
    names = tuple(f"QB{number}" for number in range(1, components + 1))
    return Program(names, operations, (("m", bits),))
