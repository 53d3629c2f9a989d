"""The bundled devices say what their public sources say."""

import csv
import json
import statistics
from math import log
from pathlib import Path

import pytest

from iqm_fakes import Device, bundled_devices
from iqm_fakes.device.catalogue import generate
from iqm_fakes.device.error_rates import Noise

EMERALD = Path(__file__).with_name("real") / "emerald-2026-01-31.extract.json"
STAR = Path(generate.__file__).with_name("star.csv")
REAL, VENDORS, STARS = ("emerald", "garnet"), ("adonis", "aphrodite", "apollo"), ("deneb", "sirius")


def numbers(name, *around):
    """Return the published numbers whose names begin and end like this, errors for fidelities; without our code."""
    start, end = around
    names = {o["dut_field"].partition(":")[0]: o["value"] for o in metrics(name)["observations"]}
    found = {name.split(".")[-2]: v for name, v in names.items() if name.startswith(start) and name.endswith(end)}
    return {locus: 1 - v for locus, v in found.items()} if end == ".fidelity" else found


def metrics(name):
    return Device.load(name).calibration().quality_metric_set


def middle(name, *around):
    return statistics.median(numbers(name, *around).values())


def spread(values):
    return statistics.stdev(map(log, values))


T1, T2 = ("characterization.model.QB", ".t1_time"), ("characterization.model.QB", ".t2_time")
ECHO = ("characterization.model.QB", ".t2_echo_time")
PRX, CZ, MOVE = (("metrics.rb.prx.", ".fidelity"), ("metrics.irb.cz.", ".fidelity"), ("metrics.irb.move.", ".fidelity"))
WRONG_0, WRONG_1 = (("metrics.ssro.measure.", f".error_{way}") for way in ("0_to_1", "1_to_0"))


def test_the_files_are_what_the_script_writes():
    documents = generate.documents()
    assert tuple(sorted(documents)) == bundled_devices()
    for alias, document in documents.items():
        assert Device.load(alias).text() == Device.from_document(document).text()


class TestRealMachines:
    def test_the_figures_are_the_published_ones_word_for_word(self):
        """Seven qubits of Emerald, copied into the tests by themselves."""
        published = json.loads(EMERALD.read_text("utf-8"))["observations"]
        observations = metrics("emerald")["observations"]
        assert len(published) > 100
        assert all(observation in observations for observation in published)
        assert (len(observations), len(metrics("garnet")["observations"])) == (974, 354)

    @pytest.mark.parametrize(
        ("what", "garnet", "emerald"),
        [
            (T1, "50.4e-6", "51.1e-6"),
            (T2, "9.8e-6", "14.8e-6"),
            (ECHO, "23.3e-6", "39.5e-6"),
            (PRX, "4.5e-4", "5.7e-4"),
            (CZ, "4.9e-3", "6.3e-3"),
            (WRONG_0, "1.5e-2", "1.4e-2"),
            (WRONG_1, "2.0e-2", "2.3e-2"),
        ],
    )
    def test_medians_are_those_of_31_january_2026(self, what, garnet, emerald):
        for name, said in (("garnet", garnet), ("emerald", emerald)):
            assert middle(name, *what) == pytest.approx(float(said), rel=0.03)

    def test_lost_couplers_are_lost(self):
        for name, designed, working in (("garnet", 30, 27), ("emerald", 90, 82)):
            device = Device.load(name)
            cz = device.calibration().dynamic_quantum_architecture["gates"]["cz"]["implementations"]
            assert len(device.static_quantum_architecture["connectivity"]) == designed
            assert sum(len(entry["loci"]) for entry in cz.values()) == working

    def test_implementations_have_the_machines_names(self):
        def chosen(name, gate):
            info = Device.load(name).calibration().dynamic_quantum_architecture["gates"][gate]
            return info["default_implementation"], {
                n: len(entry["loci"]) for n, entry in info["implementations"].items()
            }

        assert chosen("garnet", "prx") == ("drag_crf_sx", {"drag_crf_sx": 20})
        assert chosen("garnet", "cz") == ("slepian_crf", {"slepian_crf": 27})
        assert chosen("emerald", "prx") == ("drag_crf", {"drag_crf": 54})
        assert chosen("emerald", "cz") == ("crf_crf", {"crf_crf": 71, "crf_acstarkcrf": 11})

    def test_the_licence_is_kept(self):
        for name in REAL:
            assert "Copyright (c) 2025 Team 17" in Device.load(name).document["licence"]


class TestStars:
    """VLQ's qubits, by number: what its public file says of three of them."""

    VLQ = (
        (3, 14851.5e-9, 6077.3e-9, 0.00121, 0.012595, 0.020023, 0.0095, 0.022),
        (14, 40202.9e-9, 12630e-9, 0.03532, 0.11166, 0.007962, 0.016, 0.205),
        (22, 41627e-9, 15476.7e-9, 0.0008, 0.006003, 0.001503, 0.0225, 0.033),
    )

    def test_a_qubit_of_deneb_is_one_of_the_real_star(self):
        for name, figures in (("QB2", self.VLQ[0]), ("QB3", self.VLQ[1]), ("QB5", self.VLQ[2])):
            found = [numbers("deneb", *what)[name] for what in (T1, T2, PRX, WRONG_0, WRONG_1)]
            found[3:3] = [numbers("deneb", *what)[f"{name}__COMPR1"] for what in (CZ, MOVE)]
            assert found == pytest.approx(figures[1:])

    @pytest.mark.parametrize("name", STARS)
    def test_its_qubits_are_distributed_like_those_of_the_real_star(self, name):
        """Of cz by rank, so by construction; of the others within what a sample of this size differs by."""
        rows = list(csv.DictReader(line for line in STAR.read_text("utf-8").splitlines() if line[0] != "#"))
        assert len(rows) == 24
        for what, column, unit in ((T1, "t1", 1e-9), (T2, "t2", 1e-9), (PRX, "prx", 1), (CZ, "cz", 1)):
            everywhere = [float(row[column]) * unit for row in rows]
            some = numbers(name, *what).values()
            assert log(statistics.median(some) / statistics.median(everywhere)) == pytest.approx(0, abs=0.5)
            assert spread(some) == pytest.approx(spread(everywhere), rel=0.5)

    @pytest.mark.parametrize("name", STARS)
    def test_names_are_those_of_the_real_star(self, name):
        names = {o["dut_field"] for o in metrics(name)["observations"]}
        assert {"metrics.rb.prx.drag_crf.QB1.fidelity:par=d1", "metrics.irb.cz.crf_crf.QB1__COMPR1.fidelity"} < names
        assert "metrics.irb.move.crf_crf.QB1__COMPR1.fidelity:n_interleaved_gates=2" in names
        assert {"measure", "measure_fidelity", "cc_prx", "reset_wait", "prx", "cz", "move"} == {
            *Device.load(name).calibration().dynamic_quantum_architecture["gates"]
        }

    @pytest.mark.parametrize("name", STARS)
    def test_the_resonator_loses_energy_only(self, name):
        assert Noise(Device.load(name).calibration()).relaxation("COMPR1") == (29.8e-6, 59.6e-6)

    def test_sirius_is_a_star_of_the_qubits_in_service(self):
        architecture = Device.load("sirius").static_quantum_architecture
        assert len(architecture["qubits"]) == 16
        assert {"QB6", "QB7", "QB24"}.isdisjoint(architecture["qubits"])
        assert all(pair[1] == "COMPR1" for pair in architecture["connectivity"])

    def test_readout_errors_of_sirius_are_its_own(self):
        wrong = numbers("sirius", *WRONG_0), numbers("sirius", *WRONG_1)
        for qubit, mean in (("QB4", 0.0409), ("QB5", 0.0112), ("QB23", 0.0254)):
            assert statistics.mean(each[qubit] for each in wrong) == pytest.approx(mean, rel=1e-3)


class TestProfilesOfTheVendor:
    def test_noise_of_adonis_is_that_of_the_vendors_fake_backend(self):
        profile, noise = generate.vendor_backend("adonis").error_profile, Noise(Device.load("adonis").calibration())
        for component, t1 in profile.t1s.items():
            assert noise.relaxation(component) == pytest.approx((t1 * 1e-9, profile.t2s[component] * 1e-9))
        gates = profile.single_qubit_gate_depolarizing_error_parameters
        gates = gates | profile.two_qubit_gate_depolarizing_error_parameters
        durations = profile.single_qubit_gate_durations | profile.two_qubit_gate_durations
        for gate, loci in gates.items():
            for locus, depolarizing in loci.items():
                names = (locus,) if isinstance(locus, str) else locus
                assert noise.gate(gate, names)[:2] == pytest.approx((durations[gate] * 1e-9, depolarizing), abs=1e-9)
        for qubit, wrong in profile.readout_errors.items():
            assert noise.readout(qubit) == (wrong["0"], wrong["1"])

    @pytest.mark.parametrize("name", ["aphrodite", "apollo"])
    def test_medians_are_the_vendors_and_spreads_are_real(self, name):
        profile = generate.vendor_backend(name).error_profile
        for what, theirs in (
            (T1, [time * 1e-9 for time in profile.t1s.values()]),
            (T2, [time * 1e-9 for time in profile.t2s.values()]),
            (WRONG_0, [wrong["0"] for wrong in profile.readout_errors.values()]),
            (WRONG_1, [wrong["1"] for wrong in profile.readout_errors.values()]),
        ):
            assert middle(name, *what) == pytest.approx(statistics.median(theirs), rel=0.02)
        for what in (T1, T2, PRX, CZ, WRONG_0, WRONG_1):
            assert spread(numbers(name, *what).values()) == pytest.approx(
                spread(numbers("emerald", *what).values()), rel=0.1
            )

    def test_adonis_has_a_real_chips_spread_already(self):
        for what in (T2, PRX, WRONG_0):
            assert spread(numbers("adonis", *what).values()) > 0.4


@pytest.mark.parametrize("name", bundled_devices())
def test_every_file_says_what_is_measured_and_what_is_assumed(name):
    document = Device.load(name).document
    assert document["source"].startswith("IQMFake" if name in VENDORS else "Measured: ")
    assert len(document["assumptions"]) >= 4


@pytest.mark.parametrize("name", bundled_devices())
def test_metrics_are_numbers_only(name):
    for observation in metrics(name)["observations"]:
        assert type(observation["value"]) is float


@pytest.mark.parametrize("name", bundled_devices())
def test_nothing_is_missing(name):
    assert Noise(Device.load(name).calibration()).missing == ()


@pytest.mark.parametrize("name", [*VENDORS, *STARS])
def test_what_is_made_up_can_be(name):
    for component, t1 in numbers(name, *T1).items():
        assert numbers(name, *T2)[component] <= 2 * t1
