"""The pages of the reference say what the code says; the published schemas are of files as the code writes them."""

import importlib.util
import json
from pathlib import Path

import pytest
from made_up_recordings import made

from iqm_fakes import Device, bundled_devices

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
GOLDEN = Path(__file__).parent / "fakes" / "recordings" / "golden" / "iqm-job-1.json"


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("make_reference", REFERENCE / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


def test_every_page_is_what_the_code_says(pages):
    for name, text in pages.items():
        assert (REFERENCE / name).read_text() == text, "run: python docs/reference/make.py"


def validator(name):
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema, which tox installs")
    schema = json.loads((REFERENCE / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_schema_accepts_every_bundled_device():
    schema = validator("iqm-device-1")
    for name in bundled_devices():
        schema.validate(json.loads(Device.read(name).text()))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("alias",), 7),
        (("schema",), "iqm-device/2"),
        (("default_calibration_set_id",), "GARNET"),
        (("station",), {"grids": 1}),
        (("static_quantum_architecture", "connectivity"), [["QB1"]]),
        (("calibrations", 0, "dynamic_quantum_architecture"), {}),
    ],
)
def test_the_schema_refuses_what_the_code_refuses(place, value):
    from iqm_fakes.device.validation import problems

    document = json.loads(Device.read("adonis").text())
    *way, last = place
    inside = document
    for key in way:
        inside = inside[key]
    inside[last] = value
    assert next(problems(document))
    assert not validator("iqm-device-1").is_valid(document)


def test_the_schema_accepts_recordings():
    schema = validator("iqm-job-1")
    failed = made(1, status="failed", results=None)
    for text in (GOLDEN.read_text(), made().text(), failed.text()):
        schema.validate(json.loads(text))
    assert not schema.is_valid({**json.loads(made().text()), "status": "waiting"})
