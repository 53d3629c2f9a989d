"""Suspects: the qubits and couplers whose errors, had they been others than published, would explain what was measured.

For each readout, each qubit's prx, each coupler's cz or MOVE, and each component's relaxation one number is fitted: the
factor on its error that makes what was measured most likely, over all circuits together, everything else as published.
The one that explains most stays with its factor, and the others are fitted again, until none explains more than chance
does: so what only shares a circuit with the culprit is not blamed. Distributions are computed exactly at a few factors;
in between, probabilities are taken to be affine in the factor, as they are where errors are small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iqm_fakes.agreement.chance import Tally
from iqm_fakes.agreement.observed import Observed
from iqm_fakes.device.metrics import Locus
from iqm_fakes.device.scaled_errors import READOUT, RELAXATION, Figure, scaled
from iqm_fakes.simulator.distribution import Distribution
from iqm_fakes.simulator.operations import MEASUREMENTS
from iqm_fakes.simulator.simulator import Simulator

RUNS = 3
"""How many distributions a suspect usually takes."""

LEVEL = 0.01
"""How likely it is at most that chance makes any suspect, where everything is as published."""

MOST_SUSPECTS = 10
"""How many there are of a machine at most."""

_LEAST, _MOST = 1 / 16, 32.0
"""Factors between which the best one is looked for."""

_IMPOSSIBLE = 1e-9
"""The probability that what can't happen is taken to have."""

_POINTS = np.linspace(0, 1, 65)[:, None]


class Place(NamedTuple):
    """What may err more or less than published: a kind of :class:`~.scaled_errors.Figure`, and where."""

    kind: str
    locus: Locus


@dataclass(frozen=True)
class Suspect:
    """A qubit or coupler whose errors, if they were others than published, would explain what was measured.

    Attributes:
        computer: Alias of the quantum computer.
        kind: ``readout``, ``prx``, ``cz``, ``move`` or ``relaxation``.
        locus: Its components.
        factor: By how much its errors would have to be multiplied; for relaxation, its rates.
        gain: By how much the logarithm of the likelihood of all that was measured would rise, once the suspects before
            this one have their factors.
        circuits: How many circuits tell of it.

    """

    computer: str
    kind: str
    locus: Locus
    factor: float
    gain: float
    circuits: int

    def __str__(self) -> str:
        return f"{'-'.join(self.locus)} {self.kind} ×{self.factor:.2g}, {self.gain:.1f} units of log-likelihood"


class Evidence(NamedTuple):
    """A circuit that was run, as the fit needs it: what is expected as published, and how often what was seen."""

    observed: Observed
    expected: Distribution
    seen: tuple[Tally, ...]


def places(observed: Observed) -> list[Place]:
    """Return what in a circuit may err, in the order in which it is used."""
    program = observed.program
    found: dict[Place, None] = {}
    for operation in program.operations:
        locus = tuple(sorted(program.components[target] for target in operation.targets))
        match operation.name:
            case "cz" | "move":
                found[Place(operation.name, locus)] = None
            case "reset":
                found[Place(READOUT, locus)] = None
            case name if name in MEASUREMENTS:
                found[Place(READOUT, locus)] = None
            case "prx" | "cc_prx" | "sx" | "u":
                found[Place("prx", locus)] = None
    found.update((Place(RELAXATION, (component,)), None) for component in program.components)
    return list(found)


def suspects(evidence: Sequence[Evidence]) -> list[Suspect]:
    """Return those that explain more than chance would, the one that explains most first."""
    machines: dict[str, dict[Place, list[Evidence]]] = {}
    for each in evidence:
        for place in places(each.observed):
            machines.setdefault(each.observed.computer, {}).setdefault(place, []).append(each)
    number = sum(len(telling) for telling in machines.values())
    found = [suspect for computer, telling in machines.items() for suspect in _of_machine(computer, telling, number)]
    return sorted(found, key=lambda suspect: -suspect.gain)


def _of_machine(computer: str, telling: Mapping[Place, Sequence[Evidence]], number: int) -> Iterator[Suspect]:
    """Yield the suspects of a machine; ``number`` is that of all places that are looked at."""
    blamed: dict[Place, float] = {}
    candidates = list(telling)
    while candidates and len(blamed) < MOST_SUSPECTS:
        fits = {place: _best(telling[place], place, blamed) for place in candidates}
        # twice the gain has a χ² distribution of one degree of freedom where nothing is wrong
        candidates = [place for place in candidates if number * math.erfc(math.sqrt(fits[place][1])) < LEVEL]
        if candidates:
            worst = max(candidates, key=lambda place: fits[place][1])
            candidates.remove(worst)
            blamed[worst] = fits[worst][0]
            yield Suspect(computer, *worst, *fits[worst], len(telling[worst]))


def _best(telling: Sequence[Evidence], place: Place, blamed: Mapping[Place, float]) -> tuple[float, float]:
    """Return the factor that makes what was seen most likely, and the gain in log-likelihood."""
    counts = np.concatenate([tally.counts for each in telling for tally in each.seen])
    at = _simulated(telling, place, blamed)
    published = at(1.0)

    def between(low: tuple[float, NDArray[np.float64]], factor: float) -> tuple[float, float, bool]:
        """Return the best factor between two, its log-likelihood, and whether it is the second one."""
        high = at(factor)
        between = np.maximum(low[1] + _POINTS * (high - low[1]), _IMPOSSIBLE)
        likelihoods = np.log(between) @ counts
        best = int(np.argmax(likelihoods))
        return low[0] + (factor - low[0]) * float(_POINTS[best, 0]), float(likelihoods[best]), best == len(_POINTS) - 1

    start = float(counts @ np.log(np.maximum(published, _IMPOSSIBLE)))
    factor, likelihood, at_the_end = between((1.0, published), 2.0)
    if factor == 1.0:
        factor, likelihood, _ = between((1.0, published), _LEAST)
    upper = 2.0
    while at_the_end and upper < _MOST:
        factor, likelihood, at_the_end = between((upper, at(upper)), 2 * upper)
        upper *= 2
    return factor, max(likelihood - start, 0.0)


def _simulated(
    telling: Sequence[Evidence], place: Place, blamed: Mapping[Place, float]
) -> Callable[[float], NDArray[np.float64]]:
    """Return what computes the probabilities of what was seen for a factor on the errors of a place."""
    known: dict[float, NDArray[np.float64]] = {}
    if not blamed:
        known[1.0] = np.concatenate([_likely(each, each.expected) for each in telling])

    def at(factor: float) -> NDArray[np.float64]:
        factors = {**blamed, place: factor}

        def on(figure: Figure) -> float:
            return factors.get(Place(figure.kind, figure.locus), 1.0)

        if factor not in known:
            simulators: dict[int, Simulator] = {}
            likely = []
            for each in telling:
                calibration = each.observed.calibration
                if id(calibration) not in simulators:
                    simulators[id(calibration)] = Simulator(scaled(calibration, on))
                likely.append(_likely(each, simulators[id(calibration)].distribution(each.observed.program)))
            known[factor] = np.concatenate(likely)
        return known[factor]

    return at


def _likely(evidence: Evidence, distribution: Distribution) -> NDArray[np.float64]:
    """Return how likely what was seen is, group of bits by group of bits."""
    return np.concatenate([distribution.joint(tally.bits)[tally.values] for tally in evidence.seen])
