"""Report files are written whole or not at all."""

import errno
import os

import pytest

from pytest_iqm.report.report_files import write
from pytest_iqm.settings import Settings


@pytest.mark.parametrize("name", ["out.json", "out.html"])
def test_a_full_disk_leaves_the_former_report_and_nothing_else(pytester, monkeypatch, name):
    file, settings = pytester.path / "reports" / name, Settings.resolve(pytester.parseconfig())

    def is_full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write(file, settings, [], ["a former problem"], {})
    former = file.read_text(encoding="utf-8")
    monkeypatch.setattr(os, "fsync", is_full)
    with pytest.raises(OSError, match="No space left"):
        write(file, settings, [], ["another problem"], {})
    assert "a former problem" in former == file.read_text(encoding="utf-8")
    assert list(file.parent.iterdir()) == [file]


def test_a_report_has_the_mode_of_a_new_file(pytester):
    file, new = pytester.path / "out.html", pytester.path / "new"
    new.touch()
    write(file, Settings.resolve(pytester.parseconfig()), [], [], {})
    assert file.stat().st_mode == new.stat().st_mode
