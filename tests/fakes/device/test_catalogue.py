"""The bundled devices say what their public sources say."""

import statistics

import pytest

from iqm_fakes import Device, bundled_devices
from iqm_fakes.device.catalogue import generate
from iqm_fakes.device.comparison import errors
from iqm_fakes.device.error_rates import Noise


@pytest.fixture(scope="module")
def profiles():
    return generate.profiles()


def test_the_files_are_what_the_script_writes(profiles):
    assert tuple(sorted(profiles)) == bundled_devices()
    for alias, profile in profiles.items():
        assert Device.load(alias).text() == Device.from_document(generate.document(profile)).text()


@pytest.mark.parametrize("name", generate.VENDORS)
def test_derived_noise_is_that_of_the_vendors_fake_backend(name):
    profile, noise = generate.vendor_backend(name).error_profile, Noise(Device.load(name).calibration())
    for component, t1 in profile.t1s.items():
        relaxation = noise.relaxation(generate.published(component))
        assert relaxation == pytest.approx((t1 * 1e-9, profile.t2s[component] * 1e-9))
    gates = dict(profile.single_qubit_gate_depolarizing_error_parameters)
    gates |= profile.two_qubit_gate_depolarizing_error_parameters
    durations = profile.single_qubit_gate_durations | profile.two_qubit_gate_durations
    for gate, loci in gates.items():
        for locus, depolarizing in loci.items():
            names = (locus,) if isinstance(locus, str) else tuple(map(generate.published, locus))
            assert noise.gate(gate, names)[:2] == pytest.approx((durations[gate] * 1e-9, depolarizing), abs=1e-9)
    for qubit, wrong in profile.readout_errors.items():
        assert noise.readout(qubit) == (wrong["0"], wrong["1"])
    assert noise.missing == ()


def test_emerald_has_the_announced_medians():
    device = Device.load("emerald")
    published = errors(device.calibration())
    for gate, median in (("prx", 7e-4), ("cz", 5e-3)):
        assert statistics.median(v for (name, _), v in published.items() if name == gate) == pytest.approx(
            median, rel=0.1
        )
    architecture = device.static_quantum_architecture
    assert (len(architecture["qubits"]), len(architecture["connectivity"])) == (54, 90)


def test_sirius_is_a_star_of_the_qubits_in_service():
    device = Device.load("sirius")
    architecture = device.static_quantum_architecture
    assert len(architecture["qubits"]) == 16
    assert {"QB6", "QB7", "QB24"}.isdisjoint(architecture["qubits"])
    assert all(pair[1] == "COMPR1" for pair in architecture["connectivity"])
    assert Noise(device.calibration()).readout("QB4") == (0.0409, 0.0409)


@pytest.mark.parametrize("name", bundled_devices())
def test_every_file_says_where_it_comes_from(name):
    document = Device.load(name).document
    assert len(document["source"]) > 40
    assert len(document["assumptions"]) >= 4


@pytest.mark.parametrize("name", bundled_devices())
def test_metrics_are_numbers_only(name):
    for observation in Device.load(name).calibration().quality_metric_set["observations"]:
        assert type(observation["value"]) is float


@pytest.mark.parametrize("name", bundled_devices())
def test_nothing_is_missing(name):
    assert Noise(Device.load(name).calibration()).missing == ()
