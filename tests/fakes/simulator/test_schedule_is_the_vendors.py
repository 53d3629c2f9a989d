"""Random programs are scheduled as the vendor's compiler does: every start and end, to the picosecond."""

from __future__ import annotations

import json
import random
from math import pi
from typing import Any

import pytest

pytest.importorskip("iqm.cpc.core.observation.observation_handler", reason="the compiler of iqm-client 36 is not there")

from iqm.pulse import Circuit, CircuitOperation
from vendor_compiler import VendorCompiler

from iqm_fakes import Device
from iqm_fakes.device.error_rates import Noise
from iqm_fakes.device.station import Station
from iqm_fakes.simulator.circuit import CheckedInstruction, Instruction
from iqm_fakes.simulator.loci import Loci
from iqm_fakes.simulator.operations import check_args
from iqm_fakes.simulator.schedule import Schedule

PROGRAMS = 50
ANGLES = (pi, pi / 2, -pi / 2, 0.0)


def device(name: str, a_line: int, *, pulse: str) -> Device:
    """A bundled device whose probe lines have so many qubits, and whose prx has this implementation."""
    machine = Device.load(name)
    published = machine.calibration().dynamic_quantum_architecture["gates"]["prx"]["default_implementation"]
    text = json.dumps(dict(machine.document))
    document = json.loads(text.replace(f".{published}.", f".{pulse}.").replace(f'"{published}"', f'"{pulse}"'))
    qubits = document["static_quantum_architecture"]["qubits"]
    lines = [qubits[start : start + a_line] for start in range(0, len(qubits), a_line)]
    gates = document["calibrations"][0]["dynamic_quantum_architecture"]["gates"]
    loci = gates["reset_wait"]["implementations"]["reset_wait"]["loci"]
    resonators = [[r] for r in document["static_quantum_architecture"]["computational_resonators"]]
    loci += [locus for locus in resonators if locus not in loci]
    return Device.from_document({**document, "station": {"probe_lines": lines}})


def program(dice: random.Random, machine: Device, *, dynamic: bool) -> list[CircuitOperation]:
    """Draw a valid program on a few qubits, all measured in the end; a dynamic one has feedback and resets."""
    architecture = machine.static_quantum_architecture
    qubits = dice.sample(architecture["qubits"], dice.randint(2, 6))
    gates = machine.calibration().dynamic_quantum_architecture["gates"]
    pairs = [pair for entry in gates["cz"]["implementations"].values() for pair in entry["loci"]]
    keys: list[tuple[str, str]] = []
    made: list[CircuitOperation] = []

    def do(name: str, *locus: str, **args: Any) -> None:
        made.append(CircuitOperation(name, locus, args))

    for number in range(dice.randint(5, 25)):
        qubit = dice.choice(qubits)
        kind = dice.random()
        if kind < 0.4:
            do("prx", qubit, angle=dice.choice([*ANGLES, dice.uniform(-6, 6)]), phase=dice.uniform(-3, 3))
        elif kind < 0.6 and architecture["computational_resonators"]:
            (resonator,) = architecture["computational_resonators"]
            moved, other = dice.sample(qubits, 2)
            do("move", moved, resonator)
            do("cz", other, resonator)
            do("move", moved, resonator)
        elif kind < 0.6:
            do("cz", *dice.sample(dice.choice(pairs), 2))
        elif kind < 0.68:
            do("barrier", *dice.sample(qubits, dice.randint(1, len(qubits))))
        elif kind < 0.74:
            do("delay", qubit, duration=dice.choice([1e-9, 8e-9, 50e-9, 100e-9, 1e-6]))
        elif kind < 0.8:
            do("rz", qubit, angle=dice.uniform(-3, 3))
        elif not dynamic:
            do("prx", qubit, angle=pi / 2, phase=0.0)
        elif kind < 0.9:
            read = dice.sample(qubits, dice.randint(1, 2))
            do("measure", *read, key=f"k{number}", feedback_key=f"f{number}")
            keys += [(source, f"f{number}") for source in read]
        elif kind < 0.95 and keys:
            source, key = dice.choice(keys)
            do("cc_prx", qubit, angle=pi, phase=0.0, feedback_qubit=source, feedback_key=key)
        else:
            do(dice.choice(["reset", "reset", "reset_wait"]), qubit)
    for qubit in qubits:
        do("measure", qubit, key=f"end_{qubit}")
    return made


def picoseconds(seconds: float) -> int:
    return round(seconds * 1e12)


def fakes(machine: Device, operations: list[CircuitOperation]) -> tuple[list[Any], list[Any]]:
    """What the fake plays: measurements with start and end, and the starts of what is on couplers or conditional."""
    calibration = machine.calibration()
    loci, noise = Loci(calibration.dynamic_quantum_architecture), Noise(calibration)
    checked = []
    for operation in operations:
        instruction = Instruction(operation.name, tuple(operation.locus), operation.args)
        checked.append(
            CheckedInstruction(
                instruction,
                loci.factors(instruction.name, instruction.locus),
                check_args(operation.name, operation.args),
            )
        )
    station = calibration.station or Station.of({}, loci.qubits)
    schedule = Schedule(checked, noise, station, loci.readable("measure_fidelity"))
    measured, others = [], []
    for operation, (start, end) in zip(operations, schedule.spans, strict=True):
        if operation.name == "measure":
            key = operation.args["key"]
            measured += [(picoseconds(start), picoseconds(end), qubit, key) for qubit in operation.locus]
        elif operation.name in ("cz", "move", "cc_prx"):
            others.append((picoseconds(start), tuple(sorted(operation.locus))))
    return sorted(measured), sorted(others)


def vendors(compiler: VendorCompiler, operations: list[CircuitOperation]) -> tuple[list[Any], list[Any]]:
    """The same of the vendor; what probes without being measured, and what resets are made of, are left out."""
    measured, others = [], []
    for kind, locus, start, end, key in compiler.played(Circuit("c", tuple(operations))):
        if kind == "measure" and not key.startswith("__"):
            measured.append((picoseconds(start), picoseconds(end), locus[0], key))
        elif kind != "measure" and "__default" not in key:
            others.append((picoseconds(start), tuple(sorted(locus))))
    return sorted(measured), sorted(others)


@pytest.mark.parametrize("pulse", ["drag_crf_sx", "drag_crf"])
@pytest.mark.parametrize("dynamic", [False, True], ids=["plain", "dynamic"])
@pytest.mark.parametrize(("name", "a_line"), [("garnet", 5), ("garnet", 20), ("sirius", 4)])
def test_every_start_and_end_is_the_vendors(name, a_line, dynamic, pulse):
    machine = device(name, a_line, pulse=pulse)
    compiler, dice = VendorCompiler(machine), random.Random(f"{name} {a_line} {dynamic} {pulse}")
    for number in range(PROGRAMS // 12 + 1):
        operations = program(dice, machine, dynamic=dynamic)
        assert fakes(machine, operations) == vendors(compiler, operations), (number, operations)


def op(name: str, *locus: str, **args: Any) -> CircuitOperation:
    return CircuitOperation(name, locus, args)


def x(qubit: str, angle: float = pi) -> CircuitOperation:
    return op("prx", qubit, angle=angle, phase=0.0)


ODD: dict[str, list[list[CircuitOperation]]] = {
    "garnet": [
        *(
            [x("QB1", pi / 2 + more), op("measure", "QB1", key="a"), x("QB1"), op("measure", "QB1", key="b")]
            for more in (5e-9, 1e-6, 1.57e-5, 1.6e-5, -1.57e-5)  # as close to a quarter turn as to be one, and not
        ),
        *(
            [x("QB1"), *before, op("reset_wait", *waiting), *after, x("QB1"), op("measure", "QB1", "QB3", key="end")]
            for waiting in (["QB1"], ["QB1", "QB2"], ["QB2", "QB6"])
            for before in ([], [op("measure", "QB3", key="a"), x("QB3")])
            for after in ([], [op("measure", "QB3", key="b"), x("QB3")], [op("measure", "QB7", key="b"), x("QB7")])
        ),
    ],
    "sirius": [
        [x("QB1"), op("reset_wait", *waiting), move, op("cz", "QB2", "COMPR1"), move, op("measure", "QB1", key="a")]
        for move in [op("move", "QB1", "COMPR1")]
        for waiting in (["COMPR1"], ["COMPR1", "QB2"])  # a resonator has no channel to wait on
    ],
}


@pytest.mark.parametrize("name", ODD)
def test_near_quarter_turns_and_resets_by_waiting_are_scheduled_as_the_vendor_does(name):
    machine = device(name, 5, pulse="drag_crf_sx")
    compiler = VendorCompiler(machine)
    for operations in ODD[name]:
        assert fakes(machine, operations) == vendors(compiler, operations), operations
