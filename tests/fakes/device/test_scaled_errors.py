"""Calibrations with larger and smaller errors."""

from __future__ import annotations

from dataclasses import replace

import devices
import pytest

from iqm_fakes.device.error_rates import Noise
from iqm_fakes.device.metrics import published_values
from iqm_fakes.device.scaled_errors import Figure, scaled

CHAIN = devices.chain().calibration()


def only(kind: str, *locus: str, factor: float):
    return lambda figure: factor if (figure.kind, figure.locus) == (kind, locus) else 1.0


def changed(kind: str, *locus: str, factor: float) -> dict[str, float]:
    before = published_values(CHAIN.observations())
    after = published_values(scaled(CHAIN, only(kind, *locus, factor=factor)).observations())
    return {name: value for name, value in after.items() if value != before[name]}


def test_readout_errors_are_multiplied() -> None:
    p_1_given_0, p_0_given_1 = devices.READOUT["QB1"]
    fast = devices.FAST_READOUT["QB1"]
    found = changed("readout", "QB1", factor=2.0)
    before = published_values(CHAIN.observations())
    for name in [name for name in found if ".qndness." in name]:
        assert found.pop(name) == pytest.approx(max(1 - 2 * (1 - before[name]), 0.5))
    slow_name, fast_name = "metrics.ssro.measure.constant.QB1", "metrics.ssro.measure.fast_constant.QB1"
    assert found == pytest.approx(
        {
            f"{slow_name}.error_0_to_1": 2 * p_1_given_0,
            f"{slow_name}.error_1_to_0": 2 * p_0_given_1,
            f"{slow_name}.fidelity": 1 - p_1_given_0 - p_0_given_1,
            f"{fast_name}.error_0_to_1": 2 * fast[0],
            f"{fast_name}.error_1_to_0": 2 * fast[1],
            f"{fast_name}.fidelity": 1 - fast[0] - fast[1],
        }
    )


def test_infidelities_are_multiplied() -> None:
    fidelity = devices.CZ["QB2", "QB3"][1]
    name = "metrics.irb.cz.crf_crf.QB2__QB3.fidelity"
    assert changed("cz", "QB2", "QB3", factor=1.5) == pytest.approx({name: 1 - 1.5 * (1 - fidelity)})
    assert changed("cz", "QB2", "QB3", factor=100) == {name: 0.25}
    assert changed("prx", "QB1", factor=0.5) == pytest.approx({"metrics.rb.prx.drag_crf_sx.QB1.fidelity": 0.975})


def test_relaxation_times_are_divided() -> None:
    before = published_values(CHAIN.observations())
    times = {name: value for name, value in before.items() if name.startswith("characterization.model.QB3.")}
    assert {name.rpartition(".")[2] for name in times} >= {"t1_time", "t2_time"}
    found = changed("relaxation", "QB3", factor=4.0)
    assert found == pytest.approx({name: value / 4 for name, value in times.items()}, rel=1e-12)


def test_readout_errors_end_at_a_half() -> None:
    assert Noise(scaled(CHAIN, only("readout", "QB1", factor=1000))).readout("QB1") == (0.5, 0.5)


def test_a_noise_profile_is_multiplied_too() -> None:
    profile = {
        "readout": {"QB1": {"p_1_given_0": 0.1}},
        "relaxation": {"QB2": {"t1": 1e-6}},
        "gates": {"cz": {"QB2,QB1": {"duration": 1e-7, "depolarizing": 0.02}}},
    }
    noise = Noise(scaled(replace(CHAIN, noise=profile), lambda figure: 2.0))
    assert noise.readout("QB1").p_1_given_0 == pytest.approx(0.2)
    assert noise.relaxation("QB2").t1 == pytest.approx(0.5e-6)
    assert noise.gate("cz", ("QB1", "QB2"), None)[:2] == pytest.approx((1e-7, 0.04))


def test_nothing_changes_by_a_factor_of_one() -> None:
    figures: list[Figure] = []

    def one(figure: Figure) -> float:
        figures.append(figure)
        return 1.0

    same = published_values(scaled(CHAIN, one).observations())
    assert same == pytest.approx(published_values(CHAIN.observations()))
    assert {figure.kind for figure in figures} == {"readout", "relaxation", "prx", "cz"}
