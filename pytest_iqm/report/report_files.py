"""The report as a file: JSON (schema ``iqm-report/1``), or the HTML page made of the same document."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from iqm_fakes import atomic_write
from pytest_iqm._version import __version__
from pytest_iqm.report.html_page import page
from pytest_iqm.settings import Settings

SCHEMA = "iqm-report/1"


def write(file: Path, settings: Settings, tests: Sequence[Mapping[str, Any]], problems: Sequence[str]) -> None:
    """Write a report, or replace one, as JSON or HTML.

    Args:
        file: Ends in ``.json`` or ``.html``.
        settings: Those of the run.
        tests: Each with ``test`` (its id), ``outcome``, ``seconds``, perhaps ``message``, and its ``jobs``.
        problems: Why the run failed although no test did.

    Raises:
        OSError: It can't be written; a former report is still there.

    """
    live = settings.live
    document = {
        "schema": SCHEMA,
        "pytest-iqm": __version__,
        "written": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "live": live is not None,
        "machine": live.computer.value if live else ", ".join(map(os.path.basename, settings.devices.value)),
        "settings": settings.header(),
        "problems": list(problems),
        "tests": tests,
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n" if file.suffix == ".json" else page(document)
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write.write(file, text)
