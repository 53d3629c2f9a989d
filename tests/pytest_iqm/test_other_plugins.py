"""Other plugins give tests their values, their order and their environment, and this one stays what it is."""

import json
import re

import pytest

LAZY = """
import pytest
from bell import counts
from pytest_lazy_fixtures import lf

@pytest.fixture(scope="module")
def of_the_module(iqm_backend): return iqm_backend

@pytest.mark.iqm(device="deneb")
@pytest.mark.parametrize("backend", [lf("iqm_backend"), lf("of_the_module")])
def test_marked(backend, iqm_server):
    counts(backend)
    assert backend.name == "deneb"

@pytest.mark.parametrize(
    "backend", [pytest.param(lf("iqm_backend"), marks=pytest.mark.iqm(device=name)) for name in ("adonis", "deneb")]
)
def test_marks_of_parameters(backend, request):
    assert backend.name == request.node.get_closest_marker("iqm").kwargs["device"]
"""


def test_lazy_fixtures_are_on_the_machine_of_the_test(suite):
    pytest.importorskip("pytest_lazy_fixtures", reason="needs pytest-lazy-fixtures")
    suite(test_a=LAZY).assert_outcomes(passed=4)


FEATURE = """
Feature: Bell pairs
  Scenario: on deneb
    Given a backend
    When I run a Bell pair
    Then it has run there

  Scenario Outline: anywhere
    Given a backend
    When I run a Bell pair <n> times
    Then it has run there
    Examples:
      | n |
      | 1 |
      | 2 |
"""

STEPS = """
import pytest
from bell import counts
from pytest_bdd import given, parsers, scenario, then, when

@pytest.mark.iqm(device="deneb")
@scenario("bell.feature", "on deneb")
def test_deneb(): pass

@scenario("bell.feature", "anywhere")
def test_anywhere(): pass

@given("a backend", target_fixture="backend")
def backend(iqm_backend): return iqm_backend

@when("I run a Bell pair", target_fixture="expected")
def run(backend):
    counts(backend)
    return ["deneb"]

@when(parsers.parse("I run a Bell pair {n:d} times"), target_fixture="expected")
def run_times(backend, n):
    for _ in range(n):
        counts(backend)
    return ["garnet"] * n

@then("it has run there")
def check(expected, iqm_server):
    assert [job.computer for job in iqm_server.jobs] == expected
"""


def test_steps_of_scenarios_are_on_the_machine_of_the_scenario(suite, pytester):
    pytest.importorskip("pytest_bdd", reason="needs pytest-bdd")
    (pytester.path / "bell.feature").write_text(FEATURE)
    suite(test_a=STEPS).assert_outcomes(passed=3)


def test_a_token_of_an_env_file_is_not_seen_offline(pytester):
    pytest.importorskip("pytest_dotenv", reason="needs pytest-dotenv")
    pytester.maketxtfile(env="IQM_TOKEN=s3cret\nIQM_QUANTUM_COMPUTER=garnet")
    pytester.makepyfile(
        """
        import os
        def test_x():
            assert "IQM_TOKEN" not in os.environ
            assert os.environ["IQM_QUANTUM_COMPUTER"] == "garnet"
        """
    )
    pytester.runpytest_subprocess("--envfile=env.txt", "-p", "no:randomly").assert_outcomes(passed=1)


def test_a_time_out_of_one_test_leaves_the_next_as_it_would_be(suite):
    pytest.importorskip("pytest_timeout", reason="needs pytest-timeout")
    source = """
    import time
    import pytest
    from bell import counts

    @pytest.fixture
    def slow(monkeypatch):
        monkeypatch.setattr("pytest_iqm.machines.FakeMachine.connect", lambda self: time.sleep(60))

    @pytest.mark.timeout(1)
    @pytest.mark.xfail(strict=True)
    def test_1(slow, request):
        request.getfixturevalue("iqm_backend")

    def test_2(iqm_backend):
        print("COUNTS", counts(iqm_backend))
    """
    result = suite("--timeout-method=signal", test_a=source)
    result.assert_outcomes(xfailed=1, passed=1)
    seen = re.findall("COUNTS .*", result.stdout.str())
    assert re.findall("COUNTS .*", suite("test_a.py::test_2").stdout.str()) == seen


def test_a_cassette_answers_where_nothing_may_leave(suite, pytester):
    pytest.importorskip("vcr", reason="needs vcrpy")
    body = json.dumps({"quantum_computers": []})
    answer = {"status": {"code": 200, "message": "OK"}, "headers": {"Content-Type": ["application/json"]}}
    url = "https://iqm.example.org/api/v1/quantum-computers"
    request = {"method": "GET", "uri": url, "body": None, "headers": {}}
    cassette = {"version": 1, "interactions": [{"request": request, "response": {**answer, "body": {"string": body}}}]}
    (pytester.path / "there.json").write_text(json.dumps(cassette))
    source = """
    import pytest, vcr
    from iqm_fakes.vendor.http import connect
    from pytest_iqm import LiveAccessRefused

    def ask():
        connect("https://iqm.example.org", quantum_computer="garnet")

    def test_recorded():
        with vcr.use_cassette("there.json", serializer="json") as cassette:
            with pytest.raises(Exception) as error:
                ask()
            assert cassette.play_count == 1
        assert not isinstance(error.value, LiveAccessRefused)

    def test_recording():
        with vcr.use_cassette("new.json", serializer="json"), pytest.raises(LiveAccessRefused):
            ask()
    """
    suite(test_a=source).assert_outcomes(passed=2)
