"""The last look before something is written: no credential may be in it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from iqm_fakes.recordings.recording import RecordingError

JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")
SHORTEST = 6
"""Characters that a token has at least; what is shorter is none, and occurs by chance."""


def check_no_secret(text: str, path: Path) -> None:
    """Refuse to write a text that contains a credential.

    Raises:
        RecordingError: It does; the message says which one, but not its value.

    """
    for source, value in credentials():
        if value in text or json.dumps(value)[1:-1] in text:
            raise RecordingError(f"{path} was not written: it would contain the value of {source}")
    if JWT.search(text):
        raise RecordingError(f"{path} was not written: it would contain something like a token (a JWT)")


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
