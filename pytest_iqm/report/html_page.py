"""A report as one HTML page that needs no other file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from iqm_fakes.html import Html, bars, element, joined, number_cell, table, whole_page

OUTCOMES = 16
"""Outcomes that a histogram of the page shows."""

STEPS = 120
"""Steps of a circuit that the page draws."""

_CELL, _ROW, _LEFT = 80, 34, 80
"""Size of a drawing's cells and the width of its labels, in pixels."""


def page(document: Mapping[str, Any]) -> str:
    """Return the HTML of a report.

    Args:
        document: As :func:`pytest_iqm.report.report_files.write` makes it.

    """
    where = "LIVE" if document["live"] else "fake"
    title = f"{where} {document['machine']}"
    body = [element("h1", title), element("p", document["settings"], element("br"), document["written"])]
    body += [element("p", element("strong", problem)) for problem in document["problems"]]
    body.append(_overview(document["tests"]))
    body += [_test(number, test) for number, test in enumerate(document["tests"])]
    return whole_page(title, body)


def _overview(tests: Sequence[Mapping[str, Any]]) -> Html:
    rows = [
        [
            element("a", test["test"], href=f"#test{number}"),
            _outcome(test),
            number_cell(len(test["jobs"])),
            number_cell(sum(job["shots"] for job in test["jobs"])),
            number_cell(f"{test['seconds']:.2f} s"),
        ]
        for number, test in enumerate(tests)
    ]
    return table(["test", "outcome", "jobs", "shots", "time"], rows)


def _test(number: int, test: Mapping[str, Any]) -> Html:
    message = [element("pre", test["message"])] if test.get("message") else []
    jobs = [part for job in test["jobs"] for part in _job(job)]
    return element("section", element("h2", test["test"], " ", _outcome(test)), *message, *jobs, id=f"test{number}")


def _job(job: Mapping[str, Any]) -> Iterator[Html]:
    yield element("h3", "Job ", element("code", job["id"]), f": {job['status']}")
    known: list[object] = [f"{_several(job['circuits'], 'circuit')}, {_several(job['shots'], 'shot')}"]
    for name, text in (("queue_seconds", "in the queue"), ("execution_seconds", "of execution")):
        if job.get(name) is not None:
            known.append(f"{job[name]:.3f} s {text}")
    if job.get("calibration_set"):
        known.append(joined(["calibration set ", element("code", job["calibration_set"])]))
    if job.get("over_t2"):
        known.append(f"longest circuit {job['over_t2']:.2g} of the shortest T2")
    yield element("p", joined(known, "; "))
    if job.get("error"):
        yield element("pre", job["error"])
    for circuit in job.get("shown", ()):
        yield element("h3", circuit["name"])
        yield element("div", drawing(circuit["instructions"]), class_="drawing")
        yield _histogram(circuit)
    left_out = job["circuits"] - len(job.get("shown", ()))
    if job.get("shown") and left_out:
        yield element("p", f"and {left_out} more circuits")
    if job.get("components"):
        yield _components(job["components"])
    if job.get("timeline"):
        rows = [[status, number_cell(f"{second:.3f} s")] for status, second in job["timeline"]]
        yield element("details", element("summary", "Timeline"), table(["", "since the submission"], rows))


def _histogram(circuit: Mapping[str, Any]) -> Html:
    """Return bars of what was measured, and of what a machine without noise would measure."""
    measured, expected = circuit["measured"] or {}, circuit["expected"] or {}
    shots = sum(measured.values()) or 1
    both = {key: (measured.get(key, 0) / shots, expected.get(key, 0.0)) for key in [*measured, *expected]}
    if not both:
        return element("p", "no results")
    largest = max(max(pair) for pair in both.values())
    rows = []
    for outcome, (fraction, ideal) in sorted(both.items(), key=lambda entry: (-max(entry[1]), entry[0]))[:OUTCOMES]:
        ideal_text = f"{ideal:.1%}" if expected else ""
        rows.append(
            [
                element("code", outcome),
                number_cell(measured.get(outcome, 0)),
                number_cell(f"{fraction:.1%}"),
                number_cell(ideal_text),
                bars(fraction, ideal if expected else None, largest),
            ]
        )
    head = [", ".join(circuit["keys"]), "shots", "measured", "without noise" if expected else "", ""]
    more = [element("p", f"and {len(both) - OUTCOMES} more outcomes")] if len(both) > OUTCOMES else []
    return joined([table(head, rows), *more])


def _components(components: Sequence[Mapping[str, Any]]) -> Html:
    def micro(value: float | None) -> Html:
        return number_cell("" if value is None else f"{value * 1e6:.3g} µs")

    def percent(value: float | None) -> Html:
        return number_cell("" if value is None else f"{value:.2%}")

    rows = [
        [
            component["name"],
            micro(component["t1"]),
            micro(component["t2"]),
            percent(component.get("p_1_given_0")),
            percent(component.get("p_0_given_1")),
        ]
        for component in components
    ]
    return table(["qubit", "T1", "T2", "0 read as 1", "1 read as 0"], rows)


def drawing(instructions: Sequence[Mapping[str, Any]]) -> Html:
    """Return a circuit as SVG: a wire for each component, and every step as early as it can be drawn."""
    wires = list(dict.fromkeys(component for step in instructions for component in step["locus"]))
    rows = {component: index for index, component in enumerate(wires)}
    free = dict.fromkeys(wires, 0)
    shapes: list[Html] = []
    for step in instructions[:STEPS]:
        indices = [rows[component] for component in step["locus"]]
        if not indices:
            continue
        spanned = [wires[index] for index in range(min(indices), max(indices) + 1)]
        touched = step["locus"] if step["name"] in ("barrier", "measure") else spanned
        column = max(free[component] for component in touched)
        free.update(dict.fromkeys(touched, column + 1))
        shapes += _step(step, indices, _LEFT + column * _CELL + _CELL // 2)
    width = _LEFT + max(free.values(), default=0) * _CELL + 10
    height = len(wires) * _ROW + 10
    lines = [
        line
        for index, component in enumerate(wires)
        for line in (
            element("line", class_="wire", x1=_LEFT - 8, x2=width, y1=_y(index), y2=_y(index)),
            element("text", component, x=2, y=_y(index) + 4),
        )
    ]
    more = [element("p", f"and {len(instructions) - STEPS} more steps")] if len(instructions) > STEPS else []
    return joined([element("svg", *lines, *shapes, role="img", width=width, height=height), *more])


def _step(step: Mapping[str, Any], rows: Sequence[int], x: int) -> Iterator[Html]:
    name, args = step["name"], step["args"]
    title = element("title", f"{name} {', '.join(f'{key}={value}' for key, value in args.items())}")
    if name == "barrier":
        for row in rows:
            yield element("line", x1=x, x2=x, y1=_y(row) - 15, y2=_y(row) + 15, stroke_dasharray="3 3")
        return
    if len(rows) > 1 and name != "measure":
        yield element("line", x1=x, x2=x, y1=_y(min(rows)), y2=_y(max(rows)))
    for row in rows:
        if name == "cz":
            yield element("circle", title, cx=x, cy=_y(row), r=4, fill="currentColor")
        else:
            box = element("rect", x=x - 34, y=_y(row) - 12, width=68, height=24, rx=3)
            label = element("text", _label(name, args), x=x, y=_y(row) + 4, text_anchor="middle")
            yield element("g", title, box, label)


def _label(name: str, args: Mapping[str, Any]) -> str:
    if name in ("prx", "cc_prx"):
        angles = [_angle(args.get("angle")), _angle(args.get("phase"), modulo=2.0)]
        return ("c" if name == "cc_prx" else "") + ",".join(angles)
    return {"measure": "M", "move": "MOVE", "reset": "|0⟩", "delay": "wait"}.get(name, name[:6])


def _angle(value: Any, modulo: float = math.inf) -> str:
    """Return an angle in units of π, as short as it can be understood."""
    if not isinstance(value, int | float):
        return "?"
    turns = value / math.pi
    turns = turns if math.isinf(modulo) else turns % modulo
    return "0" if abs(turns) < 5e-3 else f"{turns:.2f}".rstrip("0").rstrip(".") + "π"


def _y(row: int) -> int:
    return row * _ROW + _ROW // 2 + 5


def _several(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _outcome(test: Mapping[str, Any]) -> Html:
    return element("span", test["outcome"], class_=f"outcome {test['outcome']}")
