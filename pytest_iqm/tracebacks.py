"""What is shown of errors raised below the vendor's client, and of our own: the line that called, and their words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

VENDOR = "iqm"
"""The vendor's package."""

BELOW = (VENDOR, "qiskit", "pydantic", "requests", "urllib3", "iqm_fakes", "pytest_iqm")
"""Packages whose frames say nothing to those who called the vendor's client."""

OURS = ("iqm_fakes", "pytest_iqm")
"""Packages whose own exceptions say what users have to know."""

HIDE = "__tracebackhide__"
"""The name by which pytest asks a function, or its module, whether to leave it out."""


@contextmanager
def vendor_hidden(error: BaseException) -> Iterator[None]:
    """Let pytest leave out, inside the ``with`` block, what is below where an error and its causes enter the client.

    Of an exception of ours, what is below where it enters our packages.
    """
    marked: list[dict[str, Any]] = []
    for namespace in _namespaces(error):
        if HIDE not in namespace:
            namespace[HIDE] = True
            marked.append(namespace)
    try:
        yield
    finally:
        for namespace in marked:
            namespace.pop(HIDE, None)


def _namespaces(error: BaseException) -> Iterator[dict[str, Any]]:
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        pending += [each.__cause__, each.__context__]
        within, entry = False, each.__traceback__
        doors = (VENDOR, *OURS) if type(each).__module__.partition(".")[0] in OURS else (VENDOR,)
        while entry is not None:
            name = str(entry.tb_frame.f_globals.get("__name__"))
            package = name.partition(".")[0]
            within |= package in doors
            if within and package in BELOW and name in sys.modules:
                yield entry.tb_frame.f_globals
            entry = entry.tb_next
