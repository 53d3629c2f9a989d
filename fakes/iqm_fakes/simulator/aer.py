"""Subcircuits on Qiskit Aer: the one module that imports Qiskit.

Aer's fast way through shots whose noise is drawn, shot branching, is never used: it forgets the noise (seen in 0.17.2).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import IfElseOp, QuantumCircuit
from qiskit.circuit import Instruction as QiskitInstruction
from qiskit.circuit.library import UnitaryGate
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel as AerNoiseModel
from qiskit_aer.noise import QuantumError
from qiskit_aer.noise.noise_model import QuantumErrorLocation

from iqm_fakes.simulator import channels, pauli_mixtures
from iqm_fakes.simulator.channels import Matrix
from iqm_fakes.simulator.circuit import CircuitError
from iqm_fakes.simulator.methods import BYTES_PER_AMPLITUDE, MEMORY_LIMIT, AerMethod, runs_once
from iqm_fakes.simulator.noise_model import NoisyGate
from iqm_fakes.simulator.pauli_mixtures import Mixture
from iqm_fakes.simulator.subcircuits import Block, ConditionalGate, Measure, Subcircuit

_SIMULATOR = AerSimulator(max_memory_mb=2**31)  # memory has been looked at before anything comes here
_NUMBERS = np.zeros(64)
"""To be added before a call of Aer. OpenBLAS leaves the wide registers of x86 in a state in which code that does not
use them, as much of Aer's, is three times slower; numpy's additions clear it."""
_PILOT_SNAPSHOTS = 16
"""At how many points of a pilot run the matrix product state is looked at."""


def _run(circuits: list[QuantumCircuit], *, threads: int, **options: Any) -> Any:
    """Run circuits on Aer, with this number of its threads; returns Qiskit's result.

    No thread is left afterwards: a forked process has none of them, and would wait for them for ever.
    ``AerSimulator.run`` keeps one for the rest of the process, and OpenMP some for each thread that used several. So
    runs with several threads have one of their own, which ends; it costs as much as a small circuit.
    """
    options |= {"max_parallel_threads": threads, "max_parallel_experiments": 1}
    options["fusion_enable"] = False  # blocks are fused already
    np.add(_NUMBERS, _NUMBERS)
    if threads == 1:
        result = _SIMULATOR._execute_circuits_job(circuits, None, options)
    else:
        with ThreadPoolExecutor(1) as thread:
            result = thread.submit(_SIMULATOR._execute_circuits_job, circuits, None, options).result()
    if not result.success:
        raise CircuitError(f"the simulation failed: {result.status}")
    return result


def outcome_probabilities(subcircuits: Sequence[Subcircuit], method: AerMethod) -> list[NDArray[np.float64]]:
    """Return how likely the true outcomes of each subcircuit are, all in one call of Aer.

    Returns:
        Arrays of 2^bits probabilities; bit k of an outcome's index is bit k of the subcircuit.

    """
    result = _run(
        [_evolution(subcircuit, method) for subcircuit in subcircuits],
        threads=1,  # results of some methods depend on their number
        shots=1,
        method=method,
    )
    return [np.asarray(result.data(index)["probabilities"]) for index in range(len(subcircuits))]


def _evolution(subcircuit: Subcircuit, method: AerMethod) -> QuantumCircuit:
    """Return a whole subcircuit as Aer's; bits that are measured in mid-circuit are written into more components.

    A block that follows one on the same components, or on one more, is put together with it.
    """
    mid_circuit = sorted(subcircuit.mid_circuit)
    record = {bit: len(subcircuit.components) + index for index, bit in enumerate(mid_circuit)}
    last: dict[int, int] = dict(record)
    gates: list[tuple[Matrix, tuple[int, ...]]] = []
    latest: dict[int, int] = {}  # component → place of its latest gate in `gates`
    for step in subcircuit.steps:
        targets = step.targets
        if isinstance(step, Measure) and step.bit not in record:
            last[step.bit] = targets[0]
            continue
        if isinstance(step, Block):
            matrix = step.unitary() if method == "statevector" else step.channel()
            place = latest.get(targets[0])
            if place is not None and (
                len(targets) == 1 or (gates[place][1] == targets and latest[targets[1]] == place)
            ):
                before, others = gates[place]
                gates[place] = _then(before, matrix, others.index(targets[0])), others
                continue
        else:
            matrix = (
                channels.conditional(step.gate.channel)
                if isinstance(step, ConditionalGate)
                else channels.measure_into(step.readout)
            )
            targets = (targets[0], record[step.bit])
        latest.update(dict.fromkeys(targets, len(gates)))
        gates.append((matrix, targets))
    circuit = QuantumCircuit(len(subcircuit.components) + len(mid_circuit))
    make = _unitary if method == "statevector" else _superoperator
    for matrix, targets in gates:
        circuit.append(make(matrix), targets)
    circuit.save_probabilities([last[bit] for bit in range(len(subcircuit.bits))])
    return circuit


def _then(gate: Matrix, single: Matrix, position: int) -> Matrix:
    """Return a gate followed by one on the same components, or on one of them; both unitaries or both channels."""
    if len(gate) == len(single):
        return single @ gate
    if len(single) == 2:
        factors = [single, channels.IDENTITY] if position == 0 else [channels.IDENTITY, single]
        return np.kron(factors[1], factors[0]) @ gate
    factors = [single, channels.IDENTITY_CHANNEL] if position == 0 else [channels.IDENTITY_CHANNEL, single]
    return channels.tensor(factors) @ gate


def sample_trajectories(
    subcircuit: Subcircuit, method: AerMethod, shots: int, runs: int, seeds: Iterable[int]
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Run a subcircuit shot by shot, in several calls of Aer.

    Args:
        subcircuit: What to run.
        method: Representation of the state.
        shots: The number of Aer's shots in a call.
        runs: How many runs of the subcircuit, one after the other, are one shot.
        seeds: One for each call; it determines the result.

    Yields:
        For each call the distinct outcomes, shape (outcomes, runs · bits), and how often each was seen. Bits that
        feedback reads have their readout errors; the others are true outcomes.

    """
    trajectories = _TrajectoryCircuit(subcircuit, method, runs)
    state = 2.0 ** (subcircuit.layout.width * (2 if method == "density_matrix" else 1)) * BYTES_PER_AMPLITUDE
    threads = max(1, min(os.cpu_count() or 1, shots, int(MEMORY_LIMIT / state)))
    if method in ("stabilizer", "matrix_product_state"):
        threads = max(1, min(os.cpu_count() or 1, shots))
    for seed in seeds:
        result = _run(
            [trajectories.circuit],
            threads=threads,  # each shot has a seed of its own, so their number changes nothing
            max_parallel_shots=threads,
            shots=shots,
            seed_simulator=seed,
            method=method,
            noise_model=trajectories.noise_model,
        )
        yield _unpacked(result.data(0)["counts"], trajectories.circuit.num_clbits)


def bond_dimension(subcircuit: Subcircuit, most: int) -> int:
    """Return the largest bond dimension seen at some points of one run without noise, cut off at ``most``."""
    layout = subcircuit.layout
    circuit = QuantumCircuit(layout.width)
    interval = -(-len(layout.steps) // _PILOT_SNAPSHOTS)
    for number, (step, registers, released) in enumerate(layout.steps):
        if not isinstance(step, Measure):
            unitary = step.unitary() if isinstance(step, Block) else step.gate.unitary
            circuit.append(_unitary(unitary), registers)
        if number % interval == 0:
            circuit.save_matrix_product_state(label=str(number))
        for register in registers if isinstance(step, Measure) else released:
            circuit.reset(register)
    result = _run(
        [circuit],
        threads=1,
        shots=1,
        seed_simulator=0,
        method="matrix_product_state",
        matrix_product_state_max_bond_dimension=most,
    )
    return max((len(weights) for _, bonds in result.data(0).values() for weights in bonds), default=1)


class _TrajectoryCircuit:
    """The Aer circuit and noise model for the trajectories of a subcircuit.

    A bit that feedback reads is first written, errors included, into one more register, whose measurement is then
    perfect: conditions have to see the recorded bit, while the component collapses by the true one.
    """

    def __init__(self, subcircuit: Subcircuit, method: AerMethod, runs: int) -> None:
        self.noise_model = _NoiseModel()
        self._known: set[str] = set()
        self._fused: dict[int, _FusedBlock] = {}
        self._method = method
        self._once = runs_once(subcircuit, method)
        self._width = len(subcircuit.components) if self._once else subcircuit.layout.width
        feedback = any(measure.is_feedback for measure in subcircuit.measures)
        self.circuit = QuantumCircuit(self._width + feedback, runs * len(subcircuit.bits))
        if self._once:
            self._run_once(subcircuit)
        else:
            for run in range(runs):
                self._run(subcircuit, run * len(subcircuit.bits), last=run == runs - 1)

    def _run_once(self, subcircuit: Subcircuit) -> None:
        for step in subcircuit.steps:
            if isinstance(step, Block):
                self._block(step, step.targets)
        for measure in subcircuit.measures:  # Aer draws all shots from one state only if nothing follows a measurement
            self.circuit.measure(measure.targets[0], measure.bit)

    def _run(self, subcircuit: Subcircuit, offset: int, *, last: bool) -> None:
        for step, registers, released in subcircuit.layout.steps:
            if isinstance(step, Block):
                self._block(step, registers)
            elif isinstance(step, Measure):
                self._measure(step, registers[0], offset + step.bit)
            else:
                body = QuantumCircuit(1)
                self._gate(body, step.gate, (0,))
                condition = (self.circuit.clbits[offset + step.bit], True)
                self.circuit.append(IfElseOp(condition, body), registers)
            if not last or step is not subcircuit.layout.steps[-1].step:
                for register in released:
                    self.circuit.reset(register)

    def _measure(self, measure: Measure, register: int, bit: int) -> None:
        self.circuit.measure(register, bit)
        if not measure.is_feedback:
            return
        record = self._width
        flip = QuantumCircuit(1)
        flip.x(0)
        self.circuit.reset(record)
        self.circuit.append(IfElseOp((self.circuit.clbits[bit], True), flip), [record])
        if any(measure.readout):
            mixture = pauli_mixtures.readout_error(measure.readout)
            if self._method == "density_matrix":
                self.circuit.append(_superoperator(channels.readout_error(measure.readout)), [record])
            else:
                self._error(self.circuit, _TrailingNoise(mixture, (0,), None), (record,))
        self.circuit.measure(record, bit)

    def _block(self, block: Block, registers: tuple[int, ...]) -> None:
        if self._method == "stabilizer":
            for position, gates in enumerate(block.alone):
                for gate in gates:
                    self._gate(self.circuit, gate, (registers[position],))
            if block.joint is not None:
                self._gate(self.circuit, block.joint, registers)
            return
        fused = self._fused.get(id(block))
        if fused is None:
            fused = self._fused[id(block)] = _fuse(block, self._method)
        self.circuit.append(fused.instruction, registers)
        for noise in fused.noise:
            self._error(self.circuit, noise, registers)

    def _gate(self, circuit: QuantumCircuit, gate: NoisyGate, registers: tuple[int, ...]) -> None:
        """Append one gate, not fused with others."""
        if self._method == "density_matrix":
            circuit.append(_superoperator(gate.channel), registers)
            return
        if self._method == "stabilizer":
            for name in gate.clifford_gates or ():
                getattr(circuit, name)(*registers)
        elif not gate.only_noise:
            circuit.append(_unitary(gate.unitary), registers)
        for error in gate.errors:
            self._error(circuit, _TrailingNoise(error.mixture or error.channel, error.positions, None), registers)

    def _error(self, circuit: QuantumCircuit, trailing: _TrailingNoise, registers: tuple[int, ...]) -> None:
        if not isinstance(trailing.noise, dict):
            operators = channels.to_kraus(trailing.noise)
            places = registers if trailing.undo is not None else [registers[index] for index in trailing.positions]
            circuit.append(QiskitInstruction("kraus", len(places), 0, operators), places)
            return
        undo = None if trailing.undo is None else trailing.undo.tobytes()
        error = _quantum_error(tuple(trailing.noise.items()), trailing.positions, undo)
        if error.id not in self._known:
            self._known.add(error.id)
            self.noise_model.add_all_qubit_quantum_error(error, error.id)
        places = registers if undo is not None else [registers[index] for index in trailing.positions]
        circuit.append(QuantumErrorLocation(error), places)


class _TrailingNoise(NamedTuple):
    """Noise that happens inside a block, as it is applied after the block.

    Attributes:
        noise: A mixture; a channel where it is no mixture.
        positions: On which targets of the block.
        undo: What follows the noise inside the block: this is undone, the noise happens, this is done again. None
            where nothing follows. A channel has been transformed already, and acts on all targets.

    """

    noise: Mixture | Matrix
    positions: tuple[int, ...]
    undo: Matrix | None


class _FusedBlock(NamedTuple):
    """A block as one instruction of Aer, and the noise that is not in the instruction."""

    instruction: QiskitInstruction
    noise: list[_TrailingNoise]


def _fuse(block: Block, method: AerMethod) -> _FusedBlock:
    if method == "density_matrix":
        return _FusedBlock(_superoperator(block.channel()), [])
    return _FusedBlock(_unitary(block.unitary()), _trailing_noise(block))


def _trailing_noise(block: Block) -> list[_TrailingNoise]:
    """Return the noise of a block, in order, as it acts after the ideal block."""
    noise: list[_TrailingNoise] = []
    for position, gates in enumerate(block.alone):
        after = channels.IDENTITY
        mixture: Mixture | None = None
        trailing: list[_TrailingNoise] = []
        for gate in reversed(gates):
            for error in reversed(gate.errors):
                if mixture is not None and error.mixture is not None:
                    mixture = pauli_mixtures.compose(error.mixture, mixture)
                elif error.mixture is not None:
                    mixture = error.mixture
                else:
                    trailing += _pending(mixture, position, after, block)
                    trailing.append(_moved(error.channel, position, after, block))
                    mixture = None
            if not gate.only_noise:
                trailing += _pending(mixture, position, after, block)
                mixture = None
                after = after @ gate.unitary
        trailing += _pending(mixture, position, after, block)
        noise += trailing[::-1]
    if block.joint is not None:
        noise += [_TrailingNoise(error.mixture or error.channel, error.positions, None) for error in block.joint.errors]
    return noise


def _pending(mixture: Mixture | None, position: int, after: Matrix, block: Block) -> list[_TrailingNoise]:
    return [] if mixture is None else [_moved(mixture, position, after, block)]


def _moved(noise: Mixture | Matrix, position: int, after: Matrix, block: Block) -> _TrailingNoise:
    """Move noise on one target of a block behind the rest of it: ``after`` on the target, then the joint gate."""
    if block.joint is None and after is channels.IDENTITY:
        return _TrailingNoise(noise, (position,), None)
    rest = after
    if block.joint is not None:
        factors = [after if index == position else channels.IDENTITY for index in (0, 1)]
        rest = block.joint.unitary @ np.kron(factors[1], factors[0])
    if isinstance(noise, dict):
        return _TrailingNoise(noise, (position,), rest)
    channel = noise
    if block.joint is not None:
        channel = channels.tensor([noise if index == position else channels.IDENTITY_CHANNEL for index in (0, 1)])
    moved = channels.from_unitary(rest)
    return _TrailingNoise(moved @ channel @ moved.conj().T, (position,), rest)


@lru_cache(maxsize=4096)
def _quantum_error(
    mixture: tuple[tuple[str, float], ...], positions: tuple[int, ...], undo: bytes | None
) -> QuantumError:
    """Return a mixture as Aer's error, on its positions, or on all targets of the block where something is undone."""
    matrix = None if undo is None else np.frombuffer(undo, dtype=complex)
    size = len(positions) if matrix is None else (len(matrix).bit_length() - 1) // 2
    rest = None if matrix is None else matrix.reshape(2**size, 2**size)
    places = range(size) if rest is None else positions
    terms = []
    for word, probability in mixture:
        event = QuantumCircuit(size)
        happens = set(word) != {"I"}
        if rest is not None and happens:
            event.append(UnitaryGate(rest.conj().T), range(size))
        for letter, place in zip(word, places, strict=True):
            if letter in "01":
                event.reset(place)
            if letter in "X1":
                event.x(place)
            elif letter in "YZ":
                getattr(event, letter.lower())(place)
        if rest is not None and happens:
            event.append(UnitaryGate(rest), range(size))
        terms.append((event, probability))
    return _Error(terms)


class _NoiseModel(AerNoiseModel):  # type: ignore[misc]  # Aer is not typed
    """A noise model that is complete when it is first run; what Aer makes of it then is kept for the next call."""

    _document: dict[str, Any] | None = None

    def to_dict(self, serializable: bool = False) -> dict[str, Any]:
        if self._document is None:
            self._document = super().to_dict(serializable)
        return self._document


class _Error(QuantumError):  # type: ignore[misc]  # Aer is not typed
    """An error that is known to do something: Aer's own look at whether it does takes milliseconds in every run."""

    def ideal(self) -> bool:
        return False


def _unitary(matrix: Matrix) -> QiskitInstruction:
    return QiskitInstruction("unitary", len(matrix).bit_length() - 1, 0, [matrix])


def _superoperator(matrix: Matrix) -> QiskitInstruction:
    return QiskitInstruction("superop", (len(matrix).bit_length() - 1) // 2, 0, [matrix])


def _unpacked(counts: dict[str, int], bits: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return Aer's counts as rows of bits and numbers, in an order that does not depend on Aer."""
    numbers = sorted((int(outcome, 16), count) for outcome, count in counts.items())
    width = (bits + 7) // 8
    packed = np.frombuffer(b"".join(outcome.to_bytes(width, "little") for outcome, _ in numbers), dtype=np.uint8)
    rows = np.unpackbits(packed.reshape(-1, width), axis=1, count=bits, bitorder="little")
    return rows, np.array([count for _, count in numbers], dtype=np.int64)
