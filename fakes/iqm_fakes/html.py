"""HTML pages that need no other file, and their parts.

A page is made of elements, and whatever else is put into one is text: it is escaped there, so nobody has to remember.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from iqm_fakes.printed import printable_lines

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --measured: #3b7dd8; --expected: #e0a030; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; overflow-wrap: anywhere } h3 { font-size: 1rem; margin-bottom: .3rem }
section { border-top: 1px solid var(--line); padding-top: .5rem; margin-top: 1.5rem }
.outcome { border-radius: 3px; padding: 0 .4em; color: #fff; background: #3a8a4d }
.outcome.failed { background: #c0392b } .outcome.skipped { background: #777 }
table { border-collapse: collapse; margin: .4rem 0 } td, th { padding: .1rem .7rem .1rem 0; text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .5rem; font-size: 12px }
.drawing { overflow-x: auto } svg text { font: 11px system-ui, sans-serif; fill: currentColor }
svg rect { fill: Canvas; stroke: currentColor } svg line, svg circle { stroke: currentColor }
svg .wire { stroke: var(--line) }
.bar { height: .55rem; min-width: 1px } .bars { width: 16rem } code { font-size: 13px }
.measured { background: var(--measured) } .expected { background: var(--expected) }
"""


_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser may do for a page: apply the styles in it, and nothing else; no scripts, no other files."""

_VOID = ("br", "meta")
"""Elements that can't have anything in them, nor an end."""


class Html(str):
    """HTML, which only :func:`element` and :func:`joined` make; any other string is text."""

    __slots__ = ()


class Cell(Html):
    """A cell of a table."""

    __slots__ = ()


def element(tag: str, *inner: object, **attributes: object) -> Html:
    """Return an element.

    Args:
        tag: Its name.
        inner: What is in it: HTML, and text.
        attributes: Its attributes, with ``_`` for ``-``; one that ends in ``_`` is written without it.

    """
    named = "".join(f' {name.rstrip("_").replace("_", "-")}="{_escaped(value)}"' for name, value in attributes.items())
    return Html(f"<{tag}{named}>" if tag in _VOID else f"<{tag}{named}>{joined(inner)}</{tag}>")


def joined(parts: Iterable[object], between: str = "") -> Html:
    """Return HTML and text in a row."""
    return Html(between.join(part if isinstance(part, Html) else _escaped(part) for part in parts))


def _escaped(text: object) -> str:
    return escape(printable_lines(str(text)))


def whole_page(title: str, body: Iterable[Html]) -> str:
    """Return a page."""
    head = [
        Html('<!doctype html>\n<html lang="en">'),
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", title),
        element("meta", name="viewport", content="width=device-width"),
        element("style", Html(_STYLE)),
    ]
    return joined([*head, *body, Html("</html>\n")], "\n")


def bars(measured: float, expected: float | None, largest: float) -> Html:
    """Return bars of what was measured and, if it is known, of what was expected, in parts of the largest value."""
    drawn = [("measured", measured), *([] if expected is None else [("expected", expected)])]
    return element(
        "div",
        *(element("div", class_=f"bar {name}", style=f"width:{value / largest:.1%}") for name, value in drawn),
        class_="bars",
    )


def number_cell(text: object) -> Cell:
    """Return a number, or text about one, for a table."""
    return Cell(element("td", text, class_="number"))


def table(head: Iterable[object], rows: Iterable[Sequence[object]]) -> Html:
    """Return a table."""
    cells = ((cell if isinstance(cell, Cell) else element("td", cell) for cell in row) for row in rows)
    lines = (element("tr", *row) for row in cells)
    return element("table", element("tr", *(element("th", name) for name in head)), *lines)
