"""What every answer with a document is."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.wrappers import Response

JSON = "application/json; charset=utf-8"
"""Without the charset, clients would guess it, slowly."""


def json_response(document: Any) -> Response:
    """Return an answer with a document."""
    return Response(json.dumps(document, ensure_ascii=False), content_type=JSON)
