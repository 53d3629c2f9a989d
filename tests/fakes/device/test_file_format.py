"""The text of a device file: nothing is lost, nothing said twice."""

import json

from iqm_fakes import Device


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
