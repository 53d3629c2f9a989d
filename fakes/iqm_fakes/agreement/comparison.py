"""How well the fake predicts: for each circuit, for each night of a machine, and who explains the rest."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from iqm_fakes.agreement import chance
from iqm_fakes.agreement.drift import drifted
from iqm_fakes.agreement.observed import LeftOut, Observed, counted, recorded
from iqm_fakes.agreement.results import SHOWN, CircuitComparison, Comparison, Night, Outcome
from iqm_fakes.agreement.suspects import RUNS, Evidence, Suspect, places, suspects
from iqm_fakes.device.device import Device
from iqm_fakes.device.error_rates import Noise
from iqm_fakes.recordings.folder import Recordings
from iqm_fakes.recordings.recording import RecordingError
from iqm_fakes.simulator.circuit import CircuitError
from iqm_fakes.simulator.distribution import Distribution
from iqm_fakes.simulator.simulator import Simulator
from iqm_fakes.simulator.tolerance import tolerance
from iqm_fakes.wire.qiskit_order import OutcomeOrder

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

DRAWS = 999
"""Draws of counts for a p-value without drift: it is 0.001 at least."""

DRIFTS = 99
"""Calibrations drawn for a p-value with drift: it is 0.01 at least."""

FEWEST_DRIFTS = 19
"""With fewer there is no p-value with drift."""

SECONDS = 60.0
"""What the distributions of one circuit may take, for drift and for suspects each."""

LISTED = 12
"""Up to so many bits, outcomes that were never measured are shown, too."""

_CHANCE = 20
"""Draws for the distance by chance."""

_SETTING_UP = 5e-3
"""Seconds that a distribution takes beside the evolution itself, about."""


def compare(
    counts: Mapping[str, int] | Sequence[Mapping[str, int]],
    circuit: QuantumCircuit | Sequence[QuantumCircuit],
    device: str | os.PathLike[str] | Device,
    *,
    measured: datetime | float | None = None,
    seed: int = 0,
    drifts: int = DRIFTS,
    seconds: float = SECONDS,
) -> Comparison:
    """Hold counts that a quantum computer gave against the exact distribution of its fake.

    Args:
        counts: As Qiskit has them; of several circuits, a list.
        circuit: The circuit as it ran: transpiled; or a list.
        device: The quantum computer as it was: a device file with its calibration, or a bundled device.
        measured: When that was, or how many days after the calibration; None assumes two days.
        seed: Makes p-values reproducible.
        drifts: How many drifted calibrations are drawn for the p-value with drift; 0 leaves it out.
        seconds: What the distributions of one circuit may take, about, for drift and for suspects each.

    Returns:
        ``print`` shows it as a table.

    Raises:
        ValueError: The counts are not those of the circuit.
        CircuitError: The machine would refuse the circuit, or its exact distribution can't be computed.
        DeviceError: There is no such device.
        Exception: The vendor's backend's, of a circuit that is not transpiled.

    """
    each = [counts] if isinstance(counts, Mapping) else list(counts)
    circuits = list(circuit) if isinstance(circuit, Sequence) else [circuit]
    found = counted(each, circuits, Device.load(device), measured)
    comparison = _compared(found, [], seed, drifts, seconds)
    for left_out in comparison.left_out:
        raise CircuitError(str(left_out))
    return comparison


def compare_recordings(
    folder: str | os.PathLike[str], *, seed: int = 0, drifts: int = DRIFTS, seconds: float = SECONDS
) -> Comparison:
    """Hold all recorded jobs of a folder against the exact distributions of the fake, each with its calibration.

    Args:
        folder: The recordings.
        seed: Makes p-values reproducible.
        drifts: How many drifted calibrations are drawn for the p-value with drift; 0 leaves it out.
        seconds: What the distributions of one circuit may take, about, for drift and for suspects each.

    Raises:
        RecordingError: There is no such folder.

    """
    recordings = Recordings(folder)
    if not recordings.folder.is_dir():
        raise RecordingError(f"there is no folder {folder}")
    found, left_out = recorded(recordings)
    return _compared(found, left_out, seed, drifts, seconds)


class _Held(NamedTuple):
    """A circuit, held against its distribution."""

    evidence: Evidence
    cost: float
    g: float
    drawn: NDArray[np.float64]
    drifted: NDArray[np.float64]


def _compared(
    observed: Sequence[Observed], left_out: Sequence[LeftOut], seed: int, drifts: int, seconds: float
) -> Comparison:
    held: list[_Held] = []
    circuits: list[CircuitComparison] = []
    refused = list(left_out)
    machines: dict[int, tuple[Simulator, Simulator, Noise]] = {}
    drifting: tuple[tuple[int, float | None], list[Simulator]] = (0, None), []  # of the job that was looked at last
    for each in observed:
        calibration = each.calibration
        if id(calibration) not in machines:
            ideal = Simulator(calibration, noise=False)
            machines[id(calibration)] = Simulator(calibration), ideal, Noise(calibration)
        noisy, ideal, noise = machines[id(calibration)]
        try:
            cost = noisy.distribution_seconds(each.program) + _SETTING_UP
            if cost > seconds:
                raise CircuitError(f"its exact distribution would take about {cost:.0f} s, more than {seconds:g} s")
            expected = noisy.distribution(each.program)
        except CircuitError as error:
            refused.append(LeftOut(each.job, each.index, str(error)))
            continue
        random = np.random.default_rng([seed, UUID(each.job).int if each.job else 0, each.index])
        seen = chance.tallies(expected, each.outcomes, each.counts)
        drawn = chance.drawn_divergences(expected, expected, each.shots, DRAWS, random)
        number = min(drifts, int(seconds / cost))
        moved = np.empty(number if number >= FEWEST_DRIFTS else 0)
        age = None if each.age is None else round(each.age, 1)  # so that the jobs of one night share calibrations
        if drifting[0] != (id(calibration), age):
            drifting = (id(calibration), age), []
        for draw in range(len(moved)):
            if draw == len(drifting[1]):
                drifting[1].append(Simulator(drifted(calibration, age, seed, draw)))
            truth = drifting[1][draw].distribution(each.program)
            moved[draw : draw + 1] = chance.drawn_divergences(truth, expected, each.shots, 1, random)
        held.append(_Held(Evidence(each, expected, seen), cost, chance.divergence(seen, expected), drawn, moved))
        circuits.append(_circuit(held[-1], _ideal(ideal, each), tolerance(each.program, noise), random))
    return Comparison(
        tuple(circuits),
        tuple(_nights(held, circuits)),
        tuple(_suspects(held, seconds, refused)),
        tuple(refused),
    )


def _ideal(simulator: Simulator, observed: Observed) -> Distribution | None:
    try:
        return simulator.distribution(observed.program)
    except CircuitError:
        return None


def _circuit(held: _Held, ideal: Distribution | None, allowed: float, random: np.random.Generator) -> CircuitComparison:
    observed, expected = held.evidence.observed, held.evidence.expected
    outcomes, counts = observed.outcomes, observed.counts
    order = OutcomeOrder.of(observed.program.keys)
    return CircuitComparison(
        observed.computer,
        observed.job,
        observed.index,
        observed.name,
        observed.submitted_at,
        observed.age,
        observed.shots,
        chance.distance(outcomes, counts, expected),
        chance.distance_by_chance(expected, observed.shots, _CHANCE, random),
        chance.p_value(held.g, held.drawn),
        chance.p_value(held.g, held.drifted) if len(held.drifted) else None,
        None if ideal is None else chance.distance(outcomes, counts, ideal),
        allowed,
        tuple(_outcomes(observed, expected, order)),
        order,
    )


def _outcomes(observed: Observed, expected: Distribution, order: OutcomeOrder) -> list[Outcome]:
    """Return the outcomes that were measured or are expected most often."""
    outcomes, counts = observed.outcomes, observed.counts
    if expected.width <= LISTED:
        everything = ((np.arange(2**expected.width)[:, None] >> np.arange(expected.width)) & 1).astype(np.uint8)
        never = np.ones(len(everything), dtype=bool)
        never[outcomes.astype(np.int64) @ (1 << np.arange(expected.width))] = False
        outcomes = np.concatenate([outcomes, everything[never]])
        counts = np.concatenate([counts, np.zeros(np.count_nonzero(never), dtype=np.int64)])
    likely = expected.probabilities(outcomes) * observed.shots
    most = np.argsort(-np.maximum(counts, likely), kind="stable")[:SHOWN]
    digits = ["".join(map(str, outcomes[index].tolist())) for index in most]
    return [
        Outcome(order.spaced(order.bits(recorded)), int(counts[index]), float(likely[index]))
        for index, recorded in zip(most, digits, strict=True)
    ]


def _nights(held: Sequence[_Held], circuits: Sequence[CircuitComparison]) -> list[Night]:
    groups: dict[tuple[str, str], list[tuple[_Held, CircuitComparison]]] = {}
    for pair in zip(held, circuits, strict=True):
        groups.setdefault((pair[1].computer, pair[1].night), []).append(pair)
    nights = []
    for (computer, night), pairs in groups.items():
        own = [circuit for _, circuit in pairs]
        ages = [circuit.age for circuit in own if circuit.age is not None]
        moved = [one for one, _ in pairs if len(one.drifted)]
        fewest = min((len(one.drifted) for one in moved), default=0)
        nights.append(
            Night(
                computer,
                night,
                len(own),
                sum(circuit.shots for circuit in own),
                float(np.mean(ages)) if ages else None,
                float(np.mean([circuit.distance for circuit in own])),
                float(np.mean([circuit.by_chance for circuit in own])),
                chance.p_value(sum(one.g for one, _ in pairs), np.sum([one.drawn for one, _ in pairs], axis=0)),
                chance.p_value(sum(one.g for one in moved), np.sum([one.drifted[:fewest] for one in moved], axis=0))
                if moved
                else None,
            )
        )
    return nights


def _suspects(held: Sequence[_Held], seconds: float, refused: list[LeftOut]) -> list[Suspect]:
    """Return who explains the excess; circuits that would take too long for it are noted."""
    evidence = []
    for one in held:
        observed = one.evidence.observed
        needed = one.cost * RUNS * len(places(observed))
        if needed > seconds:
            reason = f"compared, but not searched for suspects: that would take about {math.ceil(needed)} s"
            refused.append(LeftOut(observed.job, observed.index, reason))
        else:
            evidence.append(one.evidence)
    return suspects(evidence)
