"""Pages made of templates. What a template shows is escaped, so nobody has to remember; only macros return HTML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from iqm_fakes.html import drawing
from iqm_fakes.printed import printable_lines
from iqm_fakes.words import p_value, probability, several

_HERE = Path(__file__).parent


def rendered(template: Path, **values: Any) -> str:
    """Return the page that a template makes.

    Args:
        template: Its file; it extends ``page.html`` and may use the macros of ``drawings.html``.
        values: What it shows.

    """
    environment = Environment(
        loader=FileSystemLoader([template.parent, _HERE]),
        autoescape=True,
        finalize=_seen,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"several": several, "probability": probability, "p_value": p_value}
    environment.globals |= {
        "bars": drawing.bars,
        "circuit": drawing.circuit,
        "chip": drawing.chip,
        "timeline": drawing.timeline,
    }
    return environment.get_template(template.name).render(values)


def _seen(value: Any) -> Any:
    """Return what is put into a page, so that every character can be seen."""
    return value if hasattr(value, "__html__") else printable_lines(str(value))
