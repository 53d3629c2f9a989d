"""Programs on Qiskit Aer: the one module that imports Qiskit.

A noisy program of few components in which nothing follows a measurement is one evolution of a density matrix, from
which all shots are drawn. A noiseless one is the same with a state vector. Any other is one run of a state vector a
shot, with noise drawn as Kraus operators. All are exact; only the cost differs.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import IfElseOp, QuantumCircuit
from qiskit.circuit import Instruction as QiskitInstruction
from qiskit_aer import AerSimulator

from iqm_fakes.simulator.circuit import CircuitError, Program
from iqm_fakes.simulator.operations import MEASUREMENTS
from iqm_fakes.simulator.physics import Action, Physics

DENSITY_MATRIX_COMPONENTS = 10
"""Up to so many components one density matrix is faster than a thousand state vectors."""

MEMORY_LIMIT = 2 * 2**30
"""Bytes that the state of one circuit may take."""

_Method: TypeAlias = Literal["density_matrix", "statevector"]


class Aer:
    """Executes programs; may be shared between threads.

    Args:
        physics: What the operations do.

    """

    def __init__(self, physics: Physics) -> None:
        self._physics = physics
        # One thread, because the results of some methods depend on the number of threads.
        self._simulator = AerSimulator(max_parallel_threads=1, max_parallel_experiments=1, max_parallel_shots=1)

    def sample(self, program: Program, shots: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Take the shots of a program.

        Returns:
            The distinct outcomes, shape (outcomes, program.bits), and how often each was seen. The bits that decide
            about pulses include their readout errors; no others do.

        Raises:
            CircuitError: The program needs more memory than :data:`MEMORY_LIMIT`.

        """
        _check_memory(len(program.components) + bool(program.feedback_bits))
        actions = self._actions(program)
        early = _followed(program)
        unitary = all(action is None or action.unitary for action in actions)
        one_evolution = not unitary and not early and len(program.components) <= DENSITY_MATRIX_COMPONENTS
        method: _Method = "density_matrix" if one_evolution else "statevector"
        circuit = _lowered(program, actions, early, method)
        result = self._simulator.run(circuit, shots=shots, seed_simulator=seed, method=method).result()
        if not result.success:
            raise CircuitError(f"the simulation failed: {result.status}")
        return _unpacked(result.data(0)["counts"], program.bits)

    def _actions(self, program: Program) -> list[Action | None]:
        """Return what each operation does to the state before Aer measures, if anything."""
        feedback_bits, actions = program.feedback_bits, []
        for operation in program.operations:
            locus = tuple(program.components[target] for target in operation.targets)
            name, implementation = operation.name, operation.implementation
            if name not in MEASUREMENTS:
                actions.append(self._physics.action(name, locus, implementation, operation.parameters))
            elif operation.bit in feedback_bits:
                actions.append(self._physics.recording(locus[0], name, implementation))
            else:
                actions.append(None)
        return actions


def _check_memory(components: int) -> None:
    most = int(np.log2(MEMORY_LIMIT / 16))
    if components > most:
        raise CircuitError(
            f"the state of {components} components takes 2^{components} × 16 bytes, and the simulator's limit is "
            f"{MEMORY_LIMIT / 2**30:g} GiB; use at most {most} components in one circuit"
        )


def _followed(program: Program) -> frozenset[int]:
    """Return the bits whose measurements have to be made in place, because something that they influence follows."""
    touched: set[int] = set()
    bits = set(program.feedback_bits)
    for operation in reversed(program.operations):
        if operation.name in MEASUREMENTS and operation.bit is not None and not touched.isdisjoint(operation.targets):
            bits.add(operation.bit)
        touched.update(operation.targets)
    return frozenset(bits)


def _lowered(program: Program, actions: list[Action | None], early: frozenset[int], method: _Method) -> QuantumCircuit:
    """Return the Aer circuit: components are its qubits, recorded bits its classical bits.

    A bit that decides about pulses is first recorded, errors included, in one more qubit, whose measurement is then
    perfect: conditions have to see the recorded bit, while the component collapses by the true one.
    """
    record = len(program.components)
    circuit = QuantumCircuit(record + bool(program.feedback_bits), program.bits)
    last = []
    for operation, action in zip(program.operations, actions, strict=True):
        if operation.name in MEASUREMENTS:
            if action is not None:
                circuit.append(_instruction(action, method), [*operation.targets, record])
                circuit.measure(record, operation.bit)
            elif operation.bit in early:
                circuit.measure(operation.targets[0], operation.bit)
            else:
                last.append(operation)
        elif action is not None and operation.name == "cc_prx":
            pulse = QuantumCircuit(1)
            pulse.append(_instruction(action, method), [0])
            circuit.append(IfElseOp((circuit.clbits[operation.bit], True), pulse), operation.targets)
        elif action is not None:
            circuit.append(_instruction(action, method), operation.targets)
    for operation in last:  # Aer draws all shots from one state only if nothing follows a measurement
        circuit.measure(operation.targets[0], operation.bit)
    return circuit


def _instruction(action: Action, method: _Method) -> QiskitInstruction:
    if action.unitary:
        return QiskitInstruction("unitary", len(action.matrix).bit_length() - 1, 0, [action.matrix])
    components = (len(action.matrix).bit_length() - 1) // 2
    if method == "density_matrix":
        return QiskitInstruction("superop", components, 0, [action.matrix])
    return QiskitInstruction("kraus", components, 0, action.kraus)


def _unpacked(counts: dict[str, int], bits: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return Aer's counts as rows of bits and numbers, in an order that does not depend on Aer."""
    numbers = sorted((int(outcome, 16), count) for outcome, count in counts.items())
    width = (bits + 7) // 8
    packed = np.frombuffer(b"".join(outcome.to_bytes(width, "little") for outcome, _ in numbers), dtype=np.uint8)
    rows = np.unpackbits(packed.reshape(-1, width), axis=1, count=bits, bitorder="little")
    return rows, np.array([count for _, count in numbers], dtype=np.int64)
