"""From a program to subcircuits that are simulated alone: with noise, and without what no measurement sees.

Each stage is a function of its own: :meth:`.circuit.Program.light_cone`, :func:`bind_noise`,
:func:`fold_into_readout`, :func:`fuse_gates`, :func:`connected_components`; for trajectories
:func:`allocate_registers` follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from operator import or_
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from iqm_fakes.device.readout import Readout
from iqm_fakes.simulator import channels
from iqm_fakes.simulator.channels import Matrix
from iqm_fakes.simulator.circuit import Program
from iqm_fakes.simulator.noise_model import NoiseModel, NoisyGate
from iqm_fakes.simulator.operations import MEASUREMENTS


class Gate(NamedTuple):
    """A gate on one or two components."""

    gate: NoisyGate
    targets: tuple[int, ...]


class Block(NamedTuple):
    """Gates on one component or two, fused: some on each target alone, then perhaps one on both.

    Attributes:
        targets: The components.
        alone: For each target the gates on it, in order.
        joint: The gate on both of two targets, which comes last.

    """

    targets: tuple[int, ...]
    alone: tuple[tuple[NoisyGate, ...], ...]
    joint: NoisyGate | None

    def unitary(self) -> Matrix:
        """Return the ideal block, shape (d, d); the first target is the least significant."""
        factors = []
        for gates in self.alone:
            factor = channels.IDENTITY
            for gate in gates:
                factor = factor if gate.only_noise else gate.unitary @ factor
            factors.append(factor)
        if self.joint is None:
            return factors[0]
        return self.joint.unitary @ np.kron(factors[1], factors[0])

    def channel(self) -> Matrix:
        """Return the block with its noise, as in :mod:`.channels`."""
        return _channel(self.alone, self.joint)


@lru_cache(maxsize=1024)
def _channel(alone: tuple[tuple[NoisyGate, ...], ...], joint: NoisyGate | None) -> Matrix:
    factors: list[Matrix] = []
    for gates in alone:
        factor = gates[0].channel if gates else channels.IDENTITY_CHANNEL
        for gate in gates[1:]:
            factor = gate.channel @ factor
        factors.append(factor)
    if joint is None:
        return factors[0]
    return joint.channel @ channels.tensor(factors)


class Measure(NamedTuple):
    """A measurement: the component collapses by the true outcome, the bit is what was read.

    Attributes:
        targets: The component.
        bit: The bit that is written.
        readout: How it errs.
        is_feedback: Whether a conditional gate depends on the bit.

    """

    targets: tuple[int]
    bit: int
    readout: Readout
    is_feedback: bool


class ConditionalGate(NamedTuple):
    """A gate on one component, applied if a bit was read as 1."""

    gate: NoisyGate
    targets: tuple[int]
    bit: int


Step: TypeAlias = Gate | Measure | ConditionalGate
FusedStep: TypeAlias = Block | Measure | ConditionalGate


@dataclass(frozen=True, eq=False)
class Subcircuit:
    """Components that nothing connects with others, and everything that happens to them.

    Attributes:
        components: Their names; targets of the steps are indices into these.
        steps: What happens, in order.
        bits: Which bits of the program are recorded here; bits of the steps are indices into these.

    """

    components: tuple[str, ...]
    steps: tuple[FusedStep, ...]
    bits: tuple[int, ...]

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """The measurements, in the order of their bits."""
        return tuple(sorted((step for step in self.steps if isinstance(step, Measure)), key=lambda step: step.bit))

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The fused gates."""
        return tuple(step for step in self.steps if isinstance(step, Block))

    @cached_property
    def mid_circuit(self) -> frozenset[int]:
        """Bits that feedback reads, or whose component is used again after the measurement."""
        used: set[int] = set()
        bits = {step.bit for step in self.steps if isinstance(step, Measure) and step.is_feedback}
        for step in reversed(self.steps):
            if isinstance(step, Measure) and step.targets[0] in used:
                bits.add(step.bit)
            used.update(step.targets)
        return frozenset(bits)

    @cached_property
    def error_count(self) -> int:
        """How many errors the gates have."""
        return sum(len(gate.errors) for step in self.steps for gate in gates_of(step))

    @property
    def is_unitary(self) -> bool:
        """Whether nothing but ideal gates happens before the measurements at the end."""
        return not self.mid_circuit and not self.error_count

    @cached_property
    def layout(self) -> Layout:
        """The steps in an order in which few components are in use at a time."""
        return allocate_registers(self.steps, len(self.components))


def gates_of(step: FusedStep) -> tuple[NoisyGate, ...]:
    """Return the gates in a step, in order."""
    if isinstance(step, Measure):
        return ()
    if isinstance(step, ConditionalGate):
        return (step.gate,)
    return (*(gate for gates in step.alone for gate in gates), *((step.joint,) if step.joint else ()))


class PlacedStep(NamedTuple):
    """A step on registers: where its components are, and which of them are free afterwards."""

    step: FusedStep
    registers: tuple[int, ...]
    released: tuple[int, ...]


class Layout(NamedTuple):
    """Steps on registers that components share, one after the other; every register starts and ends free.

    Attributes:
        steps: What happens, in order.
        width: How many registers there are.

    """

    steps: tuple[PlacedStep, ...]
    width: int


def split(program: Program, noise_model: NoiseModel) -> tuple[Subcircuit, ...]:
    """Return the subcircuits of a program that have to be simulated."""
    steps = fold_into_readout(bind_noise(program.light_cone(), noise_model))
    return connected_components(program, fuse_gates(steps))


def bind_noise(program: Program, noise_model: NoiseModel) -> list[Step]:
    """Return what a program's operations do, noise included; what does nothing, or nothing that is seen, is left out.

    Args:
        program: In the :meth:`~.circuit.Program.light_cone` of what it records.
        noise_model: Of its machine.

    """
    feedback, again = program.feedback_bits, program.used_again
    steps: list[Step] = []
    for component in program.heralded:
        target = (program.components.index(component),)
        steps += [Gate(gate, target) for gate in noise_model.heralded(component)[1]]
    for index, operation in enumerate(program.operations):
        locus = tuple(program.components[target] for target in operation.targets)
        name, implementation, bit = operation.name, operation.implementation, operation.bit
        if name in MEASUREMENTS and bit is not None:
            target = (operation.targets[0],)
            before, readout, after = noise_model.measurement(locus[0], name, implementation)
            steps += [Gate(gate, target) for gate in before]
            steps.append(Measure(target, bit, readout, bit in feedback))
            steps += [Gate(gate, target) for gate in after if index in again]
            continue
        if bit is None:
            gates = noise_model.gates(name, locus, implementation, operation.parameters)
            steps += [Gate(gate, operation.targets) for gate in gates]
            continue
        target = (operation.targets[0],)
        for applied, passing in noise_model.conditional_gates(locus, implementation, operation.parameters):
            steps.append(ConditionalGate(applied, target, bit))
            steps += [Gate(passing, target)] if passing is not None else []
    return steps


def fold_into_readout(steps: Sequence[Step]) -> list[Step]:
    """Count noise right before the last measurement of a component among the errors of its readout.

    Only the probabilities of 0 and 1 matter there, because nothing looks at the component afterwards.
    """
    kept: list[Step] = []  # last one first
    last: dict[int, tuple[int, Measure]] = {}  # component → its last measurement and its place, if nothing is between
    touched: set[int] = set()
    for step in reversed(steps):
        place, measure = last.pop(step.targets[0], (0, None))
        if isinstance(step, Measure):
            if step.targets[0] not in touched and not step.is_feedback:
                last[step.targets[0]] = len(kept), step
            kept.append(step)
        elif measure and isinstance(step, Gate) and len(step.targets) == 1 and step.gate.bit_flips is not None:
            kept[place] = measure = measure._replace(readout=_after(step.gate.bit_flips, measure.readout))
            if step.gate.only_noise:
                last[step.targets[0]] = place, measure
            else:
                kept.append(step._replace(gate=step.gate.noiseless))
        else:
            for target in step.targets[1:]:
                last.pop(target, None)
            kept.append(step)
        touched.update(step.targets)
    return kept[::-1]


def _after(bit_flips: NDArray[np.float64], readout: Readout) -> Readout:
    """Return the errors of a readout that bit flips come before."""
    wrong = channels.readout_matrix(readout) @ bit_flips
    return Readout(float(wrong[1, 0]), float(wrong[0, 1]))


def fuse_gates(steps: Sequence[Step]) -> list[FusedStep]:
    """Fuse each gate on two components with those on either of them alone that come before it."""
    pending: dict[int, list[NoisyGate]] = {}  # component → gates on it that are not yet in a block
    fused: list[FusedStep] = []

    def flush(components: Iterable[int]) -> None:
        for component in components:
            if component in pending:
                fused.append(Block((component,), (tuple(pending.pop(component)),), None))

    for step in steps:
        if isinstance(step, Gate) and len(step.targets) == 1:
            pending.setdefault(step.targets[0], []).append(step.gate)
        elif isinstance(step, Gate):
            alone = tuple(tuple(pending.pop(target, ())) for target in step.targets)
            fused.append(Block(step.targets, alone, step.gate))
        else:
            flush(step.targets)
            fused.append(step)
    flush(list(pending))
    return fused


def connected_components(program: Program, steps: Sequence[FusedStep]) -> tuple[Subcircuit, ...]:
    """Split steps into subcircuits that neither gates nor feedback connect."""
    group = list(range(len(program.components)))  # component → another one of its group, or itself

    def root(component: int) -> int:
        while group[component] != component:
            group[component] = component = group[group[component]]
        return component

    source = {step.bit: step.targets[0] for step in steps if isinstance(step, Measure)}
    for step in steps:
        others = (*step.targets[1:], source[step.bit]) if isinstance(step, ConditionalGate) else step.targets[1:]
        for other in others:
            group[root(other)] = root(step.targets[0])
    members: dict[int, list[FusedStep]] = {}
    for step in steps:
        members.setdefault(root(step.targets[0]), []).append(step)
    return tuple(_subcircuit(program, own) for own in members.values())


def _subcircuit(program: Program, steps: Sequence[FusedStep]) -> Subcircuit:
    components = list(dict.fromkeys(target for step in steps for target in step.targets))
    bits = sorted(step.bit for step in steps if isinstance(step, Measure))
    index, bit = {old: new for new, old in enumerate(components)}, {old: new for new, old in enumerate(bits)}
    local: list[FusedStep] = []
    for step in steps:
        targets = tuple(index[target] for target in step.targets)
        if isinstance(step, Block):
            local.append(step._replace(targets=targets))
        else:
            local.append(step._replace(targets=(targets[0],), bit=bit[step.bit]))
    return Subcircuit(tuple(program.components[old] for old in components), tuple(local), tuple(bits))


def allocate_registers(steps: Sequence[FusedStep], components: int) -> Layout:
    """Order steps so that few components are in use at a time, and give components registers while they are in use.

    Components are finished one after the other, each with just those steps that have to come before its last one. The
    next is the one for which the fewest others have to be taken into use.
    """
    before = _predecessors(steps)
    last = dict.fromkeys(range(components), -1)
    needed: list[int] = []  # for each step, the components that it and those before it use, as bits
    for index, step in enumerate(steps):
        last.update(dict.fromkeys(step.targets, index))
        needed.append(reduce(or_, [*(needed[other] for other in before[index]), *(1 << n for n in step.targets)]))
    order: dict[int, None] = {}
    used = 0
    goals = set(last.values())
    while goals:
        goal = min(goals, key=lambda index: ((needed[index] & ~used).bit_count(), index))
        goals.remove(goal)
        used |= needed[goal]
        todo = [goal]
        while todo:
            missing = [index for index in before[todo[-1]] if index not in order]
            if missing:
                todo.extend(missing)
            else:
                order.setdefault(todo.pop())
    return _placed(steps, list(order), last)


def _predecessors(steps: Sequence[FusedStep]) -> list[list[int]]:
    """Return for each step those that have to come immediately before."""
    latest: dict[int, int] = {}  # component → its latest step
    written: dict[int, int] = {}  # bit → the measurement that writes it
    before = []
    for index, step in enumerate(steps):
        direct = {latest[target] for target in step.targets if target in latest}
        if isinstance(step, ConditionalGate):
            direct.add(written[step.bit])
        if isinstance(step, Measure):
            written[step.bit] = index
        latest.update(dict.fromkeys(step.targets, index))
        before.append(sorted(direct, reverse=True))  # the earliest one is taken from the stack first
    return before


def _placed(steps: Sequence[FusedStep], order: Sequence[int], last: dict[int, int]) -> Layout:
    where: dict[int, int] = {}  # component → its register
    free: list[int] = []
    width, placed = 0, []
    for index in order:
        step = steps[index]
        for target in step.targets:
            if target not in where:
                if not free:
                    free.append(width)
                    width += 1
                where[target] = free.pop()
        registers = tuple(where[target] for target in step.targets)
        released = tuple(where[target] for target in step.targets if last[target] == index)
        free.extend(released)
        placed.append(PlacedStep(step, registers, released))
    return Layout(tuple(placed), width)
