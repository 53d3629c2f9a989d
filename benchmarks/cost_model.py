"""Fit the constants of the simulator's cost model to this machine, and print them with their residuals.

    python benchmarks/cost_model.py [--runs 3] [--most 0.5] [--tiny]

Every engine simulates random circuits on a row of garnet's qubits, of several widths, depths and numbers of shots. A
constant is the processor time of one piece of work (``COSTS`` in ``iqm_fakes/simulator/methods.py``): those are fitted
that minimise the squared relative errors, none negative. What is printed can be pasted there.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from math import pi
from typing import Literal, NamedTuple

import numpy as np
from against_fake_backend import path_of
from numpy.random import SeedSequence
from scipy.optimize import nnls

from iqm_fakes.device.device import Device
from iqm_fakes.simulator.circuit import Circuit, Instruction, Options, Program
from iqm_fakes.simulator.method_choice import ENGINES, pilot_run
from iqm_fakes.simulator.methods import COSTS, MEMORY_LIMIT, Engine, Estimate, Unsupported
from iqm_fakes.simulator.shots import Task, take
from iqm_fakes.simulator.simulator import Simulator
from iqm_fakes.simulator.subcircuits import Subcircuit

Angles = Literal["any", "Clifford"]


class Sample(NamedTuple):
    """What an engine took for a circuit.

    Attributes:
        circuit: What was simulated, in words.
        engine: By what.
        estimate: What it was thought to cost.
        seconds: What it took.

    """

    circuit: str
    engine: Engine
    estimate: Estimate
    seconds: float


def circuits(tiny: bool) -> Iterator[tuple[str, Simulator, Program, int]]:
    """Yield circuits with their names, simulators and numbers of shots."""
    calibration = Device.read("garnet").calibration()
    implementations = calibration.dynamic_quantum_architecture["gates"]["cz"]["implementations"].values()
    loci = [locus for implementation in implementations for locus in implementation["loci"]]
    noisy, perfect = Simulator(calibration), Simulator(calibration, noise=False)
    for width in (2, 4) if tiny else (2, 4, 6, 8, 9, 10, 12, 14):
        for depth in (2,) if tiny else (2, 6, 20):
            for angles in ("any", "Clifford"):
                circuit = brickwork(path_of(loci, width), depth, "any" if angles == "any" else "Clifford")
                program = noisy.compile(circuit, Options())
                for shots in (50,) if tiny else (50, 1024, 20_000):
                    yield f"{width} × {depth}, {angles} angles, {shots} shots", noisy, program, shots
                    if shots == 1024:
                        yield f"{width} × {depth}, {angles} angles, no noise", perfect, program, shots


def brickwork(qubits: Sequence[str], depth: int, angles: Angles) -> Circuit:
    """Return layers of rotations and of CZ between neighbours in turns."""
    random, width = np.random.default_rng(len(qubits) + depth), len(qubits)
    instructions = []
    for layer in range(depth):
        for qubit in qubits:
            angle, phase = random.uniform(0, pi, 2) if angles == "any" else random.integers(0, 4, 2) * pi / 2
            instructions.append(Instruction("prx", (qubit,), {"angle": float(angle), "phase": float(phase)}))
        for left in range(layer % 2, width - 1, 2):
            instructions.append(Instruction("cz", tuple(qubits[left : left + 2]), {}))
    return Circuit("brickwork", (*instructions, Instruction("measure", tuple(qubits), {"key": "m"})))


def samples(runs: int, most: float, tiny: bool) -> Iterator[Sample]:
    """Yield what every engine takes for every circuit that it is not thought to take too long for."""
    for name, simulator, program, shots in circuits(tiny):
        parts = simulator.plan(program, shots).subcircuits
        for engine in ENGINES:
            try:
                estimates = [engine.estimate(part, shots, pilot_run) for part in parts]
            except Unsupported:
                continue
            if sum(e.seconds for e in estimates) > most or max(e.memory for e in estimates) > MEMORY_LIMIT / 4:
                continue
            largest = max(range(len(parts)), key=lambda index: estimates[index].seconds)
            seconds = [measured(engine, parts[largest], shots) for _ in range(1 + runs)][1:]  # the first one prepares
            yield Sample(name, engine, estimates[largest], statistics.median(seconds))


def measured(engine: Engine, part: Subcircuit, shots: int) -> float:
    """Return the processor time that an engine takes."""
    start = time.process_time()
    take(engine, [Task(part, shots, SeedSequence(1))])
    return time.process_time() - start


def main() -> None:
    """Print constants and residuals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--most", type=float, default=0.5, help="seconds that a simulation may be thought to take")
    parser.add_argument("--tiny", action="store_true", help="only see that it runs: few circuits, once")
    options = parser.parse_args()
    taken = list(samples(1 if options.tiny else options.runs, options.most, options.tiny))
    kinds = list(COSTS)
    work = np.array([[each.estimate.work.get(kind, 0.0) for kind in kinds] for each in taken])
    seconds = np.array([each.seconds for each in taken])
    fitted, _ = nnls(work / seconds[:, None], np.ones(len(taken)))
    for kind, constant, samples_of in zip(kinds, fitted, (work > 0).sum(axis=0), strict=True):
        print(f'    "{kind}": {constant:.2g},  # until now {COSTS[kind]:.2g}; in {samples_of} samples')
    print("\n| engine | samples | estimate / measured: median | smallest | largest | with these constants: median |"
          " smallest | largest |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for engine in ENGINES:
        rows = [index for index, each in enumerate(taken) if each.engine == engine]
        if rows:
            before = np.array([taken[row].estimate.seconds for row in rows]) / seconds[rows]
            after = work[rows] @ fitted / seconds[rows]
            values = [value for ratio in (before, after) for value in (np.median(ratio), ratio.min(), ratio.max())]
            print(f"| {engine.method} {engine.name} | {len(rows)} | {' | '.join(f'{value:.2f}' for value in values)} |")


if __name__ == "__main__":
    main()
