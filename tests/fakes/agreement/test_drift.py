"""Calibrations as they may have become since they were published."""

from __future__ import annotations

from collections import defaultdict
from math import log

import devices
import numpy as np
import pytest
from instructions import do

from iqm_fakes.agreement import chance
from iqm_fakes.agreement.drift import TWO_DAYS, drifted, spread
from iqm_fakes.device.bundled import bundled_devices
from iqm_fakes.device.device import Device
from iqm_fakes.device.metrics import published_values
from iqm_fakes.simulator.circuit import Circuit, Options
from iqm_fakes.simulator.simulator import Simulator


def moves(device: Device, age: float | None, number: int) -> dict[str, float]:
    """Return ln of the factors by which published errors, as rates, have changed."""
    calibration = device.calibration()
    before = published_values(calibration.observations())
    after = published_values(drifted(calibration, age, 3, number).observations())
    fields = (".fidelity", ".error_0_to_1", ".error_1_to_0")
    errors = {name for name in before if name.endswith(fields) and ".clifford." not in name}
    rate = {name: 1 - value if name.endswith("fidelity") else value for name, value in before.items()}
    now = {name: 1 - value if name.endswith("fidelity") else value for name, value in after.items()}
    assert {name: after[name] for name in before if name not in errors} == {
        name: before[name] for name in before if name not in errors
    }
    return {name: log(now[name] / rate[name]) for name in errors if ".measure." not in name or "error" in name}


@pytest.mark.parametrize(("age", "times"), [(2.0, 1.0), (None, 1.0), (0.5, 0.5), (8.0, 2.0), (300.0, 2.0)])
def test_errors_move_as_far_as_those_of_a_real_machine(age: float | None, times: float) -> None:
    """Standard deviations over the 54 qubits of Emerald and 4 draws, each within 5 standard errors."""
    assert "emerald" in bundled_devices()
    found = defaultdict(list)
    for number in range(4):
        for name, moved in moves(Device.load("emerald"), age, number).items():
            found[name.split(".")[2]].append(moved)
    for gate, kind in (("prx", "prx"), ("cz", "cz"), ("measure", "readout")):
        expected = TWO_DAYS[kind] * times
        assert np.std(found[gate]) == pytest.approx(expected, rel=5 / np.sqrt(2 * len(found[gate])))


def test_the_same_draw_is_the_same_walk_at_every_age() -> None:
    early, late = (moves(devices.chain(), age, 1) for age in (0.5, 2.0))
    assert {name: 2 * moved for name, moved in early.items()} == pytest.approx(late)
    assert moves(devices.chain(), 2.0, 1) == late != moves(devices.chain(), 2.0, 2)
    assert spread(0) == 0


def test_p_values_with_drift_are_uniform_where_errors_drifted() -> None:
    """Of 40 machines whose errors drifted by themselves.

    False alarms: 1e-4, by the mean p-value (4 standard errors) and by how many are at most a tenth (13 of 40).
    """
    calibration = devices.chain().calibration()
    instructions = (do("prx", "QB1", angle=2.0, phase=0.0), do("measure", "QB1", key="m"))
    published = Simulator(calibration)
    program = published.compile(Circuit("test", instructions), Options())
    expected = published.distribution(program)

    def truth(number: int) -> float:
        then = Simulator(drifted(calibration, 2.0, 5, number)).distribution(program)
        return float(chance.drawn_divergences(then, expected, 2000, 1, np.random.default_rng(number))[0])

    values = []
    for machine in range(40):
        seen, *others = (truth(10 * machine + number) for number in range(10))
        values.append(chance.p_value(seen, np.array(others)))
    assert np.mean(values) == pytest.approx(0.55, abs=4 * 0.287 / np.sqrt(40))
    assert sum(value <= 0.1 for value in values) <= 13
    # a calibration that is taken for today's is refuted far too often
    plain = chance.drawn_divergences(expected, expected, 2000, 199, np.random.default_rng(1))
    assert np.mean([chance.p_value(truth(number), plain) < 0.01 for number in range(40)]) > 0.2
