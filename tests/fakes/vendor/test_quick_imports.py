"""Importing the vendor quickly leaves the same things behind as importing it plainly."""

import json
import subprocess
import sys

CHECKS = """
import copy, json, sys

{prepare}
from iqm_fakes.vendor.quick_imports import quick_imports

with quick_imports():
    import iqm.qiskit_iqm
from iqm.qiskit_iqm import IQMFakeAdonis
from iqm.qiskit_iqm.fake_backends.iqm_fake_backend import IQMFakeBackend
from iqm.qiskit_iqm.iqm_provider import facade_names

facade, another, third = (facade_names[f"facade_{{name}}"] for name in ("adonis", "deneb", "apollo"))
late = [name for name, backend in facade_names.items() if "noise_model" not in vars(backend)]
plain = IQMFakeAdonis()
other = facade.copy_with_error_profile(plain.error_profile)
duplicate = copy.deepcopy(another)
print(json.dumps({{
    "late": late,
    "isinstance": isinstance(third, IQMFakeBackend),
    "named": repr(type(third)) == repr(IQMFakeBackend),
    "equal": facade.noise_model == plain.noise_model == other.noise_model,
    "once": facade.noise_model is facade.noise_model,
    "attributes": vars(facade).keys() == vars(plain).keys(),
    "plain": [type(backend) is IQMFakeBackend for backend in (facade, other, another, duplicate)],
    "method": IQMFakeBackend._create_noise_model.__qualname__,
    "finders": [type(finder).__module__ for finder in sys.meta_path].count("iqm_fakes.vendor.quick_imports"),
    "loader": "exec_module" in vars(sys.modules["iqm.qiskit_iqm.iqm_provider"].__spec__.loader),
}}))
"""


def imported(prepare=""):
    code = CHECKS.format(prepare=prepare)
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


SAME = {
    "isinstance": True,
    "named": True,
    "equal": True,
    "once": True,
    "attributes": True,
    "plain": [True] * 4,
    "method": "IQMFakeBackend._create_noise_model",
    "finders": 0,
    "loader": False,
}


def test_noise_models_of_facades_are_built_when_first_looked_at():
    found = imported()
    assert len(found.pop("late")) == 5
    assert found == SAME


def test_another_layout_of_the_vendor_is_imported_plainly():
    found = imported(
        "import iqm_fakes.vendor.quick_imports as s; s.FAKE_BACKEND = (s.FAKE_BACKEND[0], 'IQMFakeBackend', 'gone')"
    )
    assert found.pop("late") == []
    assert found == SAME
