"""The twin of a machine: what its published calibration says about a job that it ran."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from iqm_fakes.client import FakeIQMClient
from iqm_fakes.device.device import Device, DeviceError
from iqm_fakes.device.error_rates import Noise, Relaxation
from iqm_fakes.simulator.circuit import CircuitError
from iqm_fakes.simulator.simulator import Simulator
from iqm_fakes.vendor.http import VENDOR_ERRORS, get, post, quantum_computer_alias
from iqm_fakes.wire.payload import CircuitJobPayload, InvalidPayload, UnmappedQubit
from iqm_fakes.wire.results import histogram

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from iqm_fakes.simulator.circuit import Program


class ExecutionError(RuntimeError):
    """A circuit gave no results."""


UNKNOWN: tuple[type[Exception], ...] = (
    *VENDOR_ERRORS,
    DeviceError,
    InvalidPayload,
    UnmappedQubit,
    CircuitError,
    ExecutionError,
    NotImplementedError,
)
"""Why a twin may know nothing of a job: it failed, or the server doesn't tell."""


@dataclass(frozen=True)
class Twin:
    """A calibration, as numbers and as simulators.

    Attributes:
        noise: What the calibration says of errors and times.
        noisy: A simulator with that noise; of a fake, one that simulates as the fake does.
        ideal: One without.

    """

    noise: Noise
    noisy: Simulator
    ideal: Simulator

    def programs(self, payload: dict[str, Any]) -> tuple[CircuitJobPayload, list[Program]]:
        """Return a submission, and what the machine makes of its circuits.

        Raises:
            InvalidPayload: It is none of circuits.
            CircuitError: The machine would refuse a circuit.

        """
        request = CircuitJobPayload.parse(json.dumps(payload).encode())
        options = request.options()
        return request, [self.noisy.compile(request.circuit(index), options) for index in range(len(request.circuits))]

    def over_t2(self, program: Program) -> float:
        """Return how long a circuit takes, in units of the shortest T2 of its components."""
        return program.duration / min(self.noise.relaxation(component).t2 for component in program.components)

    def tolerance(self, program: Program) -> float:
        r"""Return a bound of the total variation distance that published noise makes to the outcomes of a circuit.

        .. math:: \delta = 1 - \prod_i (1 - \varepsilon_i)

        over all operations, delays and waiting times included, whose noise does nothing with a probability of
        :math:`1 - \varepsilon_i`, so with probability :math:`1 - \delta` none does anything:
        :math:`\varepsilon = p (1 - d^{-2})` for a depolarising channel of probability p on dimension d; for relaxation
        during t a reset with :math:`\varepsilon = 1 - e^{-t/T_1}` and a phase flip with
        :math:`\frac12 (1 - e^{-t/T_2 + t/T_1})`; and the larger of both readout errors for a recorded bit. Relaxation
        with :math:`T_2 > T_1` is no such mixture, see :func:`_relaxed`. A component in its ground state does not
        relax: before its first gate, after a reset, and while MOVE keeps its state elsewhere. Coherent errors and
        crosstalk are not published, and may exceed the bound; on hardware, leave room for them.
        """
        lost, empty = 0.0, set(program.components)
        for operation in program.operations:
            locus = tuple(program.components[target] for target in operation.targets)
            seconds = 0.0
            match operation.name:
                case "measure" | "measure_fidelity":  # relaxation during it is part of its errors
                    lost = _mixed(lost, max(self.noise.readout(locus[0], operation.name, operation.implementation)))
                    empty -= set(locus)
                case "reset" | "reset_wait":
                    if operation.name == "reset" and self.noise.measures(locus[0]):  # it is a measurement, and a flip
                        lost = _mixed(lost, max(self.noise.readout(locus[0])))
                    empty |= set(locus)
                case "delay":
                    seconds = operation.parameters[0]
                case gate:
                    seconds, depolarizing = self.noise.gate(gate, locus, operation.implementation)
                    lost = _mixed(lost, depolarizing * (1 - 4.0 ** -len(locus)))
                    if gate != "move":
                        empty -= set(locus)
                    elif len(empty & set(locus)) == 1:
                        empty ^= set(locus)
            for component in locus:  # in order, which matters where distances add up
                if component not in empty:
                    lost = _relaxed(lost, seconds, self.noise.relaxation(component))
        return lost


def _mixed(lost: float, error: float) -> float:
    """Return the bound after noise that does something with probability ``error``, from the one before it."""
    return lost + (1 - lost) * error


def _relaxed(lost: float, seconds: float, relaxation: Relaxation) -> float:
    """Return the bound after a component has relaxed, from the one before it.

    With T2 ≤ T1 that is a reset and a phase flip, each with its probability. Otherwise it is a phase flip, and
    amplitude damping, whose half diamond distance from nothing, 1 − exp(−t/T1), adds to what was before.
    """
    damped = -math.expm1(-seconds / relaxation.t1)
    shared = 1.0 if relaxation.t2 <= relaxation.t1 else 0.5  # of the decay of phases is that of populations
    lost = _mixed(lost, (1 - math.exp(-seconds * max(1 / relaxation.t2 - shared / relaxation.t1, 0.0))) / 2)
    return _mixed(lost, damped) if shared == 1 else min(lost + damped, 1.0)


class Twins:
    """The twins of a machine, one for each calibration set.

    Args:
        client: Connected to the machine's server.

    """

    def __init__(self, client: IQMClient) -> None:
        self.client = client
        self._known: dict[str, Twin] = {}

    def of(self, calibration_set: str) -> Twin:
        """Return the twin with a calibration.

        Raises:
            DeviceError: The machine publishes what is not a valid device.
            Exception: The vendor's client's.

        """
        if calibration_set not in self._known:
            device = Device.published(self.client, quantum_computer_alias(self.client), [calibration_set])
            calibration = device.calibration()
            settings = self.client.server.settings if isinstance(self.client, FakeIQMClient) else {}
            self._known[calibration_set] = Twin(
                Noise(calibration),
                Simulator(calibration, **settings),
                Simulator(calibration, **{**settings, "noise": False}),
            )
        return self._known[calibration_set]

    def execution(self, jobs: Iterable[str], counts: dict[str, int]) -> Execution | None:
        """Return the circuit of jobs that counts are of, the latest first; None if they are of none.

        Preferred is one that has these counts; otherwise it may have them with its bits in another order.
        """
        wanted, renamed = sorted(count for count in counts.values() if count), None
        for job in reversed(list(jobs)):
            histograms = get(self.client, f"jobs/{job}/artifacts/measurement_counts", missing=True) or ()
            for index, circuit in enumerate(histograms):
                if sorted(circuit["counts"].values()) == wanted:
                    execution = Execution(self, job, index)
                    if execution.gave(counts):
                        return execution
                    if renamed is None and execution.fits(counts):
                        renamed = execution
        return renamed

    def circuit(self, job: str, counts: dict[str, int]) -> Execution | None:
        """Return the circuit of a job that counts are of, or the only one it has, which they may be made of."""
        first = Execution(self, job, 0)
        return self.execution([job], counts) or (first if first.circuits == 1 else None)


@dataclass(frozen=True)
class Execution:
    """A circuit that a machine has run.

    Attributes:
        twins: Those of the machine.
        job: The id of its job.
        index: Its place in the job.

    """

    twins: Twins
    job: str
    index: int

    def __str__(self) -> str:
        return self.job if self.circuits == 1 else f"{self.job}, circuit {self.index + 1} of {self.circuits}"

    @cached_property
    def _submission(self) -> dict[str, Any]:
        submission: dict[str, Any] = get(self.twins.client, f"jobs/{self.job}/payload")
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
    def twin(self) -> Twin:
        """The twin of the machine, as it was calibrated then."""
        return self.twins.of(get(self.twins.client, f"jobs/{self.job}")["compilation"]["calibration_set_id"])

    @cached_property
    def counts(self) -> dict[str, int]:
        """What came out, in Qiskit's order of bits.

        Raises:
            ExecutionError: It failed, or was not submitted by Qiskit.

        """
        histograms = get(self.twins.client, f"jobs/{self.job}/artifacts/measurement_counts", missing=True)
        if histograms is None:
            errors = get(self.twins.client, f"jobs/{self.job}").get("errors") or [{"message": "it has no results"}]
            raise ExecutionError(f"job {self.job}: {'; '.join(error['message'] for error in errors)}")
        document = histograms[self.index]
        return in_qiskit_order(document["measurement_keys"], document["counts"])

    def gave(self, counts: dict[str, int]) -> bool:
        """Whether these are its counts."""
        try:
            return self.counts == {key: count for key, count in counts.items() if count}
        except ExecutionError:
            return False

    def fits(self, counts: dict[str, int]) -> bool:
        """Whether these may be its counts with the bits in another order: there are as many, if it tells."""
        try:
            return len(next(iter(self.counts))) == len(next(iter(counts)))
        except ExecutionError:
            return True

    def tolerance(self) -> float:
        """Return what :meth:`Twin.tolerance` says of it."""
        (program,) = self.twin.programs(self.payload)[1]
        return self.twin.tolerance(program)

    def simulated(self, shots: int, *, noise: bool = True) -> dict[str, int]:
        """Return counts of so many shots of the machine's fake, independent of those that it gave.

        Args:
            shots: How many; heralding may keep fewer.
            noise: False leaves out all noise.

        """
        (program,) = self.twin.programs(self.payload)[1]
        simulator = self.twin.noisy if noise else self.twin.ideal
        bits = simulator.run(program, shots, np.random.SeedSequence(UUID(self.job).int))
        return in_qiskit_order(list(bits), histogram(list(bits.values())))

    def again(self, params: Mapping[str, str]) -> Execution:
        """Run it once more on the machine, and wait for it.

        Args:
            params: Of the query that submits it.

        Raises:
            Exception: The vendor's client's.

        """
        client = self.twins.client
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the vendor's, about its own use, and about what we report
            job = post(client, f"jobs/{quantum_computer_alias(client)}/circuit", self.payload, params=params)["id"]
            client.get_job(UUID(job)).wait_for_completion()
        return Execution(self.twins, job, 0)


def in_qiskit_order(measurement_keys: Sequence[str], counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts as Qiskit has them: leftmost is the last bit of the last register, and what is not measured is 0.

    Args:
        measurement_keys: What the bits of an outcome are of, the leftmost first; Qiskit's name register and bit.
        counts: Shots by outcome.

    Raises:
        ExecutionError: They are not Qiskit's.

    """
    from iqm.qiskit_iqm.qiskit_to_iqm import MeasurementKey

    try:
        keys = [MeasurementKey.from_string(key) for key in measurement_keys]
    except ValueError:
        raise ExecutionError(f"the measurement keys are not Qiskit's: {', '.join(measurement_keys)}") from None
    begin, width = {}, 0
    for register, length in sorted({key.creg_idx: key.creg_len for key in keys}.items()):
        begin[register], width = width, width + length
    places = [width - 1 - begin[key.creg_idx] - key.clbit_idx for key in keys]
    ordered: dict[str, int] = {}
    for outcome, count in counts.items():
        bits = ["0"] * width
        for place, bit in zip(places, outcome, strict=True):
            bits[place] = bit
        ordered["".join(bits)] = count
    return ordered
