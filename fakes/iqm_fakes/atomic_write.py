"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

TEMPORARY = ".tmp"
"""How names of unfinished files end; they begin with a dot."""


def write(path: Path, text: str) -> None:
    r"""Replace a file by a text, durably: whatever happens, a reader sees all of the old one or all of the new one.

    Half a character (a lone surrogate), which UTF-8 has not, is written as JSON writes it: ``\ud800``.

    Raises:
        OSError: It can't be written; the old file is still there, and nothing else.

    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}{TEMPORARY}")
    try:
        with temporary.open("x", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):  # the new name has to survive a power cut, too
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
