"""How often claims about counts are wrong: false alarms on true claims, and mutants that are not caught.

``python benchmarks/claims.py`` prints the tables of docs/statistics.md, and fails if claims are worse than promised
there. All seeds are fixed.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.random import SeedSequence
from numpy.typing import NDArray
from qiskit import ClassicalRegister, QuantumCircuit, transpile
from qiskit.circuit.library import QFT
from qiskit.quantum_info import Operator, Statevector
from scipy import stats

from iqm_fakes import FakeIQMClient
from iqm_fakes.simulator.tolerance import tolerance
from iqm_fakes.wire.payload import CircuitJobPayload
from iqm_fakes.wire.qiskit_order import OutcomeOrder
from iqm_fakes.wire.results import histogram
from pytest_iqm import IQMBackend, claim_hooks, distribution, shots_for
from pytest_iqm.claim_hooks import ALPHA
from pytest_iqm.executions import Exact
from pytest_iqm.prediction import Predictor, Predictors
from pytest_iqm.statistics.claim_types import Claim, Within
from pytest_iqm.statistics.observed import CountsError
from pytest_iqm.statistics.tail_bounds import distribution_p_value, equality_p_value, upper_tail
from pytest_iqm.statistics.verdict import TooFewShots

DEVICES = ("adonis", "garnet", "deneb")
LEVELS = (0.05, 0.01, 0.001)
"""Nominal rates of false alarms."""

UNLUCKY = 1e-9
"""How probable a count of false alarms may be, if the rate is nominal, before this fails."""

APART = (
    (1, 64, 500, 0.2, 0.0),
    (1, 64, 500, 0.27, 0.05),
    (1, 64, 4000, 0.13, 0.05),
    (1, 256, 4000, 0.16, 0.05),
    (2, 32, 1000, 0.15, 0.0),
    (2, 32, 1000, 0.22, 0.03),
    (2, 64, 4000, 0.16, 0.05),
    (2, 256, 4000, 0.2, 0.05),
)
"""Samples, outcomes, shots, distance and tolerance of devices to be told apart."""

DETECT = 0.25
"""Distance of the ideal distributions from which on a mutant has to be caught."""

CAUGHT = 0.97
"""Which part of these mutants each claim catches."""

CLAIMS: Mapping[str, Within] = {'within="calibration"': "calibration", 'within="fake"': "fake"}
"""The claims about programs."""


# -- false alarms ----------------------------------------------------------------------------------------------------


def call(function: Callable[..., Any], arguments: Iterable[Any], **more: Any) -> Any:
    """Call a function in another process."""
    return function(*arguments, **more)


def boundary(kind: str, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return a declared distribution, a device whose distance from it is the tolerance, and the tolerance."""
    q = np.append(np.arange(k - 1, 0, -1.0), 0.0)
    q /= q.sum()
    if kind == "perfect":
        return q, q, 0.0
    delta = 0.06
    p = q * (1 - delta)
    p[-1] += delta
    return q, p, delta


def false_alarm_rates(k: int, shots: int, kind: str, draws: int) -> list[list[float]]:
    """Return how often true claims fail at nominal levels: of a distribution, and of two samples."""
    q, p, delta = boundary(kind, k)
    dice = np.random.default_rng([k, shots, len(kind)])
    one, other = (dice.multinomial(shots, each, draws).astype(float) for each in (p, q))
    alone = [distribution_p_value(each, q, delta) for each in one]
    pairs = zip(one[: draws // 4], other, strict=False)  # which take longer
    compared = [equality_p_value(each, former, delta, k) for each, former in pairs]
    return [[float(np.mean(np.array(values) < level)) for level in LEVELS] for values in (alone, compared)]


def false_alarms(pool: Executor, draws: int) -> Iterator[str]:
    """Print the rates of false alarms, with noise on the boundary and without; yield those that are too high."""
    print("| outcomes | shots | device | distribution at 0.05 | 0.01 | 0.001 | same_as at 0.05 | 0.01 | 0.001 |")
    print("|" + "---|" * 9)
    lines = list(itertools.product((2, 4, 8, 16, 64), (100, 1000, 10_000), ("perfect", "boundary")))
    for line, rates in zip(lines, pool.map(partial(call, false_alarm_rates, draws=draws), lines), strict=True):
        figures = " | ".join(f"{rate:.1e}" for rate in itertools.chain(*rates))
        print(f"| {' | '.join(map(str, line))} | {figures} |", flush=True)
        for claim, number, each in zip(("distribution", "same_as"), (draws, draws // 4), rates, strict=True):
            for level, rate in zip(LEVELS, each, strict=True):
                if round(rate * number) > stats.binom.isf(UNLUCKY, number, level):
                    yield f"{claim} of {line}: {rate:.1e} false alarms at {level}"


# -- sharpness -------------------------------------------------------------------------------------------------------


def told_apart(samples: int, k: int, shots: int, distance: float, delta: float, draws: int) -> list[float]:
    """Return how often devices are told apart at α: by a claim, by χ², and by who knows the best event.

    All outcomes of one are as likely as each other, half of the other's are likelier, half less.
    """
    q = np.full(k, 1 / k)
    event = np.arange(k) % 2 == 1
    dice = np.random.default_rng([samples, k, shots])
    one = dice.multinomial(shots, (1 + 2 * distance * np.where(event, 1, -1)) / k, draws).astype(float)
    other = dice.multinomial(shots, q, draws).astype(float)
    hits, former = one[:, event].sum(1), other[:, event].sum(1)
    if samples == 1:
        ours = [distribution_p_value(each, q, delta) for each in one]
        known = upper_tail(hits, shots, 0.5 + delta)
        chi = stats.chisquare(one, shots * q, axis=1).pvalue
    else:
        ours = [equality_p_value(each, before, delta, k) for each, before in zip(one, other, strict=True)]
        thetas = np.linspace(0, 1 - delta, 501)[:, None]
        tails = upper_tail(hits, shots, thetas + delta) * upper_tail(shots - former, shots, 1 - thetas)
        known = stats.chi2.sf(-2 * np.log(tails.max(0)), 4)
        chi = stats.chi2.sf(((one - other) ** 2 / np.maximum(one + other, 1)).sum(1), k - 1)
    return [float(np.mean(np.asarray(values) < ALPHA)) for values in (ours, chi, known)]


def sharpness(pool: Executor, draws: int) -> None:
    """Print how often claims tell devices apart."""
    print(f"told apart at {ALPHA:g}, of {draws} each\n")
    print("| samples | outcomes | shots | distance | within | claim | χ² (within 0) | with the event known |")
    print("|" + "---|" * 8)
    for line, (ours, chi, known) in zip(APART, pool.map(partial(call, told_apart, draws=draws), APART), strict=True):
        asymptotic = f"{chi:.0%}" if not line[-1] else "–"
        print(f"| {' | '.join(map(str, line))} | {ours:.0%} | {asymptotic} | {known:.0%} |", flush=True)


# -- circuits and mutants --------------------------------------------------------------------------------------------


def ghz(n: int) -> QuantumCircuit:
    """Return a GHZ state."""
    qc = QuantumCircuit(n)
    qc.h(0)
    for qubit in range(n - 1):
        qc.cx(qubit, qubit + 1)
    return qc


def w3() -> QuantumCircuit:
    """Return a W state of three qubits."""
    qc = QuantumCircuit(3)
    qc.ry(2 * np.arccos(1 / np.sqrt(3)), 0)
    qc.ch(0, 1)
    qc.cx(1, 2)
    qc.cx(0, 1)
    qc.x(0)
    return qc


def qft_back() -> QuantumCircuit:
    """Return a QFT of a number's phases, which gives the number."""
    qc = QuantumCircuit(3)
    for qubit in range(3):
        qc.h(qubit)
        qc.p(2 * np.pi * 5 * 2**qubit / 8, qubit)
    return qc.compose(QFT(3, inverse=True).decompose())


def grover() -> QuantumCircuit:
    """Return a search of one of four."""
    qc = QuantumCircuit(2)
    qc.h([0, 1])
    qc.cz(0, 1)
    qc.h([0, 1])
    qc.x([0, 1])
    qc.cz(0, 1)
    qc.x([0, 1])
    qc.h([0, 1])
    return qc


def bernstein_vazirani() -> QuantumCircuit:
    """Return a circuit that finds the number 101."""
    qc = QuantumCircuit(4)
    qc.x(3)
    qc.h(range(4))
    qc.cx(0, 3)
    qc.cx(2, 3)
    qc.h(range(4))
    qc.x(3)
    return qc


def deutsch() -> QuantumCircuit:
    """Return Deutsch's algorithm of a balanced function."""
    qc = QuantumCircuit(2)
    qc.x(1)
    qc.h([0, 1])
    qc.cx(0, 1)
    qc.h(0)
    qc.h(1)
    return qc


def ansatz() -> QuantumCircuit:
    """Return two layers of a variational ansatz."""
    qc = QuantumCircuit(3)
    for layer in range(2):
        for qubit in range(3):
            qc.ry(0.4 + 0.7 * qubit + layer, qubit)
        qc.cz(0, 1)
        qc.cz(1, 2)
    return qc


def superdense() -> QuantumCircuit:
    """Return superdense coding of 11."""
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    qc.x(0)
    qc.z(0)
    qc.cx(0, 1)
    qc.h(0)
    return qc


def swap_test() -> QuantumCircuit:
    """Return a swap test of two different states."""
    qc = QuantumCircuit(3)
    qc.ry(1.0, 1)
    qc.h(0)
    qc.cswap(0, 1, 2)
    qc.h(0)
    return qc


def adder() -> QuantumCircuit:
    """Return a half adder of 1 and 1."""
    qc = QuantumCircuit(3)
    qc.x([0, 1])
    qc.ccx(0, 1, 2)
    qc.cx(0, 1)
    return qc


def phase_estimation() -> QuantumCircuit:
    """Return two bits of the phase of a T gate squared."""
    qc = QuantumCircuit(3)
    qc.x(2)
    qc.h([0, 1])
    qc.cp(np.pi / 2, 0, 2)
    qc.cp(np.pi, 1, 2)
    qc.h(1)
    qc.cp(-np.pi / 2, 1, 0)
    qc.h(0)
    return qc


def teleportation() -> QuantumCircuit:
    """Return teleportation of a state of one qubit, which is undone where it arrives: corrected by feedback."""
    qc = QuantumCircuit(3, 2)
    qc.ry(1.2, 0)
    qc.h(1)
    qc.cx(1, 2)
    qc.cx(0, 1)
    qc.h(0)
    qc.measure([0, 1], [0, 1])
    with qc.if_test((qc.clbits[1], 1)):
        qc.x(2)
    with qc.if_test((qc.clbits[0], 1)):  # Z, but for a phase
        qc.x(2)
    with qc.if_test((qc.clbits[0], 1)):
        qc.y(2)
    qc.ry(-1.2, 2)
    return qc


def deferred_teleportation() -> QuantumCircuit:
    """Return the same with gates instead of feedback."""
    qc = QuantumCircuit(3)
    qc.ry(1.2, 0)
    qc.h(1)
    qc.cx(1, 2)
    qc.cx(0, 1)
    qc.h(0)
    qc.cx(1, 2)
    qc.cz(0, 2)
    return qc


CIRCUITS: Mapping[str, QuantumCircuit] = {
    "Bell": ghz(2),
    "GHZ-3": ghz(3),
    "GHZ-5": ghz(5),
    "W-3": w3(),
    "QFT": qft_back(),
    "Grover": grover(),
    "Bernstein-Vazirani": bernstein_vazirani(),
    "Deutsch": deutsch(),
    "VQE ansatz": ansatz(),
    "superdense coding": superdense(),
    "swap test": swap_test(),
    "half adder": adder(),
    "phase estimation": phase_estimation(),
    "teleportation": teleportation(),
    "teleportation, deferred": deferred_teleportation(),
}


Mutation = Callable[[QuantumCircuit, random.Random], QuantumCircuit | None]


def rebuilt(qc: QuantumCircuit, change: Callable[[int, Any], list[Any]]) -> QuantumCircuit:
    """Return a circuit with every instruction replaced by others."""
    new = qc.copy_empty_like()
    for index, instruction in enumerate(qc.data):
        for replacement in change(index, instruction):
            new.append(replacement)
    return new


def places(qc: QuantumCircuit, kind: Callable[[Any], bool]) -> list[int]:
    """Return where a circuit has gates of a kind, conditional ones included."""
    return [index for index, step in enumerate(qc.data) if step.operation.name != "measure" and kind(step)]


def drop(kind: Callable[[Any], bool]) -> Mutation:
    """Return a mutation that leaves out a gate of a kind."""

    def mutation(qc: QuantumCircuit, dice: random.Random) -> QuantumCircuit | None:
        found = places(qc, kind)
        if not found:
            return None
        place = dice.choice(found)
        return rebuilt(qc, lambda i, step: [] if i == place else [step])

    return mutation


def doubled(qc: QuantumCircuit, dice: random.Random) -> QuantumCircuit | None:
    """Repeat a gate."""
    place = dice.choice(places(qc, lambda step: True))
    return rebuilt(qc, lambda i, step: [step] * (2 if i == place else 1))


def turned(qc: QuantumCircuit, dice: random.Random) -> QuantumCircuit | None:
    """Exchange control and target, or the qubits of another gate on two."""
    found = places(qc, lambda step: len(step.qubits) == 2)
    if not found:
        return None
    place = dice.choice(found)
    return rebuilt(qc, lambda i, step: [step.replace(qubits=step.qubits[::-1]) if i == place else step])


def angle(qc: QuantumCircuit, dice: random.Random) -> QuantumCircuit | None:
    """Add a quarter turn to an angle."""
    found = places(qc, lambda step: step.operation.params and not step.clbits)
    if not found:
        return None
    place = dice.choice(found)

    def change(i: int, step: Any) -> list[Any]:
        if i != place:
            return [step]
        operation = step.operation
        operation = operation.to_mutable() if hasattr(operation, "to_mutable") else operation.copy()
        operation.params = [float(operation.params[0]) + np.pi / 2, *operation.params[1:]]
        return [step.replace(operation=operation)]

    return rebuilt(qc, change)


def moved(qc: QuantumCircuit, dice: random.Random) -> QuantumCircuit | None:
    """Apply a gate on one qubit to another one."""
    found = places(qc, lambda step: len(step.qubits) == 1)
    if not found:
        return None
    place, qubit = dice.choice(found), dice.choice(qc.qubits)
    return rebuilt(qc, lambda i, step: [step.replace(qubits=(qubit,)) if i == place else step])


def extra(gate: str) -> Mutation:
    """Return a mutation that adds a gate at the end."""

    def mutation(qc: QuantumCircuit, dice: random.Random) -> QuantumCircuit | None:
        new = qc.copy()
        getattr(new, gate)(dice.randrange(qc.num_qubits))
        return new

    return mutation


def permuted(qc: QuantumCircuit, dice: random.Random) -> QuantumCircuit | None:
    """Exchange two qubits before the measurement."""
    new = qc.copy()
    new.swap(*dice.sample(range(qc.num_qubits), 2))
    return new


def reversed_bits(qc: QuantumCircuit, dice: random.Random) -> QuantumCircuit | None:
    """Read the qubits in the wrong order."""
    new = qc.copy()
    for one in range(qc.num_qubits // 2):
        new.swap(one, qc.num_qubits - 1 - one)
    return new


MUTATIONS: Mapping[str, Mutation] = {
    "a gate on one qubit dropped": drop(lambda step: len(step.qubits) == 1),
    "a gate on several qubits dropped": drop(lambda step: len(step.qubits) > 1),
    "a gate doubled": doubled,
    "control and target exchanged": turned,
    "wrong angle": angle,
    "gate on the wrong qubit": moved,
    "wrong basis (H)": extra("h"),
    "an X too many": extra("x"),
    "qubits exchanged": permuted,
    "reversed bits": reversed_bits,
}


# -- a machine -------------------------------------------------------------------------------------------------------


@dataclass
class Bench:
    """A fake device, without its queue."""

    name: str

    def __post_init__(self) -> None:
        self.client = FakeIQMClient(self.name, seed=1)
        self.backend = IQMBackend(self.client, use_metrics=True)  # real chips have weak qubits; layouts avoid them
        calibration = next(iter(self.client.server.devices.values())).default_calibration_set_id
        self.predictor: Predictor = Predictors(self.client).of(calibration)

    def compiled(self, qc: QuantumCircuit) -> Any:
        """Return the machine's program of a circuit that measures everything at its end."""
        measured = qc.copy_empty_like()
        measured.add_register(end := ClassicalRegister(qc.num_qubits, "end"))
        measured.compose(qc, inplace=True)
        measured.measure(range(qc.num_qubits), end)
        native = transpile(measured, self.backend, seed_transpiler=1, optimization_level=2)
        self.backend.run(native, shots=1)
        payload = CircuitJobPayload.parse(self.client.server.jobs[-1].body)
        return self.predictor.noisy.compile(payload.circuit(0), payload.options())

    def shots(self, program: Any, shots: int, seed: int, *, ideal: bool = False) -> NDArray[np.uint8]:
        """Return outcomes of shape (shots, bits), in Qiskit's order."""
        simulator = self.predictor.ideal if ideal else self.predictor.noisy
        recorded = np.concatenate(list(simulator.run(program, shots, SeedSequence(seed)).values()), axis=1)
        return recorded[:, np.argsort(OutcomeOrder.of(program.keys).places)]


def exact(qc: QuantumCircuit) -> dict[str, float]:
    """Return the distribution of a circuit by qiskit.quantum_info: of all qubits, then of bits measured on the way."""
    branches = [(1.0, Statevector.from_int(0, 2**qc.num_qubits), [0] * qc.num_clbits)]
    for step in qc.data:
        qubits = [qc.find_bit(qubit).index for qubit in step.qubits]
        places = [qc.find_bit(clbit).index for clbit in step.clbits]
        before, branches = branches, []
        for weight, state, bits in before:
            if step.operation.name == "measure":
                for value, probability in enumerate(state.probabilities(qubits)):
                    if probability > 1e-12:
                        projected = state.evolve(Operator(np.diag(np.eye(2)[value])), qubits) / np.sqrt(probability)
                        after = [value if place in places else bit for place, bit in enumerate(bits)]
                        branches.append((weight * probability, projected, after))
                continue
            gates = [step] if not places else []
            if places and bits[places[0]] == step.operation.condition[1]:
                gates = list(step.operation.blocks[0].data)  # on the same qubit
            for gate in gates:
                state = state.evolve(gate.operation, qubits)
            branches.append((weight, state, bits))
    found: dict[str, float] = {}
    for weight, state, bits in branches:
        for key, probability in state.probabilities_dict().items():
            if probability > 1e-12:
                outcome = key + "".join(map(str, reversed(bits)))
                found[outcome] = found.get(outcome, 0.0) + weight * probability
    total = sum(found.values())
    return {key: value / total for key, value in found.items()}


def distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the total variation distance."""
    return sum(abs(one.get(key, 0.0) - other.get(key, 0.0)) for key in {*one, *other}) / 2


def rivals(counts: Mapping[str, int], declared: Mapping[str, float]) -> dict[str, bool]:
    """Return what common practice says: whether each one passes."""
    shots = sum(counts.values())
    tvd = distance({key: count / shots for key, count in counts.items()}, declared)
    stray = any(key not in declared for key in counts)
    chi = 0.0
    if not stray and len(declared) > 1:
        chi = stats.chisquare([counts.get(k, 0) for k in declared], [shots * p for p in declared.values()]).pvalue
    return {
        "χ² at 0.05": not stray and (len(declared) == 1 or chi >= 0.05),
        "TVD ≤ 0.05": tvd <= 0.05,
        "TVD ≤ 0.15": tvd <= 0.15,
    }


class Known:
    """A session that knows of one circuit."""

    alpha = ALPHA

    def __init__(self, bench: Bench, program: Any) -> None:
        self.within = tolerance(program, bench.predictor.noise)
        self.as_published = tolerance(program, bench.predictor.noise, sigmas=0)
        simulators = {False: bench.predictor.ideal, True: bench.predictor.noisy}
        order = OutcomeOrder.of(program.keys)
        self._exact = {noise: Exact(simulator.distribution(program), order) for noise, simulator in simulators.items()}
        self._fake = cache(lambda shots, noise: bench.shots(program, shots, seed=3, ideal=not noise))

    def execution(self, counts: dict[str, int]) -> Known:
        """Return itself."""
        return self

    def gave(self, counts: dict[str, int]) -> bool:
        """Whether these are its counts."""
        return True

    def tolerance(
        self, counts: dict[str, int], places: Collection[int] | None = None, *, uncertain: bool = True
    ) -> float:
        """Return the published one."""
        return self.within if uncertain else self.as_published

    def exact(self, *, noise: bool = True) -> Exact:
        """Return the fake's distribution."""
        return self._exact[noise]

    def simulated(self, shots: int, *, noise: bool = True) -> dict[str, int]:
        """Return counts of the fake."""
        return histogram([self._fake(shots, noise)])

    def judge_equal(self, claim: Claim, counts: Any) -> bool:
        """Judge counts."""
        return claim.check(counts).passed

    def judge_not_equal(self, claim: Claim, counts: Any) -> bool:
        """Judge counts."""
        return not claim.check(counts).passed


def judged(bits: NDArray[np.uint8], declared: Mapping[str, float], known: Known) -> dict[str, bool]:
    """Return what everybody says of shots."""
    counts = histogram([bits])
    with claim_hooks.installed(known):
        claims = {oracle: distribution(declared, within=within) == counts for oracle, within in CLAIMS.items()}
    return {**claims, **rivals(counts, declared)}


def needed(declared: Mapping[str, float], within: float) -> int:
    """Return the shots that the plan asks for: to see what is a twentieth beyond the tolerance."""
    return shots_for(detect=max(DETECT, within + 0.05), within=within, outcomes=len(declared))


@dataclass
class Judged:
    """What became of the programs of one device.

    Attributes:
        lines: Those of the table.
        right: Whether right programs pass, by oracle.
        caught: Whether mutants fail, by oracle.
        missed: Mutants that claims let pass.

    """

    lines: list[str]
    right: dict[str, list[bool]]
    caught: dict[str, list[bool]]
    missed: list[str]


def judged_on(device: str, seeds: int) -> Judged:
    """Judge right programs and mutants on a device."""
    bench, found = Bench(device), Judged([], {}, {}, [])
    for name, qc in CIRCUITS.items():
        declared = exact(qc)
        program = bench.compiled(qc)
        known = Known(bench, program)
        shots = needed(declared, known.within)
        outcomes = bench.shots(program, shots * seeds, seed=1).reshape(seeds, shots, -1)
        verdicts = [judged(bits, declared, known) for bits in outcomes]
        for oracle in verdicts[0]:
            found.right.setdefault(oracle, []).extend(verdict[oracle] for verdict in verdicts)
        failures = " | ".join(str(sum(not verdict[oracle] for verdict in verdicts)) for oracle in CLAIMS)
        found.lines.append(f"| {device} | {name} | {known.within:.3f} | {shots} | {failures} |")
        for mutation, change, dice in mutants(name):
            mutant = change(qc, dice)
            if mutant is None or (far := distance(exact(mutant), declared)) < DETECT:
                continue
            program = bench.compiled(mutant)
            broken = Known(bench, program)
            try:
                verdict = judged(bench.shots(program, shots, seed=2), declared, broken)
            except (TooFewShots, CountsError):  # nothing can be told from such noise
                verdict = dict.fromkeys(found.right, True)
            for oracle, passed in verdict.items():
                found.caught.setdefault(oracle, []).append(not passed)
                if passed and oracle in CLAIMS:
                    found.missed.append(
                        f"{oracle}: {device}: {name}, {mutation}: TVD {far:.2f}, tolerance {broken.within:.2f}"
                    )
    return found


def programs(pool: Executor, seeds: int) -> Iterator[str]:
    """Print how often true programs fail, and which mutants are caught; yield what is worse than promised."""
    print(f"failures of the right program in {seeds} seeds\n")
    print('| device | circuit | tolerance | shots | "calibration" | "fake" |')
    print("|---|---|---|---|---|---|")
    devices = []
    for found in pool.map(partial(judged_on, seeds=seeds), DEVICES):
        print(*found.lines, sep="\n", flush=True)
        devices.append(found)
    print("\n| oracle | right programs that fail | mutants with TVD ≥ 0.25 that are caught |\n|---|---|---|")
    for oracle in devices[0].right:
        right = list(itertools.chain.from_iterable(found.right[oracle] for found in devices))
        caught = list(itertools.chain.from_iterable(found.caught[oracle] for found in devices))
        print(f"| {oracle} | {1 - np.mean(right):.2%} | {np.mean(caught):.1%} of {len(caught)} |")
        if oracle in CLAIMS and right.count(False) > stats.binom.isf(UNLUCKY, len(right), ALPHA):
            yield f"{oracle}: {right.count(False)} of {len(right)} right programs fail"
        if oracle in CLAIMS and np.mean(caught) < CAUGHT:
            yield f"{oracle}: {np.mean(caught):.1%} of mutants are caught"
    print("\nmissed:", *itertools.chain.from_iterable(found.missed for found in devices), sep="\n")


def mutants(name: str) -> Iterator[tuple[str, Mutation, random.Random]]:
    """Yield mutations with their dice."""
    for mutation, change in MUTATIONS.items():
        yield mutation, change, random.Random(f"{name} {mutation}")  # noqa: S311  # reproducible, not secret


def main() -> None:
    """Print the tables; exit with 1 if something is worse than promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20_000, help="samples of each line of the false alarms")
    parser.add_argument("--seeds", type=int, default=1000, help="samples of each right program")
    parser.add_argument("--only", choices=("false-alarms", "sharpness", "programs"))
    options = parser.parse_args()
    worse: list[str] = []
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        if options.only in (None, "sharpness"):
            sharpness(pool, options.draws // 20)
        if options.only in (None, "programs"):
            worse += programs(pool, options.seeds)
        if options.only in (None, "false-alarms"):
            worse += false_alarms(pool, options.draws)
    if worse:
        sys.exit("worse than promised:\n" + "\n".join(worse))


if __name__ == "__main__":
    main()
