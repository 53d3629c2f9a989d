"""A chip whose parts are coloured by what its calibration says of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request

from iqm_fakes.device.chip import Metric, metrics, parts
from iqm_fakes.html.drawing import Scale, Shade
from iqm_fakes.html.pages import rendered
from iqm_fakes.printed import printable
from iqm_fakes.wire.error_codes import ErrorCode, ServerError

if TYPE_CHECKING:
    from iqm_fakes.server.server import FakeIQMServer

_TEMPLATE = Path(__file__).with_name("chip.html")

WORST = 3
"""Parts of a chip that are named because they are the worst."""


def chip(server: FakeIQMServer, request: Request, computer: str) -> dict[str, Any]:
    """Return a chip, drawn.

    Args:
        server: It has the chip.
        request: Its query may name the metrics that colour ``qubits`` and ``couplers``; else it is the first one.
        computer: Alias or id.

    Raises:
        ServerError: There is no such computer or metric.

    """
    device = server.device(computer)
    calibration = device.calibration()
    known = metrics(calibration)
    groups = [
        _chosen("qubits", [metric for metric in known if not metric.of_couplers], request),
        _chosen("couplers", [metric for metric in known if metric.of_couplers], request),
    ]
    on_chip, shades = parts(device, calibration), {}
    for group in groups:
        for part in _parts(on_chip, group["name"]):
            step = group["scale"].shade(group["chosen"].values[part]) if part in group["values"] else None
            shades[part] = Shade(step, _title(part, known))
    return {
        "calibration_set_id": calibration.id,
        "html": rendered(_TEMPLATE, on_chip=on_chip, shades=shades, groups=[each for each in groups if each["chosen"]]),
    }


def _chosen(name: str, choices: list[Metric], request: Request) -> dict[str, Any]:
    """Return metrics to choose from, the chosen one, and its scale.

    Raises:
        ServerError: ``invalid_input``, there is no such metric.

    """
    wanted = request.args.get(name)
    chosen = next((metric for metric in choices if wanted in (None, metric.name)), None)
    if chosen is None and wanted is not None:
        there = ", ".join(metric.name for metric in choices) or "none"
        raise ServerError(ErrorCode.INVALID_INPUT, f"{name} is one of the published metrics ({there}), got '{wanted}'.")
    group: dict[str, Any] = {"name": name, "choices": choices, "chosen": chosen, "values": {}}
    if chosen is not None:
        values = chosen.values
        scale = Scale.of(values.values(), descends=chosen.is_time)
        starts = [min(values.values()), *scale.ends]
        group |= {
            "values": values,
            "scale": scale,
            "ends": [chosen.text(starts[0]), chosen.text(starts[-1])],
            "steps": [
                (scale.shade(end), f"{chosen.text(start)} to {chosen.text(end)}") for start, end in pairwise(starts)
            ],
            "worst": [
                f"{_named(part)} {chosen.text(values[part])}"
                for part in sorted(values, key=lambda part: values[part], reverse=not chosen.is_time)[:WORST]
            ],
        }
    return group


def _parts(on_chip: dict[str, Any], name: str) -> list[frozenset[str]]:
    return (
        [frozenset([each]) for each in on_chip["components"]]
        if name == "qubits"
        else [frozenset(pair) for pair in on_chip["couplers"]]
    )


def _title(part: frozenset[str], known: list[Metric]) -> str:
    """Return all that is published of a part of a chip."""
    said = [f"{metric.title} {metric.text(metric.values[part])}" for metric in known if part in metric.values]
    return "\n".join([_named(part), *(said or ["nothing is published"])])


def _named(part: frozenset[str]) -> str:
    return printable("–".join(sorted(part, key=lambda name: (len(name), name))))
