"""Settings, where they come from, and what is said of wrong ones."""

import pytest

NOTHING = "def test_nothing(): pass"


def header(result):
    (line,) = [line for line in result.outlines if line.startswith("iqm: ")]
    return line


@pytest.mark.parametrize(
    ("arguments", "ini", "expected"),
    [
        ([], "", "iqm: fake garnet (default), seed 0 (default)"),
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


LIVE = {"IQM_SERVER_URL": "http://127.0.0.1:1", "IQM_QUANTUM_COMPUTER": "garnet", "IQM_TOKEN": "s3cret"}


@pytest.mark.parametrize(
    ("arguments", "environment", "messages"),
    [
        (["--iqm-device", "granet"], {}, ["--iqm-device: no device 'granet'", "adonis, aphrodite"]),
        (["--iqm-device", "broken.json"], {}, ["device file ", "broken.json is not JSON"]),
        (["--iqm-seed", "soon"], {}, ["--iqm-seed takes a non-negative integer or 'random', got 'soon'"]),
        (["--iqm-max-shots="], {}, ["--iqm-max-shots takes a whole number, got ''"]),
        (["--iqm-max-jobs", "few"], {}, ["--iqm-max-jobs takes a whole number, got 'few'"]),
        (["--iqm-seed=-1"], {}, ["--iqm-seed takes a non-negative integer"]),
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


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("devise='deneb'", "got devise='deneb'"),
        ("device=5", "got device=5"),
        ("seed=-1", "got seed=-1"),
        ("seed=True", "got seed=True"),
        ("noise=0", "got noise=0"),
        ("'deneb'", "got positional 'deneb'"),
    ],
)
def test_a_wrong_marker_names_the_test_and_the_argument(suite, marker, message):
    result = suite(test_a=f"import pytest\n@pytest.mark.iqm({marker})\ndef test_x(iqm_backend): pass")
    assert result.ret != 0
    output = result.stdout.str() + result.stderr.str()
    assert "test_a.py::test_x: @pytest.mark.iqm takes device=" in output
    assert message in output


def test_an_unknown_device_of_a_marker_names_the_bundled_ones(suite):
    result = suite(test_a="import pytest\n@pytest.mark.iqm(device='granet')\ndef test_x(iqm_backend): pass")
    result.assert_outcomes(errors=1)
    assert "no device 'granet'" in result.stdout.str()
