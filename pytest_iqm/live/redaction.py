"""Takes credentials out of test reports before anybody sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from iqm_fakes.recordings.credentials import JWT, credentials


def redacted(config: pytest.Config, report: pytest.TestReport) -> pytest.TestReport:
    """Return a report without credentials: tracebacks show headers, and assertions show the environment."""
    data = config.hook.pytest_report_to_serializable(config=config, report=report)
    clean = _in_every_text(data, partial(redacted_text, secrets=list(credentials())))
    if clean == data:
        return report
    cleaned: pytest.TestReport = config.hook.pytest_report_from_serializable(config=config, data=clean)
    return cleaned


def redacted_text(text: str, secrets: Sequence[tuple[str, str]] | None = None) -> str:
    """Return a text without credentials."""
    for source, secret in credentials() if secrets is None else secrets:
        text = text.replace(secret, f"<{source}>")
    return JWT.sub("<something like a token>", text)


def _in_every_text(data: Any, change: Callable[[str], str]) -> Any:
    if isinstance(data, str):
        return change(data)
    if isinstance(data, dict):
        return {key: _in_every_text(value, change) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(_in_every_text(value, change) for value in data)
    return data
