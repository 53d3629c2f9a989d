"""What every answer with a document is, and every error."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from iqm_fakes.wire.error_codes import ErrorCode

JSON = "application/json; charset=utf-8"
"""Without the charset, clients would guess it, slowly."""


def json_response(document: Any) -> Response:
    """Return an answer with a document."""
    return Response(json.dumps(document, ensure_ascii=False), content_type=JSON)


def error_response(code: ErrorCode, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer that says what was wrong."""
    response = json_response({"error_code": str(code), "request_id": str(uuid.uuid4()), "message": message})
    response.status_code = code.status
    response.headers.update(headers or {})
    return response
