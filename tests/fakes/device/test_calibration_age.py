"""How old a calibration is, at a time that is given."""

import copy
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from iqm_fakes import Device, FakeIQMClient
from iqm_fakes.device.calibration_age import age

MEASURED = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)


@pytest.fixture
def snapshot():
    document = copy.deepcopy(dict(Device.snapshot(FakeIQMClient("adonis")).document))
    for name in ("calibration_set", "quality_metric_set"):
        document["calibrations"][0][name]["created_timestamp"] = "2026-03-28T22:30:00.000000Z"
    return Device.from_document(document)


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        ({"hours": -5}, "calibrated less than an hour ago"),
        ({"minutes": 59}, "calibrated less than an hour ago"),
        ({"minutes": 60}, "calibrated 1 hour ago"),
        ({"hours": 47.9}, "calibrated 47 hours ago"),
        ({"hours": 48}, "calibrated 2 days ago"),
        ({"days": 13.99}, "calibrated 13 days ago"),
        ({"days": 14}, "calibrated 14 days ago"),
        ({"days": 14.01}, "calibrated 14 days ago, more than 14 days; to renew it: iqm-fake snapshot --out 'a b.json'"),
    ],
)
def test_a_snapshot(snapshot, passed, said):
    assert age(snapshot, "a b.json", MEASURED + timedelta(**passed)) == said


def test_the_largest_age_can_be_set(snapshot):
    now = MEASURED + timedelta(days=3)
    assert age(snapshot, "a.json", now, 2.5).startswith("calibrated 3 days ago, more than 2.5 days; to renew it: ")
    assert age(snapshot, "a.json", now, float("inf")) == "calibrated 3 days ago"


def test_newer_metrics_of_the_same_calibration_count(snapshot):
    snapshot.document["calibrations"][0]["quality_metric_set"]["created_timestamp"] = "2026-03-30T00:30:00+02:00"
    assert age(snapshot, "a.json", MEASURED + timedelta(days=4)) == "calibrated 3 days ago"


def test_there_need_be_no_metrics_and_no_time_zone(snapshot):
    calibration = snapshot.document["calibrations"][0]
    calibration["quality_metric_set"] = None
    calibration["calibration_set"]["created_timestamp"] = "2026-03-28T22:30:00"
    assert age(snapshot, "a.json", MEASURED + timedelta(days=4)) == "calibrated 4 days ago"


def test_what_is_no_time(snapshot):
    snapshot.document["calibrations"][0]["calibration_set"]["created_timestamp"] = "yesterday"
    assert age(snapshot, "a.json", MEASURED) == "of unknown age"


def test_an_imported_file_is_renewed_by_an_import():
    file = Path(__file__).with_name("real") / "emerald-2026-01-31.extract.json"
    device = Device.from_quality_metrics(file, like="emerald")
    assert age(device, "my.json", datetime(2026, 2, 28, tzinfo=UTC)) == (
        "calibrated 27 days ago, more than 14 days; to renew it: "
        "iqm-fake import METRICS.json --like emerald --out my.json --force"
    )


def test_bundled_devices_and_their_copies_are_not_renewed():
    device, later = Device.load("garnet"), datetime(2031, 1, 1, tzinfo=UTC)
    assert age(device, "garnet", later) == "catalogue, January 2026"
    assert re.fullmatch(r"calibrated \d+ days ago", age(device, "copy.json", later))
