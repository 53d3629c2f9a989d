"""Whose account is dead, and may be read and removed."""

import os
import tempfile

import pytest

from pytest_iqm.budget import Budget, Limit
from pytest_iqm.live.submissions import CONTROLLER, Submission, Submissions, dead_sessions

ANY = Budget(Limit("jobs", None, "default"), Limit("shots", None, "default"))
JOB = Submission("main", "test_a.py::test_x", "http://127.0.0.1:1/api/v1/jobs/adonis/circuit", 1, 100)


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def dead():
    """A dead session, of which something is left."""
    account, end = Submissions.create()
    account.reserve(ANY, JOB, wider_scope=False)
    end()
    return account


def found():
    return [account.path for account in dead_sessions()]


def test_a_dead_session_is_found_until_it_is_removed(dead, temporary):
    assert found() == found() == [dead.path]
    dead.remove()
    assert found() == []
    assert not list(temporary.iterdir())


def test_of_a_dead_session_that_left_nothing_the_folder_is_removed(temporary):
    _, end = Submissions.create()
    end()
    assert found() == []
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("process", [CONTROLLER, "gw3"])
def test_a_session_lives_as_long_as_one_of_its_processes(dead, process):
    end = dead.keep_alive(process)
    assert dead.lives(process)
    assert found() == []
    end()
    assert not dead.lives(process)
    assert found() == [dead.path]


def test_a_session_that_begins_is_left_alone_and_one_that_never_began_is_not(temporary):
    folder = temporary / "pytest-iqm-begins"
    folder.mkdir()
    assert found() == []
    assert folder.exists()
    os.utime(folder, (0, 0))
    assert found() == []
    assert not folder.exists()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="users have numbers on POSIX only")
def test_what_another_user_put_there_is_not_believed(dead, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert found() == []
    assert dead.path.exists()


def test_a_link_is_no_session(dead, temporary):
    elsewhere = temporary / "elsewhere"
    dead.path.parent.rename(elsewhere)
    dead.path.parent.symlink_to(elsewhere)
    assert found() == []
    assert (elsewhere / dead.path.name).exists()


def test_a_folder_that_is_gone_is_no_living_session(dead):
    dead.remove()
    assert not dead.lives(CONTROLLER)
    assert not dead.path.parent.exists()
