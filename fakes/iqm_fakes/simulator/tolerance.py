"""How far published noise may take the outcomes of a circuit from those of its ideal."""

from __future__ import annotations

import math
from collections.abc import Collection

from iqm_fakes.device.error_rates import Noise, Relaxation
from iqm_fakes.simulator import pauli_mixtures
from iqm_fakes.simulator.circuit import Program

SIGMAS = 2.0
"""By how many of their standard uncertainties published errors may be larger: with 97.7 % they are not, one-sided."""


def tolerance(program: Program, noise: Noise, bits: Collection[int] | None = None, *, sigmas: float = SIGMAS) -> float:
    r"""Return a bound of the total variation distance that published noise makes to the outcomes of a circuit.

    .. math:: \delta = 1 - \prod_i (1 - \varepsilon_i)

    over all operations that can influence what is recorded, delays and waiting times included, whose noise does nothing
    with a probability of :math:`1 - \varepsilon_i`, so with probability :math:`1 - \delta` none does anything:
    :math:`\varepsilon = p (1 - d^{-2})` for a depolarising channel of probability p on dimension d; for relaxation
    what is not the identity in the mixture that it is (:mod:`.pauli_mixtures`); and for a measurement the probability
    that 0 or 1, whichever is worse, is read wrongly, or is changed and looked at again. Relaxation with
    :math:`T_2 > T_1` is no such mixture, see :func:`_add_relaxation`. A component in its ground state does not relax:
    before its first gate, after a reset, and while MOVE keeps its state elsewhere. Coherent errors and crosstalk are
    not published, and may exceed the bound; on hardware, leave room for them.

    Published numbers are measured, and some come with an uncertainty. With :math:`\delta_\ell`, where those of locus
    :math:`\ell` alone are worse by ``sigmas`` uncertainties, the bound is
    :math:`\delta + \sqrt{\sum_\ell (\delta_\ell - \delta)^2}`: as errors of measurement propagate that are independent
    from locus to locus, and not those of one locus.

    Args:
        program: What is run.
        noise: What is published.
        bits: Of which recorded bits the outcomes are; None is all of them.
        sigmas: How many uncertainties; 0 takes the published numbers as they are.

    """
    program = program.light_cone(bits)
    delta = _bound(program, noise)
    loci = [tuple(program.components[target] for target in operation.targets) for operation in program.operations]
    places = dict.fromkeys(frozenset(place) for locus in loci for place in (locus, *((one,) for one in locus)))
    worse = [noise.worse(place, sigmas) for place in places] if sigmas else []
    moved = [_bound(program, each) - delta for each in worse if each is not None]
    return min(delta + math.hypot(*(max(each, 0.0) for each in moved)), 1.0)


def _bound(program: Program, noise: Noise) -> float:
    """Return the bound, with published numbers as they are."""
    lost, empty, again = 0.0, set(program.components), program.used_again
    for component in program.heralded:
        lost = _add_error(lost, noise.measurement(component).unheralded)
    for index, operation in enumerate(program.operations):
        locus = tuple(program.components[target] for target in operation.targets)
        seconds, relaxation = 0.0, noise.relaxation
        if operation.name in ("measure", "measure_fidelity", "reset") and locus[0] not in empty:
            lost = _add_relaxation(lost, noise.relaxing_before_readout(locus[0]), relaxation(locus[0]))
        match operation.name:
            case "measure" | "measure_fidelity":  # relaxation during it is part of its errors
                measurement = noise.measurement(locus[0], operation.name, operation.implementation)
                wrong = max(measurement.recorded) if index not in again else measurement.disturbance
                lost = _add_error(lost, wrong)
                empty -= set(locus)
            case "reset" | "reset_wait":
                if operation.name == "reset" and noise.measures(locus[0]):  # it is a measurement, and a flip
                    lost = _add_error(lost, max(noise.measurement(locus[0]).contradicted))
                empty |= set(locus)
            case "delay":
                seconds = operation.parameters[0]
            case "zz":  # coherent, so distances add up; half the diamond distance of a phase from none
                if empty.isdisjoint(locus):
                    lost = min(lost + abs(math.sin(operation.parameters[0] / 2)), 1.0)
            case gate:
                _, depolarizing, relaxing = noise.gate(gate, locus, operation.implementation)
                pulses = noise.pulses(gate, locus, operation.implementation, operation.parameters)
                seconds, relaxation = pulses * relaxing, noise.relaxation_in_gates
                for _ in range(pulses):
                    lost = _add_error(lost, depolarizing * (1 - 4.0 ** -len(locus)))
                if gate != "move":
                    empty -= set(locus) if pulses else set()
                elif len(empty & set(locus)) == 1:
                    empty ^= set(locus)
        for component in locus:  # in order, which matters where distances add up
            if component not in empty:
                lost = _add_relaxation(lost, seconds, relaxation(component))
    return lost


def _add_error(lost: float, error: float) -> float:
    """Return the bound after noise that does something with probability ``error``, from the one before it."""
    return lost + (1 - lost) * error


def _add_relaxation(lost: float, seconds: float, relaxation: Relaxation) -> float:
    """Return the bound after a component has relaxed, from the one before it.

    With T2 ≤ T1 that is a mixture, in which nothing happens with a known probability. Otherwise it is a phase flip, and
    amplitude damping, whose half diamond distance from nothing, 1 − exp(−t/T1), adds to what was before.
    """
    mixture = pauli_mixtures.relaxation(relaxation, seconds)
    if mixture is not None:
        return _add_error(lost, 1 - mixture["I"])
    dephased = (1 - math.exp(-seconds * max(1 / relaxation.t2 - 0.5 / relaxation.t1, 0.0))) / 2
    return min(_add_error(lost, dephased) - math.expm1(-seconds / relaxation.t1), 1.0)
