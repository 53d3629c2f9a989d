"""Tokens, paths and methods: what is no request of the API is a documented error."""

from urllib.parse import quote
from uuid import UUID

import pytest
from api_client import NOBODY, V1, Http, refused
from hypothesis import given
from hypothesis import strategies as st

from iqm_fakes import Api


class TestAuthentication:
    @pytest.mark.parametrize("path", [f"{V1}/quantum-computers", f"{V1}/nothing", "/", f"{V1}/jobs/{NOBODY}"])
    @pytest.mark.parametrize("header", [None, "Bearer wrong", "secret", "Basic secret", "Bearer", "Bearer sécret"])
    def test_every_path_asks_for_the_token(self, server, path, header):
        http = Http(Api(server, token="secret"))
        headers = {} if header is None else {"Authorization": header}
        message = refused(http, "GET", path, 401, "unauthorized", headers=headers)
        assert message == "Missing or invalid authentication credentials"

    def test_the_token_opens(self, server):
        http = Http(Api(server, token="secret"))
        assert http.ask("GET", f"{V1}/quantum-computers", headers={"Authorization": "Bearer secret"})

    def test_without_a_configured_token_any_will_do(self, http):
        assert http.ask("GET", f"{V1}/quantum-computers", headers={"Authorization": "Bearer whatever"})


class TestUnknownRoutes:
    @pytest.mark.parametrize(
        "path",
        [
            "/api",
            f"{V1}/",
            f"{V1}/nothing",
            f"{V1}/tokens",
            "/api/v2/quantum-computers",
            "/cocos/health",
            f"/cocos/api/v4/calibration/runs/{NOBODY}/status",
            "/station/observations",
        ],
    )
    def test_unknown_route(self, http, path):
        assert path in refused(http, "GET", path, 404, "not_found")

    @pytest.mark.parametrize(
        ("method", "path"), [("PUT", "quantum-computers"), ("PATCH", "jobs/1"), ("GET", "jobs/1/cancel")]
    )
    def test_wrong_method(self, http, method, path):
        refused(http, method, f"{V1}/{path}", 405, "method_not_allowed")


class TestErrors:
    @given(method=st.sampled_from(["GET", "POST", "DELETE", "PUT"]), path=st.text(), body=st.binary())
    def test_anything_else_is_a_documented_error(self, server, method, path, body):
        http = Http(Api(server))
        for prefix in ("/", f"{V1}/", f"{V1}/jobs/", f"{V1}/jobs/adonis/"):
            answer = http.open(prefix + quote(path).lstrip("/"), method=method, data=body)
            if answer.status_code >= 400:
                assert answer.status_code in (400, 404, 405)
                error = answer.get_json()
                assert isinstance(error["message"], str)
                assert error["error_code"]
                assert UUID(error["request_id"])
