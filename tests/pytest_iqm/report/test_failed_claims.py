"""A claim that fails is explained, and misuse is shown where it is."""

import os
import re
import shlex
from types import SimpleNamespace

import pytest
from suites import BATCH, CLAIMS, NOT_EQUAL

from iqm_fakes import Device
from pytest_iqm import machines


def test_a_failure_is_explained(suite):
    result = suite("--iqm-device", "adonis", "-k", "broken", test_a=CLAIMS)
    output = result.stdout.str()
    assert re.search(r"^E +(AssertionError: )?assert counts == claim \(refuted: 0\.\d{3} away\)$", output, re.M)
    explained, _, _ = output.partition("short test summary info")  # which repeats all of it where CI is set
    assert explained.count("TVD(device, declared)") == 1
    for line in (
        r"claim     TVD\(device, declared\) ≤ 0\.\d+ \(calibration\)",
        r"observed  0\.\d+ away in 1000 shots: p [=<] \S+ < α = 1e-06",
        r"hint      it looks as if bit 1 is always 0 \(a missing gate on it, such as an H or a CX\?\)",
        r"outcome  expected  observed  99% interval",
        r"01          0\.000     0\.\d{3}  0\.\d{3} \.\.\. 0\.\d{3}  <",
        r"< marks outcomes whose interval does not contain what is expected",
        r"machine   fake adonis\n",
        r"job       [0-9a-f-]{36}",
        r"rerun     pytest test_a.py::test_broken --iqm-seed=0 --iqm-device=adonis",
    ):
        assert re.search(line, output), line


@pytest.mark.parametrize("devices", [(), ("--iqm-device", "mine.json")])
def test_the_replay_command_repeats_the_failure(suite, pytester, devices):
    Device.load("deneb").save(pytester.path / "mine.json")
    first = suite("--iqm-device", "adonis", *devices, "--iqm-seed=5", "-k", "broken", test_a=CLAIMS)
    command = next(line for line in first.outlines if line.startswith("rerun "))
    again = suite(*shlex.split(command)[2:])
    again.assert_outcomes(failed=1)
    table, repeated = (
        [line for line in result.outlines if line.startswith(("00 ", "01 ", "10 ", "11 "))] for result in (first, again)
    )
    assert repeated
    assert repeated == table[: len(repeated)]


def test_the_replay_command_is_for_the_folder_that_pytest_was_started_in(suite, pytester, monkeypatch):
    pytester.makeini("[pytest]")
    monkeypatch.chdir(pytester.mkdir("below"))
    (pytester.path / "below" / "test_b.py").write_text(CLAIMS)
    output = suite("-k", "broken").stdout.str()
    assert "rerun     pytest test_b.py::test_broken --iqm-seed=0" in output
    command = re.search(r"^rerun +pytest (.*)$", output, re.MULTILINE)[1]
    suite(*shlex.split(command)).assert_outcomes(failed=1)


def test_on_another_drive_the_command_names_the_whole_path(suite, pytester, monkeypatch):
    """Windows knows no relative path there."""

    def refuse(path, start):
        raise ValueError(f"path is on mount 'D:', start on mount 'C:': {path}, {start}")

    path = SimpleNamespace(relpath=refuse)
    monkeypatch.setattr(machines, "os", SimpleNamespace(environ=os.environ, PathLike=os.PathLike, path=path))
    result = suite("--iqm-device", "adonis", "-k", "broken", test_a=CLAIMS)
    assert f"rerun     pytest {(pytester.path / 'test_a.py').as_posix()}::test_" in result.stdout.str()


def test_a_failure_names_the_job_and_its_circuit(suite):
    output = suite("--iqm-device", "adonis", "-k", "batch", test_a=BATCH).stdout.str()
    jobs = re.search(r"- IQM jobs -+\n((?:[0-9a-f-]{36}\n)+)and 2 before\n", output)[1].split()
    assert len(jobs) == 10
    assert re.findall(r"^job       (.*)$", output, re.MULTILINE) == [f"{jobs[0]}, circuit 2 of 3"]


def test_noise_that_was_not_allowed_for_is_named(suite):
    output = suite("--iqm-device", "adonis", "-k", "noise", test_a=BATCH).stdout.str()
    said = (
        r"hint      it looks as if only noise is wrong: published errors allow (0\.0\d+), as within='calibration' does"
    )
    allowed = re.search(said, output)[1]
    suite(
        "--iqm-device", "adonis", "-k", "noise", test_a=BATCH.replace("1.0})", f"1.0}}, within={allowed})")
    ).assert_outcomes(passed=1, deselected=1)


def test_claims_that_should_be_refuted(suite):
    result = suite("--iqm-device", "adonis", test_a=NOT_EQUAL)
    result.assert_outcomes(passed=1, failed=2)
    output = result.stdout.str()
    assert "assert counts != claim (not refuted: 0.000 away)" in output
    assert output.count("- IQM claim -") == 1
    assert "claims:" not in output


def test_of_examples_the_smallest_is_explained(suite):
    source = """
    from hypothesis import given, settings, strategies as st
    from pytest_iqm import support

    @settings(database=None)
    @given(st.integers(0, 500))
    def test_small(n):
        assert {"00": 1000, "11": n} == support(["00"], leak=0.1)
    """
    output = suite(test_a=source).stdout.str()
    assert output.count("- IQM claim -") == 1
    smallest = int(re.search(r"n=(\d+)", output)[1])
    assert 111 < smallest < 300
    assert re.search(rf"^11 +{smallest / (1000 + smallest):.3f} ", output, re.MULTILINE)
    assert output.count("near miss") <= 1


MISUSE = """
import pytest
from pytest_iqm import distribution, expectation, shots_for, support

def test_width():
    assert {"000": 1000} == support(["00"])

def test_counts():
    assert {"00": 0.5} == support(["00"])

def test_shots():
    assert {"00": 2} == support(["00"], leak=0.1)

def test_sum():
    distribution({"00": 0.7})

def test_pauli():
    expectation("XX", at_least=0.5)

def test_plan():
    shots_for(detect=0.1, within=0.2)

def test_job(iqm_backend):
    assert {"00": 700} == distribution({"00": 1.0}, within="calibration")
"""


def test_misuse_is_shown_where_it_is(suite):
    result = suite("--iqm-device", "adonis", test_a=MISUSE)
    result.assert_outcomes(failed=7)
    output = result.stdout.str()
    assert "pytest_iqm/" not in output.replace("pytest_iqm.", "")
    assert len(re.findall(r"^test_a.py:\d+: \w+Error|^test_a.py:\d+: TooFewShots", output, re.MULTILINE)) == 7
    assert "statistics/claim_types.py" in suite("--full-trace", "-k", "width").stdout.str()


def test_a_claim_without_an_assert_of_its_own_is_explained_below(suite):
    source = """
    from pytest_iqm import support
    def test_x():
        if not {"00": 1000} == support(["11"]):
            raise SystemError("no")
    """
    output = suite(test_a=source).stdout.str()
    assert re.search(r"- IQM claim -+\nclaim     P\(another outcome\) ≤ 0\n", output)


def test_our_own_errors_are_shown_where_the_test_called(suite):
    source = """
    import pytest
    from iqm_fakes import FakeIQMClient, FakeIQMServer, compare_recordings
    from pytest_iqm import distribution, support

    def test_recordings(): FakeIQMClient(recordings="nowhere")
    def test_server(): FakeIQMServer(recordings="nowhere")
    def test_compare(): compare_recordings("nowhere")
    def test_device(): FakeIQMClient("granet")
    def test_list(): distribution(["00"])
    def test_number(): support(7)
    """
    result = suite(test_a=source)
    result.assert_outcomes(failed=6)
    output = result.stdout.str()
    assert len(re.findall(r"^test_a.py:\d+: \w+$", output, re.MULTILINE)) == 6
    assert not re.search(r"^(\S*/)?(fakes|iqm_fakes|pytest_iqm)/\S+:\d+: ", output, re.MULTILINE)
    assert "TypeError: a distribution is a mapping from outcomes to probabilities" in output


def test_other_comparisons_are_left_to_pytest(suite):
    source = "import pytest_iqm.claims\ndef test_x(): assert {'00': 1} == {'00': 2}"
    assert "Differing items" in suite(test_a=source).stdout.str()


def test_what_pytest_compares_to_explain_is_no_claim(suite):
    source = """
    from pytest_iqm import support

    def test_list():
        assert [{"1": 500}, {"0": 500}] == [support(["1"]), support(["1"])]

    def test_dict():
        assert {"a": {"1": 500}, "b": {"0": 500}} == {"a": support(["1"]), "b": support(["1"])}
    """
    result = suite(test_a=source)
    result.assert_outcomes(failed=2)
    assert result.stdout.str().count("- IQM claim -") == 2
    assert "At index 1 diff" in result.stdout.str()
    assert "claims: 4; " in result.stdout.str()
