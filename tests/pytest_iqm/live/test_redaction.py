"""No credential is ever shown."""

import json

import pytest
from server_process import TOKEN
from suites import JOBS

from iqm_fakes import Api
from iqm_fakes.web.loopback import loopback

JWT = "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9.bm8tc2lnbmF0dXJl"
"""A token that does not expire before the year 2286."""


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


def test_no_output_report_recording_or_traceback_has_the_token(live, pytester, server):
    arguments = ["--junitxml=out.xml", "--iqm-report=out.json", "--iqm-report=out.html", "--iqm-record=missing"]
    pytester.makepyfile(test_b="import os\nraise RuntimeError(os.environ['IQM_TOKEN'])")
    more = ("-l", "-vv", "-rA", "--tb=long", "--capture=fd", "--continue-on-collection-errors")
    more += ("-o", "junit_family=legacy")
    result = live(*arguments, *more, test_a=LEAKS)
    result.assert_outcomes(passed=1, failed=5, errors=1)
    texts = [result.stdout.str(), result.stderr.str()]
    texts += [path.read_text() for path in pytester.path.rglob("*") if path.suffix in (".xml", ".json", ".html")]
    assert len(texts) >= 5
    for text in texts:
        assert TOKEN not in text
        assert "eyJhbGciOiJIUzI1NiJ9" not in text
    assert texts[0].count("<IQM_TOKEN>") >= 5


def test_tokens_files_are_read_for_their_values(live, server, pytester, monkeypatch):
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


def test_an_expired_tokens_file_is_a_usage_error(live, pytester, monkeypatch):
    file = pytester.path / "tokens.json"
    file.write_text(json.dumps({"access_token": "x.eyJleHAiOjF9.x"}))
    monkeypatch.delenv("IQM_TOKEN")
    monkeypatch.setenv("IQM_TOKENS_FILE", str(file))
    result = live(test_a=JOBS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "credentials from IQM_TOKENS_FILE: Access token in file has expired" in result.stderr.str()
