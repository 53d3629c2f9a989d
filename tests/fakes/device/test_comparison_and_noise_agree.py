"""What two calibrations are compared by is what the noise is made of: one reading of defaults and published values."""

from copy import deepcopy

import devices
import pytest

from iqm_fakes import Device
from iqm_fakes.device.comparison import changes, errors
from iqm_fakes.device.error_rates import Noise


def edited(device, edit):
    document = deepcopy(dict(device.document))
    edit(document["calibrations"][0])
    return Device.from_document(document)


@pytest.mark.parametrize("key", ["QB1,QB2", "QB2,QB1"])
def test_an_override_of_cz_counts_in_either_order(key):
    def override(calibration):
        cz = calibration["dynamic_quantum_architecture"]["gates"]["cz"]
        cz["implementations"]["tgss"] = {"loci": [["QB1", "QB2"]]}
        cz["override_default_implementation"][key] = "tgss"

    before, after = devices.chain(), edited(devices.chain(), override)
    assert Noise(after.calibration()).implementation("cz", ("QB1", "QB2")) == "tgss"
    (change,) = [change for change in changes(before, after) if change.kind == "implementation"]
    assert (change.name, change.locus, change.old, change.new) == ("cz", ("QB1", "QB2"), "crf_crf", "tgss")


def test_a_fidelity_of_two_moves_in_a_row_is_compared_as_that_of_one():
    def pairs(calibration):
        for observation in calibration["quality_metric_set"]["observations"]:
            if ".move." in observation["dut_field"]:
                observation["dut_field"] += ":n_interleaved_gates=2"

    star = edited(devices.star(), pairs)
    place = "move", ("QB1", "COMPR1")
    polarization = ((4 * devices.MOVE[place[1]][1] - 1) / 3) ** 0.5
    assert errors(star.calibration())[place] == pytest.approx(1 - (3 * polarization + 1) / 4)


@pytest.mark.parametrize("value", [True, float("nan"), -0.5, 1.5])
def test_what_is_no_value_is_compared_with_nothing(value):
    def spoil(calibration):
        for observation in calibration["quality_metric_set"]["observations"]:
            if ".prx." in observation["dut_field"]:
                observation["value"] = value

    spoilt = edited(devices.chain(), spoil)
    assert not [place for place in errors(spoilt.calibration()) if place[0] == "prx"]
