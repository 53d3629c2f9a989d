"""HTML pages that need no other file, and their parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

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


def whole_page(title: str, body: Iterable[str]) -> str:
    """Return a page; ``body`` is HTML, the title is text."""
    head = [
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">',
        f"<title>{escape(title)}</title>",
        '<meta name="viewport" content="width=device-width">',
        f"<style>{_STYLE}</style>",
    ]
    return "\n".join([*head, *body, "</html>\n"])


def bars(measured: float, expected: float | None, largest: float) -> str:
    """Return bars of what was measured and, if it is known, of what was expected, in parts of the largest value."""
    drawn = f'<div class="bar measured" style="width:{measured / largest:.1%}"></div>'
    if expected is not None:
        drawn += f'<div class="bar expected" style="width:{expected / largest:.1%}"></div>'
    return f'<div class="bars">{drawn}</div>'


def number_cell(text: object) -> str:
    """Return a number, or text about one, for a table."""
    return f'<span class="number">{escape(str(text))}</span>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; its cells are HTML."""
    names = "".join(f"<th>{name}</th>" for name in head)
    lines = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{names}</tr>{lines}</table>"


def _cell(html: str) -> str:
    return f'<td class="number">{html}</td>' if html.startswith('<span class="number">') else f"<td>{html}</td>"
