"""Shots: drawn for each subcircuit by the engine that was chosen for it, and put together for the whole program."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.random import SeedSequence
from numpy.typing import NDArray

from iqm_fakes.simulator import batched_trajectories, pauli_evolution
from iqm_fakes.simulator.circuit import Program
from iqm_fakes.simulator.methods import (
    LONGEST_CALL,
    MEMORY_LIMIT,
    BatchedTrajectories,
    Engine,
    ExactEngine,
    PauliEvolution,
    Trajectories,
)
from iqm_fakes.simulator.subcircuits import Subcircuit

Columns: TypeAlias = NDArray[np.uint8]
"""Recorded bits of shape (shots, bits of the subcircuit); the shots are in random order."""

Bits: TypeAlias = dict[str, NDArray[np.uint8]]
"""Measurement key → bits of shape (shots, components of the measurement)."""


Done: TypeAlias = Callable[[float], None]
"""Is told when a part of the work is done, and how many seconds it was thought to take; may raise to end the rest."""


_ROWS = 2**16
"""Of so many shots readout errors are drawn at once, because random numbers take eight times the memory of bits."""


class Task(NamedTuple):
    """Take so many shots of a subcircuit.

    Attributes:
        subcircuit: Of what.
        shots: How many.
        seed: Determines them, together with the other attributes.
        seconds: How long it takes, by estimate.

    """

    subcircuit: Subcircuit
    shots: int
    seed: SeedSequence
    seconds: float = 0.0


def take(engine: Engine, tasks: Sequence[Task], done: Done = lambda seconds: None) -> list[Columns]:
    """Return the shots of each task.

    Evolutions of several tasks are one call of Aer; trajectories of a task are a call, which spreads the shots over the
    cores, or several. What is thought to take longer than a call may is split, always in the same way.
    """
    if isinstance(engine, Trajectories):
        return [_trajectories(engine, task, done) for task in tasks]
    if isinstance(engine, BatchedTrajectories):
        return [_batches(task, done) for task in tasks]
    taken: list[Columns] = []
    for group in groups([task.seconds for task in tasks], LONGEST_CALL):
        everything = outcome_probabilities(engine, [task.subcircuit for task in tasks[group]])
        taken += [_draw(task, probabilities) for task, probabilities in zip(tasks[group], everything, strict=True)]
        done(sum(task.seconds for task in tasks[group]))
    return taken


def groups(seconds: Sequence[float], enough: float) -> list[slice]:
    """Split pieces of work that take so long into groups, each of which is closed as soon as it takes long enough."""
    ends, together = [], 0.0
    for end, each in enumerate(seconds, 1):
        together += each
        if together >= enough or end == len(seconds):
            ends.append(end)
            together = 0.0
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def join(program: Program, subcircuits: Sequence[Subcircuit], taken: Sequence[Columns]) -> Bits:
    """Return the shots of a program from those of its subcircuits, by measurement key."""
    if not program.keys:
        return {}
    bits = np.empty((len(taken[0]), program.bits), dtype=np.uint8)
    for subcircuit, columns in zip(subcircuits, taken, strict=True):
        bits[:, subcircuit.bits] = columns
    ends = np.cumsum([width for _, width in program.keys])
    return {key: bits[:, end - width : end] for (key, width), end in zip(program.keys, ends, strict=True)}


def outcome_probabilities(engine: ExactEngine, subcircuits: Sequence[Subcircuit]) -> list[NDArray[np.float64]]:
    """Return how likely each record of each subcircuit is, readout errors included; on Aer all in one call.

    Returns:
        Arrays of 2^bits probabilities; bit k of a record's index is bit k of the subcircuit.

    """
    if isinstance(engine, PauliEvolution):
        return [pauli_evolution.recorded_probabilities(subcircuit) for subcircuit in subcircuits]
    from iqm_fakes.simulator import aer  # importing Qiskit takes seconds, and not every server runs a circuit

    everything = aer.outcome_probabilities(subcircuits, engine.method)
    return [_as_read(subcircuit, true) for subcircuit, true in zip(subcircuits, everything, strict=True)]


def _as_read(subcircuit: Subcircuit, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of what is read from those of true outcomes."""
    probabilities = probabilities.copy()
    for measure in subcircuit.measures:
        if measure.bit not in subcircuit.mid_circuit:  # bits of mid-circuit measurements have their errors already
            p_1_given_0, p_0_given_1 = measure.readout
            pairs = probabilities.reshape(-1, 2, 2**measure.bit)
            zero, one = pairs[:, 0], pairs[:, 1]
            lost, found = p_1_given_0 * zero, p_0_given_1 * one
            zero -= lost
            zero += found
            one -= found
            one += lost
    np.maximum(probabilities, 0, out=probabilities)  # rounding may leave less than nothing
    read: NDArray[np.float64] = probabilities / probabilities.sum()
    return read


def _draw(task: Task, probabilities: NDArray[np.float64]) -> Columns:
    random = np.random.default_rng(task.seed)
    counts = random.multinomial(task.shots, probabilities)
    drawn = np.flatnonzero(counts)
    outcomes = np.repeat(drawn, counts[drawn])
    random.shuffle(outcomes)
    columns: Columns = np.empty((task.shots, len(task.subcircuit.bits)), dtype=np.uint8)
    for bit in range(len(task.subcircuit.bits)):  # not all at once, which would take eight times the memory
        columns[:, bit] = (outcomes >> bit) & 1
    return columns


def _trajectories(engine: Trajectories, task: Task, done: Done) -> Columns:
    from iqm_fakes.simulator import aer

    subcircuit = task.subcircuit
    once = engine.shots_per_call(subcircuit, task.shots, task.seconds)
    runs = engine.runs_per_shot(subcircuit, once)
    shots = -(-once // runs)
    calls = -(-task.shots // (shots * runs))
    random = np.random.default_rng(task.seed)
    seeds = [int(random.integers(2**63)) for _ in range(calls)]
    taken: list[Columns] = []
    for rows, counts in aer.sample_trajectories(subcircuit, engine.method, shots, runs, seeds):
        taken.append(np.repeat(rows, counts, axis=0).reshape(-1, len(subcircuit.bits)))
        done(task.seconds / calls)
    bits = np.concatenate(taken)
    bits = random.permutation(bits)[: task.shots]  # Aer's counts are sorted; the order of shots is random
    measures = subcircuit.measures
    errors = np.array([(0.0, 0.0) if measure.is_feedback else measure.readout for measure in measures])
    for start in range(0, task.shots, _ROWS):
        some = bits[start : start + _ROWS]
        some ^= random.random(some.shape) < np.where(some, errors[:, 1], errors[:, 0])
    return bits


def _batches(task: Task, done: Done) -> Columns:
    memory = batched_trajectories.memory(task.subcircuit)
    threads = max(1, min(os.cpu_count() or 1, int(MEMORY_LIMIT / memory)))
    taken: list[Columns] = []
    for bits in batched_trajectories.sample(task.subcircuit, task.shots, task.seed, threads):
        taken.append(bits)
        done(task.seconds * len(bits) / task.shots)
    return np.concatenate(taken)
