"""Where everything is in the drawings of ``drawings.html``: circuits, histograms, chips, timelines."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

OUTCOMES = 16
"""Outcomes that a histogram shows."""

STEPS = 120
"""Steps of a circuit that are drawn."""

COLUMNS = 8
"""Columns of a circuit beside each other, where a page may be printed; what follows is drawn below."""

CELL, ROW, LEFT, BOX = 74, 46, 52, (66, 34)
"""Sizes of a circuit's drawing: columns, rows, names of the wires, boxes; in pixels."""

SPACING = 44
"""Pixels between neighbours on a chip."""


class Bar(NamedTuple):
    """A line of a histogram.

    Attributes:
        outcome: Which.
        shots: How often it was measured.
        measured: The part of all shots, from 0 to 1.
        expected: How probable it is; None if that is not known.
        low: The smallest probability that a claim allows; None without a claim.
        high: The largest.

    """

    outcome: str
    shots: int
    measured: float
    expected: float | None
    low: float | None
    high: float | None


class Histogram(NamedTuple):
    """Bars, the longest first, the largest value, and how many outcomes are left out."""

    bars: list[Bar]
    largest: float
    others: int


def bars(
    measured: Mapping[str, int], expected: Mapping[str, float] | None, claim: Mapping[str, Any] | None = None
) -> Histogram:
    """Return the lines of a histogram.

    Args:
        measured: Outcome → shots.
        expected: Outcome → probability, if it is known.
        claim: ``declared`` (outcome → probability, without spaces) and by how much each may be off (``within``).

    """
    shots = sum(measured.values()) or 1
    found = []
    for outcome in dict.fromkeys([*measured, *(expected or ())]):
        number, low, high = measured.get(outcome, 0), None, None
        if claim is not None:
            declared = claim["declared"].get(outcome.replace(" ", ""), 0.0)
            low, high = max(0.0, declared - claim["within"]), min(1.0, declared + claim["within"])
        likely = None if expected is None else expected.get(outcome, 0.0)
        found.append(Bar(outcome, number, number / shots, likely, low, high))
    found.sort(key=lambda bar: (-max(bar.measured, bar.expected or 0.0), bar.outcome))
    shown = found[:OUTCOMES]
    values = [value for bar in shown for value in (bar.measured, bar.expected, bar.high) if value is not None]
    return Histogram(shown, max(values, default=0.0) or 1.0, len(found) - len(shown))


class Shape(NamedTuple):
    """A part of a circuit's drawing.

    Attributes:
        kind: ``box``, ``dot``, ``link`` between wires, or ``barrier``.
        x: Where its middle is.
        top: Where it begins.
        bottom: Where it ends; of a box or a dot, the same: its middle.
        label: Name of the operation.
        detail: Its angles.
        title: All that is known of it.

    """

    kind: str
    x: float
    top: float
    bottom: float
    label: str = ""
    detail: str = ""
    title: str = ""


class Line(NamedTuple):
    """Some columns of a circuit: name and place of each wire, and what is on them."""

    width: int
    height: int
    wires: list[tuple[str, float]]
    shapes: list[Shape]


def circuit(instructions: Sequence[Mapping[str, Any]], columns: int = COLUMNS) -> tuple[list[Line], int]:
    """Return a circuit line by line, every step as early as it can be drawn, and how many steps are left out.

    Args:
        instructions: Each with ``name``, ``locus`` and ``args``.
        columns: How many are beside each other.

    """
    wires = list(dict.fromkeys(component for step in instructions for component in step["locus"]))
    rows = {component: index for index, component in enumerate(wires)}
    free = dict.fromkeys(wires, 0)
    shapes: dict[int, list[Shape]] = {}
    for step in instructions[:STEPS]:
        if not step["locus"]:
            continue
        at = [rows[component] for component in step["locus"]]
        alone = step["name"] in ("barrier", "measure")
        touched = step["locus"] if alone else wires[min(at) : max(at) + 1]
        column = max(free[component] for component in touched)
        free.update(dict.fromkeys(touched, column + 1))
        x = LEFT + (column % columns + 0.5) * CELL
        shapes.setdefault(column // columns, []).extend(_shapes(step, at, x))
    needed = max(free.values(), default=0)
    names = [(wire, _y(row)) for row, wire in enumerate(wires)]
    return [
        Line(LEFT + CELL * min(columns, needed - columns * index) + 6, ROW * len(wires), names, shapes.get(index, []))
        for index in range(-(-needed // columns))
    ], max(0, len(instructions) - STEPS)


def _shapes(step: Mapping[str, Any], rows: Sequence[int], x: float) -> Iterable[Shape]:
    name, args = step["name"], step["args"]
    title = f"{name} {', '.join(step['locus'])}" + "".join(f" {key}={value}" for key, value in args.items())
    if name == "barrier":
        return [Shape("barrier", x, _y(row) - ROW / 2, _y(row) + ROW / 2) for row in rows]
    link = [Shape("link", x, _y(min(rows)), _y(max(rows)))] if len(rows) > 1 and name != "measure" else []
    if name == "cz":
        return [*link, *(Shape("dot", x, _y(row), _y(row), title=title) for row in rows)]
    label, detail = gate(name, args)
    return [*link, *(Shape("box", x, _y(row), _y(row), label, detail, title) for row in rows)]


def gate(name: str, args: Mapping[str, Any]) -> tuple[str, str]:
    """Return the name of an operation and its arguments, as short as they can be understood."""
    if name in ("prx", "cc_prx"):
        return name, f"{angle(args.get('angle'))}, {angle(args.get('phase'), modulo=2.0)}"
    return {"reset": "|0⟩", "move": "MOVE"}.get(name, name if len(name) < 10 else f"{name[:8]}…"), ""


def angle(value: Any, modulo: float = math.inf) -> str:
    """Return an angle in units of π."""
    if not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:  # nan is not, either
        return "?"
    turns = value / math.pi
    turns = turns if math.isinf(modulo) else turns % modulo
    if abs(turns) < 5e-3:
        return "0"
    number = f"{turns:.2f}".rstrip("0").rstrip(".") if abs(turns) < 1000 else f"{turns:.1e}"
    return {"1": "π", "-1": "-π"}.get(number, f"{number}π")


def _y(row: int) -> float:
    return (row + 0.5) * ROW


MOMENT = 5e-3
"""Part of all the time in which nothing is drawn: what follows so fast is one line."""


class Span(NamedTuple):
    """A part of a job's time: what happened, when, and when the next happened, as parts of all the time."""

    what: list[str]
    second: float
    start: float
    end: float


def timeline(entries: Sequence[tuple[str, float]]) -> list[Span]:
    """Return what happened when.

    Args:
        entries: What, and how many seconds after the submission, in order.

    """
    total = max((second for _, second in entries), default=0.0) or 1.0
    spans: list[Span] = []
    for status, second in entries:
        if spans and second - spans[-1].second < MOMENT * total:
            spans[-1].what.append(status)
        else:
            spans.append(Span([status], second, second / total, 1.0))
    followed = [span._replace(end=following.start) for span, following in pairwise(spans)]
    return [*followed, *spans[-1:]]


SHADES = 5
"""Shades of a scale."""


class Scale(NamedTuple):
    """Shades for values, in steps of the same factor.

    Attributes:
        ends: The largest value of each shade, the best shade first.
        descends: Whether larger values are better.

    """

    ends: list[float]
    descends: bool = False

    @classmethod
    def of(cls, values: Collection[float], *, descends: bool = False) -> Scale:
        """Return the scale from the smallest to the largest value; values that are not positive have the first shade.

        Args:
            values: What it is for.
            descends: Whether larger values are better.

        """
        positive = [value for value in values if value > 0] or [1.0]
        low, high = min(positive), max(positive)
        ends = [low * (high / low) ** (step / SHADES) for step in range(1, SHADES)] + [high]
        return cls(ends, descends)

    def shade(self, value: float) -> int:
        """Return the shade of a value: 0 is the best."""
        step = next((index for index, end in enumerate(self.ends) if value <= end), SHADES - 1)
        return SHADES - 1 - step if self.descends else step


class Shade(NamedTuple):
    """How good a part of a chip is: its shade on a scale, None if that is not known, and what is known of it."""

    step: int | None
    title: str


class Component(NamedTuple):
    """A qubit or a resonator of a chip, where it is, whether it was used, and how good it is if that is shown."""

    name: str
    x: float
    y: float
    is_used: bool
    shade: Shade | None


class Coupler(NamedTuple):
    """The ends of a coupler; whether both were used, whether it can't be, and how good it is if that is shown."""

    x1: float
    y1: float
    x2: float
    y2: float
    is_used: bool
    is_lost: bool
    shade: Shade | None


class Chip(NamedTuple):
    """A chip, from above."""

    width: float
    height: float
    components: list[Component]
    couplers: list[Coupler]


def chip(
    components: Sequence[str],
    couplers: Sequence[Sequence[str]],
    used: Collection[str] = (),
    lost: Collection[Sequence[str]] = (),
    shades: Mapping[frozenset[str], Shade] | None = None,
) -> Chip:
    """Return a chip, laid out by who is coupled with whom: no machine publishes where its qubits are.

    Args:
        components: Its qubits and resonators.
        couplers: Pairs of them.
        used: Components that are marked.
        lost: Couplers that can't be used.
        shades: How good its parts are, by their components: one, or the two ends of a coupler.

    """
    known = shades or {}
    places = dict(zip(components, _layout(tuple(components), tuple(map(tuple, couplers))), strict=True))
    xs, ys = zip(*places.values(), strict=True) if places else ((0.0,), (0.0,))

    def at(name: str) -> tuple[float, float]:
        x, y = places[name]
        return round((x - min(xs) + 0.6) * SPACING, 1), round((y - min(ys) + 0.6) * SPACING, 1)

    return Chip(
        round((max(xs) - min(xs) + 1.2) * SPACING, 1),
        round((max(ys) - min(ys) + 1.2) * SPACING, 1),
        [Component(name, *at(name), name in used, known.get(frozenset([name]))) for name in components],
        [
            Coupler(
                *at(one),
                *at(other),
                one in used and other in used,
                [one, other] in lost,
                known.get(frozenset([one, other])),
            )
            for one, other in couplers
        ],
    )


ROUNDS = 300
"""Steps of the layout's improvement."""

CLOSEST = 0.8
"""How near to each other components may be drawn, in couplers."""


@lru_cache
def _layout(components: tuple[str, ...], couplers: tuple[tuple[str, ...], ...]) -> list[tuple[float, float]]:
    """Return places whose distances are about the numbers of couplers between them: stress majorisation (SMACOF)."""
    import numpy as np

    number = len(components)
    if number < 2:
        return [(0.0, 0.0)] * number
    index = {name: row for row, name in enumerate(components)}
    steps = np.full((number, number), np.inf)
    np.fill_diagonal(steps, 0)
    for one, other in couplers:
        steps[index[one], index[other]] = steps[index[other], index[one]] = 1
    for via in range(number):  # Floyd and Warshall
        steps = np.minimum(steps, steps[:, via, None] + steps[None, via])
    known = steps[np.isfinite(steps)]
    steps[~np.isfinite(steps)] = known.max() + 1  # what is lost lies beside
    weights = 1 / np.maximum(steps, 1) ** 2
    np.fill_diagonal(weights, 0)
    laplacian = np.diag(weights.sum(axis=1)) - weights
    inverse = np.linalg.pinv(laplacian)

    def apart(places: Any) -> Any:
        return np.linalg.norm(places[:, None] - places[None], axis=2)

    def improved(places: Any) -> tuple[float, Any]:
        for _ in range(ROUNDS):
            pull = -weights * steps / np.maximum(apart(places), 1e-9)
            np.fill_diagonal(pull, 0)
            np.fill_diagonal(pull, -pull.sum(axis=1))
            places = inverse @ pull @ places
        return float((weights * (apart(places) - steps) ** 2).sum()), places

    turns = 2 * np.pi * np.arange(number) / number
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1) * steps.max() / 2
    centring = np.eye(number) - 1 / number
    values, vectors = np.linalg.eigh(-0.5 * centring @ steps**2 @ centring)
    scaled = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0)) + 0.01 * circle
    _, places = min((improved(start) for start in (scaled, circle)), key=lambda found: round(found[0], 6))
    _, axes = np.linalg.eigh(np.cov(places.T))
    places = places @ axes[:, ::-1]  # the longer side across
    places *= np.where(places[0] > 0, -1, 1)  # the first one at the top left
    places *= max(1.0, CLOSEST / float((apart(places) + np.diag([np.inf] * number)).min()))  # a star's rays are many
    return [(float(x), float(y)) for x, y in places]
