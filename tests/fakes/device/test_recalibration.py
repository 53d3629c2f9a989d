"""Calibrations change: what is said of it, and what a client sees."""

import math
import re
import warnings

import numpy as np
import pytest
from circuits import bell
from qiskit import QuantumCircuit, transpile

from iqm_fakes import Device, FakeIQMClient, FakeIQMServer, cli
from iqm_fakes.device.comparison import changes, errors
from iqm_fakes.device.error_rates import Noise
from iqm_fakes.device.recalibration import recalibrated
from pytest_iqm import IQMBackend


def numbers(calibration):
    return {o["dut_field"]: o["value"] for o in calibration.observations()}


@pytest.fixture
def server():
    return FakeIQMServer("adonis", seed=1)


class TestRecalibration:
    def test_the_new_calibration_is_the_default_and_the_old_one_stays(self, server):
        client = FakeIQMClient(server=server)
        old = client.get_dynamic_quantum_architecture(None)
        new = server.recalibrate(seed=3)
        assert str(client.get_dynamic_quantum_architecture(None).calibration_set_id) == new.id
        assert client.get_dynamic_quantum_architecture(old.calibration_set_id) == old
        assert new.id != str(old.calibration_set_id)
        assert new.quality_metric_set["describes_id"] == new.id

    def test_the_vendors_warning_appears_and_the_job_runs_with_the_old_one(self, server):
        backend = IQMBackend(FakeIQMClient(server=server))
        circuit, old = bell(backend), server.devices["adonis"].default_calibration_set_id
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            backend.run(circuit, shots=10).result()
        new = server.recalibrate()
        with pytest.warns(UserWarning, match=f"(?s){new.id}.*|default calibration set has changed"):
            job = backend.run(circuit, shots=10)
        assert job.result().success
        assert [job.calibration_set_id for job in server.jobs] == [old, old]
        after = IQMBackend(FakeIQMClient(server=server))
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            assert after.run(circuit, shots=10).result().success
        assert server.jobs[-1].calibration_set_id == new.id

    def test_metrics_drift_by_about_as_much_as_asked(self):
        old = Device.load("emerald")
        new = recalibrated(old, 5, drift=0.2)
        before, after = errors(old.calibration()), errors(new.calibration())
        factors = np.log([after[place] / before[place] for place in before if place[0] == "cz"])
        assert abs(factors.mean()) < 5 * 0.2 / math.sqrt(90)  # false alarm: 6e-7
        assert 0.13 < factors.std() < 0.27
        drifted = {
            name.rpartition(".")[2].partition(":")[0]
            for name, v in numbers(new.calibration()).items()
            if v != numbers(old.calibration())[name]
        }
        assert drifted == {"t1_time", "t2_time", "fidelity", "error_0_to_1", "error_1_to_0", "repeatability"}

    @pytest.mark.parametrize("name", ["garnet", "deneb"])
    def test_it_stays_a_valid_machine(self, name, tmp_path):
        device = Device.load(name)
        for seed in range(5):
            device = recalibrated(device, seed, drift=1.0)
        device.save(tmp_path / "d.json")
        assert Device.load(tmp_path / "d.json") == device
        noise = Noise(device.calibration())
        assert noise.missing == ()
        published = numbers(device.calibration())
        for component in device.static_quantum_architecture["qubits"]:
            prefix = f"characterization.model.{component}"
            assert published[f"{prefix}.t2_time"] <= 2 * published[f"{prefix}.t1_time"]
            ssro = f"metrics.ssro.measure.constant.{component}"
            wrong = published[f"{ssro}.error_0_to_1"] + published[f"{ssro}.error_1_to_0"]
            assert published[f"{ssro}.fidelity"] == pytest.approx(1 - wrong / 2)

    def test_the_same_seed_is_the_same_calibration_and_each_is_new(self):
        first, second = FakeIQMServer("adonis"), FakeIQMServer("adonis")
        ids = [[server.recalibrate(seed=s).id for s in (1, 1, 2)] for server in (first, second)]
        assert ids[0] == ids[1]
        assert len(set(ids[0])) == 3
        assert first.devices["adonis"].text() == second.devices["adonis"].text()

    def test_lost_loci_are_gone_from_new_backends(self, server):
        server.recalibrate(lost=["QB5", ("QB3", "QB1")])
        backend = IQMBackend(FakeIQMClient(server=server))
        assert "QB5" not in backend.architecture.qubits
        names = [tuple(backend.index_to_qubit_name(q) for q in edge) for edge in backend.coupling_map.get_edges()]
        assert {frozenset(edge) for edge in names} == {frozenset({"QB2", "QB3"}), frozenset({"QB4", "QB3"})}

    def test_what_is_not_there_can_not_be_lost(self, server):
        with pytest.raises(ValueError, match="QB9 can't be lost: no gate of the calibration has this locus"):
            server.recalibrate(lost=["QB9"])
        with pytest.raises(ValueError, match="QB1-QB2 can't be lost"):
            server.recalibrate(lost=[("QB1", "QB2")])

    def test_with_several_computers_one_is_named(self):
        server = FakeIQMServer("adonis", "deneb")
        with pytest.raises(ValueError, match="name one: adonis, deneb"):
            server.recalibrate()
        before = server.devices["adonis"]
        server.recalibrate(computer="deneb")
        assert server.devices["adonis"] is before

    def test_reset_undoes_it(self, server):
        before = server.devices["adonis"]
        server.recalibrate()
        server.reset(seed=1)
        assert server.devices["adonis"] == before

    def test_results_have_the_new_noise(self, server):
        """QB1 reads 0 as 1 with a probability that grows tenfold; 5 standard deviations apart (6e-7)."""
        server.recalibrate(drift=3.0, seed=2)
        device = server.devices["adonis"]
        p = Noise(device.calibration()).readout("QB1").p_1_given_0
        backend = IQMBackend(FakeIQMClient(server=server))
        circuit = QuantumCircuit(1, 1)
        circuit.measure(0, 0)
        counts = backend.run(transpile(circuit, backend, initial_layout=[0]), shots=20000).result().get_counts()
        assert abs(counts.get("1", 0) - 20000 * p) < 5 * math.sqrt(20000 * p * (1 - p))
        assert abs(p - Noise(Device.load("adonis").calibration()).readout("QB1").p_1_given_0) > 0.005


class TestChanges:
    def test_a_device_is_as_it_is(self):
        assert changes(Device.load("garnet"), Device.load("garnet")) == []

    def test_each_kind_is_found(self):
        old = Device.load("adonis")
        new = recalibrated(old, 1, drift=0.0, lost=[("QB1", "QB3")])
        calibration = new.document["calibrations"][-1]
        gates = calibration["dynamic_quantum_architecture"]["gates"]
        gates["prx"]["implementations"]["drag_gaussian"] = {"loci": [["QB2"]]}
        gates["prx"]["override_default_implementation"] = {"QB2": "drag_gaussian"}
        for observation in calibration["quality_metric_set"]["observations"]:
            if observation["dut_field"].startswith("metrics.irb.cz.crf_crf.QB2__QB3.fidelity"):
                observation["value"] = 1 - 2 * (1 - observation["value"])
            if observation["dut_field"] == "characterization.model.QB4.t1_time":
                observation["value"] /= 4
        found = changes(old, Device.from_document(new.document))
        assert [str(change).partition(":")[0] for change in found] == [
            "lost cz on QB1-QB3",
            "prx on QB2",
            "characterization.model.t1_time on QB4",
            "metrics.irb.cz.crf_crf.fidelity (error) on QB2-QB3",
        ]
        assert [change.factor for change in found[2:]] == pytest.approx([0.25, 2.0])
        back = changes(Device.from_document(new.document), old)
        assert str(back[0]) == "new cz on QB1-QB3"

    def test_a_threshold(self):
        old = Device.load("garnet")
        new = recalibrated(old, 1, drift=0.1)
        counts = [len(changes(old, new, threshold)) for threshold in (0.0, 0.1, 0.5)]
        assert counts[0] > counts[1] > counts[2] == 0


class TestCommand:
    @pytest.fixture
    def files(self, tmp_path):
        old = Device.load("deneb")
        recalibrated(old, 1, drift=0.5, lost=["QB6"]).save(tmp_path / "new.json")
        old.save(tmp_path / "old.json")
        return [str(tmp_path / name) for name in ("old.json", "new.json")]

    def test_a_table(self, files, capsys):
        assert cli.main(["diff", *files]) == 0
        head, *lines = capsys.readouterr().out.splitlines()
        assert head.split() == ["change", "locus", "what", "old", "new", "factor"]
        assert re.match(r"lost +QB6 +every gate$", lines[0])
        assert any(re.match(r"metric +QB1 +characterization.model.t1_time +35 us +\S+ us +\d\.\d\d$", x) for x in lines)

    def test_no_difference(self, files, capsys):
        assert cli.main(["diff", files[0], files[0]]) == 0
        assert capsys.readouterr().out == "no difference\n"

    def test_a_threshold(self, files, capsys):
        cli.main(["diff", *files, "--threshold", "1000"])
        assert "metric" not in capsys.readouterr().out

    def test_an_unknown_file(self, capsys):
        assert cli.main(["diff", "garnet", "nope.json"]) == 1
        assert "no device 'nope.json'" in capsys.readouterr().err

    def test_a_picture(self, files, tmp_path):
        pytest.importorskip("matplotlib", reason="needs the extra 'plot' (tox -e plot)")
        assert cli.main(["diff", *files, "--plot", str(tmp_path / "out.png")]) == 0
        assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")

    def test_a_picture_shows_what_changed(self, tmp_path):
        pyplot = pytest.importorskip("matplotlib.image", reason="needs the extra 'plot' (tox -e plot)")
        from iqm_fakes.device.chip_plot import draw

        old = Device.load("garnet")
        pictures = []
        for name, device in (("same", old), ("other", recalibrated(old, 1, drift=1.0))):
            draw(old, device, tmp_path / f"{name}.png")
            pictures.append(pyplot.imread(tmp_path / f"{name}.png"))
        same, other = pictures
        half = same.shape[1] * 9 // 20
        assert not np.array_equal(same[:, half:], other[:, half:])

    def test_without_the_extra_it_says_what_to_install(self, files, capsys, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "networkx", None)
        assert cli.main(["diff", *files, "--plot", "out.png"]) == 1
        assert "pip install 'pytest-iqm[plot]'" in capsys.readouterr().err
