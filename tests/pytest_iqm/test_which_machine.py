"""A test runs on the machine that it asks for, however it says so and however it asks."""

import json
import re
from itertools import pairwise

import pytest

WAYS = """
import unittest
import pytest
from bell import counts

def name(backend, server):
    counts(backend)
    assert [job.computer for job in server.jobs] == [backend.name]
    return backend.name

@pytest.mark.parametrize("device", ["adonis", pytest.param("deneb", marks=pytest.mark.iqm(device="deneb"))])
def test_mark_of_a_parameter(iqm_backend, iqm_server, device):
    assert name(iqm_backend, iqm_server) == device

@pytest.mark.iqm(device="deneb")
def test_getfixturevalue(request):
    backend = request.getfixturevalue("iqm_backend")
    assert name(backend, request.getfixturevalue("iqm_server")) == "deneb"

@pytest.mark.iqm(device="deneb")
class TestCase(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def backend(self, iqm_backend, iqm_server):
        self.backend, self.server = iqm_backend, iqm_server

    def test_unittest(self):
        assert name(self.backend, self.server) == "deneb"

@pytest.fixture
def on_deneb(request):
    request.node.add_marker(pytest.mark.iqm(device="deneb"))

def test_add_marker_in_a_fixture(on_deneb, request):
    backend = request.getfixturevalue("iqm_backend")
    assert name(backend, request.getfixturevalue("iqm_server")) == "deneb"

def test_add_marker_in_modifyitems(iqm_backend, iqm_server):
    assert name(iqm_backend, iqm_server) == "deneb"

@pytest.mark.parametrize("iqm_backend", ["adonis", "deneb", {"device": "deneb", "noise": False}], indirect=True)
def test_indirect(iqm_backend, iqm_server, request):
    asked = request.node.callspec.params["iqm_backend"]
    assert name(iqm_backend, iqm_server) == (asked if isinstance(asked, str) else asked["device"])
    assert iqm_server.settings["noise"] is not isinstance(asked, dict)
"""

MODIFYING = """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        if "modifyitems" in item.name:
            item.add_marker(pytest.mark.iqm(device="deneb"))
"""


def test_markers_hold_in_whatever_way_a_test_asks(suite):
    suite("--iqm-device", "adonis", conftest=MODIFYING, test_a=WAYS).assert_outcomes(passed=9)


PARAMETERS = """
import pytest

@pytest.fixture(scope="module")
def name(iqm_backend):
    return iqm_backend.name

@pytest.mark.parametrize("iqm_backend_factory", ["adonis", "deneb"], indirect=True)
def test_factory(iqm_backend_factory, request):
    assert iqm_backend_factory().name == request.node.callspec.params["iqm_backend_factory"]

@pytest.mark.parametrize("iqm_settings", [{"device": "adonis"}, {"device": "deneb", "noise": False}], indirect=True)
def test_settings(iqm_settings, iqm_server, name):
    assert [*iqm_server.devices] == [iqm_settings["device"]] == [name]
    assert iqm_server.settings["noise"] is iqm_settings.get("noise", True)

@pytest.mark.parametrize("iqm_settings", [{"colour": "red"}], indirect=True)
def test_wrong(iqm_backend): pass

@pytest.mark.parametrize("iqm_shots", [10, 20], indirect=True)
def test_shots(iqm_shots, request):
    assert iqm_shots == request.node.callspec.params["iqm_shots"]
"""


def test_parameters_of_every_fixture_hold(suite):
    result = suite(test_a=PARAMETERS)
    result.assert_outcomes(passed=6, errors=1)
    assert "iqm_settings gives a dict of" in result.stdout.str()


def test_live_what_is_for_another_machine_submits_nothing(live, server):
    result = live(
        "-rs",
        conftest=MODIFYING,
        test_a=WAYS.replace("iqm_server", "iqm_client")
        .replace("    assert [job.computer for job in server.jobs] == [backend.name]\n", "")
        .replace("iqm_client.settings", "{'noise': True}"),
    )
    result.assert_outcomes(passed=2, skipped=7)
    assert [job.computer for job in server.jobs] == ["adonis"] * 2
    skips = [line for line in result.outlines if line.startswith("SKIPPED")]
    assert all("test_a.py:" in line for line in skips)
    assert sum("marked for the device 'deneb', and --iqm-live runs on 'adonis'" in line for line in skips) == 6
    assert sum("noise=False exists on the fake only" in line for line in skips) == 1


NOISELESS = """
import pytest
from bell import counts

@pytest.mark.iqm(noise=False)
def test_getfixturevalue(request):
    counts(request.getfixturevalue("iqm_backend"))

@pytest.mark.parametrize("noise", [pytest.param(0, marks=pytest.mark.iqm(noise=False)), 1])
def test_parameter(iqm_backend, noise):
    counts(iqm_backend)

@pytest.mark.iqm(idle=False)
def test_idle(iqm_backend):
    counts(iqm_backend)
"""


def test_live_what_is_without_noise_submits_nothing(live, server):
    live(test_a=NOISELESS).assert_outcomes(passed=1, skipped=3)
    assert len(server.jobs) == 1


EACH = """
import unittest
import pytest

def test_plain(iqm_backend): print("ON", iqm_backend.name)

@pytest.mark.usefixtures("iqm_backend")
def test_used(request): print("ON", request.getfixturevalue("iqm_backend").name)

@pytest.mark.iqm(device="deneb")
def test_marked(iqm_backend): print("ON", iqm_backend.name)

@pytest.mark.parametrize("n", [0, pytest.param(1, marks=pytest.mark.iqm(device="deneb"))])
def test_parameters(iqm_backend, n): print("ON", iqm_backend.name)

def test_none(): print("ON none")
"""

IMPOSSIBLE = """
import unittest

def test_late(request): request.getfixturevalue("iqm_backend")

class TestCase(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def backend(self, iqm_backend): pass
    def test_x(self): pass
"""


def test_on_several_devices_each_test_runs_on_each(suite, pytester):
    from iqm_fakes import Device

    (pytester.path / "other").mkdir()
    for folder in (".", "other"):
        Device.load("adonis").save(pytester.path / folder / "garnet.json")
    result = suite(
        "-v", *(f"--iqm-device={name}" for name in ("garnet", "garnet.json", "other/garnet.json")), test_a=EACH
    )
    ran = set(re.findall(r"test_a.py::(\S+) ", result.stdout.str()))
    names = ("garnet", f"{pytester.path.name}/garnet.json", "other/garnet.json")
    assert ran == {
        *(f"test_plain[{name}]" for name in names),
        *(f"test_used[{name}]" for name in names),
        "test_marked",
        *(f"test_parameters[0-{name}]" for name in names),
        f"test_parameters[1-{names[0]}]",
        "test_none",
    }
    assert "2 deselected" in result.stdout.str()
    result.assert_outcomes(passed=12, deselected=2)


def test_what_can_not_run_on_each_is_an_error_that_says_so(suite):
    result = suite("--iqm-device=garnet", "--iqm-device=adonis", test_a="import pytest\n" + IMPOSSIBLE)
    result.assert_outcomes(failed=1, errors=1)
    said = result.stdout.str()
    assert "names several devices (garnet, adonis), and this test can't be run on each: it asks for its machine" in said
    assert "it belongs to a unittest.TestCase" in said
    assert "pytest_iqm/" not in said
    suite("--iqm-device=garnet").assert_outcomes(passed=2)


def test_ids_are_the_same_with_and_without_an_option(suite):
    source = EACH + "\n@pytest.mark.iqm(noise=False)\ndef test_exact(iqm_backend): pass\n"
    plain, chosen = (
        re.findall(r"test_a.py::(\S+)", suite("-q", "--collect-only", *arguments, test_a=source).stdout.str())
        for arguments in ((), ("--iqm-device=adonis",))
    )
    assert plain == chosen
    assert len(plain) == 7
    assert all("garnet" not in name for name in plain)


SHARED = """
import pytest
from bell import counts

@pytest.fixture(scope="session")
def prepared(iqm_backend):
    print("SET UP", iqm_backend.name)
    return counts(iqm_backend)

deneb, adonis = pytest.mark.iqm(device="deneb"), pytest.mark.iqm(device="adonis")

def test_1(prepared): pass
@deneb
def test_2(prepared): pass
def test_3(prepared): pass
@adonis
def test_4(prepared): pass
@deneb
def test_5(prepared): pass
def test_6(prepared): pass
def test_7(): pass
"""


def test_a_fixture_of_the_session_is_set_up_once_for_each_machine(suite):
    result = suite("-v", test_a=SHARED)
    result.assert_outcomes(passed=7)
    output = result.stdout.str()
    assert re.findall(r"SET UP (\w+)", output) == ["garnet", "deneb", "adonis"]
    assert re.findall(r"test_a.py::test_(\d)", output) == [*"1362547"]
    assert [*re.findall(r"test_a.py::test_(\d)", suite("-v", "-k", "1 or 3 or 7").stdout.str())] == [*"137"]


def test_live_a_skipped_test_leaves_what_is_set_up(live, server):
    live(test_a=SHARED.replace('iqm(device="adonis")', 'skip(reason="not now")')).assert_outcomes(passed=4, skipped=3)
    assert len(server.jobs) == 1


def test_a_wider_fixture_is_set_up_again_where_the_order_is_another(suite):
    conftest = """
    import pytest
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_collection_modifyitems(items):
        yield
        items.sort(key=lambda item: item.name)
    """
    output = suite(conftest=conftest, test_a=SHARED).stdout.str()
    assert re.findall(r"SET UP (\w+)", output) == ["garnet", "deneb", "garnet", "adonis", "deneb", "garnet"]


def test_replay_honours_the_device(suite, live, server, pytester):
    source = """
    import pytest
    from bell import counts

    @pytest.mark.iqm(device="adonis")
    def test_x(iqm_backend): print("COUNTS", iqm_backend.name, counts(iqm_backend))
    """
    live("--iqm-record=missing", test_a=source).assert_outcomes(passed=1)
    other = source.replace("adonis", "garnet")
    recorded = re.findall("COUNTS .*", suite("--iqm-record=replay").stdout.str())
    assert len(recorded) == 1
    assert recorded[0].startswith("COUNTS adonis")
    result = suite("--iqm-record=replay", test_a=other)
    result.assert_outcomes(errors=1)
    assert "there are no recordings of garnet to replay, but of adonis" in result.stdout.str()
    assert "pytest_iqm/" not in result.stdout.str()


def test_workers_take_turns_also_where_a_test_asks_late(live, server, pytester, monkeypatch):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    source = """
    import json, time, os
    import pytest
    from bell import counts

    @pytest.mark.parametrize("n", range(4))
    def test_x(request, n):
        backend = request.getfixturevalue("iqm_backend")
        begun = time.time()
        counts(backend)
        time.sleep(0.3)
        with open("times", "a") as file:
            file.write(json.dumps([begun, time.time()]) + chr(10))
    """
    pytester.makepyfile(test_a=source)
    monkeypatch.setenv("PYTHONPATH", str(pytester.path), prepend=":")
    pytester.runpytest_subprocess("--iqm-live", "-n", "2", "-p", "no:randomly").assert_outcomes(passed=4)
    times = sorted(json.loads(line) for line in (pytester.path / "times").read_text().splitlines())
    assert all(end <= begun for (_, end), (begun, _) in pairwise(times))
