"""Settings, where they come from, and what is said of wrong ones."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from mutants import Mutator
from suites import CLAIMS, JOBS

from iqm_fakes import Device, FakeIQMClient

NOTHING = "def test_nothing(): pass"


def header(result):
    (line,) = [line for line in result.outlines if line.startswith("iqm: ")]
    return line


@pytest.mark.parametrize(
    ("arguments", "ini", "expected"),
    [
        ([], "iqm_device = deneb\niqm_seed = 5", "iqm: fake deneb (ini iqm_device), seed 5 (ini iqm_seed)"),
        (
            ["--iqm-device", "adonis", "--iqm-device", "deneb", "--iqm-seed", "3"],
            "iqm_device = garnet\niqm_seed = 5",
            "iqm: fake adonis, deneb (--iqm-device), seed 3 (--iqm-seed)",
        ),
        (
            [],
            "iqm_alpha = 1e-4\niqm_shots = 300",
            "iqm: fake garnet (default), seed 0 (default), alpha 0.0001 (ini iqm_alpha), shots 300 (ini iqm_shots)",
        ),
    ],
)
def test_an_option_wins_over_ini_and_ini_over_the_default(suite, pytester, arguments, ini, expected):
    pytester.makeini(f"[pytest]\n{ini}")
    assert header(suite(*arguments, test_a=NOTHING)) == expected


def test_a_drawn_seed_is_shown(suite):
    seeds = {header(suite("--iqm-seed", "random", test_a=NOTHING)) for _ in range(3)}
    assert len(seeds) == 3
    assert all("(--iqm-seed=random)" in seed for seed in seeds)


class TestAges:
    """How old the devices are that were chosen."""

    @pytest.fixture
    def old(self, pytester):
        device = Device.snapshot(FakeIQMClient("adonis"))
        for kind in ("calibration_set", "quality_metric_set"):
            document = device.document["calibrations"][0][kind]
            document["created_timestamp"] = (datetime.now(UTC) - timedelta(days=30.5)).isoformat()
        device.save(pytester.path / "old.json")

    def ages(self, result):
        return [line for line in result.outlines if ": calibrated" in line or ": catalogue" in line]

    def test_nothing_is_said_of_what_nobody_chose(self, suite):
        assert self.ages(suite(test_a=NOTHING)) == []

    def test_it_is_said_below_the_header(self, suite, pytester, old):
        result = suite("--iqm-device", "adonis", "--iqm-device", "old.json", "--iqm-device", "garnet", test_a=NOTHING)
        assert self.ages(result) == [
            "  adonis, garnet: catalogue, January 2026",
            "  old.json: calibrated 30 days ago, more than 14 days; to renew it: iqm-fake snapshot --out old.json",
        ]

    def test_the_largest_age_is_a_setting(self, suite, pytester, old):
        pytester.makeini("[pytest]\niqm_device_max_age = 31d")
        assert self.ages(suite("--iqm-device", "old.json", test_a=NOTHING)) == ["  old.json: calibrated 30 days ago"]

    def test_nothing_from_a_device_file_steers_the_terminal(self, suite, pytester, old):
        device = Device.load(pytester.path / "old.json")
        Device.from_document({**device.document, "imported_like": "\x1b[2J\r"}).save(pytester.path / "old.json")
        (line,) = self.ages(suite("--iqm-device", "old.json", test_a=NOTHING))
        assert r"--like '\x1b[2J\r' --out old.json" in line

    def test_a_broken_one_is_a_usage_error(self, suite, pytester):
        file = pytester.path / "broken.json"
        mutator = Mutator(dict(Device.load("adonis").document))
        for number in range(8):
            file.write_bytes(mutator.mutant(random.Random(number)))
            result = suite("--iqm-device", "broken.json", test_a=NOTHING)
            assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
            if result.ret != pytest.ExitCode.OK:
                assert result.ret == pytest.ExitCode.USAGE_ERROR
                assert f"--iqm-device: device file {file}: " in result.stderr.str()

    @pytest.mark.parametrize("text", ["soon", "-1", "nan"])
    def test_a_wrong_one_is_a_usage_error(self, suite, pytester, text):
        pytester.makeini(f"[pytest]\niqm_device_max_age = {text}")
        result = suite(test_a=NOTHING)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert (
            f"ini iqm_device_max_age is a number of days, or a time such as 30s, 10m, 2h or 90d; got '{text}'"
            in result.stderr.str()
        )

    def test_live_it_is_that_of_the_file_to_compare_with(self, suite, pytester, monkeypatch, old):
        for name, value in LIVE.items():
            monkeypatch.setenv(name, value)
        pytester.makeini("[pytest]\niqm_device = old.json deneb")
        (line,) = self.ages(suite("--iqm-live", "--collect-only", test_a=NOTHING))
        assert line.startswith("  old.json: calibrated 30 days ago")

    def test_a_replay_uses_no_device(self, suite, old):
        result = suite("--iqm-device", "old.json", "--iqm-record", "replay", test_a=NOTHING)
        assert self.ages(result) == []


LIVE = {"IQM_SERVER_URL": "http://127.0.0.1:1", "IQM_QUANTUM_COMPUTER": "garnet", "IQM_TOKEN": "s3cret"}


@pytest.mark.parametrize(
    ("arguments", "environment", "messages"),
    [
        (["--iqm-device", "granet"], {}, ["--iqm-device: no device 'granet'", "adonis, aphrodite"]),
        (["--iqm-device", "broken.json"], {}, ["device file ", "broken.json: it is not JSON"]),
        (["--iqm-seed", "soon"], {}, ["--iqm-seed is a whole number, 0 or more, or 'random'; got 'soon'"]),
        (["--iqm-max-shots="], {}, ["--iqm-max-shots is a whole number, 0 or more; got ''"]),
        (["--iqm-max-jobs", "few"], {}, ["--iqm-max-jobs is a whole number, 0 or more; got 'few'"]),
        (["--iqm-seed=-1"], {}, ["--iqm-seed is a whole number, 0 or more, or 'random'; got '-1'"]),
        (["--iqm-computer", "garnet"], {}, ["--iqm-computer chooses a real machine and needs --iqm-live"]),
        (["--iqm-live"], {}, ["set IQM_SERVER_URL", "--iqm-computer or IQM_QUANTUM_COMPUTER", "set IQM_TOKEN or"]),
        (["--iqm-live"], {**LIVE, "IQM_TOKEN": ""}, ["set IQM_TOKEN or IQM_TOKENS_FILE to your credentials"]),
        (["--iqm-live"], {**LIVE, "IQM_TOKENS_FILE": "x"}, ["unset IQM_TOKEN or IQM_TOKENS_FILE: both are set"]),
        (["--iqm-live", "--iqm-device", "deneb"], LIVE, ["--iqm-device deneb chooses a fake and --iqm-live a real"]),
    ],
)
def test_a_wrong_setting_is_a_usage_error(suite, pytester, monkeypatch, arguments, environment, messages):
    pytester.makefile(".json", broken="{")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = suite(*arguments, test_a=NOTHING)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = result.stderr.str()
    assert all(message in said for message in messages)
    assert "Traceback" not in said
    assert "s3cret" not in said + result.stdout.str()
    assert "test_nothing" not in result.stdout.str()


def test_an_option_wins_over_the_environment(suite, monkeypatch):
    for name, value in LIVE.items():
        monkeypatch.setenv(name, value)
    result = suite("--iqm-live", "--iqm-computer", "deneb", "--collect-only", test_a=NOTHING)
    expected = "iqm: LIVE deneb (--iqm-computer) at http://127.0.0.1:1 (IQM_SERVER_URL), credentials from IQM_TOKEN, "
    expected += "no budget (--iqm-max-shots, --iqm-max-jobs)"
    assert header(result) == expected
    assert result.ret == 0
    assert "s3cret" not in result.stdout.str()


def test_alpha_and_shots_are_ini_settings(suite, pytester):
    pytester.makeini("[pytest]\niqm_alpha = 0.01\niqm_shots = 300")
    result = suite("--iqm-device", "adonis", test_a=CLAIMS)
    result.assert_outcomes(passed=1, failed=2)
    assert "away in 300 shots: p" in result.stdout.str()
    assert "< α = 0.01" in result.stdout.str()


@pytest.mark.parametrize(
    ("ini", "said"),
    [
        ("iqm_alpha = 2", "ini iqm_alpha lies between 0 and 1, got '2'"),
        ("iqm_alpha = small", "ini iqm_alpha lies between 0 and 1, got 'small'"),
        ("iqm_shots = 0", "ini iqm_shots is a whole number, 1 or more; got '0'"),
        ("iqm_max_jobs = 1__0", "ini iqm_max_jobs is a whole number, 0 or more; got '1__0'"),
        ("iqm_parallel = perhaps", "ini iqm_parallel: invalid truth value 'perhaps'"),
        ('iqm_device = "mine.json', "ini iqm_device: No closing quotation"),
        ("iqm_simulation_limit = soon", "ini iqm_simulation_limit is a number of seconds, or a time"),
    ],
)
def test_wrong_settings_are_usage_errors(suite, pytester, ini, said):
    pytester.makeini(f"[pytest]\n{ini}")
    result = suite(test_a=CLAIMS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str()


def test_simulations_have_a_limit(suite, pytester):
    pytester.makeini("[pytest]\niqm_simulation_limit = 1e-9")
    source = """
    from contextlib import suppress
    from bell import counts
    def test_x(iqm_backend, iqm_server):
        with suppress(Exception):  # the vendor's backend has its own words for a failed job
            counts(iqm_backend)
        ((_, _, message),) = iqm_server.jobs[-1].errors
        assert "the server's time_limit=1e-09" in message
    """
    suite(test_a=source).assert_outcomes(passed=1)


def test_plans_know_alpha(suite, pytester):
    pytester.makeini("[pytest]\niqm_alpha = 1e-3")
    source = """
    from pytest_iqm import shots_for
    SHOTS = shots_for(detect=0.15, within=0.05)
    def test_x():
        assert SHOTS == shots_for(detect=0.15, within=0.05, alpha=1e-3)
        assert SHOTS < shots_for(detect=0.15, within=0.05, alpha=1e-6)
    """
    suite(test_a=source).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--iqm-max-shots", "many"], "--iqm-max-shots is a whole number, 0 or more; got 'many'"),
        (["--iqm-max-jobs=-1"], "--iqm-max-jobs is a whole number, 0 or more; got '-1'"),
        (["-o", "iqm_max_shots=1.5"], "ini iqm_max_shots is a whole number, 0 or more; got '1.5'"),
        (["--iqm-report", "out.pdf"], "--iqm-report writes .json or .html, got 'out.pdf'"),
    ],
)
def test_wrong_ones_are_usage_errors(suite, arguments, said):
    result = suite("--iqm-plan", *arguments, test_a=JOBS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str()


@pytest.mark.parametrize(
    ("ini", "said"),
    [
        ("iqm_timeout = soon", "ini iqm_timeout is a number of seconds, or a time"),
        ("iqm_timeout = 0", "ini iqm_timeout is more than 0; got '0'"),
        ("iqm_unavailable = wait", "ini iqm_unavailable is 'fail' or 'skip', got 'wait'"),
    ],
)
def test_wrong_live_ones_are_usage_errors(live, pytester, ini, said):
    pytester.makeini(f"[pytest]\n{ini}")
    result = live(test_a=JOBS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str()


def test_the_header_names_sources(live, pytester):
    pytester.makeini("[pytest]\niqm_max_jobs = 7")
    output = live("--iqm-max-shots", "9_000", "-k", "bell", test_a=JOBS).stdout.str()
    assert "budget 7 jobs (ini iqm_max_jobs) and 9000 shots (--iqm-max-shots)" in output
    assert f"iqm: calibration set {Device.load('adonis').default_calibration_set_id}" in output
