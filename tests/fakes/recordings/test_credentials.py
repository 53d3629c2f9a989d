"""No recording holds a credential."""

import json

import pytest
from made_up_recordings import made

from iqm_fakes import Device, RecordingError, Recordings

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"


def refused(tmp_path, text):
    with pytest.raises(RecordingError) as error:
        Recordings(tmp_path / "recordings").save(made(computer=text))
    assert text not in str(error.value).replace(str(tmp_path), "")
    assert not (tmp_path / "recordings").exists()
    return str(error.value)


def test_the_token_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setenv("IQM_TOKEN", 't0ken "quoted"')
    assert "it would contain the value of IQM_TOKEN" in refused(tmp_path, 'my t0ken "quoted"')


def test_tokens_of_the_file_are_not_written(tmp_path, monkeypatch):
    (tmp_path / "tokens.json").write_text(json.dumps({"access_token": "s3cret-access", "auth_server_url": "garnet"}))
    monkeypatch.setenv("IQM_TOKENS_FILE", str(tmp_path / "tokens.json"))
    assert "'access_token' in IQM_TOKENS_FILE" in refused(tmp_path, "s3cret-access")
    Recordings(tmp_path).save(made())


def test_what_looks_like_a_token_is_not_written(tmp_path):
    assert "a JWT" in refused(tmp_path, f"Bearer {JWT}")


def test_calibrations_are_searched_too(tmp_path):
    device = Device.load("adonis")
    with pytest.raises(RecordingError, match="a JWT"):
        Recordings(tmp_path).save_calibration(Device({**device.document, "display_name": JWT}))
