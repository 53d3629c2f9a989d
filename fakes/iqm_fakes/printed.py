r"""Text from outside, as people may see it: names, ids and messages that came out of files or from servers.

What a terminal would obey (escape sequences, carriage returns, marks that turn the direction of writing) is shown as
text, such as ``\x1b``.
"""

from __future__ import annotations

import sys


def printable(text: str) -> str:
    """Return one line in which every character can be seen, but for tabs and spaces; a line break is no line break."""
    return text if text.isprintable() else "".join(map(_seen, text))


def printable_lines(text: str) -> str:
    """Return the same of each line of a text."""
    return "\n".join(map(printable, text.split("\n")))


def say(*lines: str, error: bool = False) -> None:
    """Print lines, to where errors go if it is one."""
    print(*map(printable, lines), sep="\n", file=sys.stderr if error else sys.stdout, flush=True)


def _seen(character: str) -> str:
    if character.isprintable() or character == "\t":
        return character
    return character.encode("unicode_escape").decode()
