"""What a path or a query says has to be of its kind: else status 400, not 404 and not a guess."""

import pytest
from api_client import FLIP, NOBODY, V1, refused


@pytest.mark.parametrize(
    ("method", "route"),
    [("GET", ""), ("DELETE", ""), ("GET", "/payload"), ("POST", "/cancel"), ("GET", "/artifacts/measurements")],
)
def test_what_is_no_id_of_a_job(http, method, route):
    assert "nonsense" in refused(http, method, f"{V1}/jobs/nonsense{route}", 400, "invalid_input")
    refused(http, method, f"{V1}/jobs/{NOBODY}{route}", 404, "job_not_found")


@pytest.mark.parametrize("route", ["", "/metrics", "/dynamic-quantum-architecture"])
def test_what_is_no_id_of_a_calibration_set(http, route):
    path = f"{V1}/calibration-sets/adonis/{{}}{route}"
    assert "nonsense" in refused(http, "GET", path.format("nonsense"), 400, "invalid_input")
    refused(http, "GET", path.format(NOBODY), 404, "calibration_set_not_found")
    assert http.ask("GET", path.format("default"))


@pytest.mark.parametrize("value", ["maybe", "1", "yes", ""])
@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", f"{V1}/jobs/adonis/circuit", "use_timeslot"),
        ("GET", f"{V1}/jobs/{{}}", "wait_until_terminal"),
    ],
)
def test_what_is_no_boolean(http, method, path, name, value):
    path = path.format(http.run(FLIP)["id"])
    assert name in refused(http, method, path, 400, "invalid_input", json=FLIP, query_string={name: value})


@pytest.mark.parametrize("value", ["tomorrow", "2026-13-01T00:00:00Z", "1767225600", ""])
@pytest.mark.parametrize("name", ["timerange_start", "timerange_end"])
def test_what_is_no_date(http, name, value):
    path = f"{V1}/quantum-computers/adonis/queue-availability"
    assert name in refused(http, "GET", path, 400, "invalid_input", query_string={name: value})


@pytest.mark.parametrize("value", ["2026-01-02T00:00:00Z", "2026-01-02T00:00:00.123456+02:00", "2026-01-02T00:00:00"])
def test_dates_of_every_client(http, value):
    path = f"{V1}/quantum-computers/adonis/queue-availability"
    (window,) = http.ask("GET", path, query_string={"timerange_start": value})["available"]
    assert window["start"] == value
