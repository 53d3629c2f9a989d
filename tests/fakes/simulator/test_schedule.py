"""How long a circuit takes, compared with T2."""

from __future__ import annotations

import devices
import pytest
from instructions import READ, compiled, conditional, do, prx

from iqm_fakes.simulator.circuit import CircuitError, Instruction
from iqm_fakes.simulator.simulator import Simulator

CHAIN = Simulator(devices.chain().calibration(), idle=False)


# A pulse of prx: QB1 40 ns, QB2 32 ns; prx here are two. The final readout probes QB4, which takes 1.3 µs; QB1 is read
# in 1 µs. T2: QB1 1 µs, QB2 6.5 µs, QB4 0.8 µs. Feedback takes 400 ns.
@pytest.mark.parametrize(
    ("instructions", "duration", "t2"),
    [
        ([prx("QB1"), prx("QB1"), READ], 1.46e-6, 1e-6),
        ([prx("QB1"), prx("QB2"), do("measure", "QB2", key="m")], 1.38e-6, 1e-6),
        ([do("cz", "QB1", "QB2"), prx("QB2"), prx("QB1"), READ], 1.46e-6, 1e-6),
        ([do("delay", "QB2", duration=2e-6), do("barrier", "QB1", "QB2"), READ], 3.3e-6, 1e-6),
        ([do("delay", "QB2", duration=2e-6), READ], 3.3e-6, 1e-6),
        ([do("measure", "QB1", key="m", implementation="fast_constant")], 1.3e-6, 1e-6),
        ([do("measure", "QB1", "QB4", key="m"), do("barrier", "QB3")], 1.3e-6, 0.8e-6),
        ([do("measure", "QB1", key="m", feedback_key="f"), conditional("QB2", "QB1")], 2.764e-6, 1e-6),
        (
            [do("delay", "QB4", duration=2e-6), do("barrier", "QB3", "QB4"), do("barrier", "QB3", "QB1"), READ],
            3.3e-6,
            0.8e-6,
        ),
    ],
)
def test_duration_is_compared_with_the_shortest_t2(instructions: list[Instruction], duration: float, t2: float) -> None:
    ratio = duration / t2
    compiled(CHAIN, *instructions, max_circuit_duration_over_t2=ratio * 1.001)
    with pytest.raises(CircuitError, match=r"the circuit takes .* µs, more than max_circuit_duration_over_t2 = "):
        compiled(CHAIN, *instructions, max_circuit_duration_over_t2=ratio * 0.999)


@pytest.mark.parametrize("limit", [None, 0, 0.0])
def test_without_limit_circuits_may_be_long(limit: float | None) -> None:
    compiled(CHAIN, *[do("delay", "QB1", duration=0.1)] * 10, READ, max_circuit_duration_over_t2=limit)
