"""How well the fake predicts recorded jobs, and bare counts."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import combinations
from math import pi
from pathlib import Path

import devices
import numpy as np
import pytest
from instructions import do
from measured_recordings import measured
from qiskit import QuantumCircuit, transpile

from iqm_fakes import Device, FakeIQMClient, Recordings, cli, compare, compare_recordings, record
from iqm_fakes.device.scaled_errors import scaled
from iqm_fakes.recordings.recording import Recording
from iqm_fakes.simulator.circuit import CircuitError, Instruction, Options
from iqm_fakes.simulator.simulator import Simulator
from pytest_iqm import IQMBackend

CHAIN = devices.chain()
PUBLISHED = Simulator(CHAIN.calibration())


def turn(qubit: str, angle: float = pi / 2) -> Instruction:
    return do("prx", qubit, angle=angle, phase=0.0)


CIRCUITS = [
    [turn("QB1"), turn("QB2"), do("cz", "QB1", "QB2"), turn("QB2"), do("measure", "QB1", "QB2", key="m")],
    [turn("QB2"), turn("QB3"), do("cz", "QB2", "QB3"), turn("QB3"), do("measure", "QB3", "QB2", key="m")],
    [turn("QB2", pi), turn("QB3", pi), turn("QB1", pi), do("measure", "QB3", "QB2", "QB1", key="m")],
    [*[turn("QB2", pi / 2)] * 4, *[turn("QB3", pi / 2)] * 4, do("measure", "QB2", "QB3", key="m")],
    [*[do("cz", "QB2", "QB3")] * 2, turn("QB1", pi), do("delay", "QB1", duration=1e-6), do("measure", "QB1", key="m")],
]


def folder_of(tmp_path: Path, *recordings: Recording) -> Recordings:
    folder = Recordings(tmp_path / "iqm_recordings")
    for recording in recordings:
        folder.save(recording)
    folder.save_calibration(CHAIN)
    return folder


@pytest.mark.parametrize(
    ("kind", "locus", "factor"),
    [
        ("readout", ("QB2",), 3.0),
        ("readout", ("QB1",), 0.25),
        ("prx", ("QB3",), 3.0),
        ("cz", ("QB2", "QB3"), 3.0),
        ("relaxation", ("QB1",), 3.0),
    ],
)
def test_what_was_made_worse_on_purpose_is_the_first_suspect(
    kind: str, locus: tuple[str, ...], factor: float, tmp_path: Path
) -> None:
    worse = scaled(CHAIN.calibration(), lambda figure: factor if (figure.kind, figure.locus) == (kind, locus) else 1.0)
    jobs = [measured(CHAIN, Simulator(worse), *CIRCUITS, shots=3000, number=number) for number in range(2)]
    comparison = compare_recordings(folder_of(tmp_path, *jobs).folder, drifts=0)
    first = comparison.suspects[0]
    assert (first.kind, first.locus) == (kind, locus)
    assert first.factor == pytest.approx(factor, rel=0.25)
    assert first.circuits >= 4
    assert comparison.nights[0].p_value == 0.001
    assert f"{'-'.join(locus)} {kind} ×" in str(comparison)


def test_nobody_is_suspected_where_all_is_as_published(tmp_path: Path) -> None:
    """Of three machines; a false alarm in at most 3 % of all seeds."""
    for number in range(3):
        job = measured(CHAIN, PUBLISHED, *CIRCUITS, shots=3000, number=number)
        comparison = compare_recordings(folder_of(tmp_path / str(number), job).folder, drifts=0)
        assert comparison.suspects == ()
        assert "no qubit or coupler explains more than chance does" in str(comparison)
        assert all(circuit.p_value > 0.001 for circuit in comparison.circuits)


def test_distances_ages_and_drift_of_each_circuit(tmp_path: Path) -> None:
    job = measured(CHAIN, PUBLISHED, *CIRCUITS[:2], shots=500)
    circuits = compare_recordings(folder_of(tmp_path, job).folder, drifts=19, seed=3).circuits
    assert [(circuit.job, circuit.index, circuit.name) for circuit in circuits] == [
        (job.id, 0, "circuit 0"),
        (job.id, 1, "circuit 1"),
    ]
    for circuit, instructions, bits in zip(circuits, CIRCUITS, job.results or (), strict=False):
        program = PUBLISHED.compile(_circuit(instructions), Options())
        frequencies = np.bincount(bits["m"].astype(int) @ (1, 2), minlength=4) / 500
        ideal = Simulator(CHAIN.calibration(), noise=False).distribution(program).joint()
        expected = PUBLISHED.distribution(program).joint()
        assert circuit.distance == pytest.approx(np.abs(frequencies - expected).sum() / 2)
        assert circuit.from_ideal == pytest.approx(np.abs(frequencies - ideal).sum() / 2)
        assert circuit.tolerance > circuit.from_ideal
        assert circuit.p_value_with_drift >= 1 / 20
        assert (circuit.age, circuit.shots, circuit.night) == (2.0, 500, "2026-01-04")
        measured_of = {outcome.bits: outcome.measured for outcome in circuit.outcomes}
        assert measured_of == {f"{a}{b}": round(500 * frequencies[a + 2 * b]) for a in (0, 1) for b in (0, 1)}


def _circuit(instructions: list[Instruction]):
    from iqm_fakes.simulator.circuit import Circuit

    return Circuit("", tuple(instructions))


def test_a_machine_has_a_line_for_each_night(tmp_path: Path) -> None:
    jobs = [
        measured(CHAIN, PUBLISHED, *CIRCUITS[:2], shots=200, number=n, submitted_at=f"2026-01-0{3 + n}T03:04:05Z")
        for n in range(3)
    ]
    nights = compare_recordings(folder_of(tmp_path, *jobs).folder, drifts=19).nights
    assert [(night.night, night.circuits, night.shots, night.age) for night in nights] == [
        ("2026-01-03", 2, 400, 1.0),
        ("2026-01-04", 2, 400, 2.0),
        ("2026-01-05", 2, 400, 3.0),
    ]
    assert all(0.001 <= night.p_value <= 1 and 0.05 <= (night.p_value_with_drift or 0) <= 1 for night in nights)


def test_heralding_leaves_fewer_shots(tmp_path: Path) -> None:
    job = measured(CHAIN, PUBLISHED, CIRCUITS[0], shots=1000, heralding=True)
    (circuit,) = compare_recordings(folder_of(tmp_path, job).folder, drifts=0).circuits
    assert 850 < circuit.shots < 970
    assert circuit.p_value > 0.001


def test_what_can_not_be_compared_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = measured(CHAIN, PUBLISHED, CIRCUITS[0], CIRCUITS[1], shots=50)
    failed = replace(measured(CHAIN, PUBLISHED, CIRCUITS[0], number=1), status="failed", results=None)
    foreign = replace(
        measured(CHAIN, PUBLISHED, CIRCUITS[0], number=2), calibration_set="11111111-2222-4333-8444-555555555555"
    )
    qir = replace(
        good, id=foreign.id.replace("000003", "000009"), request={"circuits": ["; QIR", "; QIR"], "shots": 50}
    )
    folder = folder_of(tmp_path, good, failed, foreign, qir)
    broken = folder.folder / "00000000-0000-4000-8000-000000000005.json"
    broken.write_text("{}")
    assert cli.main(["recordings", "--folder", str(folder.folder), "compare", "--drifts", "0"]) == 0
    out = capsys.readouterr().out
    assert "chain: 2 circuits" in out
    assert f"left out: {failed.id}: it failed, and has no results" in out
    assert f"left out: {foreign.id}: its calibration set 11111111-2222-4333-8444-555555555555 is missing" in out
    assert f"left out: {qir.id}, circuit 2: QIR programs are not supported" in out
    assert f"left out: {broken.stem}: recording {broken}: the document has no 'schema'" in out
    assert max(len(line) for line in out.split("left out")[0].splitlines()) <= 120


def test_circuits_that_take_too_long_are_said(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, measured(CHAIN, PUBLISHED, CIRCUITS[0], shots=50)).folder
    none = compare_recordings(folder, drifts=0, seconds=1e-3)
    assert none.circuits == ()
    assert "its exact distribution would take about 0 s, more than 0.001 s" in str(none)
    some = compare_recordings(folder, drifts=19, seconds=0.02)
    assert some.circuits[0].p_value_with_drift is None
    assert "compared, but not searched for suspects" in str(some)


def test_the_table_has_100_columns_and_the_page_needs_nothing_and_escapes_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = measured(CHAIN, PUBLISHED, *CIRCUITS[:2], shots=20_000)
    job.request["circuits"][0]["name"] = "<script>alert(1)</script>"
    page = tmp_path / "page.html"
    folder = folder_of(tmp_path, job).folder
    assert cli.main(["recordings", "compare", str(folder), "--drifts", "19", "--html", str(page)]) == 0
    out = capsys.readouterr().out
    head, first, second, *_ = out.splitlines()[1:]
    assert head.split()[:5] == ["job", "circuit", "night", "shots", "age"]
    assert first.split()[-8] == second.split()[-8] == "2.0"
    assert max(map(len, (head, first, second))) <= 100
    text = page.read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "://" not in text
    assert text.count('<rect class="expected"') == 8 + 1  # one is the legend's
    assert text.count("Qiskit") == 1


def test_a_folder_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["recordings", "compare", "nowhere"]) == 1
    assert "there is no folder nowhere" in capsys.readouterr().err


# -- through the vendor's backend -------------------------------------------------------------------------------------


def secretly_worse(readout: float) -> Device:
    """Return garnet with a worse readout of QB4, which it does not publish."""
    document = copy.deepcopy(dict(Device.load("garnet").document))
    document["calibrations"][0]["noise"] = {"readout": {"QB4": {"p_1_given_0": readout, "p_0_given_1": readout}}}
    return Device.from_document(document)


def ghz(backend: IQMBackend, *layout: int) -> QuantumCircuit:
    circuit = QuantumCircuit(len(layout))
    circuit.h(0)
    for qubit in range(len(layout) - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.x(0)
    circuit.measure_all()
    return transpile(circuit, backend, initial_layout=layout, optimization_level=0, seed_transpiler=1)


def test_a_job_of_qiskit_that_was_recorded_and_its_bare_counts(tmp_path: Path) -> None:
    backend = IQMBackend(FakeIQMClient(secretly_worse(0.3), seed=2))
    circuits = [ghz(backend, 4, 3, 8), ghz(backend, 3, 8)]
    job = backend.run(circuits, shots=1500)
    record(backend.client, job.job_id(), tmp_path)
    recorded = compare_recordings(tmp_path, drifts=0)
    bare = compare(job.result().get_counts(), circuits, "garnet", measured=1.5, drifts=0)
    for comparison in (recorded, bare):
        assert (comparison.suspects[0].kind, comparison.suspects[0].locus) == ("readout", ("QB4",))
    assert bare.circuits[0].age == 1.5
    for one, other in zip(recorded.circuits, bare.circuits, strict=True):
        assert one.distance == pytest.approx(other.distance)
        assert sorted(one.outcomes) == sorted(other.outcomes)
        counts = job.result().get_counts()[one.index]
        assert {outcome.bits: outcome.measured for outcome in one.outcomes if outcome.measured} == counts
    right = compare(job.result().get_counts(0), circuits[0], secretly_worse(0.3), drifts=0)
    assert right.circuits[0].p_value > 0.001
    assert not right.suspects


def test_counts_that_are_not_the_circuits() -> None:
    backend = IQMBackend(FakeIQMClient("garnet"))
    circuit = ghz(backend, 3, 4)
    for counts, reason in (
        ({"000": 1}, "outcome '000' is not one of the circuit, which has 2 classical bits"),
        ({"0x1": 1}, "outcome '0x1' is not one of"),
        ({"00": -1}, "can't have been seen -1 times"),
        ({}, "the counts are empty"),
        ([{"00": 1}] * 2, "there are counts of 2 circuits, and 1 circuit"),
    ):
        with pytest.raises(ValueError, match=reason):
            compare(counts, circuit, "garnet", drifts=0)


def test_bare_counts_of_what_is_too_large() -> None:
    backend = IQMBackend(FakeIQMClient("emerald"))
    circuit = QuantumCircuit(16)
    circuit.rx(0.3, range(16))
    for pair in combinations(range(16), 2):
        circuit.cz(*pair)
    circuit.rx(0.4, range(16))
    circuit.measure_all()
    circuit = transpile(circuit, backend, seed_transpiler=1)
    with pytest.raises(CircuitError, match="the exact distribution of 16 connected components"):
        compare({"0" * 16: 5}, circuit, "emerald")
