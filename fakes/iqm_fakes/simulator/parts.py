"""From a program to the independent parts that have to be simulated: noise-bound, without what no measurement sees.

Each stage is a function of its own: :func:`bound`, :func:`seen`, :func:`absorbed`, :func:`fused`, :func:`separated`,
:func:`laid_out`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from iqm_fakes.device.error_rates import Readout
from iqm_fakes.simulator import channels
from iqm_fakes.simulator.channels import Matrix
from iqm_fakes.simulator.circuit import Program
from iqm_fakes.simulator.operations import MEASUREMENTS
from iqm_fakes.simulator.physics import Action, Physics


class Gate(NamedTuple):
    """An action on one or two components."""

    action: Action
    targets: tuple[int, ...]


class Block(NamedTuple):
    """Actions on one component or two, fused: some on each target alone, then perhaps one on both.

    Attributes:
        targets: The components.
        alone: For each target the actions on it, in order.
        joint: What is done to both of two targets in the end.

    """

    targets: tuple[int, ...]
    alone: tuple[tuple[Action, ...], ...]
    joint: Action | None

    def unitary(self) -> Matrix:
        """Return the ideal block, shape (d, d); the first target is the least significant."""
        factors = []
        for actions in self.alone:
            factor = channels.IDENTITY
            for action in actions:
                factor = factor if action.idle else action.unitary @ factor
            factors.append(factor)
        if self.joint is None:
            return factors[0]
        return self.joint.unitary @ np.kron(factors[1], factors[0])

    def channel(self) -> Matrix:
        """Return the block with its noise, as in :mod:`.channels`."""
        factors: list[Matrix] = []
        for actions in self.alone:
            factor = actions[0].channel if actions else channels.ONE
            for action in actions[1:]:
                factor = action.channel @ factor
            factors.append(factor)
        if self.joint is None:
            return factors[0]
        return self.joint.channel @ channels.together(factors)


class Measure(NamedTuple):
    """A measurement: the component collapses by the true outcome, the bit is what was read.

    Attributes:
        targets: The component.
        bit: The bit that is written.
        readout: How it errs.
        decides: Whether a pulse depends on the bit.

    """

    targets: tuple[int]
    bit: int
    readout: Readout
    decides: bool


class Pulse(NamedTuple):
    """An action on one component, if a bit was read as 1."""

    action: Action
    targets: tuple[int]
    bit: int


Step: TypeAlias = Gate | Block | Measure | Pulse


@dataclass(frozen=True, eq=False)
class Part:
    """Components that have nothing to do with others, and everything that happens to them.

    Attributes:
        components: Their names; targets are indices into these.
        steps: What happens, in order.
        bits: Which bits of the program are recorded here; bits of the steps are indices into these.

    """

    components: tuple[str, ...]
    steps: tuple[Block | Measure | Pulse, ...]
    bits: tuple[int, ...]

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """The measurements, in the order of their bits."""
        return tuple(sorted((step for step in self.steps if isinstance(step, Measure)), key=lambda step: step.bit))

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The fused actions."""
        return tuple(step for step in self.steps if isinstance(step, Block))

    @cached_property
    def early(self) -> frozenset[int]:
        """Bits whose measurements something follows that depends on them."""
        used: set[int] = set()
        bits = {step.bit for step in self.steps if isinstance(step, Measure) and step.decides}
        for step in reversed(self.steps):
            if isinstance(step, Measure) and step.targets[0] in used:
                bits.add(step.bit)
            used.update(step.targets)
        return frozenset(bits)

    @cached_property
    def errors(self) -> int:
        """How many errors the actions have."""
        return sum(len(action.errors) for step in self.steps for action in actions_of(step))

    @property
    def ideal(self) -> bool:
        """Whether nothing but unitary gates happens before the last measurements."""
        return not self.early and not self.errors

    @cached_property
    def layout(self) -> Layout:
        """The steps in an order in which few components are in use at a time."""
        return laid_out(self.steps, len(self.components))


def actions_of(step: Block | Measure | Pulse) -> tuple[Action, ...]:
    """Return the actions in a step, in order."""
    if isinstance(step, Measure):
        return ()
    if isinstance(step, Pulse):
        return (step.action,)
    return (*(action for actions in step.alone for action in actions), *((step.joint,) if step.joint else ()))


class Placed(NamedTuple):
    """A step on registers: where its components are, and which of them are free afterwards."""

    step: Block | Measure | Pulse
    registers: tuple[int, ...]
    released: tuple[int, ...]


class Layout(NamedTuple):
    """Steps on registers that components share, one after the other; every register starts and ends free."""

    steps: tuple[Placed, ...]
    width: int


def parts(program: Program, physics: Physics) -> tuple[Part, ...]:
    """Return what has to be simulated of a program."""
    return separated(program, fused(absorbed(seen(bound(program, physics)))))


def bound(program: Program, physics: Physics) -> list[Step]:
    """Return a program's operations as what they do; those that do nothing are left out."""
    deciding = program.feedback_bits
    steps: list[Step] = []
    for operation in program.operations:
        locus = tuple(program.components[target] for target in operation.targets)
        name, implementation, bit = operation.name, operation.implementation, operation.bit
        if name in MEASUREMENTS and bit is not None:
            readout = physics.readout(locus[0], name, implementation)
            steps.append(Measure((operation.targets[0],), bit, readout, bit in deciding))
            continue
        action = physics.action(name, locus, implementation, operation.parameters)
        if action is None:
            continue
        steps.append(Gate(action, operation.targets) if bit is None else Pulse(action, (operation.targets[0],), bit))
    return steps


def seen(steps: Sequence[Step]) -> list[Step]:
    """Return the steps that can influence a recorded bit."""
    watched: set[int] = set()
    kept = []
    for step in reversed(steps):
        if isinstance(step, Measure) or not watched.isdisjoint(step.targets):
            watched.update(step.targets)
            kept.append(step)
    return kept[::-1]


def absorbed(steps: Sequence[Step]) -> list[Step]:
    """Count noise right before the last measurement of a component among the errors of its readout.

    Nothing but the populations of the component matters there, and nothing sees the component afterwards.
    """
    kept: list[Step] = []
    last: dict[int, tuple[int, Measure]] = {}  # component → its last measurement and its place, if nothing is between
    touched: set[int] = set()
    for step in reversed(steps):
        place, measure = last.pop(step.targets[0], (0, None))
        if isinstance(step, Measure):
            if step.targets[0] not in touched and not step.decides:
                last[step.targets[0]] = len(kept), step
            kept.append(step)
        elif measure and isinstance(step, Gate) and len(step.targets) == 1 and step.action.flips is not None:
            kept[place] = measure = measure._replace(readout=_after(step.action.flips, measure.readout))
            if step.action.idle:
                last[step.targets[0]] = place, measure
            else:
                kept.append(step._replace(action=step.action.perfect))
        else:
            for target in step.targets[1:]:
                last.pop(target, None)
            kept.append(step)
        touched.update(step.targets)
    return kept[::-1]


def _after(flips: NDArray[np.float64], readout: Readout) -> Readout:
    read = np.array([[1 - readout.p_1_given_0, readout.p_0_given_1], [readout.p_1_given_0, 1 - readout.p_0_given_1]])
    wrong = read @ flips
    return Readout(float(wrong[1, 0]), float(wrong[0, 1]))


def fused(steps: Sequence[Step]) -> list[Block | Measure | Pulse]:
    """Join each action on two components with those on either of them alone that come before it."""
    pending: dict[int, list[Action]] = {}
    blocks: list[Block | Measure | Pulse] = []

    def flush(components: Iterable[int]) -> None:
        for component in components:
            if component in pending:
                blocks.append(Block((component,), (tuple(pending.pop(component)),), None))

    for step in steps:
        if isinstance(step, Gate) and len(step.targets) == 1:
            pending.setdefault(step.targets[0], []).append(step.action)
        elif isinstance(step, Gate):
            alone = tuple(tuple(pending.pop(target, ())) for target in step.targets)
            blocks.append(Block(step.targets, alone, step.action))
        else:
            flush(step.targets)
            blocks.append(step)
    flush(list(pending))
    return blocks


def separated(program: Program, steps: Sequence[Block | Measure | Pulse]) -> tuple[Part, ...]:
    """Split steps into parts that share neither components nor bits that decide."""
    group = list(range(len(program.components)))

    def root(component: int) -> int:
        while group[component] != component:
            group[component] = component = group[group[component]]
        return component

    source = {step.bit: step.targets[0] for step in steps if isinstance(step, Measure)}
    for step in steps:
        others = (*step.targets[1:], source[step.bit]) if isinstance(step, Pulse) else step.targets[1:]
        for other in others:
            group[root(other)] = root(step.targets[0])
    members: dict[int, list[Block | Measure | Pulse]] = {}
    for step in steps:
        members.setdefault(root(step.targets[0]), []).append(step)
    return tuple(_part(program, own) for own in members.values())


def _part(program: Program, steps: Sequence[Block | Measure | Pulse]) -> Part:
    components = list(dict.fromkeys(target for step in steps for target in step.targets))
    bits = sorted(step.bit for step in steps if isinstance(step, Measure))
    index, bit = {old: new for new, old in enumerate(components)}, {old: new for new, old in enumerate(bits)}
    local: list[Block | Measure | Pulse] = []
    for step in steps:
        targets = tuple(index[target] for target in step.targets)
        if isinstance(step, Block):
            local.append(step._replace(targets=targets))
        else:
            local.append(step._replace(targets=(targets[0],), bit=bit[step.bit]))
    return Part(tuple(program.components[old] for old in components), tuple(local), tuple(bits))


def laid_out(steps: Sequence[Block | Measure | Pulse], components: int) -> Layout:
    """Put steps into an order that begins using components late and ends early, and place them on registers.

    Components are finished one after the other, next the one for which the fewest others have to be taken into use,
    each with just those steps that have to come before.
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


def _predecessors(steps: Sequence[Block | Measure | Pulse]) -> list[list[int]]:
    """Return for each step those that have to come immediately before."""
    latest: dict[int, int] = {}
    written: dict[int, int] = {}
    before = []
    for index, step in enumerate(steps):
        direct = {latest[target] for target in step.targets if target in latest}
        if isinstance(step, Pulse):
            direct.add(written[step.bit])
        if isinstance(step, Measure):
            written[step.bit] = index
        latest.update(dict.fromkeys(step.targets, index))
        before.append(sorted(direct, reverse=True))  # the earliest one is taken from the stack first
    return before


def _placed(steps: Sequence[Block | Measure | Pulse], order: Sequence[int], last: dict[int, int]) -> Layout:
    where: dict[int, int] = {}
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
        placed.append(Placed(step, registers, released))
    return Layout(tuple(placed), width)
