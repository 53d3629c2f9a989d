"""What a session reports: plan, summary, job ids, JSON and HTML; and what it never shows."""

import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from server_process import TOKEN

from iqm_fakes import Api, Device, FakeIQMServer, Recordings, loopback

JWT = "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9.bm8tc2lnbmF0dXJl"
"""A token that does not expire before the year 2286."""

SUITE = """
import pytest
from bell import counts

def test_bell(iqm_backend): counts(iqm_backend)

def test_twice(iqm_backend):
    counts(iqm_backend, 500)
    counts(iqm_backend, 250)

def test_fails(iqm_backend): assert counts(iqm_backend, 10) == {"<b>&": 1}

@pytest.mark.iqm(noise=False)
def test_exact(iqm_backend): counts(iqm_backend)

def test_steers(iqm_backend, iqm_server): counts(iqm_backend)

def test_nothing(): pass
"""


@pytest.fixture
def server():
    return FakeIQMServer("adonis", seed=1)


class TestPlan:
    def test_it_says_what_a_live_run_submits(self, suite, live, server, monkeypatch):
        result = suite("--iqm-plan", "--iqm-device", "adonis", "-k", "not fails", test_a=SUITE)
        result.assert_outcomes(passed=3, skipped=2)
        assert result.ret == 0
        lines = [line.split() for line in result.outlines]
        planned = [[int(number) for number in line[:3]] for line in lines if line[:1] and line[0].isdecimal()]
        assert planned[:3] == [[1, 1, 1000], [2, 2, 750], [3, 3, 1750]]
        assert "planning a live run with no budget" in result.stdout.str()
        live("-k", "not fails").assert_outcomes(passed=3, skipped=2)
        assert [len(server.jobs), sum(job.payload["shots"] for job in server.jobs)] == [3, 1750]

    def test_it_says_how_long_circuits_are(self, suite):
        document = json.loads(json.dumps(Device.load("adonis").document))
        result = suite("--iqm-plan", "--iqm-device", "adonis", "-k", "bell", test_a=SUITE)
        said = re.search(r"longest circuit: (\S+) times the shortest T2 of its qubits, in (\S+)", result.stdout.str())
        assert said[2] == "test_a.py::test_bell"
        observations = {
            entry["dut_field"]: entry["value"]
            for entry in document["calibrations"][0]["quality_metric_set"]["observations"]
        }
        t2 = min(value for name, value in observations.items() if name.endswith("t2_time"))
        assert 0.5e-6 / t2 < float(said[1]) < 3e-6 / t2  # pulses of 40 ns, and a measurement of 1.5 µs

    @pytest.mark.parametrize(("limit", "fits"), [("1750", True), ("1749", False)])
    def test_a_plan_that_exceeds_the_budget_fails(self, suite, limit, fits):
        result = suite("--iqm-plan", "--iqm-max-shots", limit, "-k", "not fails", test_a=SUITE)
        assert result.ret == (0 if fits else pytest.ExitCode.TESTS_FAILED)
        said = "too much for the budget: 1750 shots, and 1749 are allowed (--iqm-max-shots)"
        assert (said in result.stdout.str()) is not fits

    def test_it_says_what_fresh_shots_may_add(self, suite):
        source = """
        from bell import counts
        from pytest_iqm import support

        def test_claims(iqm_backend):
            assert counts(iqm_backend, 300) == support(["00", "11"], leak=0.2)
            assert counts(iqm_backend, 200) == support(["00", "11"], leak=0.2)
        """
        output = suite("--iqm-plan", test_a=source).stdout.str()
        assert "and for suspicious claims, if there are any: 2 jobs, 500 shots at most" in output
        assert "suspicious" not in suite("--iqm-plan", "-k", "bell", test_a=SUITE).stdout.str()

    def test_workers_plan_too(self, suite, pytester):
        pytest.importorskip("xdist", reason="needs pytest-xdist")
        pytester.makepyfile(test_a=SUITE)
        arguments = ("--iqm-plan", "-n", "2", "-k", "not fails", "-p", "no:randomly")
        assert "in all, by 2 tests" in pytester.runpytest_subprocess(*arguments).stdout.str()

    def test_it_is_not_live(self, suite):
        assert suite("--iqm-plan", "--iqm-live", test_a=SUITE).ret == pytest.ExitCode.USAGE_ERROR
        assert suite("--iqm-plan", "--iqm-record", "replay").ret == pytest.ExitCode.USAGE_ERROR


class TestSettings:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--iqm-max-shots", "many"], "--iqm-max-shots takes a whole number, got 'many'"),
            (["--iqm-max-jobs=-1"], "--iqm-max-jobs takes a whole number, got '-1'"),
            (["-o", "iqm_max_shots=1.5"], "ini iqm_max_shots takes a whole number, got '1.5'"),
            (["--iqm-report", "out.pdf"], "--iqm-report writes .json or .html, got 'out.pdf'"),
        ],
    )
    def test_wrong_ones_are_usage_errors(self, suite, arguments, said):
        result = suite("--iqm-plan", *arguments, test_a=SUITE)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert said in result.stderr.str()

    @pytest.mark.parametrize(
        ("ini", "said"),
        [
            ("iqm_timeout = soon", "ini iqm_timeout is a positive number of seconds, got 'soon'"),
            ("iqm_timeout = 0", "ini iqm_timeout is a positive number of seconds, got '0'"),
            ("iqm_unavailable = wait", "ini iqm_unavailable is 'fail' or 'skip', got 'wait'"),
        ],
    )
    def test_wrong_live_ones_are_usage_errors(self, live, pytester, ini, said):
        pytester.makeini(f"[pytest]\n{ini}")
        result = live(test_a=SUITE)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert said in result.stderr.str()

    def test_the_header_names_sources(self, live, pytester):
        pytester.makeini("[pytest]\niqm_max_jobs = 7")
        output = live("--iqm-max-shots", "9_000", "-k", "bell", test_a=SUITE).stdout.str()
        assert "budget 7 jobs (ini iqm_max_jobs) and 9000 shots (--iqm-max-shots)" in output
        assert f"iqm: calibration set {Device.load('adonis').default_calibration_set_id}" in output


def test_the_summary_tells_of_jobs_and_times(live, server):
    output = live("-k", "twice or fails", test_a=SUITE).stdout.str()
    expected = r"adonis: 3 jobs, 760 shots submitted; no budget .*; \d+\.\d s in the queue, \d+\.\d s of execution"
    assert re.search(expected, output)
    assert f"IQM jobs ---\n{server.jobs[2].id}\n" in re.sub("-+ IQM", "IQM", re.sub("-{4,}", "---", output))


def test_failed_jobs_are_named_with_their_reason(live, server):
    server.faults.job().fails("the cryostat is warm")
    output = live("-k", "bell", test_a=SUITE).stdout.str()
    assert re.search(r"^failed: job \S+ of test_a.py::test_bell: .*the cryostat is warm", output, re.M)


@pytest.mark.parametrize("asked", [True, False])
def test_job_ids_are_in_junit_xml_if_asked_for(live, pytester, server, asked):
    pytester.makeini(f"[pytest]\niqm_job_properties = {asked}")
    live("--junitxml=out.xml", "-k", "twice", test_a=SUITE)
    properties = ElementTree.parse(pytester.path / "out.xml").iter("property")
    written = [entry.get("value") for entry in properties if entry.get("name") == "iqm_job"]
    assert written == ([str(job.id) for job in server.jobs] if asked else [])


class Outline(HTMLParser):
    """Checks that elements are closed in order, and collects addresses and text."""

    VOID = ("meta", "br", "line", "circle", "rect")

    def __init__(self, page):
        super().__init__()
        self.open, self.addresses, self.words = [], [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.addresses += [value for name, value in attributes if name in ("href", "src")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


class TestFiles:
    @pytest.fixture
    def written(self, live, server, pytester):
        result = live("--iqm-report", "out.json", "--iqm-report", "deep/out.html", test_a=SUITE)
        result.assert_outcomes(passed=3, failed=1, skipped=2)
        return json.loads((pytester.path / "out.json").read_text()), (pytester.path / "deep/out.html").read_text()

    def test_json(self, written, server):
        document, _ = written
        assert (document["schema"], document["live"], document["machine"]) == ("iqm-report/1", True, "adonis")
        tests = {test["test"].partition("::")[2]: test for test in document["tests"]}
        assert list(tests) == ["test_bell", "test_twice", "test_fails"]
        assert [test["outcome"] for test in tests.values()] == ["passed", "passed", "failed"]
        assert [job["shots"] for test in tests.values() for job in test["jobs"]] == [1000, 500, 250, 10]
        for job, known in zip((job for test in tests.values() for job in test["jobs"]), server.jobs, strict=True):
            assert job["id"] == str(known.id)
            (circuit,) = job["shown"]
            assert sum(circuit["measured"].values()) == job["shots"]
            assert circuit["expected"] == pytest.approx({"00": 0.5, "11": 0.5}, abs=0.02)
            assert len(job["components"]) == 2
            assert all(0 < component["t2"] <= 2 * component["t1"] for component in job["components"])

    def test_html_needs_nothing_else(self, written):
        _, page = written
        outline = Outline(page)
        assert all(address.startswith("#test") for address in outline.addresses)
        assert "url(" not in page
        assert "<script" not in page
        assert "LIVE adonis" in outline.words
        assert any("{'<b>&': 1}" in words or '{"<b>&": 1}' in words for words in outline.words)

    def test_a_browser_shows_it(self, written, pytester):
        """Asks a browser for the sizes of what it has drawn."""
        browser = shutil.which("chromium") or shutil.which("google-chrome")
        if browser is None:
            pytest.skip("needs chromium")
        document, page = written
        look = """<script>
            const wide = selector => [...document.querySelectorAll(selector)].map(e => e.getBoundingClientRect().width);
            const seen = {bars: wide('.bar.measured'), gates: wide('svg rect'), height: document.body.scrollHeight,
                          fits: document.documentElement.scrollWidth <= innerWidth};
            document.title = 'seen' + JSON.stringify(seen);
        </script>"""
        (pytester.path / "look.html").write_text(page + look)
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
        command += ["--disable-background-networking", "--disable-component-update", "--disable-quic"]
        command += [f"--user-data-dir={pytester.path / 'browser'}", "--window-size=1000,900", "--dump-dom"]
        drawn = subprocess.run(
            [*command, str(pytester.path / "look.html")], capture_output=True, text=True, timeout=120, check=True
        ).stdout
        seen = json.loads(re.search("<title>seen(.*?)</title>", drawn)[1])
        assert seen["fits"]
        assert seen["height"] > 900
        assert len(seen["gates"]) == sum(
            sum(len(step["locus"]) for step in circuit["instructions"] if step["name"] in ("prx", "measure"))
            for test in document["tests"]
            for job in test["jobs"]
            for circuit in job["shown"]
        )
        first = document["tests"][0]["jobs"][0]["shown"][0]
        counts = sorted(first["measured"].values(), reverse=True)
        assert seen["bars"][1] / seen["bars"][0] == pytest.approx(counts[1] / counts[0], abs=0.1)

    def test_offline_runs_and_workers_report_too(self, suite, pytester):
        pytest.importorskip("xdist", reason="needs pytest-xdist")
        pytester.makepyfile(test_a=SUITE)
        arguments = ("-n", "2", "--iqm-device", "adonis", "--iqm-report", "out.json", "-p", "no:randomly")
        pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=5, failed=1)
        document = json.loads((pytester.path / "out.json").read_text())
        assert document["live"] is False
        assert sum(job["shots"] for test in document["tests"] for job in test["jobs"]) == 3760

    def test_a_file_that_can_not_be_written_fails_the_run(self, suite, pytester):
        (pytester.path / "file").touch()
        result = suite("--iqm-report", "file/out.json", "-k", "bell", test_a=SUITE)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert "--iqm-report: " in result.stdout.str()


class TestSecrets:
    LEAKS = """
        import os, warnings
        import pytest
        import requests
        from bell import counts

        def test_environment(): assert os.environ == {}

        def test_headers(iqm_backend):
            iqm_backend.retrieve_job("00000000-0000-4000-8000-000000000001").result()

        def test_output(iqm_backend):
            print("my token is", os.environ["IQM_TOKEN"])
            assert counts(iqm_backend) == {}

        def test_own_call():
            headers = {"Authorization": "Bearer " + os.environ["IQM_TOKEN"]}
            requests.get("http://127.0.0.1:1", headers=headers)

        def test_property(record_property): record_property("token", os.environ["IQM_TOKEN"])

        def test_jwt(): assert "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJpcW0ifQ.c2lnbmF0dXJlLW9m" == ""
        """

    def test_no_output_report_recording_or_traceback_has_the_token(self, live, pytester, server):
        arguments = ["--junitxml=out.xml", "--iqm-report=out.json", "--iqm-report=out.html", "--iqm-record=missing"]
        pytester.makepyfile(test_b="import os\nraise RuntimeError(os.environ['IQM_TOKEN'])")
        more = ("-l", "-vv", "-rA", "--tb=long", "--capture=fd", "--continue-on-collection-errors")
        more += ("-o", "junit_family=legacy")
        result = live(*arguments, *more, test_a=self.LEAKS)
        result.assert_outcomes(passed=1, failed=5, errors=1)
        texts = [result.stdout.str(), result.stderr.str()]
        texts += [path.read_text() for path in pytester.path.rglob("*") if path.suffix in (".xml", ".json", ".html")]
        assert len(texts) >= 5
        for text in texts:
            assert TOKEN not in text
            assert "eyJhbGciOiJIUzI1NiJ9" not in text
        assert texts[0].count("<IQM_TOKEN>") >= 5

    def test_tokens_files_are_read_for_their_values(self, live, server, pytester, monkeypatch):
        file = pytester.path / "tokens.json"
        file.write_text(json.dumps({"access_token": JWT, "refresh_token": "an0ther-s3cret", "auth_server_url": "x"}))
        monkeypatch.delenv("IQM_TOKEN")
        monkeypatch.setenv("IQM_TOKENS_FILE", str(file))
        leak = """
            import os, pathlib
            def test_x(iqm_backend): assert pathlib.Path(os.environ["IQM_TOKENS_FILE"]).read_text() == ""
            """
        with loopback(Api(server, token=JWT)) as url:
            monkeypatch.setenv("IQM_SERVER_URL", url)
            output = live(test_a=leak).stdout.str()
        assert "credentials from IQM_TOKENS_FILE" in output
        assert "<'refresh_token' in IQM_TOKENS_FILE>" in output
        assert "an0ther-s3cret" not in output
        assert JWT not in output

    def test_an_expired_tokens_file_is_a_usage_error(self, live, pytester, monkeypatch):
        file = pytester.path / "tokens.json"
        file.write_text(json.dumps({"access_token": "x.eyJleHAiOjF9.x"}))
        monkeypatch.delenv("IQM_TOKEN")
        monkeypatch.setenv("IQM_TOKENS_FILE", str(file))
        result = live(test_a=SUITE)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "credentials from IQM_TOKENS_FILE: Access token in file has expired" in result.stderr.str()


def test_recordings_hold_what_the_summary_counts(live, pytester, server):
    output = live("--iqm-record", "missing", "-k", "twice", test_a=SUITE).stdout.str()
    assert "recordings: 2 recorded" in output
    assert set(Recordings(pytester.path / "iqm_recordings").ids()) == {str(job.id) for job in server.jobs}
    assert os.listdir(pytester.path / "iqm_recordings")
