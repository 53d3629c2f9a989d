"""Which bits a job gives: in what order, from what seed, after heralding."""

from __future__ import annotations

import json
import re
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from math import pi
from typing import Any

import devices
import numpy as np
import pytest
from exact_distributions import assert_drawn_from
from instructions import compiled, do
from numpy.random import SeedSequence
from numpy.typing import NDArray
from scipy.stats import binom
from simulators import QUBITS as QUBITS_OF
from simulators import simulator

from iqm_fakes.server.quantum_computer import MAX_POINTS
from iqm_fakes.server.server import FakeIQMServer
from iqm_fakes.simulator import aer, methods
from iqm_fakes.simulator.circuit import CircuitError, Instruction
from iqm_fakes.simulator.methods import Evolution, Method
from iqm_fakes.simulator.pauli_evolution import recorded_probabilities
from iqm_fakes.simulator.shots import outcome_probabilities
from iqm_fakes.simulator.simulator import Simulator, check_results
from iqm_fakes.wire.results import measurement_counts, measurements
from iqm_fakes.wire.status import JobStatus

NOISY = Simulator(devices.chain().calibration())
PERFECT = Simulator(devices.chain().calibration(), noise=False)
QUBITS = ("QB1", "QB2", "QB3", "QB4")
HALF = {"angle": pi / 2, "phase": 0.0}
FULL = {"angle": pi, "phase": 0.0}
Bits = dict[str, NDArray[np.uint8]]


def run(simulator: Simulator, *instructions: Instruction, shots: int = 100, seed: Any = 1, **options: Any) -> Bits:
    return simulator.run(compiled(simulator, *instructions, **options), shots, SeedSequence(seed))


def same(a: Bits, b: Bits) -> bool:
    return list(a) == list(b) and all(np.array_equal(a[key], b[key]) for key in a)


SUPERPOSITION = [do("prx", qubit, **HALF) for qubit in QUBITS]
TERMINAL = [*SUPERPOSITION, do("cz", "QB1", "QB2"), do("measure", *QUBITS, key="m")]

FEEDBACK = [
    *SUPERPOSITION,
    do("measure", "QB1", key="early", feedback_key="f"),
    do("cc_prx", "QB3", feedback_qubit="QB1", feedback_key="f", **HALF),
    do("measure", *QUBITS, key="m"),
]


def test_results_have_one_column_per_component_in_the_order_of_keys_and_loci() -> None:
    bits = run(
        PERFECT,
        do("prx", "QB2", **FULL),
        do("measure", "QB3", "QB2", key="z"),
        do("measure", "QB4", key="a"),
        do("prx", "QB3", **FULL),
        do("measure", "QB1", "QB2", "QB3", key="last"),
        shots=7,
    )
    assert list(bits) == ["z", "a", "last"]
    assert {key: array.tolist() for key, array in bits.items()} == {
        "z": [[0, 1]] * 7,
        "a": [[0]] * 7,
        "last": [[0, 1, 1]] * 7,
    }
    assert {array.dtype for array in bits.values()} == {np.dtype(np.uint8)}


@pytest.mark.parametrize("ones", [(), ("QB1",), ("QB2", "QB4"), ("QB1", "QB2", "QB3"), QUBITS])
def test_deterministic_circuit_without_noise_has_one_outcome(ones: tuple[str, ...]) -> None:
    bits = run(
        PERFECT, *[do("prx", qubit, **FULL) for qubit in ones], *[do("measure", qubit, key=qubit) for qubit in QUBITS]
    )
    assert {key: set(array.ravel().tolist()) for key, array in bits.items()} == {q: {int(q in ones)} for q in QUBITS}


def test_angles_may_be_as_large_as_numbers_are() -> None:
    huge = {"theta": 1.7e308, "phi": 1.7e308, "lam": 1.7e308}
    assert run(NOISY, do("u", "QB1", **huge), do("u", "QB1", **huge), do("measure", "QB1", key="m"))["m"].shape == (
        100,
        1,
    )


def test_feedback_without_noise_corrects_every_shot() -> None:
    bits = run(
        PERFECT,
        do("prx", "QB1", **HALF),
        do("measure", "QB1", key="coin", feedback_key="f"),
        do("cc_prx", "QB1", feedback_qubit="QB1", feedback_key="f", **FULL),
        do("cc_prx", "QB2", feedback_qubit="QB1", feedback_key="f", **FULL),
        do("measure", "QB1", "QB2", key="m"),
    )
    assert set(bits["coin"].ravel().tolist()) == {0, 1}
    assert not bits["m"][:, 0].any()
    assert np.array_equal(bits["m"][:, 1], bits["coin"][:, 0])


def test_state_returns_from_the_resonator() -> None:
    star = Simulator(devices.star().calibration(), noise=False)
    move = do("move", "QB1", "COMPR1")
    bits = run(star, do("prx", "QB1", **FULL), move, do("barrier", "QB1", "QB2"), move, do("measure", "QB1", key="m"))
    assert bits["m"].all()


@pytest.mark.parametrize("instructions", [TERMINAL, FEEDBACK], ids=["terminal", "feedback"])
def test_seed_determines_the_bits(instructions: list[Instruction]) -> None:
    seed = SeedSequence([7, 1, 2])
    simulated = compiled(NOISY, *instructions)
    first = NOISY.run(simulated, 200, seed)
    assert same(first, NOISY.run(simulated, 200, seed)), "the same seed object"
    assert same(first, Simulator(devices.chain().calibration()).run(simulated, 200, SeedSequence([7, 1, 2])))
    assert not same(first, NOISY.run(simulated, 200, SeedSequence([7, 1, 3])))
    assert not same(first, NOISY.run(simulated, 200, SeedSequence([7, 1, 2], spawn_key=(0,))))


def test_running_in_parallel_changes_nothing() -> None:
    programs = [compiled(NOISY, *TERMINAL), compiled(NOISY, *FEEDBACK)] * 4
    alone = [NOISY.run(each, 100, SeedSequence(index)) for index, each in enumerate(programs)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda index: NOISY.run(programs[index], 100, SeedSequence(index)), range(8)))
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("instructions", [TERMINAL, FEEDBACK], ids=["terminal", "feedback"])
def test_order_of_shots_carries_no_information(instructions: list[Instruction]) -> None:
    """Two successive shots agree in QB4 as often as independent ones do; false alarms: 1e-6, one exact binomial test.

    A fair coin, whose noise is symmetrised by comparing pairs only: P(agree) = p² + (1-p)².
    """
    column = run(NOISY, *instructions, shots=4000)["m"][:, 3]
    p = column.mean()
    agreements = int((column[::2] == column[1::2]).sum())
    expected = p**2 + (1 - p) ** 2
    assert 2 * min(binom.cdf(agreements, 2000, expected), binom.sf(agreements - 1, 2000, expected)) > 1e-6


def test_heralding_keeps_the_shots_whose_herald_reads_zeros() -> None:
    """False alarms: 1e-6, one exact binomial test of the number of survivors."""
    shots = 20_000
    bits = run(NOISY, *TERMINAL, shots=shots, heralding=True)["m"]
    kept = np.prod([1 - devices.READOUT[qubit][0] for qubit in QUBITS])
    assert 2 * min(binom.cdf(len(bits), shots, kept), binom.sf(len(bits) - 1, shots, kept)) > 1e-6


def test_heralding_leaves_states_as_a_measurement_that_read_zero_does() -> None:
    """Exact probabilities of QB3, whose measurement takes 0 to 1 in one of five cases; false alarms: 1e-6."""
    instrument = devices.instrument("QB3")[0, 0]  # of 0, read as 0
    left = instrument[1] / instrument.sum()
    barrier, read = do("barrier", "QB3"), do("measure", "QB3", key="m")
    bits = run(NOISY, barrier, read, shots=20_000, heralding=True)["m"]
    zero, one = devices.READOUT["QB3"]
    expected = (1 - left) * zero + left * (1 - one)
    ones = int(bits.sum())
    assert abs(expected - zero) > 0.02
    assert 2 * min(binom.cdf(ones, len(bits), expected), binom.sf(ones - 1, len(bits), expected)) > 1e-6


def test_heralding_without_noise_keeps_every_shot() -> None:
    assert len(run(PERFECT, *TERMINAL, shots=50, heralding=True)["m"]) == 50


def test_heralding_that_keeps_nothing_is_an_error() -> None:
    simulated = compiled(NOISY, *TERMINAL, heralding=True)
    outcomes = []
    for seed in range(60):  # each shot survives with probability 0.75: all 60 surviving has probability 3e-8
        try:
            outcomes.append(str(len(NOISY.run(simulated, 1, SeedSequence(seed))["m"])))
        except CircuitError as error:
            outcomes.append(str(error))
    assert set(outcomes) == {"1", "heralding discarded all the shots"}


def test_more_bits_than_a_machine_word_are_kept_apart() -> None:
    flips = [
        instruction
        for number in range(70)
        for instruction in (do("prx", "QB1", **FULL), do("measure", "QB1", key=f"m{number}"))
    ]
    bits = run(PERFECT, *flips, shots=3)
    assert [array.tolist() for array in bits.values()] == [[[1 - number % 2]] * 3 for number in range(70)]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let calls of Aer be very short; holds how many shots each took."""
    monkeypatch.setattr(methods, "LONGEST_CALL", 1e-3)
    monkeypatch.setattr(methods, "MOST_PREPARATION", 1.0)
    taken: list[int] = []
    run = aer._run

    def counted(circuits: Any, *, shots: int, **options: Any) -> Any:
        taken.append(shots)
        return run(circuits, shots=shots, **options)

    monkeypatch.setattr(aer, "_run", counted)
    return taken


@pytest.mark.parametrize(
    ("device", "method"),
    [("chain", "statevector"), ("chain", "matrix_product_state"), ("dephased", "stabilizer")],
)
def test_long_trajectories_are_several_calls_with_the_exact_distribution(
    device: str, method: Method, calls: list[int]
) -> None:
    simulated, (one, two, *_) = simulator(device, method=method), QUBITS_OF[device]
    program = compiled(
        simulated,
        do("prx", one, **HALF),
        do("cz", one, two),
        do("measure", one, key="early"),
        do("prx", one, **HALF),
        do("prx", two, **HALF),
        do("measure", one, two, key="end"),
    )
    bits = simulated.run(program, 3001, SeedSequence(5))
    assert len(calls) > 3
    assert {len(columns) for columns in bits.values()} == {3001}
    exact = simulated.distribution(program).joint().reshape(2, 2, 2)  # the first bit is the last axis
    assert_drawn_from(
        np.hstack(list(bits.values())), {outcome: exact[outcome[::-1]] for outcome in product((0, 1), repeat=3)}
    )


def test_calls_draw_different_shots_and_the_same_ones_again(calls: list[int]) -> None:
    simulated = simulator("chain", method="statevector")
    program = compiled(simulated, *FEEDBACK)
    one, again, other = (simulated.run(program, 999, SeedSequence(seed)) for seed in (1, 1, 2))
    assert len(calls) > 3
    assert same(one, again)
    assert not same(one, other)


@pytest.mark.parametrize("cores", [1, 3])
def test_results_of_several_calls_do_not_depend_on_the_number_of_cores(
    cores: int, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated = simulator("chain", method="statevector")
    program = compiled(simulated, *FEEDBACK)
    here = simulated.run(program, 500, SeedSequence(1))
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert same(simulated.run(program, 500, SeedSequence(1)), here)


def test_what_is_done_adds_up_to_the_estimate(calls: list[int]) -> None:
    for simulated in (NOISY, simulator("chain", method="statevector")):
        plans = [simulated.plan(compiled(simulated, *steps), 400) for steps in (TERMINAL, FEEDBACK)]
        done: list[float] = []
        simulated.run_all(plans, [SeedSequence(1), SeedSequence(2)], done.append)
        assert sum(done) == pytest.approx(sum(plan.seconds for plan in plans))


def test_gates_on_the_same_two_components_are_one_instruction(monkeypatch: pytest.MonkeyPatch) -> None:
    """The distribution is that of an engine that has no such rule."""
    one, two, three, _ = QUBITS
    again = [step for qubit in (one, two) for step in (do("prx", qubit, **HALF), do("cz", one, two))]
    steps = [*again, *again, do("prx", two, **HALF), do("cz", two, three), *again, do("prx", three, **HALF)]
    program = compiled(NOISY, *steps, do("measure", one, two, three, key="m"))
    (part,) = NOISY.plan(program, 1).subcircuits
    run, instructions = aer._run, []

    def counted(circuits: Any, **options: Any) -> Any:
        instructions.extend(instruction.name for circuit in circuits for instruction in circuit.data)
        return run(circuits, **options)

    monkeypatch.setattr(aer, "_run", counted)
    (fused,) = outcome_probabilities(Evolution("density_matrix"), [part])
    assert instructions == ["superop"] * 3 + ["save_probabilities"]
    assert fused == pytest.approx(recorded_probabilities(part), abs=1e-6)


@pytest.mark.parametrize(
    ("measured", "shots", "factor"),
    [
        ([do("measure", *QUBITS, key="m")], 200_000, 2),
        ([do("measure", qubit, key=f"m_{qubit}") for qubit in QUBITS], 200_000, 1.5),
        ([do("measure", "QB1", key="m")], 400_000, 2),
    ],
)
@pytest.mark.parametrize("method", ["density_matrix", "statevector", "batched"])
def test_the_memory_of_results_is_what_was_estimated(
    measured: list[Instruction], shots: int, factor: float, method: Method
) -> None:
    """At the peak: while they are drawn, written or counted. Memory that Aer takes itself is not seen."""
    machine = simulator("chain", method=method)
    plan = machine.plan(compiled(machine, *SUPERPOSITION, *measured), shots)
    machine.run_all([plan], [SeedSequence(1)])  # what is kept afterwards is not counted
    tracemalloc.start()
    try:
        results = machine.run_all([plan], [SeedSequence(1)])
        measurements(results)
        measurement_counts(results)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 1 / factor < peak / plan.result_memory < factor


def test_more_results_than_memory_are_refused_before_anything_is_simulated() -> None:
    program = compiled(PERFECT, *SUPERPOSITION, do("measure", *QUBITS, key="m"))
    with pytest.raises(CircuitError) as refused:
        PERFECT.run(program, 2**31 - 1, SeedSequence(1))
    message = str(refused.value)
    assert re.match(
        r"the results take about [\d.]+ GiB of memory, and a job may take 2 GiB; most of them are of circuit 0, which "
        r"has 2147483647 shots of 4 bits. What works: at most \d+ shots, fewer measured qubits, or several jobs$",
        message,
    )
    most = int(message.split("at most ")[1].split()[0])
    check_results([PERFECT.plan(program, most)])
    with pytest.raises(CircuitError):
        check_results([PERFECT.plan(program, 3 * most // 4)] * 2)


def test_a_job_with_too_many_results_fails_and_says_so() -> None:
    """The machine itself would take as many bits, but not this computer."""
    server = FakeIQMServer(devices.chain(), seed=1)
    circuit = {
        "name": "coin",
        "instructions": [
            {"name": "prx", "locus": ["QB1"], "args": HALF},
            {"name": "measure", "locus": ["QB1"], "args": {"key": "m"}},
        ],
    }
    job = server.submit("chain", json.dumps({"circuits": [circuit], "shots": MAX_POINTS}).encode())
    assert job.status is JobStatus.FAILED
    ((_, _, message),) = job.errors
    assert message.startswith("the results take about ")
