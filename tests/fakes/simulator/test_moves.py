"""States go into a resonator and come back: MOVE sandwiches."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import devices
import pytest
from instructions import READ, compiled, do, prx

from iqm_fakes.device.device import Calibration
from iqm_fakes.simulator.circuit import CircuitError, Instruction
from iqm_fakes.simulator.simulator import Simulator

STAR = Simulator(devices.star().calibration(), idle=False)
OPEN = do("move", "QB1", "COMPR1")
STRICT, ALLOW_PRX, NONE = "strict", "allow_prx", "none"

REFUSED_ON_STAR = [
    ([do("move", "COMPR1", "QB1")], STRICT, "move.crf_crf: ('COMPR1', 'QB1') is not a valid locus."),
    ([OPEN], STRICT, "Operation measure acting on qubits '{'QB1'}' is forbidden while their states are moved"),
    ([OPEN], ALLOW_PRX, "Operation measure acting on qubits '{'QB1'}' is forbidden while their states"),
    ([OPEN, do("move", "QB2", "COMPR1")], STRICT, "because COMPR1 already holds the state of 'QB1'"),
    ([OPEN, prx("QB1"), OPEN], STRICT, "Operation prx acting on qubits '{'QB1'}' is forbidden while"),
    ([OPEN, do("cz", "QB1", "COMPR1"), OPEN], STRICT, "Operation cz acting on qubits '{'QB1'}' is forbidden"),
    ([OPEN, do("rz", "QB1", angle=1.0), OPEN], ALLOW_PRX, "Operation rz acting on qubits '{'QB1'}' is"),
    ([OPEN, do("delay", "QB2", "QB1", duration=0), OPEN], STRICT, "Operation delay acting on qubits '{'QB1'}'"),
    ([OPEN, do("measure", "QB1", key="mid"), OPEN], ALLOW_PRX, "Operation measure acting on qubits '{'QB1'}'"),
    ([prx("COMPR1")], STRICT, "prx.drag_crf_sx: ('COMPR1',) is not a valid locus."),
    ([do("cz", "QB1", "QB2")], STRICT, "No calibration data for 'cz.crf_crf' at ('QB1', 'QB2')."),
    ([do("measure", "COMPR1", key="r")], STRICT, "measure.constant: ('COMPR1',) is not a valid locus."),
]


@pytest.mark.parametrize(("instructions", "validation", "reason"), REFUSED_ON_STAR, ids=lambda value: str(value)[:60])
def test_bad_sandwich_is_refused(instructions: list[Instruction], validation: str, reason: str) -> None:
    with pytest.raises(CircuitError) as refusal:
        compiled(STAR, *instructions, do("measure", "QB3", key="end"), move_validation=validation)
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("instructions", "validation"),
    [
        ([OPEN, do("barrier", "QB1", "QB2"), do("cz", "COMPR1", "QB2"), prx("QB2"), OPEN], STRICT),
        ([OPEN, prx("QB1"), OPEN], ALLOW_PRX),
        ([OPEN], NONE),
        ([OPEN, do("rz", "QB1", angle=1.0), do("move", "QB2", "COMPR1")], NONE),
        ([OPEN, OPEN, do("move", "QB2", "COMPR1"), do("move", "QB2", "COMPR1")], STRICT),
    ],
)
def test_good_sandwich_is_accepted(instructions: list[Instruction], validation: str) -> None:
    compiled(STAR, *instructions, READ, move_validation=validation)


def test_state_can_be_in_one_resonator_only() -> None:
    with pytest.raises(CircuitError, match="the state of QB1 has already been moved to another central component"):
        compiled(Simulator(_with_second_resonator()), OPEN, do("move", "QB1", "COMPR2"), READ)


def _with_second_resonator() -> Calibration:
    calibration = devices.star().calibration()
    architecture: dict[str, Any] = deepcopy(dict(calibration.dynamic_quantum_architecture))
    architecture["computational_resonators"].append("COMPR2")
    architecture["gates"]["move"]["implementations"]["crf_crf"]["loci"].append(["QB1", "COMPR2"])
    return replace(calibration, dynamic_quantum_architecture=architecture)
