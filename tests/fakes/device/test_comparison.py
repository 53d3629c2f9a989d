"""What is said of the differences of two devices; ``iqm-fake diff``."""

import copy
import json
import math
import re
from collections import Counter
from pathlib import Path

import pytest

from iqm_fakes import Device, cli
from iqm_fakes.device.comparison import changes, errors
from iqm_fakes.device.metrics import published_metrics
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


def edited(device, change):
    """Return a device whose metrics were changed one by one."""
    document = copy.deepcopy(dict(device.document))
    observations = document["calibrations"][0]["quality_metric_set"]["observations"]
    for observation in observations:
        change(observation)
    return Device.from_document(document)


class TestPublishedUncertainties:
    """On seven qubits of a real machine, with the uncertainties that it publishes."""

    @pytest.fixture
    def real(self):
        file = Path(__file__).with_name("real") / "emerald-2026-01-31.extract.json"
        return Device.from_quality_metrics(file, like="emerald")

    @pytest.mark.parametrize("sigmas", [2.9, 3.1])
    def test_a_metric_changed_if_it_moved_by_more_than_three_of_them(self, real, sigmas):
        def move(observation):
            observation["value"] += math.sqrt(2) * sigmas * (observation["uncertainty"] or 0)

        there = changes(real, edited(real, move))
        back = changes(edited(real, move), real)
        # No uncertainty is published of repeatability and of the fidelity of qndness. Not listed beside what they
        # follow from: readout fidelities of both kinds, Clifford gates of 7 qubits and 8 couplers.
        listed = 121 - 2 * 7 - 2 * 7 - 7 - 8
        assert (len(there), len(back)) == ((listed, listed) if sigmas > 3 else (0, 0))
        assert [change.sigmas for change in (*there, *back)] == pytest.approx([sigmas] * (len(there) + len(back)))

    def test_an_uncertainty_that_only_one_publishes_counts(self, real):
        def move(observation):
            if observation["dut_field"] == "metrics.ssro.measure.constant.QB26.error_0_to_1":
                observation["value"] += 4 * observation["uncertainty"]
                observation["uncertainty"] = None

        (change,) = changes(real, edited(real, move))
        assert change.sigmas == pytest.approx(4)

    @pytest.mark.parametrize("uncertainty", [None, 0.0, float("nan"), -1.0, "small"])
    @pytest.mark.parametrize(("factor", "found"), [(1.2, 0), (1.3, 1)])
    def test_without_one_a_quarter_is_the_threshold(self, real, uncertainty, factor, found):
        name = "metrics.ssro.measure.constant.QB26.error_0_to_1"

        def forget(observation):
            if observation["dut_field"] == name:
                observation["uncertainty"] = uncertainty

        def move(observation):
            if observation["dut_field"] == name:
                observation["value"] *= factor

        before = edited(real, forget)
        moved = changes(before, edited(before, move))
        assert [change.sigmas for change in moved] == [None] * found

    def test_a_threshold_counts_whatever_the_uncertainties(self, real):
        def move(observation):
            if ".cz." in observation["dut_field"]:
                observation["value"] = 1 - 1.1 * (1 - observation["value"])

        assert changes(real, edited(real, move), 0.11) == []
        assert len(changes(real, edited(real, move), 0.09)) == 8

    def test_the_worst_is_first_and_what_got_better_comes_after_it(self, real):
        factors = {"t1_time": 0.4, "t2_time": 3.0, "t2_echo_time": 0.3, "error_0_to_1": 2.0, "error_1_to_0": 0.0}

        def move(observation):
            *_, qubit, field = observation["dut_field"].split(".")
            if qubit == "QB26" and "measure_fidelity" not in observation["dut_field"]:
                observation["value"] *= factors.get(field, 1)

        moved = changes(real, edited(real, move))
        assert [(change.name.split(".")[-1], change.worse) for change in moved] == [
            ("t2_echo_time", True),
            ("t1_time", True),
            ("error_0_to_1", True),
            ("error_1_to_0", False),
            ("t2_time", False),
        ]
        back = changes(edited(real, move), real)
        assert [change.worse for change in back] == [True, True, False, False, False]
        assert back[0].factor == math.inf

    def test_a_fidelity_alone_is_listed(self, real):
        def move(observation):
            if ".QB26." in observation["dut_field"] and ".fidelity" in observation["dut_field"]:
                observation["value"] -= 10 * (observation["uncertainty"] or 0)

        names = {change.name for change in changes(real, edited(real, move))}
        assert names == {
            "metrics.rb.prx.drag_crf.fidelity (error)",
            "metrics.ssro.measure.constant.fidelity (error)",
            "metrics.ssro.measure_fidelity.constant.fidelity (error)",
        }

    def test_of_several_gates_in_a_row_the_uncertainty_is_that_of_one(self):
        fidelity, uncertainty = 0.94, 1e-6

        def one(value):
            name = "metrics.irb.move.crf_crf.QB1__COMPR1.fidelity:n_interleaved_gates=2"
            return published_metrics([{"dut_field": name, "value": value, "uncertainty": uncertainty}]).popitem()[1]

        slope = (one(fidelity + 1e-6).value - one(fidelity - 1e-6).value) / 2e-6
        assert one(fidelity).uncertainty == pytest.approx(slope * uncertainty, rel=1e-6)
        assert one(0.25) == (0.25, None)  # no better than chance


def written(device, gate, turned):
    """Return a device that writes the loci of a gate in the other order, or all with another implementation."""
    text = device.text()
    for locus in device.calibration().dynamic_quantum_architecture["gates"][gate]["implementations"]["slepian_crf"][
        "loci"
    ]:
        a, b = locus
        text = text.replace(f'"{a}", "{b}"', f'"{b}", "{a}"').replace(f"{a}__{b}", f"{b}__{a}") if turned else text
    return Device.from_document(json.loads(text if turned else text.replace("slepian_crf", "tgss")))


def test_the_order_in_which_a_locus_of_cz_is_written_is_no_difference():
    garnet = Device.load("garnet")
    turned = written(garnet, "cz", True)
    assert changes(garnet, turned) == []
    assert sorted(errors(turned.calibration()).values()) == sorted(errors(garnet.calibration()).values())


def test_an_implementation_that_is_another_one_everywhere_is_said_once():
    garnet = Device.load("garnet")
    (change,) = changes(garnet, written(garnet, "cz", False))
    assert str(change) == "cz on every locus: slepian_crf -> tgss"


class TestCommand:
    def test_a_table(self, files, capsys):
        assert cli.main(["diff", *files, "--all"]) == 0
        head, *lines = capsys.readouterr().out.splitlines()
        assert head.split() == ["change", "locus", "what", "old", "new", "factor", "sigma"]
        assert re.match(r"lost +QB6 +every gate$", lines[0])
        assert any(
            re.match(r"(worse|better) +QB\d +characterization.model.t1_time +\S+ us +\S+ us +\d\.\d\d$", x)
            for x in lines
        )

    def test_no_difference(self, files, capsys):
        assert cli.main(["diff", files[0], files[0]]) == 0
        assert capsys.readouterr().out == "no difference\n"

    def test_a_threshold(self, files, capsys):
        cli.main(["diff", *files, "--threshold", "1000"])
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["change", "lost"]

    def test_the_first_ones_are_listed_and_the_rest_is_counted(self, files, capsys):
        assert cli.main(["diff", *files, "--all"]) == 0
        every = capsys.readouterr().out.splitlines()[1:]
        assert cli.main(["diff", *files]) == 0
        *lines, last = capsys.readouterr().out.splitlines()[1:]
        assert [line.split() for line in lines] == [line.split() for line in every[:20]]
        kinds = Counter(line.split()[0] for line in every[20:])
        counted = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        assert last == f"and {len(every) - 20} more ({counted}): --all lists them"

    def test_an_unknown_file(self, capsys):
        assert cli.main(["diff", "garnet", "nope.json"]) == 1
        assert "no device 'nope.json'" in capsys.readouterr().err
