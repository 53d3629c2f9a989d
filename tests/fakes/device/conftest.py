import copy

import pytest

from iqm_fakes import Device
from iqm_fakes.device.recalibration import recalibrated


@pytest.fixture
def document():
    return copy.deepcopy(dict(Device.load("adonis").document))


@pytest.fixture
def files(tmp_path):
    old = Device.load("deneb")
    recalibrated(old, 1, drift=0.5, lost=["QB6"]).save(tmp_path / "new.json")
    old.save(tmp_path / "old.json")
    return [str(tmp_path / name) for name in ("old.json", "new.json")]
