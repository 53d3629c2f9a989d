"""Parts on Qiskit Aer: the one module that imports Qiskit.

Aer's fast way through shots whose noise is drawn, shot branching, is never used: it forgets the noise (seen in 0.17.2).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import IfElseOp, QuantumCircuit
from qiskit.circuit import Instruction as QiskitInstruction
from qiskit.circuit.library import UnitaryGate
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, QuantumError
from qiskit_aer.noise.noise_model import QuantumErrorLocation

from iqm_fakes.simulator import channels, mixtures
from iqm_fakes.simulator.channels import Matrix
from iqm_fakes.simulator.circuit import CircuitError
from iqm_fakes.simulator.engines import MEMORY_LIMIT, Method, runs_once
from iqm_fakes.simulator.mixtures import Mixture
from iqm_fakes.simulator.parts import Block, Measure, Part, Pulse
from iqm_fakes.simulator.physics import Action

_SIMULATOR = AerSimulator(max_memory_mb=2**31)  # memory has been looked at before anything comes here
_SNAPSHOTS = 16
"""At how many points a matrix product state is looked at, to see how large it becomes."""


def probabilities(parts: Sequence[Part], method: Method) -> list[NDArray[np.float64]]:
    """Return for each part how likely the true outcomes are, all parts in one call of Aer.

    Returns:
        Arrays of 2^bits probabilities; bit k of an outcome's index is the bit k of the part.

    """
    result = _SIMULATOR.run(
        [_evolution(part, method) for part in parts],
        shots=1,
        method=method,
        max_parallel_threads=1,  # results of some methods depend on the number of threads
        max_parallel_experiments=1,
        fusion_enable=False,  # blocks are fused already
    ).result()
    if not result.success:
        raise CircuitError(f"the simulation failed: {result.status}")
    return [np.asarray(result.data(index)["probabilities"]) for index in range(len(parts))]


def _evolution(part: Part, method: Method) -> QuantumCircuit:
    """Return the whole part as a circuit; measurements that something follows are recorded in components."""
    early = sorted(part.early)
    record = {bit: len(part.components) + index for index, bit in enumerate(early)}
    last: dict[int, int] = dict(record)
    gates: list[tuple[Matrix, tuple[int, ...]]] = []
    latest: dict[int, int] = {}  # component → place of its latest gate in `gates`
    for step in part.steps:
        targets = step.targets
        if isinstance(step, Measure) and step.bit not in record:
            last[step.bit] = targets[0]
            continue
        if isinstance(step, Block):
            matrix = step.unitary() if method == "statevector" else step.channel()
            if len(targets) == 1 and targets[0] in latest:
                place = latest[targets[0]]
                before, others = gates[place]
                gates[place] = _then(before, matrix, others.index(targets[0])), others
                continue
        else:
            matrix = (
                channels.conditional(step.action.channel)
                if isinstance(step, Pulse)
                else channels.recording(step.readout)
            )
            targets = (targets[0], record[step.bit])
        latest.update(dict.fromkeys(targets, len(gates)))
        gates.append((matrix, targets))
    circuit = QuantumCircuit(len(part.components) + len(early))
    make = _unitary if method == "statevector" else _superoperator
    for matrix, targets in gates:
        circuit.append(make(matrix), targets)
    circuit.save_probabilities([last[bit] for bit in range(len(part.bits))])
    return circuit


def _then(gate: Matrix, single: Matrix, position: int) -> Matrix:
    """Return a gate followed by one on one of its components; both unitaries or both channels."""
    if len(gate) == len(single):
        return single @ gate
    if len(single) == 2:
        factors = [single, channels.IDENTITY] if position == 0 else [channels.IDENTITY, single]
        return np.kron(factors[1], factors[0]) @ gate
    return channels.together([single, channels.ONE] if position == 0 else [channels.ONE, single]) @ gate


def outcomes(
    part: Part, method: Method, shots: int, runs: int, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Run a part shot by shot.

    Args:
        part: What to run.
        method: Representation of the state.
        shots: The number of Aer's shots.
        runs: How many runs of the part, one after the other, are one shot.
        seed: Determines the result.

    Returns:
        The distinct outcomes, shape (outcomes, runs · bits), and how often each was seen. Bits that decide about
        pulses include their readout errors; no others do.

    """
    lowering = _Lowering(part, method, runs)
    state = 2.0 ** (part.layout.width * (2 if method == "density_matrix" else 1)) * 16
    threads = max(1, min(os.cpu_count() or 1, shots, int(MEMORY_LIMIT / state)))
    if method in ("stabilizer", "matrix_product_state"):
        threads = max(1, min(os.cpu_count() or 1, shots))
    result = _SIMULATOR.run(
        lowering.circuit,
        shots=shots,
        seed_simulator=seed,
        method=method,
        noise_model=lowering.noise,
        max_parallel_threads=threads,  # each shot has a seed of its own, so their number changes nothing
        max_parallel_shots=threads,
        max_parallel_experiments=1,
        fusion_enable=False,
    ).result()
    if not result.success:
        raise CircuitError(f"the simulation failed: {result.status}")
    return _unpacked(result.data(0)["counts"], lowering.circuit.num_clbits)


def bond_dimension(part: Part, most: int) -> int:
    """Return the largest bond dimension seen at some points of one run without noise, cut off at ``most``."""
    layout = part.layout
    circuit = QuantumCircuit(layout.width)
    interval = -(-len(layout.steps) // _SNAPSHOTS)
    for number, (step, registers, released) in enumerate(layout.steps):
        if not isinstance(step, Measure):
            unitary = step.unitary() if isinstance(step, Block) else step.action.unitary
            circuit.append(_unitary(unitary), registers)
        if number % interval == 0:
            circuit.save_matrix_product_state(label=str(number))
        for register in registers if isinstance(step, Measure) else released:
            circuit.reset(register)
    result = _SIMULATOR.run(
        circuit,
        shots=1,
        seed_simulator=0,
        method="matrix_product_state",
        matrix_product_state_max_bond_dimension=most,
        max_parallel_threads=1,
        fusion_enable=False,
    ).result()
    if not result.success:
        raise CircuitError(f"the simulation failed: {result.status}")
    return max((len(weights) for _, bonds in result.data(0).values() for weights in bonds), default=1)


class _Lowering:
    """The Aer circuit and noise model for the trajectories of a part.

    A bit that decides about pulses is first recorded, errors included, in one more register, whose measurement is then
    perfect: conditions have to see the recorded bit, while the component collapses by the true one.
    """

    def __init__(self, part: Part, method: Method, runs: int) -> None:
        self.noise = NoiseModel()
        self._known: set[str] = set()
        self._lowered: dict[int, _Lowered] = {}
        self._method = method
        self._once = runs_once(part, method)
        self._width = len(part.components) if self._once else part.layout.width
        decides = any(measure.decides for measure in part.measures)
        self.circuit = QuantumCircuit(self._width + decides, runs * len(part.bits))
        if self._once:
            self._run_once(part)
        else:
            for run in range(runs):
                self._run(part, run * len(part.bits), last=run == runs - 1)

    def _run_once(self, part: Part) -> None:
        for step in part.steps:
            if isinstance(step, Block):
                self._block(step, step.targets)
        for measure in part.measures:  # Aer draws all shots from one state only if nothing follows a measurement
            self.circuit.measure(measure.targets[0], measure.bit)

    def _run(self, part: Part, offset: int, *, last: bool) -> None:
        for step, registers, released in part.layout.steps:
            if isinstance(step, Block):
                self._block(step, registers)
            elif isinstance(step, Measure):
                self._measure(step, registers[0], offset + step.bit)
            else:
                body = QuantumCircuit(1)
                self._action(body, step.action, (0,))
                condition = (self.circuit.clbits[offset + step.bit], True)
                self.circuit.append(IfElseOp(condition, body), registers)
            if not last or step is not part.layout.steps[-1].step:
                for register in released:
                    self.circuit.reset(register)

    def _measure(self, measure: Measure, register: int, bit: int) -> None:
        self.circuit.measure(register, bit)
        if not measure.decides:
            return
        record = self._width
        flip = QuantumCircuit(1)
        flip.x(0)
        self.circuit.reset(record)
        self.circuit.append(IfElseOp((self.circuit.clbits[bit], True), flip), [record])
        if any(measure.readout):
            mixture = mixtures.recorded(measure.readout)
            if self._method == "density_matrix":
                self.circuit.append(_superoperator(channels.recorded(measure.readout)), [record])
            else:
                self._error(self.circuit, _Located(mixture, (0,), None), (record,))
        self.circuit.measure(record, bit)

    def _block(self, block: Block, registers: tuple[int, ...]) -> None:
        if self._method == "stabilizer":
            for position, actions in enumerate(block.alone):
                for action in actions:
                    self._action(self.circuit, action, (registers[position],))
            if block.joint is not None:
                self._action(self.circuit, block.joint, registers)
            return
        lowered = self._lowered.get(id(block))
        if lowered is None:
            lowered = self._lowered[id(block)] = _lower(block, self._method)
        self.circuit.append(lowered.instruction, registers)
        for located in lowered.noise:
            self._error(self.circuit, located, registers)

    def _action(self, circuit: QuantumCircuit, action: Action, registers: tuple[int, ...]) -> None:
        """Append one action, not fused with others."""
        if self._method == "density_matrix":
            circuit.append(_superoperator(action.channel), registers)
            return
        if self._method == "stabilizer":
            for name in action.clifford or ():
                getattr(circuit, name)(*registers)
        elif not action.idle:
            circuit.append(_unitary(action.unitary), registers)
        for error in action.errors:
            self._error(circuit, _Located(error.mixture or error.channel, error.positions, None), registers)

    def _error(self, circuit: QuantumCircuit, located: _Located, registers: tuple[int, ...]) -> None:
        if not isinstance(located.noise, dict):
            operators = channels.to_kraus(located.noise)
            places = registers if located.undo is not None else [registers[index] for index in located.positions]
            circuit.append(QiskitInstruction("kraus", len(places), 0, operators), places)
            return
        undo = None if located.undo is None else located.undo.tobytes()
        error = _quantum_error(tuple(located.noise.items()), located.positions, undo)
        if error.id not in self._known:
            self._known.add(error.id)
            self.noise.add_all_qubit_quantum_error(error, error.id)
        places = registers if undo is not None else [registers[index] for index in located.positions]
        circuit.append(QuantumErrorLocation(error), places)


class _Located(NamedTuple):
    """Noise inside a block, to be applied after it.

    Attributes:
        noise: A mixture, or a channel that is none.
        positions: On which targets of the block.
        undo: What follows the noise inside the block: undo this, let the noise happen, redo it. None is nothing. A
            channel has been transformed already, and acts on all targets.

    """

    noise: Mixture | Matrix
    positions: tuple[int, ...]
    undo: Matrix | None


class _Lowered(NamedTuple):
    """A block as an instruction of Aer, and the noise after it that the instruction does not have."""

    instruction: QiskitInstruction
    noise: list[_Located]


def _lower(block: Block, method: Method) -> _Lowered:
    if method == "density_matrix":
        return _Lowered(_superoperator(block.channel()), [])
    return _Lowered(_unitary(block.unitary()), _located(block))


def _located(block: Block) -> list[_Located]:
    """Return the noise of a block, in order, as it acts after the ideal block."""
    noise: list[_Located] = []
    for position, actions in enumerate(block.alone):
        after = channels.IDENTITY
        mixture: Mixture | None = None
        located: list[_Located] = []
        for action in reversed(actions):
            for error in reversed(action.errors):
                if mixture is not None and error.mixture is not None:
                    mixture = mixtures.followed(error.mixture, mixture)
                elif error.mixture is not None:
                    mixture = error.mixture
                else:
                    located += _pending(mixture, position, after, block)
                    located.append(_moved(error.channel, position, after, block))
                    mixture = None
            if not action.idle:
                located += _pending(mixture, position, after, block)
                mixture = None
                after = after @ action.unitary
        located += _pending(mixture, position, after, block)
        noise += located[::-1]
    if block.joint is not None:
        noise += [_Located(error.mixture or error.channel, error.positions, None) for error in block.joint.errors]
    return noise


def _pending(mixture: Mixture | None, position: int, after: Matrix, block: Block) -> list[_Located]:
    return [] if mixture is None else [_moved(mixture, position, after, block)]


def _moved(noise: Mixture | Matrix, position: int, after: Matrix, block: Block) -> _Located:
    """Move noise on one target of a block behind the rest of it: ``after`` on the target, then the joint gate."""
    if block.joint is None and after is channels.IDENTITY:
        return _Located(noise, (position,), None)
    rest = after
    if block.joint is not None:
        factors = [after if index == position else channels.IDENTITY for index in (0, 1)]
        rest = block.joint.unitary @ np.kron(factors[1], factors[0])
    if isinstance(noise, dict):
        return _Located(noise, (position,), rest)
    channel = noise
    if block.joint is not None:
        channel = channels.together([noise if index == position else channels.ONE for index in (0, 1)])
    moved = channels.from_unitary(rest)
    return _Located(moved @ channel @ moved.conj().T, (position,), rest)


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
