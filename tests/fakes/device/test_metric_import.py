"""A bare quality metric set becomes a device: figures of real machines, read again by the vendor's client."""

import json
import warnings
from pathlib import Path

import pytest
from iqm.iqm_client import DynamicQuantumArchitecture
from iqm.qiskit_iqm import IQMBackend as VendorBackend

from iqm_fakes import Api, Device, DeviceError, FakeIQMServer, cli
from iqm_fakes.device.metric_import import import_command
from iqm_fakes.vendor.http import connect, get
from iqm_fakes.web.loopback import loopback

EMERALD = Path(__file__).with_name("real") / "emerald-2026-01-31.extract.json"
QUBITS = ["QB18", "QB19", "QB25", "QB26", "QB27", "QB33", "QB34"]


def metrics():
    return json.loads(EMERALD.read_text("utf-8"))


def published(name):
    """Return the value that a file publishes under a name, whatever its suffix; without our code."""
    (value,) = [o["value"] for o in metrics()["observations"] if o["dut_field"].split(":")[0] == name]
    return value


def made_up(*rows):
    """Return a quality metric set that publishes these names and values."""
    times = {"created_timestamp": "2026-03-17T06:00:00Z", "modified_timestamp": "2026-03-17T06:00:00Z"}
    return {
        "observation_set_id": "0c3f7d2c-3f43-4f5a-9d77-3a1b1f1f0a01",
        "observation_set_type": "quality-metric-set",
        "describes_id": None,
        "invalid": False,
        "dut_label": "M000",
        "created_timestamp": "2026-03-17T06:00:00Z",
        "end_timestamp": "2026-03-17T06:00:00Z",
        "observations": [
            {
                "observation_id": number,
                "dut_field": name,
                "value": value,
                "unit": "",
                "invalid": False,
                "uncertainty": None,
                **times,
            }
            for number, (name, value) in enumerate(rows, 1)
        ],
    }


def qubit(name):
    return [
        (f"metrics.rb.prx.drag_crf.{name}.fidelity:par=d1", 0.999),
        (f"metrics.ssro.measure.constant.{name}.fidelity", 0.98),
    ]


def architecture(device):
    return DynamicQuantumArchitecture.model_validate(device.calibration().dynamic_quantum_architecture)


class TestARealMachine:
    @pytest.fixture
    def device(self):
        return Device.from_quality_metrics(metrics(), like="emerald")

    def test_its_file_is_loaded_and_everything_in_it_is_kept(self, device, tmp_path):
        device.save(tmp_path / "mine.json")
        assert Device.load(tmp_path / "mine.json") == device
        assert device.calibration().quality_metric_set == metrics()
        assert device.default_calibration_set_id == metrics()["describes_id"]

    def test_loci_are_those_of_the_metrics_as_they_are_written(self, device):
        gates = architecture(device).gates
        assert architecture(device).qubits == QUBITS
        assert set(gates) == {"prx", "cz", "cc_prx", "measure", "measure_fidelity", "reset_wait"}
        named = {o["dut_field"].split(".")[4] for o in metrics()["observations"] if ".irb.cz." in o["dut_field"]}
        assert {"__".join(locus) for locus in gates["cz"].loci} == named
        assert ("QB26", "QB25") in gates["cz"].loci or ("QB25", "QB26") in gates["cz"].loci
        assert gates["cc_prx"].loci == tuple((name,) for name in QUBITS)

    def test_the_default_implementation_is_the_measured_one(self, device):
        cz = architecture(device).gates["cz"]
        assert cz.default_implementation == "crf_crf"
        assert set(cz.override_default_implementation.values()) == {"crf_acstarkcrf"}
        for implementation, info in cz.implementations.items():
            for locus in info.loci:
                assert cz.get_default_implementation(locus) == implementation

    def test_the_vendors_target_has_every_figure(self, device):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of metrics that are missing
            server = FakeIQMServer(device)
        with loopback(Api(server)) as url:
            client = connect(url, quantum_computer="emerald")
            target = VendorBackend(client, use_metrics=True).get_real_target()
            served = get(client, f"calibration-sets/emerald/{device.default_calibration_set_id}/metrics")
        assert served == metrics()
        for index, name in enumerate(QUBITS):
            properties = target.qubit_properties[index]
            assert properties.t1 == published(f"characterization.model.{name}.t1_time")
            assert properties.t2 == published(f"characterization.model.{name}.t2_time")
            assert target["r"][(index,)].error == 1 - published(f"metrics.rb.prx.drag_crf.{name}.fidelity")
        assert len(target["cz"]) == 8
        for locus, properties in target["cz"].items():
            pair = "__".join(QUBITS[index] for index in locus)
            implementation = "crf_acstarkcrf" if "QB27" in pair else "crf_crf"
            assert properties.error == 1 - published(f"metrics.irb.cz.{implementation}.{pair}.fidelity")
            assert properties.duration == 40e-9  # of every cz on the bundled chip

    def test_the_licence_of_the_other_devices_figures_is_not_taken_over(self, device):
        assert "licence" in Device.load("emerald").document
        assert "licence" not in device.document

    def test_what_is_assumed_is_said(self, device):
        assert metrics()["observation_set_id"] in device.document["source"]
        assert any("those of 'emerald'" in line for line in device.document["assumptions"])


class TestAStar:
    """Names and values of the real 24-qubit star, of which qubits 1 to 3."""

    def device(self, **like):
        rows = [row for name in ("QB1", "QB2", "QB3") for row in qubit(name)]
        for name, cz, move in (("QB1", 0.005743, 0.000659), ("QB2", 0.060690, 0.001453), ("QB3", 0.012595, 0.020023)):
            rows.append((f"metrics.irb.cz.crf_crf.{name}__COMPR1.fidelity", 1 - cz))
            rows.append((f"metrics.irb.move.crf_crf.{name}__COMPR1.fidelity:n_interleaved_gates=2", 1 - move))
        rows += [("characterization.model.COMPR1.t1_time", 29.8e-6), ("characterization.model.TC-1-2.x", 1.0)]
        return Device.from_quality_metrics(made_up(*rows), like="deneb")

    def test_it_has_its_resonator_and_lost_qubits_are_lost(self):
        found = architecture(self.device())
        assert (found.qubits, found.computational_resonators) == (["QB1", "QB2", "QB3"], ["COMPR1"])
        assert found.gates["move"].loci == (("QB1", "COMPR1"), ("QB2", "COMPR1"), ("QB3", "COMPR1"))

    def test_its_metrics_need_not_say_which_calibration_set_they_describe(self):
        assert self.device() == self.device()
        assert self.device().default_calibration_set_id == self.device().calibration().id


class TestImplementations:
    def test_the_same_locus_in_another_order_and_a_second_implementation_are_no_overrides(self):
        rows = [row for number in (1, 2, 3, 4, 5) for row in qubit(f"QB{number}")]
        rows += [
            ("metrics.irb.cz.tgss.QB2__QB1.fidelity", 0.99),
            ("metrics.irb.cz.tgss.QB5__QB2.fidelity", 0.99),
            ("metrics.irb.cz.crf_crf.QB1__QB2.fidelity", 0.98),
            ("metrics.irb.cz.crf_crf.QB4__QB5.fidelity", 0.98),
            ("metrics.irb.cz.crf_crf.QB1__QB4.fidelity", 0.98),
        ]
        cz = architecture(Device.from_quality_metrics(made_up(*rows), like="garnet")).gates["cz"]
        assert cz.default_implementation == "crf_crf"
        assert cz.override_default_implementation == {("QB5", "QB2"): "tgss"}

    def test_durations_are_those_of_the_locus_and_the_implementation_if_there_are_any(self):
        like = json.loads(Device.load("apollo").text())
        for observation in like["calibrations"][0]["calibration_set"]["observations"]:
            if observation["dut_field"] == "gates.cz.crf_crf.QB1__QB2.duration":
                observation["value"] = 90e-9
            if observation["dut_field"] == "gates.cz.crf_crf.QB2__QB5.duration":
                observation["dut_field"] = "gates.cz.tgss.QB2__QB5.duration"
                observation["value"] = 70e-9
        rows = [row for number in (1, 2, 4, 5) for row in qubit(f"QB{number}")]
        rows += [
            ("metrics.irb.cz.slepian_crf.QB2__QB1.fidelity", 0.99),
            ("metrics.irb.cz.slepian_crf.QB5__QB4.fidelity", 0.99),
            ("metrics.irb.cz.tgss.QB4__QB1.fidelity", 0.99),
        ]
        device = Device.from_quality_metrics(made_up(*rows), like=Device.from_document(like))
        found = {o["dut_field"]: o["value"] for o in device.calibration().calibration_set["observations"]}
        assert found["gates.cz.slepian_crf.QB2__QB1.duration"] == 90e-9
        assert found["gates.cz.slepian_crf.QB5__QB4.duration"] == 130e-9
        assert found["gates.cz.tgss.QB4__QB1.duration"] == 70e-9


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda m: m.update(observation_set_type="calibration-set"), "this has 'calibration-set'"),
            (lambda m: m.pop("observation_set_type"), "this has nothing of the kind"),
            (lambda m: m.pop("observations"), "the document has no 'observations'"),
            (lambda m: m["observations"][3].pop("value"), r"observations\[3\] has no 'value'"),
            (lambda m: m.update(describes_id=5), "describes_id: UUID input should be"),
            (lambda m: m.update(describes_id="mine"), "describes_id: .*UUID"),
            (
                lambda m: m.update(created_timestamp="today"),
                "created_timestamp has to be a time .*'today'",
            ),
        ],
    )
    def test_a_broken_file(self, change, message):
        document = metrics()
        change(document)
        with pytest.raises(DeviceError, match=f"^quality metrics: .*{message}"):
            Device.from_quality_metrics(document, like="emerald")

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            (("metrics.rb.prx.drag_crf.QB21.fidelity", 0.99), r"observations\[2\] \(.*QB21.*\): 'garnet' has no QB21"),
            (("characterization.model.QB21.t1_time", 1e-6), "'garnet' has no QB21"),
            (("metrics.irb.cz.crf_crf.QB1__QB3.fidelity", 0.9), "on 'garnet' nothing couples QB1 and QB3"),
        ],
    )
    def test_another_chip(self, row, message):
        with pytest.raises(DeviceError, match=message):
            Device.from_quality_metrics(made_up(*qubit("QB1"), row), like="garnet")

    @pytest.mark.parametrize("gate", ["prx", "measure"])
    def test_no_metric_of_a_gate_that_every_qubit_needs(self, gate):
        rows = [row for row in qubit("QB1") if f".{gate}." not in row[0]]
        with pytest.raises(DeviceError, match=f"no observation metrics.*{gate}.* says of any qubit"):
            Device.from_quality_metrics(made_up(*rows), like="garnet")

    def test_what_is_no_object(self):
        with pytest.raises(DeviceError, match="this has nothing of the kind"):
            Device.from_quality_metrics([], like="garnet")


class TestCommand:
    def test_it_writes_a_device_file_and_says_what_is_lost(self, tmp_path, capsys):
        out = tmp_path / "my-emerald.json"
        assert cli.main(["import", str(EMERALD), "--like", "emerald", "--out", str(out)]) == 0
        said = capsys.readouterr().out
        assert f"calibration set {metrics()['describes_id']}\n" in said
        assert "measured: 2026-01-31T18:28:48.820385Z\nqubits: 7 of 54\ncouplers: 8 of 90\nlost: QB1, QB2" in said
        assert Device.load(out) == Device.from_quality_metrics(EMERALD, like="emerald")
        assert list(tmp_path.iterdir()) == [out]

    def test_nothing_is_lost(self, tmp_path, capsys):
        rows = [row for number in range(1, 6) for row in qubit(f"QB{number}")]
        rows += [(f"metrics.irb.cz.tgss.QB{number}__QB3.fidelity", 0.99) for number in (1, 2, 4, 5)]
        (tmp_path / "m.json").write_text(json.dumps(made_up(*rows)))
        assert (
            cli.main(["import", str(tmp_path / "m.json"), "--like", "adonis", "--out", str(tmp_path / "d.json")]) == 0
        )
        assert capsys.readouterr().out.endswith("qubits: 5 of 5\ncouplers: 4 of 4\n")

    def test_a_file_that_exists_is_only_overwritten_if_that_is_asked_for(self, tmp_path, capsys):
        out = tmp_path / "my-emerald.json"
        out.write_text("mine")
        command = ["import", str(EMERALD), "--like", "emerald", "--out", str(out)]
        assert cli.main(command) == 1
        assert (
            capsys.readouterr().err == f"iqm-fake: {out} exists: choose another --out, or overwrite it with --force\n"
        )
        assert out.read_text() == "mine"
        assert cli.main([*command, "--force"]) == 0
        assert Device.load(out).alias == "emerald"

    @pytest.mark.parametrize(
        ("metrics", "like", "out", "message"),
        [
            (EMERALD, "emerland", "d.json", "no device 'emerland': it is neither a file nor one of those bundled: "),
            (EMERALD, "emerald", "no/d.json", "no/d.json can't be written: No such file or directory"),
            ("no.json", "emerald", "d.json", "no.json can't be read: No such file or directory"),
            (__file__, "emerald", "d.json", "test_metric_import.py: it is not JSON: "),
            (EMERALD, "garnet", "d.json", f"{EMERALD}: observations["),
        ],
    )
    def test_a_mistake_is_said_and_nothing_is_written(self, tmp_path, monkeypatch, capsys, metrics, like, out, message):
        monkeypatch.chdir(tmp_path)
        assert cli.main(["import", str(metrics), "--like", like, "--out", out]) == 1
        assert message in capsys.readouterr().err
        assert not list(tmp_path.iterdir())

    def test_a_device_file_is_told_that_it_is_one(self, tmp_path):
        Device.load("adonis").save(tmp_path / "d.json")
        with pytest.raises(DeviceError, match=r"d\.json: this is a device file already"):
            Device.from_quality_metrics(tmp_path / "d.json", like="adonis")


class TestABareFileWhereADeviceIsWanted:
    def test_the_message_has_the_command(self):
        with pytest.raises(DeviceError) as error:
            Device.load(EMERALD)
        command = f"iqm-fake import {EMERALD} --like emerald --out my-emerald.json"
        assert str(error.value).endswith(f"this command makes a device of it: {command}")

    @pytest.mark.parametrize(
        ("rows", "like"),
        [
            ([row for number in range(1, 21) for row in qubit(f"QB{number}")], "garnet"),
            ([*qubit("QB1"), ("metrics.irb.move.crf_crf.QB1__COMPR1.fidelity", 0.99)], "deneb"),
            ([*qubit("QB77")], "DEVICE"),
        ],
    )
    def test_the_command_names_a_device_with_such_a_chip(self, rows, like):
        assert import_command(made_up(*rows), "a b.json").startswith(f"iqm-fake import 'a b.json' --like {like} --out ")

    def test_a_broken_one_gets_the_command_too(self):
        assert " --like DEVICE --out my-device.json" in import_command(
            {"observation_set_type": "quality-metric-set"}, "x"
        )
