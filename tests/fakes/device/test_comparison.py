"""What is said of the differences of two devices; ``iqm-fake diff``."""

import re

import pytest

from iqm_fakes import Device, cli
from iqm_fakes.device.comparison import changes
from iqm_fakes.device.recalibration import recalibrated


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
