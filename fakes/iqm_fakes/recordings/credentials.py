"""Credentials that a text must not contain, nor a part of one: those of the environment, and what looks like one."""

from __future__ import annotations

import html
import json
import os
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")
SHORTEST = 6
"""Characters that a token has at least; what is shorter is none, and occurs by chance."""

PART = 12
"""Characters in a row of a secret that are not shown; of a shorter secret, all."""


class Secrets:
    """What must not be shown, and where it was found in: as it is, quoted, escaped, or in Base64."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._parts: dict[str, str] = {}
        self._beginnings: set[str] = set()
        self._short: dict[str, str] = {}

    @classmethod
    def of_environment(cls) -> Secrets:
        """Return those that the environment has now."""
        secrets = cls()
        secrets.look()
        return secrets

    def __bool__(self) -> bool:
        return bool(self._known)

    def look(self) -> None:
        """Learn what the environment has now; what was known stays so."""
        for source, value in credentials():
            self.add(source, value)

    def add(self, source: str, value: str) -> None:
        """Learn a secret.

        Args:
            source: Words that are shown instead.
            value: The secret.

        """
        if value in self._known or len(value) < SHORTEST:
            return
        self._known.add(value)
        for form in dict.fromkeys(_forms(value)):
            if len(form) < PART:
                self._short.setdefault(form, source)
            for start in range(len(form) - PART + 1):
                self._parts.setdefault(form[start : start + PART], source)
            self._beginnings.update(form[start : start + PART // 2] for start in range(len(form) - PART // 2 + 1))

    def found(self, text: str) -> str | None:
        """Return the source of a secret that a text has a part of; None if it has none."""
        whole = (source for short, source in self._short.items() if short in text)
        return next(whole, None) or next((source for _, _, source in self._runs(text)), None)

    def redacted(self, text: str, shown: str = "<{}>") -> str:
        """Return a text with the sources of secrets instead of the secrets, and without what looks like a token.

        Args:
            text: Has secrets, or not.
            shown: What stands around the source.

        """
        for short, source in self._short.items():
            text = text.replace(short, shown.format(source))
        parts, end = [], 0
        for start, stop, source in self._runs(text):
            parts += [text[end:start], shown.format(source)]
            end = stop
        return JWT.sub(shown.format("something like a token"), "".join([*parts, text[end:]]))

    def _runs(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield where a text has parts of secrets: from, to, and the source.

        Each part has a whole block of half its length, counted from the beginning of the text; so most of the text is
        passed in steps of a block.
        """
        block, end = PART // 2, 0
        for at in range(0, len(text), block):
            if at + block <= end or text[at : at + block] not in self._beginnings:
                continue
            for start in range(max(end, at - block + 1), at + 1):
                source = self._parts.get(text[start : start + PART])
                if source is not None:
                    end = start + PART
                    while text[end - PART + 1 : end + 1] in self._parts and end < len(text):
                        end += 1
                    yield start, end, source
                    break


def credential_in(text: str) -> str | None:
    """Return what credential a text contains, in words that don't tell its value; None if it has none."""
    source = Secrets.of_environment().found(text)
    if source is not None:
        return f"the value of {source}"
    return "something like a token (a JWT)" if JWT.search(text) else None


def credentials() -> Iterator[tuple[str, str]]:
    """Yield where credentials come from, and their values."""
    yield from ((source, value) for source, value in _given() if len(value) >= SHORTEST)


def _forms(value: str) -> Iterator[str]:
    """Yield how a secret may be written in a text."""
    yield from (value, json.dumps(value)[1:-1], repr(value)[1:-1], html.escape(value), quote(value), quote(value, ""))
    raw = value.encode(errors="surrogateescape")
    for encode in (b64encode, urlsafe_b64encode):
        for before in range(3):  # bytes in front of it, in a longer text that is encoded
            encoded = encode(bytes(before) + raw).decode()
            yield encoded[-(-8 * before // 6) : 8 * (before + len(raw)) // 6]


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
