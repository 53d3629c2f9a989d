"""The bundled devices say what the vendor's public profiles say."""

import pytest

from iqm_fakes import Device, bundled_devices
from iqm_fakes.catalogue import generate
from iqm_fakes.noise import Noise


@pytest.fixture(scope="module")
def profiles():
    return generate.profiles()


def test_the_files_are_what_the_script_writes(profiles):
    assert tuple(sorted(profiles)) == bundled_devices()
    for alias, backend in profiles.items():
        assert Device.load(alias).text() == Device.from_document(generate.document(alias, backend)).text()


@pytest.mark.parametrize("name", bundled_devices())
def test_derived_noise_is_the_profiles(profiles, name):
    profile, noise = profiles[name].error_profile, Noise(Device.load(name).calibration())
    for component, t1 in profile.t1s.items():
        relaxation = noise.relaxation(generate.published(component))
        assert relaxation == pytest.approx((t1 * 1e-9, profile.t2s[component] * 1e-9))
    gates = dict(profile.single_qubit_gate_depolarizing_error_parameters)
    gates |= profile.two_qubit_gate_depolarizing_error_parameters
    durations = profile.single_qubit_gate_durations | profile.two_qubit_gate_durations
    for gate, loci in gates.items():
        for locus, depolarizing in loci.items():
            names = (locus,) if isinstance(locus, str) else tuple(map(generate.published, locus))
            assert noise.gate(gate, names) == pytest.approx((durations[gate] * 1e-9, depolarizing), abs=1e-9)
    for qubit, errors in profile.readout_errors.items():
        assert noise.readout(qubit) == (errors["0"], errors["1"])
    assert noise.missing == ()


@pytest.mark.parametrize("name", bundled_devices())
def test_every_file_says_where_it_comes_from(name):
    document = Device.load(name).document
    assert "error profile" in document["source"]
    assert len(document["assumptions"]) >= 4


@pytest.mark.parametrize("name", bundled_devices())
def test_metrics_are_numbers_only(name):
    for observation in Device.load(name).calibration().quality_metric_set["observations"]:
        assert type(observation["value"]) is float


def test_a_twenty_qubit_file_is_small():
    assert len(Device.load("garnet").text()) < 300_000
