"""Circuits that a machine has run: found by their counts, simulated by the machine's fake, and run once more."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from iqm_fakes.simulator.circuit import CircuitError
from iqm_fakes.simulator.distribution import Distribution
from iqm_fakes.simulator.tolerance import SIGMAS, tolerance
from iqm_fakes.vendor.http import get, post
from iqm_fakes.wire.qiskit_order import OutcomeOrder
from iqm_fakes.wire.results import histogram
from pytest_iqm.errors import ExecutionError
from pytest_iqm.prediction import Predictor, Predictors

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from iqm_fakes.simulator.circuit import Program
    from iqm_fakes.simulator.simulator import Simulator

LONGEST = 10.0
"""Seconds that the computation of an exact distribution may take; otherwise shots are simulated."""

MOST_CHOICES = 64
"""If more choices of a circuit's bits than this have the same counts, they don't tell which bits they are of."""


@dataclass(frozen=True)
class Execution:
    """A circuit that a machine has run.

    Attributes:
        predictors: Those of the machine.
        job: The id of its job.
        index: Its place in the job.

    """

    predictors: Predictors
    job: str
    index: int

    def __str__(self) -> str:
        return self.job if self.circuits == 1 else f"{self.job}, circuit {self.index + 1} of {self.circuits}"

    @cached_property
    def _submission(self) -> dict[str, Any]:
        submission: dict[str, Any] = get(self.predictors.client, f"jobs/{self.job}/payload")
        return submission

    @property
    def circuits(self) -> int:
        """How many circuits its job has."""
        return len(self._submission["circuits"])

    @cached_property
    def payload(self) -> dict[str, Any]:
        """A submission of this circuit alone."""
        return {**self._submission, "circuits": [self._submission["circuits"][self.index]]}

    @cached_property
    def predictor(self) -> Predictor:
        """What the calibration says with which the machine ran it."""
        return self.predictors.of(self._document["compilation"]["calibration_set_id"], self._document["qc"]["id"])

    @cached_property
    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = get(self.predictors.client, f"jobs/{self.job}")
        return document

    @cached_property
    def counts(self) -> dict[str, int]:
        """What came out, in Qiskit's order of bits.

        Raises:
            ExecutionError: It failed, or was not submitted by Qiskit.

        """
        histograms = get(self.predictors.client, f"jobs/{self.job}/artifacts/measurement_counts", missing=True)
        if histograms is None:
            errors = get(self.predictors.client, f"jobs/{self.job}").get("errors") or [{"message": "it has no results"}]
            raise ExecutionError(f"job {self.job}: {'; '.join(error['message'] for error in errors)}")
        document = histograms[self.index]
        return in_qiskit_order(document["measurement_keys"], document["counts"])

    def gave(self, counts: dict[str, int]) -> bool:
        """Whether these are its counts."""
        try:
            return self.counts == {key: count for key, count in counts.items() if count}
        except ExecutionError:
            return False

    def could_have_given(self, counts: dict[str, int]) -> bool:
        """Whether these may be its counts with the bits in another order: there are as many, if it tells."""
        try:
            return len(next(iter(self.counts))) == len(next(iter(counts)))
        except ExecutionError:
            return True

    def tolerance(
        self,
        counts: dict[str, int] | None = None,
        places: Collection[int] | None = None,
        *,
        uncertain: bool = True,
    ) -> float:
        """Return what :func:`iqm_fakes.simulator.tolerance.tolerance` says of the bits that a claim is about.

        Args:
            counts: What the claim is about: its own counts, or some of its bits; for what else may be made of them, all
                bits count. None is its own.
            places: Which bits of these the claim is about, from the left; None is all.
            uncertain: False takes published numbers as they are, without their uncertainties.

        """
        (program,) = self.predictor.programs(self.payload)[1]
        bits = self._bits([key for key, _ in program.keys], counts, places)
        return tolerance(program, self.predictor.noise, bits, sigmas=SIGMAS if uncertain else 0.0)

    def _bits(
        self, keys: Sequence[str], counts: dict[str, int] | None, places: Collection[int] | None
    ) -> list[int] | None:
        """Return which recorded bits a claim is about; None is all."""
        try:
            order = _qiskit_order(keys)
            width = order.width
            choices = [tuple(range(width))] if counts is None or self.gave(counts) else self._choices(counts, width)
        except ExecutionError:  # it was not submitted by Qiskit, or failed
            return None
        wanted = {choice[place] for choice in choices for place in (range(len(choice)) if places is None else places)}
        return [bit for bit, place in enumerate(order.places) if place in wanted] if wanted else None

    def _choices(self, counts: dict[str, int], width: int) -> list[tuple[int, ...]]:
        """Return all choices of places in its outcomes whose bits have just these counts; none if they say nothing."""
        found: list[tuple[int, ...]] = [()]
        for end in range(1, len(next(iter(counts))) + 1):
            wanted = _marginal(counts, range(end))
            longer = [(*choice, place) for choice in found for place in range(width) if place not in choice]
            found = [choice for choice in longer if _marginal(self.counts, choice) == wanted]
            if len(found) > MOST_CHOICES:
                return []
        return found

    def exact(self, *, noise: bool = True) -> Exact | None:
        """Return the exact distribution of the machine's fake; None if it would take too long, or can't be computed.

        Args:
            noise: False leaves out all noise.

        """
        (program,) = self.predictor.programs(self.payload)[1]
        simulator = self.predictor.noisy if noise else self.predictor.ideal
        return exact(simulator, program, _qiskit_order([key for key, _ in program.keys]), LONGEST)

    def simulated(self, shots: int, *, noise: bool = True) -> dict[str, int]:
        """Return counts of so many shots of the machine's fake, independent of those that it gave.

        Args:
            shots: How many; heralding may keep fewer.
            noise: False leaves out all noise.

        """
        (program,) = self.predictor.programs(self.payload)[1]
        simulator = self.predictor.noisy if noise else self.predictor.ideal
        bits = simulator.run(program, shots, np.random.SeedSequence(UUID(self.job).int))
        return in_qiskit_order(list(bits), histogram(list(bits.values())))

    def repeat(self, params: Mapping[str, str]) -> Execution:
        """Run it once more on the machine, and wait for it.

        Args:
            params: Of the query that submits it.

        Raises:
            Exception: The vendor's client's.

        """
        client = self.predictors.client
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the vendor's, about its own use, and about what we report
            computer = self.predictors.alias(self._document["qc"]["id"])
            job = post(client, f"jobs/{computer}/circuit", self.payload, params=params)["id"]
            client.get_job(UUID(job)).wait_for_completion()
        return Execution(self.predictors, job, 0)


@dataclass(frozen=True)
class Exact:
    """How likely outcomes are.

    Attributes:
        distribution: Of the recorded bits.
        order: How outcomes are written, here without spaces.

    """

    distribution: Distribution
    order: OutcomeOrder

    def probabilities(self, outcomes: Sequence[str]) -> NDArray[np.float64]:
        """Return how likely outcomes are."""
        bits = np.frombuffer("".join(outcomes).encode(), np.uint8).reshape(len(outcomes), self.order.width) - ord("0")
        unrecorded = np.delete(bits, self.order.places, axis=1).any(axis=1)
        return np.where(unrecorded, 0.0, self.distribution.probabilities(bits[:, self.order.places]))

    def likely(self, least: float) -> list[str]:
        """Return the outcomes that are at least so likely."""
        found = self.distribution.likely(least)
        digits = np.full((len(found), self.order.width), ord("0"), np.uint8)
        digits[:, self.order.places] += found
        return [row.tobytes().decode() for row in digits]


def exact(simulator: Simulator, program: Program, order: OutcomeOrder, seconds: float) -> Exact | None:
    """Return the exact distribution of a program; None if it would take longer, or can't be computed."""
    try:
        if simulator.distribution_seconds(program) > seconds:
            return None
        return Exact(simulator.distribution(program), order)
    except CircuitError:
        return None


class Executions:
    """The circuits that a machine has run.

    Args:
        client: Connected to the machine's server.

    """

    def __init__(self, client: IQMClient) -> None:
        self.predictors = Predictors(client)

    def find(self, jobs: Iterable[str], counts: dict[str, int]) -> Execution | None:
        """Return the circuit of jobs that counts are of, the latest first; None if they are of none.

        Preferred is one that has these counts; otherwise it may have them with its bits in another order.
        """
        wanted, reordered = sorted(count for count in counts.values() if count), None
        for job in reversed(list(jobs)):
            histograms = get(self.predictors.client, f"jobs/{job}/artifacts/measurement_counts", missing=True) or ()
            for index, circuit in enumerate(histograms):
                if sorted(circuit["counts"].values()) == wanted:
                    execution = Execution(self.predictors, job, index)
                    if execution.gave(counts):
                        return execution
                    if reordered is None and execution.could_have_given(counts):
                        reordered = execution
        return reordered

    def find_in_job(self, job: str, counts: dict[str, int]) -> Execution | None:
        """Return the circuit of a job that counts are of, or the only one it has, which they may be made of."""
        first = Execution(self.predictors, job, 0)
        return self.find([job], counts) or (first if first.circuits == 1 else None)


def in_qiskit_order(measurement_keys: Sequence[str], counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts as Qiskit has them: leftmost is the last bit of the last register, and what is not measured is 0.

    Args:
        measurement_keys: What the bits of an outcome are of, the leftmost first; Qiskit's name register and bit.
        counts: Shots by outcome.

    Raises:
        ExecutionError: They are not Qiskit's.

    """
    order = _qiskit_order(measurement_keys)
    return {order.bits(outcome): count for outcome, count in counts.items()}


def _qiskit_order(measurement_keys: Sequence[str]) -> OutcomeOrder:
    try:
        return OutcomeOrder.of_qiskits(measurement_keys)
    except ValueError as error:
        raise ExecutionError(str(error)) from None


def _marginal(counts: Mapping[str, int], places: Iterable[int]) -> Counter[str]:
    """Return the counts of some bits, whatever the others are."""
    places, found = list(places), Counter[str]()
    for outcome, count in counts.items():
        found["".join(outcome[place] for place in places)] += count
    return +found
