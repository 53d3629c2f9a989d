"""Dynamical decoupling: what the vendor's compiler refuses of a strategy.

Its sequences are the identity on an ideal machine, and what they do against noise that is not published can't be
simulated; so nothing else depends on them.

The compiler puts the sequences where a drive channel waits. What is on a channel, instruction by instruction, matters:
waits in a row are one, the first and the last may be spared, by their place in the list, and a sequence that is chosen
and does not fit is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import pi
from typing import Literal, NamedTuple

from iqm_fakes.device.error_rates import Noise
from iqm_fakes.device.station import Station
from iqm_fakes.simulator.circuit import Decoupling, GateSequence, Options, Refused
from iqm_fakes.simulator.loci import Loci
from iqm_fakes.simulator.schedule import Schedule, rounded_up
from iqm_fakes.simulator.validation import Checked

PULSES = {"X": (pi, 0.0), "Y": (pi, pi / 2)}
"""Angle and phase of the gates that a pattern may name."""

ALIGNMENTS = ("asap", "center", "alap")

SAMPLES = 8
"""Samples of a step of the grid, as assumed."""


class Step(NamedTuple):
    """An instruction on a drive channel: it waits, stops merging (``block``), brackets a MOVE, or does something."""

    kind: Literal["wait", "block", "move", "pulse"]
    seconds: float


def check_decoupling(
    options: Options, checked: Checked, schedule: Schedule, noise: Noise, station: Station, loci: Loci
) -> None:
    """Check a strategy against the waits of a circuit.

    Args:
        options: What the job asks for; without a strategy, anything is fine.
        checked: The circuit.
        schedule: Its times.
        noise: Says how long pulses take.
        station: Says which times are possible.
        loci: Says where prx is calibrated.

    Raises:
        Refused: The vendor's compiler refuses it, or breaks.

    """
    strategy = options.decoupling
    if strategy is None:
        return
    sequences = sorted(strategy.sequences, key=lambda sequence: sequence.ratio, reverse=True)
    for sequence in sequences:
        _check_pattern(sequence)
    channels = {
        qubit: steps
        for qubit, steps in _channels(options, checked, schedule, noise, station, loci).items()
        if any(step.kind in ("pulse", "move") for step in steps)
    }
    targets = list(channels) if strategy.targets is None else _targets(strategy.targets, channels, loci)
    for qubit in reversed(targets):
        steps = _merged(channels[qubit]) if strategy.merge_contiguous_waits else channels[qubit]
        windows = _windows(steps, strategy)
        if windows and not loci.calibrated("prx", (qubit,)):
            what = f"{qubit} waits, and has no calibrated prx to decouple it with"
            raise Refused(what, f"{what}; name other target_qubits", breaks=True)
        for seconds in reversed(windows):
            _check_window(seconds, qubit, sequences, noise, station)


def _check_pattern(sequence: GateSequence) -> None:
    if isinstance(sequence.gates, str):
        unknown = sorted(set(sequence.gates) - set(PULSES))
        if unknown:
            raise Refused(
                f"There are unsupported gate(s) {_listed(unknown)} present in the submitted sequence "
                f"{_listed(sorted(set(sequence.gates)))}",
                f"the pattern '{sequence.gates}' may have X and Y; others are pairs of angle and phase",
            )


def _targets(names: Sequence[str], channels: Mapping[str, object], loci: Loci) -> list[str]:
    unknown = [name for name in names if not loci.has_component(name)]
    if unknown:
        raise Refused(f"Unknown target components {unknown}.", f"the qubits are {', '.join(loci.qubits)}")
    errors = []
    for name in names:
        if name in loci.resonators:
            errors.append(
                f"Drive channel {name}__drive_virtual of component {name} is a virtual channel that does not support "
                "DD."
            )
        elif name in channels and not loci.calibrated("prx", (name,)):
            errors.append(f"Drive channel {name}__drive.awg of component {name} has no PRX available.")
    if errors:
        raise Refused("\n".join(errors), "name qubits with a calibrated prx as target_qubits")
    return [name for name in names if name in channels]


def _channels(
    options: Options, checked: Checked, schedule: Schedule, noise: Noise, station: Station, loci: Loci
) -> dict[str, list[Step]]:
    """Return what is on the drive channel of each active qubit, in order."""
    channels: dict[str, list[Step]] = {}
    ends: dict[str, float] = {}
    read = set(checked.read)
    reset = _reset(station) * max(options.active_reset_cycles or 0, 0)
    waits_for_reset = options.active_reset_cycles is None and loci.has("reset_wait")
    for qubit in (component for component in checked.active if component in loci.qubits):
        channels[qubit] = [Step("block", 1.0)] if waits_for_reset else []
        channels[qubit] += [*(reset if qubit in read else ()), *[Step("block", 1.0)] * 2 * options.heralding]
        ends[qubit] = 0.0
    for (instruction, factors, parameters), span in zip(checked.played, schedule.spans, strict=True):
        for qubit in instruction.locus:
            if qubit not in channels:
                continue
            steps = channels[qubit]
            if span.start > ends[qubit] + station.grid / 2:
                steps.append(Step("wait", span.start - ends[qubit]))
            ends[qubit] = span.end
            seconds = span.end - span.start
            match instruction.name:
                case "barrier":
                    steps.append(Step("block", 0.0))
                case "delay":
                    steps.append(Step("wait", rounded_up(parameters[0], station.grid)))
                case "measure" | "measure_fidelity" | "reset_wait":
                    steps.append(Step("block", seconds))
                case "reset":
                    steps += _reset(station)
                case "move":
                    steps += [Step("move", 0.0), Step("pulse", seconds)]
                case name:
                    locus, implementation = factors[0]
                    pulses = noise.pulses(name, locus, implementation, parameters) if len(locus) == 1 else 1
                    steps += [Step("pulse", seconds / max(pulses, 1))] * (1 if name == "cc_prx" else max(pulses, 1))
    readout = max((noise.duration(checked.final, (qubit,), None, ()) for qubit in checked.measurable), default=0.0)
    start = schedule.duration - readout
    finally_read = {qubit for index in schedule.final for qubit in checked.played[index].instruction.locus}
    for qubit, steps in channels.items():
        probed = qubit in checked.measurable and qubit not in finally_read
        end = start if probed else schedule.duration
        if end > ends[qubit] + station.grid / 2:
            steps.append(Step("wait", end - ends[qubit]))
        if probed:
            steps.append(Step("block", readout))
    return channels


def _reset(station: Station) -> list[Step]:
    """Return what an active reset is on a channel; only that it waits matters of its times."""
    return [Step("block", 1.0), Step("wait", station.control_delay), Step("pulse", 1.0)]


def _merged(steps: Sequence[Step]) -> list[Step]:
    """Join waits that follow each other, barriers between them or not."""
    merged: list[Step] = []
    for step in steps:
        waits = bool(merged) and merged[-1].kind == "wait"
        if waits and step.kind == "wait":
            merged[-1] = Step("wait", merged[-1].seconds + step.seconds)
        elif not (waits and step == ("block", 0.0)):
            merged.append(step)
    return merged


def _windows(steps: Sequence[Step], strategy: Decoupling) -> list[float]:
    """Return the waits that sequences may fill, in seconds."""
    windows, in_sandwich = [], False
    for index, step in enumerate(steps):
        if step.kind == "move":
            in_sandwich = not in_sandwich and any(later.kind == "move" for later in steps[index + 1 :])
        first = strategy.skip_leading_wait and index == 1
        last = strategy.skip_trailing_wait and index in (len(steps) - 3, len(steps) - 1)
        if step.kind == "wait" and not (in_sandwich or first or last):
            windows.append(step.seconds)
    return windows


def _check_window(
    seconds: float, qubit: str, sequences: Sequence[GateSequence], noise: Noise, station: Station
) -> None:
    def samples(duration: float) -> int:
        return round(duration / station.grid * SAMPLES)

    def pulse(angle: float) -> int:
        return samples(noise.duration("prx", (qubit,), None, (angle, 0.0)))

    wait, unit = samples(seconds), pulse(pi)
    for sequence in sequences:
        if unit and wait / unit < sequence.ratio:
            continue
        gates = [PULSES[gate] for gate in sequence.gates] if isinstance(sequence.gates, str) else sequence.gates
        durations = [pulse(angle) for angle, _ in gates]
        where = f"in a wait of {seconds * 1e9:.0f} ns of {qubit}, {len(gates)} gates for ratio {sequence.ratio}"
        if len(durations) % 2:
            raise Refused("The number of DD gates in the sequence has to be even.", where)
        if len(set(durations)) != 1:
            raise Refused(
                f"The durations of all the gates in the provided DD gate sequence must be equal (now {durations}).",
                where,
            )
        if wait < sum(durations):
            raise Refused(
                f"The waiting time ({wait} samples) cannot accomodate the {len(durations)} DD gates required (duration "
                f"{sum(durations)}).",
                f"{where}; raise the ratio",
            )
        if sequence.alignment.lower() not in ALIGNMENTS:
            raise Refused(
                f"Unsupported single-qubit gate sequence alignment requested: {sequence.alignment}",
                f"alignments are {', '.join(ALIGNMENTS)}",
            )
        return


def _listed(names: Sequence[str]) -> str:
    return "{" + ", ".join(f"'{name}'" for name in names) + "}"
