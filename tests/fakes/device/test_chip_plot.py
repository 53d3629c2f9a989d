"""A picture of what changed on a chip."""

import numpy as np
import pytest

from iqm_fakes import Device, cli
from iqm_fakes.device.recalibration import recalibrated


def test_a_picture(files, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra 'plot' (tox -e plot)")
    assert cli.main(["diff", *files, "--plot", str(tmp_path / "out.png")]) == 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_shows_what_changed(tmp_path):
    pyplot = pytest.importorskip("matplotlib.image", reason="needs the extra 'plot' (tox -e plot)")
    from iqm_fakes.device.chip_plot import draw

    old = Device.load("garnet")
    pictures = []
    for name, device in (("same", old), ("other", recalibrated(old, 1, drift=1.0))):
        draw(old, device, tmp_path / f"{name}.png")
        pictures.append(pyplot.imread(tmp_path / f"{name}.png"))
    same, other = pictures
    half = same.shape[1] * 9 // 20
    assert not np.array_equal(same[:, half:], other[:, half:])


def test_without_the_extra_it_says_what_to_install(files, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "networkx", None)
    assert cli.main(["diff", *files, "--plot", "out.png"]) == 1
    assert "pip install 'pytest-iqm[plot]'" in capsys.readouterr().err
