"""Credentials that a text must not contain: those in the environment, and what looks like one."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")
SHORTEST = 6
"""Characters that a token has at least; what is shorter is none, and occurs by chance."""


def credential_in(text: str) -> str | None:
    """Return what credential a text contains, in words that don't tell its value; None if it has none."""
    for source, value in credentials():
        if value in text or json.dumps(value)[1:-1] in text:
            return f"the value of {source}"
    return "something like a token (a JWT)" if JWT.search(text) else None


def credentials() -> Iterator[tuple[str, str]]:
    """Yield where credentials come from, and their values."""
    yield from ((source, value) for source, value in _given() if len(value) >= SHORTEST)


def _given() -> Iterator[tuple[str, str]]:
    if token := os.environ.get("IQM_TOKEN"):
        yield "IQM_TOKEN", token
    if file := os.environ.get("IQM_TOKENS_FILE"):
        try:
            tokens = json.loads(Path(file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return  # the vendor's client says what is wrong with it
        for name, value in _strings(tokens):
            if "token" in name:
                yield f"'{name}' in IQM_TOKENS_FILE", value


def _strings(document: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(document, str):
        yield name, document
    elif isinstance(document, dict):
        for key, value in document.items():
            yield from _strings(value, str(key))
    elif isinstance(document, list):
        for value in document:
            yield from _strings(value, name)
