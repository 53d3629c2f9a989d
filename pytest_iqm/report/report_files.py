"""The report as a file: JSON (schema ``iqm-report/2``), or the HTML page made of the same document."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from iqm_fakes import atomic_write
from iqm_fakes.wire.qiskit_order import order_notes
from pytest_iqm._version import __version__
from pytest_iqm.report.html_page import page
from pytest_iqm.settings import Settings

SCHEMA = "iqm-report/2"
"""Since 2, outcomes are in Qiskit's order, and the expected distribution is exact unless it says how many shots."""


def write(
    file: Path,
    settings: Settings,
    tests: Sequence[Mapping[str, Any]],
    problems: Sequence[str],
    chips: Mapping[str, Mapping[str, Any]],
) -> None:
    """Write a report, or replace one, as JSON or HTML.

    Args:
        file: Ends in ``.json`` or ``.html``.
        settings: Those of the run.
        tests: Each with ``test`` (its id), ``outcome``, ``seconds``, perhaps ``message``, its ``claims`` and ``jobs``.
        problems: Why the run failed although no test did.
        chips: Calibration set → the components of its machine, and which are coupled.

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
        "order": _order(tests),
        "chips": chips,
        "tests": tests,
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n" if file.suffix == ".json" else page(document)
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write.write(file, text)


def _order(tests: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is to be said of the order of bits."""
    shown = (circuit["order"] for test in tests for job in test["jobs"] for circuit in job.get("shown", ()))
    return order_notes(order == "qiskit" for order in shown)
