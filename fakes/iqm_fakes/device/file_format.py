"""The text of a device file: ``iqm-device/1``, one observation a line, what most of them have in common said once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from iqm_fakes.documents import Either

SCHEMA = "iqm-device/1"

_OWN = ("observation_id", "dut_field", "value", "unit")
"""What an observation always says for itself, and first."""

_DEFAULTS = "observation_defaults"

_CONDENSED_SET = {f"{_DEFAULTS}?": dict, "observations": [dict]}

CONDENSED = {"calibrations": [{"calibration_set": _CONDENSED_SET, "quality_metric_set": Either(_CONDENSED_SET, None)}]}
"""What of a file has to have which shape to be spelt out; see :mod:`iqm_fakes.documents`."""


def file_text(document: Mapping[str, Any]) -> str:
    """Return the file: JSON with each observation and each list of names on one line, for readable diffs."""
    return _pretty(_each_set(document, _condensed), "") + "\n"


def spelt_out(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file says, with the common parts of observations written at each of them."""
    return _each_set(document, _spelt_out)


def _each_set(document: Mapping[str, Any], change: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
    """Return a document with every observation set changed."""
    names = ("calibration_set", "quality_metric_set")
    calibrations = [
        {key: change(value) if key in names and value is not None else value for key, value in entry.items()}
        for entry in document["calibrations"]
    ]
    return {**document, "calibrations": calibrations}


def _condensed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an observation set with what most observations have in common said once."""
    observations = document["observations"]
    shared = [name for name in sorted(set().union(*observations)) if all(name in entry for entry in observations)]
    common = {}
    for name in set(shared) - {*_OWN}:
        counts = Counter(json.dumps(entry[name]) for entry in observations)
        text, count = counts.most_common(1)[0]
        if count > 1:
            common[name] = text
    lines = []
    for entry in observations:
        rest = {name: entry[name] for name in sorted({*entry} - {*_OWN})}
        lines.append(
            {name: entry[name] for name in _OWN}
            | {name: value for name, value in rest.items() if common.get(name) != json.dumps(value)}
        )
    head = {name: value for name, value in document.items() if name != "observations"}
    return head | {_DEFAULTS: {name: json.loads(common[name]) for name in sorted(common)}, "observations": lines}


def _spelt_out(document: Mapping[str, Any]) -> dict[str, Any]:
    """Undo :func:`_condensed`."""
    defaults = document.get(_DEFAULTS, {})
    rest = {name: value for name, value in document.items() if name != _DEFAULTS}
    return rest | {"observations": [{**defaults, **observation} for observation in document["observations"]]}


def _pretty(value: Any, indent: str) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    if isinstance(value, Mapping) and value and (len(flat) > 300 or any(isinstance(v, dict) for v in value.values())):
        lines = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_pretty(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"{inner}{_pretty(item, inner)}" for item in value) + f"\n{indent}]"
    return flat
