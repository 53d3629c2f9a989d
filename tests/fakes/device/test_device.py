"""A device file is read, checked and written."""

import copy
import json

import pytest
from iqm.iqm_client import DynamicQuantumArchitecture, StaticQuantumArchitecture

from iqm_fakes import Device, DeviceError, bundled_devices


@pytest.fixture
def document():
    return copy.deepcopy(dict(Device.load("adonis").document))


@pytest.mark.parametrize("name", bundled_devices())
def test_documents_are_what_the_vendors_models_accept(name):
    device = Device.load(name)
    static = StaticQuantumArchitecture.model_validate(device.static_quantum_architecture)
    dynamic = DynamicQuantumArchitecture.model_validate(device.calibration().dynamic_quantum_architecture)
    assert set(dynamic.components) == {*static.qubits, *static.computational_resonators}


def test_a_device_is_loaded_by_name_by_path_or_as_it_is(tmp_path):
    garnet = Device.load("garnet")
    garnet.save(tmp_path / "mine.json")
    assert Device.load(tmp_path / "mine.json") == Device.load(str(tmp_path / "mine.json")) == garnet
    assert Device.load(garnet) is garnet


def test_unknown_fields_survive_a_round_trip(document, tmp_path):
    document["from the future"] = {"a": [1, {"b": None}]}
    document["calibrations"][0]["calibration_set"]["observations"][0]["tags"] = ["x"]
    Device.from_document(document).save(tmp_path / "d.json")
    assert Device.load(tmp_path / "d.json").document == document


def test_the_same_device_is_the_same_text(document, tmp_path):
    for name in ("a", "b"):
        Device.from_document(document).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_observations_have_in_common_is_written_once(document):
    text = Device.from_document(document).text()
    moment = document["calibrations"][0]["calibration_set"]["created_timestamp"]
    assert text.count(moment) <= 8
    first = document["calibrations"][0]["calibration_set"]["observations"][0]
    first |= {"created_timestamp": "2020-01-01T00:00:00Z", "invalid": 0, "uncertainty": 0.5, "tags": []}
    assert json.loads(Device.from_document(document).text())  # still JSON
    again = Device.from_document(json.loads(Device.from_document(document).text()))
    assert again.document == document
    assert type(again.document["calibrations"][0]["calibration_set"]["observations"][0]["invalid"]) is int


def test_an_observation_is_a_line(document):
    text = Device.from_document(document).text()
    assert sum('"dut_field"' in line for line in text.splitlines()) == text.count('"dut_field"') > 50


def test_a_failed_save_leaves_the_old_file_and_nothing_else(document, tmp_path):
    path = tmp_path / "d.json"
    Device.from_document(document).save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        Device({**document, "broken": object()}).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_name_lists_the_bundled_ones():
    with pytest.raises(DeviceError, match=r"no device 'granet'.*adonis.*garnet"):
        Device.load("granet")


def test_a_file_that_is_not_json_names_the_line(tmp_path):
    (tmp_path / "d.json").write_text('{"schema":\n oops}')
    with pytest.raises(DeviceError, match=r"d\.json is not JSON: .* line 2"):
        Device.load(tmp_path / "d.json")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(DeviceError, match="can't be read"):
        Device.load(tmp_path)


def _set(document, place, value):
    *path, last = place
    for key in path:
        document = document[key]
    if value is None:
        del document[last]
    else:
        document[last] = value


DYNAMIC = ("calibrations", 0, "dynamic_quantum_architecture")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("schema",), "iqm-device/2", "schema is 'iqm-device/2', this version reads 'iqm-device/1'"),
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
            r"calibrations\[0\]\.noise\.gates\.cz\.QB1,QB77: there is no component 'QB77'",
        ),
        (
            ("calibrations", 0, "noise"),
            {"readout": {"QB1": {"p_1_given_0": 1.5}}},
            r"noise\.readout\.QB1\.p_1_given_0 has to be a number from 0 to 1, got 1\.5",
        ),
        (("calibrations", 0, "noise"), {"gate": {}}, r"noise\.gate is none of gates, relaxation, readout"),
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
        (("default_calibration_set_id",), "nope", "default_calibration_set_id nope is none of"),
        (("static_quantum_architecture", "connectivity", 0), ["QB1", "QB9"], "connectivity names 'QB9'"),
        ((*DYNAMIC, "calibration_set_id"), "other", "is of calibration set other"),
        ((*DYNAMIC, "gates", "cz", "default_implementation"), "tgss", "'tgss' is not implemented"),
        (
            (*DYNAMIC, "gates", "prx", "implementations", "drag_crf_sx", "loci", 0),
            ["QB77"],
            "names 'QB77', which the static architecture doesn't have",
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


def test_an_unknown_calibration_is_a_key_error():
    with pytest.raises(KeyError):
        Device.load("adonis").calibration("00000000-0000-0000-0000-000000000000")
