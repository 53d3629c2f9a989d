"""Recordings of what a simulator gave, whoever it is taken for."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from numpy.random import SeedSequence

from iqm_fakes.device.device import Device
from iqm_fakes.recordings.recording import Recording
from iqm_fakes.simulator.circuit import Circuit, Instruction, Options
from iqm_fakes.simulator.simulator import Simulator


def measured(
    device: Device,
    hardware: Simulator,
    *circuits: Sequence[Instruction],
    shots: int = 1000,
    number: int = 0,
    heralding: bool = False,
    submitted_at: str = "2026-01-04T03:04:05Z",
) -> Recording:
    """Return a job of ``device`` whose results are those of ``hardware``; two days after the made-up calibrations."""
    results = []
    for index, circuit in enumerate(circuits):
        program = hardware.compile(Circuit("", tuple(circuit)), Options(heralding=heralding))
        results.append(hardware.run(program, shots, SeedSequence([number, index])))
    lines = [
        {"name": step.name, "implementation": step.implementation, "locus": list(step.locus), "args": dict(step.args)}
        for circuit in circuits
        for step in circuit
    ]
    written, begin = [], 0
    for index, circuit in enumerate(circuits):
        steps = lines[begin : begin + len(circuit)]
        begin += len(circuit)
        written.append({"name": f"circuit {index}", "instructions": steps, "metadata": None})
    mode = "zeros" if heralding else "none"
    return Recording(
        id=str(UUID(int=number + 1, version=4)),
        status="completed",
        computer=device.alias,
        calibration_set=device.default_calibration_set_id,
        timeline=[("iqm-server", "created", submitted_at), ("iqm-server", "completed", submitted_at)],
        request={"circuits": written, "shots": shots, "heralding_mode": mode},
        job={"type": "circuit", "messages": [], "errors": []},
        results=results,
        recorded_at=submitted_at,
    )
