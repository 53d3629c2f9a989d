"""Claims about counts as users make them: ``assert counts == distribution({"00": 0.5, "11": 0.5}, within=0.06)``.

How they are judged is in :mod:`pytest_iqm.statistics`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_iqm import claim_hooks
from pytest_iqm.statistics.claim_types import Distribution, Expectation, Probability, SameAs, Support, Within
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
        drift: With ``within="fake"``, by which part of themselves the published errors may be off; 0.5 unless given.
            The tolerance is 1 − (1 − δ)^drift, where δ is the one of ``within="calibration"``.
        job: The job that the counts are of. Within a test that uses ``iqm_backend``, its jobs are looked through.
            If it has one circuit, ``within="calibration"`` also takes what is made of its counts: marginals, sums.

    Raises:
        ValueError: The probabilities don't add up to 1, or something is no probability.
        CountsError: An outcome is no bit string, or they have different widths.

    """
    execution_of = None if job is None else partial(_execution_in, job, within)
    return Distribution(probabilities, within=within, drift=drift, execution_of=execution_of)


def support(outcomes: Iterable[str], *, leak: float = 0.0) -> Support:
    """Claim that other outcomes have at most the probability ``leak`` together."""
    return Support(outcomes, leak=leak)


def probability(
    outcomes: str | Collection[str], *, at_least: float | None = None, at_most: float | None = None
) -> Probability:
    """Claim bounds of the probability of an outcome, or of several together."""
    return Probability(outcomes, at_least=at_least, at_most=at_most)


def expectation(pauli: str, *, at_least: float | None = None, at_most: float | None = None) -> Expectation:
    """Claim bounds of ⟨P⟩ of a product of Z and I; its rightmost letter is the rightmost bit's, as in Qiskit."""
    return Expectation(pauli, at_least=at_least, at_most=at_most)


def same_as(counts: Any, *, within: float = 0.0) -> SameAs:
    """Claim that a device has the distribution that these counts were taken from: TVD(device, that) ≤ ``within``."""
    return SameAs(counts, within=within)


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
