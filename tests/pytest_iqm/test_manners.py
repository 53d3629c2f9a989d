"""The plugin is not seen where it is not used, and comes after what the user decides."""

import re
import sys

import pytest
from server_process import TOKEN, name_machine

FAILING = """
import pytest

@pytest.fixture(scope="SCOPE")
def broken():
    raise ValueError("the user's own")

def test_x(broken): pass
"""


@pytest.mark.parametrize("scope", ["function", "session"])
@pytest.mark.parametrize("style", ["auto", "long", "native"])
def test_a_failing_fixture_is_shown_as_without_the_plugin(suite, scope, style):
    source = FAILING.replace("SCOPE", scope)
    with_it, without = (
        [re.sub(r"0x[0-9a-f]+|in [0-9.]+s|plugins: .*", "", line) for line in suite(*options, test_a=source).outlines]
        for options in ((f"--tb={style}",), (f"--tb={style}", "-p", "no:iqm"))
    )
    assert with_it == without


def test_a_run_that_uses_nothing_of_it_says_nothing(suite):
    result = suite(test_a="def test_x(): pass")
    assert "iqm:" not in result.stdout.str()
    assert "== iqm ==" not in result.stdout.str()
    assert "iqm: fake garnet (default), seed 0 (default)" in suite(test_a="def test_x(iqm_url): pass").stdout.str()


FIRST = """
from qiskit import QuantumCircuit, transpile
from pytest_iqm import distribution

def test_bell(iqm_backend, iqm_backend_factory):
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.measure_all()
    job = iqm_backend.run(transpile(qc, iqm_backend), shots=1000)
    assert job.result().get_counts() == distribution({"00": 0.5, "11": 0.5}, within="calibration")
    again = iqm_backend.retrieve_job(job.job_id()).result().get_counts()
    assert again == job.result().get_counts()
    iqm_backend_factory(use_metrics=True)
"""


def test_it_passes_where_warnings_are_errors(pytester):
    pytester.makepyfile(test_a=FIRST)
    for options in (["-W", "error"], ["-o", "filterwarnings=error"]):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", *options]
        result = pytester.run(*command)
        result.assert_outcomes(passed=1)


SKIPPED = """
import pytest
from bell import counts

@pytest.mark.skip(reason="not now")
def test_skip(iqm_backend): pass

@pytest.mark.skipif(True, reason="not here")
@pytest.mark.iqm_live_only
def test_skipif(iqm_backend): pass

@pytest.mark.xfail(run=False, reason="never")
@pytest.mark.iqm_requires(qubits=500)
def test_xfail(iqm_backend): pass
"""


def test_what_the_user_skips_makes_no_machine(suite, live, server):
    for run in (suite, live):
        result = run("-rsx", test_a=SKIPPED)
        result.assert_outcomes(skipped=2, xfailed=1, errors=int(run is live))  # no test ran on the machine
        output = result.stdout.str()
        assert re.search(r"SKIPPED \[1\] test_a.py:\d+: not now", output)
        assert re.search(r"SKIPPED \[1\] test_a.py:\d+: not here", output)
        assert re.search(r"XFAIL .*test_a.py::test_xfail - (reason: )?\[NOTRUN\] never", output)
    assert not server.jobs


REFUSED = """
import pytest

@pytest.mark.iqm_requires(qubits=500)
def test_requires(iqm_backend): pass

@pytest.mark.iqm_live_only
def test_live(): pass

@pytest.mark.iqm_requires(qubits=500)
def test_requires_without_asking(): pass
"""


def test_skips_are_reported_at_the_test(suite):
    output = suite("-rs", test_a=REFUSED).stdout.str()
    places = re.findall(r"SKIPPED \[1\] (\S+): ", output)
    assert [place.partition(":")[0] for place in places] == ["test_a.py"] * 3
    assert "lacks 500 qubits" in output


def test_without_a_terminal_failures_are_reported_too(suite, pytester):
    source = FAILING.replace("SCOPE", "module") + "def test_y(iqm_backend): iqm_backend.retrieve_job('1')"
    result = suite("-p", "no:terminal", "--junitxml=junit.xml", test_a=source)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert 'errors="1" failures="1"' in (pytester.path / "junit.xml").read_text()


def test_a_plan_of_set_ups_makes_no_machine(suite, live, server):
    source = """
    import pytest

    @pytest.fixture(scope="module")
    def wider(iqm_backend): raise SystemError("was executed")

    @pytest.mark.iqm_requires(qubits=500)
    def test_x(wider, iqm_server, iqm_http, iqm_url): pass
    """
    for run in (suite, live):
        result = run("--setup-plan", test_a=source)
        assert result.ret == 0
        result.stdout.fnmatch_lines(["SETUP    S iqm_backend*", "*SETUP    M wider*", "*SETUP    F iqm_http*"])
    assert not server.jobs


def test_mistakes_in_markers_are_one_line_at_collection(suite):
    wrong = [
        "iqm('deneb')",
        "iqm(device='granet')",
        "iqm(sed=3)",
        "iqm_requires(qubit=3)",
        "iqm_requires(gates=['mov'])",
    ]
    wrong += ["iqm_requires()", "iqm_live_only(5)"]
    tests = [f"@pytest.mark.{marker}\ndef test_{number}(): pass\n" for number, marker in enumerate(wrong)]
    tests.append(
        "@pytest.mark.parametrize('n', [pytest.param(1, marks=pytest.mark.iqm(noise=1))])\ndef test_n(n): pass"
    )
    for arguments in ((), ("--collect-only",)):
        result = suite(*arguments, test_a="\n".join(["import pytest", *tests]))
        assert result.ret == pytest.ExitCode.INTERRUPTED
        lines = [line for line in result.outlines if line.startswith("test_a.py::")]
        assert len(lines) == len(tests)
        for number, line in enumerate(lines[:-1]):
            assert f"test_a.py::test_{number}: @pytest.mark.iqm" in line
        assert "test_a.py::test_n[1]: @pytest.mark.iqm takes" in lines[-1]
        assert "pytest_iqm/" not in result.stdout.str() + result.stderr.str()


def test_mistakes_in_markers_end_a_run_with_workers(pytester):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    pytester.makepyfile(test_a="import pytest\n@pytest.mark.iqm(sed=3)\ndef test_x(): pass")
    result = pytester.runpytest_subprocess("-n", "2", "-p", "no:randomly")
    assert result.ret != 0
    assert result.stdout.str().count("test_a.py::test_x: @pytest.mark.iqm takes") >= 1
    assert "pytest_iqm/" not in result.stdout.str()
    assert "During handling of" not in result.stdout.str()


@pytest.mark.parametrize(
    "option", ["--help", "--markers", "--fixtures", "--collect-only", "--fixtures-per-test", "--setup-plan"]
)
def test_what_only_lists_never_fails_on_settings_and_never_connects(suite, pytester, option):
    pytester.makeini("[pytest]\niqm_timeout = never\niqm_seed = soon")
    suite("--iqm-live", "--iqm-device=granet", option, test_a="def test_x(iqm_backend): pass")
    result = suite("--iqm-live", "--iqm-device=granet", option)
    assert result.ret == 0
    assert "Traceback (most" not in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize(
    ("ini", "said"),
    [
        (
            "iqm_timeout = soon",
            "ini iqm_timeout is a number of seconds, or a time such as 30s, 10m, 2h or 90d; got 'soon'",
        ),
        ("iqm_timeout = 0", "ini iqm_timeout is more than 0; got '0'"),
        ("iqm_preflight_timeout = x", "ini iqm_preflight_timeout is a number of seconds"),
        ("iqm_unavailable = Skip", "ini iqm_unavailable is 'fail' or 'skip', got 'Skip'"),
        ("iqm_max_jobs = many", "ini iqm_max_jobs is a whole number, 0 or more; got 'many'"),
    ],
)
def test_what_live_runs_need_is_checked_offline(suite, pytester, ini, said):
    pytester.makeini(f"[pytest]\n{ini}")
    result = suite(test_a="def test_x(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str()


def test_times_may_have_units(live, pytester):
    pytester.makeini("[pytest]\niqm_timeout = 10m\niqm_device_max_age = 12h\niqm_recording_max_age = 90d")
    output = live(test_a="def test_x(iqm_client): pass").stdout.str()
    assert "time-out 600 s a test (ini iqm_timeout)" in output


@pytest.mark.skipif(pytest.version_tuple < (9, 2), reason="pytest before 9.2 has no keys that take text or numbers")
def test_pytests_own_toml_may_have_numbers(suite, pytester):
    pytester.makepyprojecttoml('[tool.pytest]\niqm_seed = 7\niqm_alpha = 1e-4\niqm_timeout = 30\niqm_max_jobs = "5"\n')
    output = suite(test_a="def test_x(iqm_backend): pass").stdout.str()
    assert "iqm: fake garnet (default), seed 7 (ini iqm_seed), alpha 0.0001 (ini iqm_alpha)" in output


@pytest.mark.parametrize("order", ["tryfirst", "trylast", "no"])
def test_variables_of_plugins_are_seen(suite, monkeypatch, order):
    """As pytest-dotenv sets those of --envfile: when the session starts, before or after this plugin."""
    plugin = f"""
    import os, pytest
    @pytest.hookimpl({"" if order == "no" else order + "=True"})
    def pytest_sessionstart(session): os.environ["IQM_TOKEN"] = "{TOKEN}"
    """
    name_machine(monkeypatch, "http://127.0.0.1:1", "garnet")
    monkeypatch.delenv("IQM_TOKEN")
    source = "import os\ndef test_x(): assert 'IQM_TOKEN' not in os.environ"
    suite("-p", "before", before=plugin, test_a=source).assert_outcomes(passed=1)
    said = suite("-p", "before", "--iqm-live").stderr.str()
    assert "set IQM_TOKEN" not in said
    assert "can't use garnet" in said
