"""Claims about counts as users make them: ``assert counts == distribution({"00": 0.5, "11": 0.5}, within=0.06)``.

How they are judged is in :mod:`pytest_iqm.statistics`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_iqm import claim_hooks
from pytest_iqm.statistics.claim_types import (
    Distribution,
    ExecutionOf,
    Expectation,
    Probability,
    SameAs,
    Support,
    Tolerance,
    Within,
)
from pytest_iqm.statistics.observed import CountsError

if TYPE_CHECKING:
    from pytest_iqm.executions import Execution

__tracebackhide__ = claim_hooks.hide_frames


def distribution(
    probabilities: Mapping[str, float],
    *,
    within: Within = 0.0,
    drift: float | None = None,
    job: Any = None,
) -> Distribution:
    """Claim that a device has a distribution, but for noise: TVD(device, declared) ≤ ``within``.

    Args:
        probabilities: Outcome → probability; they add up to 1, and what is not declared has probability 0. The
            leftmost bit is the last one of the circuit, as in Qiskit's counts; spaces between registers don't matter.
        within: Total variation distance that noise may make: the largest difference of the probability of any event.
            0 is for simulations without noise. ``"calibration"`` takes it from the errors and times that the machine
            publishes, along the circuit as it was compiled: see :func:`iqm_fakes.simulator.tolerance.tolerance`.
            ``"fake"`` claims that the circuit as it was compiled has this distribution without noise, and that the
            machine does to it what its fake does.
        drift: With ``within="fake"``, by which part of themselves the published errors may be off. The tolerance is
            1 − (1 − δ)^drift, where δ is the one of ``within="calibration"`` without uncertainties. Unless given, it is
            what two of the published uncertainties allow; 0.5 where none are published.
        job: The job that the counts are of. Within a test that uses ``iqm_backend``, its jobs are looked through.
            If it has one circuit, ``within="calibration"`` also takes what is made of its counts: some of its bits
            (marginals), and sums.

    Raises:
        ValueError: The probabilities don't add up to 1, or something is no probability.
        CountsError: An outcome is no bit string, or they have different widths.

    """
    return Distribution(probabilities, within=within, drift=drift, execution_of=_finder(job, within))


def support(outcomes: Iterable[str], *, leak: float = 0.0) -> Support:
    """Claim that other outcomes have at most the probability ``leak`` together."""
    return Support(outcomes, leak=leak)


def probability(
    outcomes: str | Collection[str],
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    within: Tolerance = 0.0,
    job: Any = None,
) -> Probability:
    """Claim bounds of the probability of an outcome, or of several together.

    Args:
        outcomes: The outcome, or several.
        at_least: What the probability is at least without noise.
        at_most: What it is at most.
        within: By how much noise may change it; ``"calibration"`` as in :func:`distribution`.
        job: The job that the counts are of, as there.

    """
    return Probability(outcomes, at_least=at_least, at_most=at_most, within=within, execution_of=_finder(job, within))


def expectation(
    pauli: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    within: Tolerance = 0.0,
    job: Any = None,
) -> Expectation:
    """Claim bounds of ⟨P⟩ of a product of Z and I; its rightmost letter is the rightmost bit's, as in Qiskit.

    Args:
        pauli: The product.
        at_least: What the expectation is at least without noise.
        at_most: What it is at most.
        within: By how much noise may change the probability of odd parity, which is half of what it may do to ⟨P⟩.
            ``"calibration"`` takes only that into account which the bits with a Z can see of the circuit.
        job: The job that the counts are of, as in :func:`distribution`.

    """
    return Expectation(pauli, at_least=at_least, at_most=at_most, within=within, execution_of=_finder(job, within))


def same_as(counts: Any, *, within: float = 0.0) -> SameAs:
    """Claim that a device has the distribution that these counts were taken from: TVD(device, that) ≤ ``within``."""
    return SameAs(counts, within=within)


def _finder(job: Any, within: Within) -> ExecutionOf | None:
    return None if job is None else partial(_execution_in, job, within)


def _execution_in(job: Any, within: Within, counts: dict[str, int]) -> Execution:
    """Return the circuit of a job that counts are of.

    Raises:
        CountsError: It is none of an IQMBackend, or has no such circuit.

    """
    from pytest_iqm.executions import Executions

    if not hasattr(job, "backend") or not hasattr(job.backend(), "client"):
        raise CountsError(f"job is a job of an IQMBackend, as run() returns it, got {type(job).__name__}")
    job_id = str(job.job_id())
    execution = Executions(job.backend().client).find_in_job(job_id, counts)
    if execution is None:
        raise CountsError(
            f"within='{within}' needs to know the circuit that the counts are of, and none of job {job_id} has them: "
            "give a job of it alone"
        )
    return execution
