"""Make the pages of this folder from what the code says: run it after a change of options, commands or public names.

``python docs/reference/make.py`` writes them; a test holds them against the code.
"""

import argparse
import inspect
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import iqm_fakes
import pytest_iqm
from iqm_fakes import cli, documents
from iqm_fakes.device import validation
from iqm_fakes.recordings import recording
from pytest_iqm import markers, plugin, strategies

HERE = Path(__file__).parent

OPTIONS = """\
# Fixtures, options, ini keys, markers

Options win over environment variables, these over ini settings, these over defaults. Markers win over options. The
header of a run names each setting with its source.

## Fixtures

What they promise, and how to override them: [fixtures and scopes](../fixtures.md).

{fixtures}

## Options

Write `--iqm-device=FILE` with `=`: after a space, pytest takes the file for a test. Times may have a unit, as in `10m`.

{options}

## Ini keys without an option

{ini}

## Environment

| variable | |
|---|---|
| `IQM_SERVER_URL` | address of the real machine's server |
| `IQM_QUANTUM_COMPUTER` | name of the real machine |
| `IQM_TOKEN`, or `IQM_TOKENS_FILE` | credentials; never printed, stored or passed on |

## Markers

{markers}
"""

CLI = """\
# Command line

`iqm-fake --help` and `iqm-fake COMMAND --help` say the same. It ends with status 0, or with 1 and a message.

{commands}
"""

API = """\
# API

Both packages load nothing until a name is used. Names that are not on this page may change in any release.

## pytest_iqm

{pytest_iqm}

## pytest_iqm.strategies

{strategies}

## iqm_fakes

{iqm_fakes}
"""


def table(*rows: Sequence[str]) -> str:
    """Return a table whose first row is its head."""
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    """Return text as code."""
    return f"`{text}`"


def fixtures() -> str:
    """Return the fixtures, as pytest lists them."""
    with tempfile.TemporaryDirectory() as empty:
        command = [sys.executable, "-m", "pytest", "--fixtures", "--color=no", "-p", "no:cacheprovider", empty]
        done = subprocess.run(command, cwd=empty, capture_output=True, text=True, check=False)
    found = re.findall(r"^(iqm_\w+)(?: \[(\w+) scope\])? -- .*\n    (.*)$", done.stdout, re.MULTILINE)
    rows = sorted((code(name), scope or "function", said.replace("``", "`")) for name, scope, said in found)
    assert len(rows) == len([name for name in plugin.__all__ if name.startswith("iqm_")]), done.stdout
    return table(("fixture", "scope", "gives"), *rows)


class _Parser:
    """What the plugin declares its options to."""

    def __init__(self) -> None:
        self.options: list[tuple[str, Mapping[str, Any]]] = []
        self.ini: dict[str, str] = {}

    def getgroup(self, *_: Any) -> "_Parser":
        return self

    def addoption(self, name: str, **declared: Any) -> None:
        self.options.append((name, declared))

    def addini(self, name: str, explanation: str, **_: Any) -> None:
        self.ini[name] = explanation


def options_and_ini() -> tuple[str, str]:
    """Return the options, and the ini keys that have none."""
    parser = _Parser()
    plugin.pytest_addoption(parser)  # type: ignore[arg-type]  # what it needs of one
    rows, alone = [], dict(parser.ini)
    for name, declared in parser.options:
        key = name.removeprefix("--").replace("-", "_")
        ini = code(key) if alone.pop(key, None) else ""
        value = "|".join(declared["choices"]) if "choices" in declared else declared.get("metavar", "")
        rows.append((code(f"{name}={value}" if value else name), ini, declared["help"]))
    keys = [(code(name), explanation) for name, explanation in sorted(alone.items())]
    return table(("option", "ini key", ""), *rows), table(("ini key", ""), *keys)


def marker_table() -> str:
    """Return the markers, as ``pytest --markers`` says."""
    rows = [(code(f"@pytest.mark.{name}"), said) for name, said in (m.split(": ", 1) for m in markers.DECLARATIONS)]
    return table(("marker", ""), *rows)


def commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield a section for each command of a parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield f"## {command.prog}\n\n{command.description}\n\n{arguments(command)}"
                yield from commands(command)


def arguments(parser: argparse.ArgumentParser) -> str:
    """Return the arguments of a command."""
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction | argparse._HelpAction):
            continue
        value = "|".join(action.choices) if action.choices else action.metavar or action.dest.upper()
        name = action.option_strings[-1] if action.option_strings else ""
        said = code(f"{name}={value}" if name and action.nargs != 0 else name or str(value))
        rows.append((said, parser._get_formatter()._expand_help(action) if action.help else ""))
    return table(("argument", ""), *rows) if rows else ""


def names(package: Any, public: Sequence[str]) -> str:
    """Return directives that document public names."""
    directives = []
    for name in sorted(public, key=str.lower):
        value = getattr(package, name)
        if inspect.isclass(value):
            directives.append(f".. autoclass:: {package.__name__}.{name}\n   :members:")
        elif callable(value):
            directives.append(f".. autofunction:: {package.__name__}.{name}")
        elif name == "VENDOR_ERRORS":
            said = "What the vendor's client raises, whatever its version: a tuple of exceptions."
            directives.append(f".. data:: {package.__name__}.{name}\n\n   {said}")
    return "```{eval-rst}\n" + "\n\n".join(directives) + "\n```"


def schema(shape: Any) -> dict[str, Any]:
    """Return the JSON Schema of a shape of :mod:`iqm_fakes.documents`."""
    match shape:
        case documents.That():
            said = {**schema(shape.shape), "description": f"has to be {shape.what}"}
            checked_by = getattr(shape.holds, "__self__", None)
            if isinstance(checked_by, re.Pattern):
                said["pattern"] = f"^(?:{checked_by.pattern})$"
            elif isinstance(checked_by, tuple):
                said["enum"] = list(checked_by)
            return said
        case documents.Either():
            return {"anyOf": [schema(option) for option in shape.shapes]}
        case documents.Only():
            return {**schema(shape.fields), "additionalProperties": False}
        case list():
            return {"type": "array", "items": schema(shape[0])}
        case tuple():
            return {"type": "array", "prefixItems": [*map(schema, shape)], "minItems": len(shape), "items": False}
        case Mapping():
            fields = {name: inner for name, inner in shape.items() if name is not str}
            said = {"type": "object", "properties": {name.removesuffix("?"): schema(fields[name]) for name in fields}}
            required = [name for name in fields if not name.endswith("?")]
            others = {"additionalProperties": schema(shape[str])} if str in shape else {}
            return said | ({"required": required} if required else {}) | others
    return {"type": documents._TYPES[shape][0]} if shape is not object else {}


def device_schema() -> dict[str, Any]:
    """Return the schema of device files, where what observations have in common may be said once."""
    observations = validation._OBSERVATION_SET["observations"][0]
    shared = {f"{name}?": shape for name, shape in observations.items()}
    text: dict[str, Any] = schema({"schema": documents.one_of(validation.SCHEMA), **validation._SHAPE})
    each = text["properties"]["calibrations"]["items"]["properties"]
    for found in (each["calibration_set"], each["quality_metric_set"]["anyOf"][0]):
        found["properties"]["observations"]["items"] = schema(shared)
        found["properties"]["observation_defaults"] = {
            **schema(shared),
            "description": "what observations say that do not say it themselves",
        }
    return text


def schema_file(title: str, body: Mapping[str, Any]) -> str:
    """Return a schema as the text of a file."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return json.dumps({**head, **body}, indent=1, ensure_ascii=False) + "\n"


def pages() -> dict[str, str]:
    """Return the text of each file that is made."""
    option_table, ini_table = options_and_ini()
    return {
        "options.md": OPTIONS.format(fixtures=fixtures(), options=option_table, ini=ini_table, markers=marker_table()),
        "cli.md": CLI.format(commands="\n\n".join(section.rstrip() for section in commands(cli._parser()))),
        "api.md": API.format(
            pytest_iqm=names(pytest_iqm, [name for name in pytest_iqm.__all__ if not name.startswith("FakeIQM")]),
            strategies=names(strategies, ["angles", "batches", "circuits", "counts", "layouts"]),
            iqm_fakes=names(iqm_fakes, iqm_fakes.__all__),
        ),
        "iqm-device-1.schema.json": schema_file("iqm-device/1: a quantum computer", device_schema()),
        "iqm-job-1.schema.json": schema_file("iqm-job/1: a recorded job", schema(recording._SHAPE)),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text)
