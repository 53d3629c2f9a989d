"""Where everything is in drawings."""

import math

import pytest

from iqm_fakes import Device, bundled_devices
from iqm_fakes.html import drawing


def chip_of(device, used=(), lost=()):
    architecture = Device.load(device).static_quantum_architecture
    components = [*architecture["qubits"], *architecture["computational_resonators"]]
    return architecture["connectivity"], drawing.chip(components, architecture["connectivity"], used, lost)


@pytest.mark.parametrize("device", bundled_devices())
def test_on_a_chip_neighbours_are_near_and_nothing_overlaps(device):
    couplers, chip = chip_of(device)
    at = {component.name: (component.x, component.y) for component in chip.components}
    between = {(one, other): math.dist(at[one], at[other]) for one in at for other in at if one < other}
    coupled = [math.dist(at[one], at[other]) for one, other in couplers]
    assert min(between.values()) > 2 * 15  # the diameter of a component
    assert max(coupled) < 1.7 * min(coupled)
    assert all(15 < x < chip.width - 15 and 15 < y < chip.height - 15 for x, y in at.values())


def test_a_lattice_is_drawn_as_one():
    """Of a square lattice, whoever is not coupled is further away than whoever is."""
    couplers, chip = chip_of("emerald")
    at = {component.name: (component.x, component.y) for component in chip.components}
    pairs = {frozenset(pair) for pair in couplers}
    others = [math.dist(at[a], at[b]) for a in at for b in at if a < b and frozenset((a, b)) not in pairs]
    assert min(others) > max(math.dist(at[a], at[b]) for a, b in couplers)


def test_what_is_used_and_what_is_lost_is_marked():
    couplers, chip = chip_of("garnet", used=("QB1", "QB2", "QB5"), lost=[["QB1", "QB4"]])
    assert [component.name for component in chip.components if component.is_used] == ["QB1", "QB2", "QB5"]
    by_ends = dict(zip(map(tuple, couplers), chip.couplers, strict=True))
    used = {ends for ends, coupler in by_ends.items() if coupler.is_used}
    assert used == {pair for pair in by_ends if set(pair) <= {"QB1", "QB2", "QB5"}} != set()
    assert [ends for ends, coupler in by_ends.items() if coupler.is_lost] == [("QB1", "QB4")]


def test_components_without_couplers_have_places():
    chip = drawing.chip(["A", "B", "C"], [["A", "B"]], [])
    assert len({(component.x, component.y) for component in chip.components}) == 3
    assert len(drawing.chip(["A"], [], []).components) == 1
    assert drawing.chip([], [], []).components == []


def test_a_claims_tolerance_is_a_band_around_what_it_declares():
    claim = {"declared": {"000": 0.5, "111": 0.5}, "within": 0.1}
    histogram = drawing.bars({"11 1": 30, "00 1": 10}, {"11 1": 0.5, "00 0": 0.5}, claim)
    assert [(bar.outcome, bar.shots, bar.measured, bar.expected, bar.low, bar.high) for bar in histogram.bars] == [
        ("11 1", 30, 0.75, 0.5, 0.4, 0.6),
        ("00 0", 0, 0.0, 0.5, 0.4, 0.6),
        ("00 1", 10, 0.25, 0.0, 0.0, 0.1),
    ]
    assert (histogram.largest, histogram.others) == (0.75, 0)


def test_a_histogram_has_the_most_frequent_outcomes():
    counts = {f"{number:06b}": 1 + number for number in range(50)}
    histogram = drawing.bars(counts, None)
    assert [bar.shots for bar in histogram.bars] == list(range(50, 50 - drawing.OUTCOMES, -1))
    assert histogram.others == 50 - drawing.OUTCOMES
    assert {(bar.expected, bar.low, bar.high) for bar in histogram.bars} == {(None, None, None)}


@pytest.mark.parametrize(
    ("name", "args", "label"),
    [
        ("prx", {"angle": math.pi / 2, "phase": 1.5 * math.pi}, ("prx", "0.5π, 1.5π")),
        ("prx", {"angle": math.pi, "phase": 0.0}, ("prx", "π, 0")),
        ("prx", {"angle": -math.pi, "phase": -0.5 * math.pi}, ("prx", "-π, 1.5π")),
        ("cc_prx", {"angle": math.pi, "phase": 0.0, "feedback_key": "m"}, ("cc_prx", "π, 0")),
        ("prx", {}, ("prx", "?, ?")),
        ("prx", {"angle": 10**400, "phase": math.nan}, ("prx", "?, ?")),
        ("prx", {"angle": 1e300, "phase": 0.0}, ("prx", "3.2e+299π, 0")),
        ("measure", {"key": "m"}, ("measure", "")),
        ("move", {}, ("MOVE", "")),
        ("an_operation_of_tomorrow", {}, ("an_opera…", "")),
    ],
)
def test_gates_are_named(name, args, label):
    assert drawing.gate(name, args) == label


def step(name, *locus, **args):
    return {"name": name, "locus": list(locus), "args": args}


def test_steps_are_drawn_as_early_as_they_can_be():
    lines, left_out = drawing.circuit(
        [step("prx", "A"), step("cz", "A", "C"), step("prx", "B"), step("prx", "C"), step("measure", "A", "C", key="m")]
    )
    (line,) = lines
    assert [name for name, _ in line.wires] == ["A", "C", "B"]
    columns = [(shape.kind, round((shape.x - drawing.LEFT) / drawing.CELL - 0.5)) for shape in line.shapes]
    assert columns == [("box", 0), ("link", 1), ("dot", 1), ("dot", 1), ("box", 0), ("box", 2), ("box", 3), ("box", 3)]
    assert left_out == 0


def test_long_circuits_are_drawn_below_each_other():
    lines, left_out = drawing.circuit([step("prx", "A")] * (drawing.STEPS + 5))
    assert left_out == 5
    assert len(lines) == math.ceil(drawing.STEPS / drawing.COLUMNS)
    assert sum(len(line.shapes) for line in lines) == drawing.STEPS
    assert all(shape.x < line.width for line in lines for shape in line.shapes)
    assert drawing.circuit([]) == ([], 0)


def test_what_follows_at_once_is_one_line_of_a_timeline():
    entries = [("created", 0.0), ("received", 0.001), ("started", 6.0), ("ended", 10.0), ("completed", 10.0)]
    assert [(span.what, span.second, span.start, span.end) for span in drawing.timeline(entries)] == [
        (["created", "received"], 0.0, 0.0, 0.6),
        (["started"], 6.0, 0.6, 1.0),
        (["ended", "completed"], 10.0, 1.0, 1.0),
    ]
    assert drawing.timeline([("created", 0.0)])[0].what == ["created"]
    assert drawing.timeline([]) == []
