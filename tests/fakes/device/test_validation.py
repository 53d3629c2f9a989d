"""A broken device file is refused, and told what is wrong where."""

import json

import pytest

from iqm_fakes import Device, DeviceError


def _set(document, place, value):
    *path, last = place
    for key in path:
        document = document[key]
    if value is None:
        del document[last]
    else:
        document[last] = value


NO_SET = "00000000-0000-4000-8000-000000000000"
DYNAMIC = ("calibrations", 0, "dynamic_quantum_architecture")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("schema",), "iqm-device/2", "schema has to be 'iqm-device/1', got 'iqm-device/2'"),
        (("alias",), None, "the document has no 'alias'"),
        (("alias",), 5, "alias has to be a JSON string, got int"),
        (("calibrations", 0, "quality_metric_set"), None, r"calibrations\[0\] has no 'quality_metric_set'"),
        (
            ("calibrations", 0, "calibration_set", "observations", 3, "unit"),
            None,
            r"calibrations\[0\]\.calibration_set\.observations\[3\] has no 'unit'",
        ),
        (
            ("calibrations", 0, "noise"),
            {"gates": {"cz": {"QB1,QB77": {"duration": 1e-7}}}},
            r"calibrations\[0\]\.noise\.gates\.cz\.QB1,QB77 names 'QB77', which is none of QB1, ",
        ),
        (
            ("calibrations", 0, "noise"),
            {"readout": {"QB1": {"p_1_given_0": 1.5}}},
            r"noise\.readout\.QB1\.p_1_given_0 has to be a number from 0 to 1, got 1\.5",
        ),
        (("station",), {"lines": []}, "station.lines is none of probe_lines, grid, control_delay"),
        (("station",), {"probe_lines": [["QB1", "QB9"]]}, "station.probe_lines names 'QB9', which is none of QB1, "),
        (("station",), {"probe_lines": [["QB1"], ["QB1"]]}, "station.probe_lines names 'QB1' twice"),
        (("station",), {"probe_lines": ["QB1"]}, r"station.probe_lines\[0\] has to be a JSON array, got str"),
        (("station",), {"grid": 0}, "station.grid has to be seconds above 0, got 0"),
        (("station",), {"control_delay": -1e-9}, "station.control_delay has to be seconds, not negative, got -1e-09"),
        (("calibrations", 0, "noise"), {"gate": {}}, r"noise\.gate is none of gates, relaxation, readout, zz"),
        (
            ("calibrations", 0, "noise"),
            {"gates": {"cz": {"QB1,QB3": {"duration": 40.0}}}},
            r"noise\.gates\.cz\.QB1,QB3\.duration has to be a number from 0 to 0\.01, got 40\.0",
        ),
        (
            ("calibrations", 0, "noise"),
            {"relaxation": {"QB1": {"t1": 0}}},
            r"noise\.relaxation\.QB1\.t1 has to be a number from 1e-09 to inf, got 0",
        ),
        (("calibrations", 0, "noise"), {"zz": {"QB1": 1e3}}, r"noise\.zz\.QB1: a pair is two components"),
        (("calibrations", 0, "noise"), {"zz": {"QB1,QB9": 1e3}}, r"noise\.zz\.QB1,QB9 names 'QB9', which is none of"),
        (
            ("calibrations", 0, "noise"),
            {"zz": {"QB1,QB3": "1 kHz"}},
            r"noise\.zz\.QB1,QB3 has to be a JSON number, got str",
        ),
        (
            ("calibrations", 0, "noise"),
            {"relaxation": {"QB1": {"t3": 1}}},
            r"noise\.relaxation\.QB1\.t3 is none of t1, t2",
        ),
        (
            ("calibrations", 0, "calibration_set", "observations", 2, "created_timestamp"),
            "yesterday",
            r"calibrations\[0\]\.calibration_set.*observations\[2\]\.created_timestamp: .*datetime",
        ),
        (
            ("default_calibration_set_id",),
            "nope",
            "default_calibration_set_id has to be a UUID in lower case, got 'nope'",
        ),
        (("default_calibration_set_id",), NO_SET, f"default_calibration_set_id {NO_SET} is none of"),
        (
            ("static_quantum_architecture", "connectivity", 0),
            ["QB1", "QB9"],
            r"connectivity\[0\] names 'QB9', which is none of QB1, ",
        ),
        ((*DYNAMIC, "calibration_set_id"), NO_SET, f"is of calibration set {NO_SET}, not "),
        (
            (*DYNAMIC, "gates", "cz", "default_implementation"),
            "tgss",
            r"gates\.cz: the implementation 'tgss', a default one, is not implemented",
        ),
        (
            (*DYNAMIC, "gates", "prx", "implementations", "drag_crf_sx", "loci", 0),
            ["QB77"],
            r"drag_crf_sx\.loci\[0\] names 'QB77', which is none of QB1, ",
        ),
    ],
)
def test_a_broken_file_says_what_and_where(document, tmp_path, place, value, message):
    _set(document, place, value)
    (tmp_path / "d.json").write_text(json.dumps(document))
    with pytest.raises(DeviceError, match=message) as error:
        Device.load(tmp_path / "d.json")
    assert "d.json" in str(error.value)


def test_two_calibrations_of_one_id_are_refused(document):
    document["calibrations"] *= 2
    with pytest.raises(DeviceError, match="two calibrations have the same"):
        Device.from_document(document)
