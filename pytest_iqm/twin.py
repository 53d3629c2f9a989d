"""The twin of a machine: what its published calibration says about a job that it ran."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iqm_fakes.client import VENDOR_ERRORS, get, quantum_computer_alias
from iqm_fakes.device import Device, DeviceError
from iqm_fakes.noise import Noise, Relaxation
from iqm_fakes.payload import CircuitJobPayload, InvalidPayload, UnmappedQubit
from iqm_fakes.simulator import CircuitError, Simulator

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from iqm_fakes.simulator.circuit import Operation, Program

UNKNOWN: tuple[type[Exception], ...] = (
    *VENDOR_ERRORS,
    DeviceError,
    InvalidPayload,
    UnmappedQubit,
    CircuitError,
    NotImplementedError,
)
"""Why a twin may know nothing of a job: it failed, or the server doesn't tell."""


@dataclass(frozen=True)
class Twin:
    """A calibration, as numbers and as simulators.

    Attributes:
        noise: What the calibration says of errors and times.
        noisy: A simulator with that noise.
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
        return request, [self.noisy.check(request.circuit(index), options) for index in range(len(request.circuits))]

    def over_t2(self, program: Program) -> float:
        """Return how long a circuit takes, in units of the shortest T2 of its components."""
        return program.duration / min(self.noise.relaxation(component).t2 for component in program.components)

    def tolerance(self, program: Program) -> float:
        r"""Return a bound of the total variation distance that published noise makes to the outcomes of a circuit.

        .. math:: \delta = 1 - \prod_i (1 - \varepsilon_i)

        over all operations, delays and waiting times included, where :math:`\varepsilon_i` bounds half the diamond
        distance of an operation's noise from none: :math:`p (1 - d^{-2})` for a depolarising channel of probability p
        on dimension d; :math:`1 - e^{-t/T_1}` for amplitude damping and :math:`\frac12 (1 - e^{-t/T_\varphi})` for
        dephasing during t, with :math:`1/T_\varphi = 1/T_2 - 1/(2 T_1)`; and the larger of both readout errors for a
        recorded bit. A component in its ground state does not relax: before its first gate, and while MOVE keeps its
        state elsewhere. Distances add up at most, whatever else the circuit does. Coherent errors and crosstalk are not
        published, and may exceed it; on hardware, leave room for them.
        """
        kept, empty = 1.0, set(program.components)
        for operation in program.operations:
            locus = tuple(program.components[target] for target in operation.targets)
            seconds = self._seconds(operation, locus)
            if operation.name in ("measure", "measure_fidelity", "reset"):
                name = "measure" if operation.name == "reset" else operation.name
                kept *= 1 - max(self.noise.readout(locus[0], name))
            elif operation.name != "delay":
                gate = self.noise.gate(operation.name, locus, operation.implementation)
                kept *= 1 - gate.depolarizing * (1 - 4.0 ** -len(locus))
            if operation.name == "move":
                empty ^= set(locus) if len(empty & set(locus)) == 1 else set()
            elif operation.name != "delay":
                empty -= set(locus)
            for component in set(locus) - empty:
                kept *= _kept(seconds, self.noise.relaxation(component))
        return 1 - kept

    def _seconds(self, operation: Operation, locus: tuple[str, ...]) -> float:
        """Return for how long the components of an operation relax, as they are simulated."""
        if operation.name == "delay":
            return operation.parameters[0]
        if operation.name in ("measure", "measure_fidelity"):  # is part of the readout errors
            return 0.0
        return self.noise.gate(operation.name, locus, operation.implementation).duration


def _kept(seconds: float, relaxation: Relaxation) -> float:
    damped = math.exp(-seconds / relaxation.t1)
    dephasing = max(1 / relaxation.t2 - 1 / (2 * relaxation.t1), 0.0)
    return damped * (1 + math.exp(-seconds * dephasing)) / 2


class Twins:
    """The twins of a machine, one for each calibration set.

    Args:
        client: Connected to the machine's server.

    """

    def __init__(self, client: IQMClient) -> None:
        self._client = client
        self._known: dict[str, Twin] = {}

    def of(self, calibration_set: str) -> Twin:
        """Return the twin with a calibration.

        Raises:
            DeviceError: The machine publishes what is not a valid device.
            Exception: The vendor's client's.

        """
        if calibration_set not in self._known:
            device = Device.published(self._client, quantum_computer_alias(self._client), [calibration_set])
            calibration = device.calibration()
            self._known[calibration_set] = Twin(
                Noise(calibration), Simulator(calibration), Simulator(calibration, noise=False)
            )
        return self._known[calibration_set]

    def tolerance(self, jobs: Iterable[str], counts: dict[str, int]) -> float | None:
        """Return what :meth:`Twin.tolerance` says of the circuit that counts are of; None if no job has it."""
        found = self.find(jobs, counts)
        if found is None:
            return None
        job, circuit = found
        document = get(self._client, f"jobs/{job}")
        payload = get(self._client, f"jobs/{job}/payload")
        twin = self.of(document["compilation"]["calibration_set_id"])
        return twin.tolerance(twin.programs(payload)[1][circuit])

    def find(self, jobs: Iterable[str], counts: dict[str, int]) -> tuple[str, int] | None:
        """Return the job, the latest first, and the number of its circuit, that counts are of.

        Qiskit orders bits in its own way, so what is compared is how often there was an outcome, whichever it is.
        """
        wanted = sorted(count for count in counts.values() if count)
        for job in reversed(list(jobs)):
            histograms = get(self._client, f"jobs/{job}/artifacts/measurement_counts", missing=True) or ()
            for index, circuit in enumerate(histograms):
                if sorted(circuit["counts"].values()) == wanted:
                    return job, index
        return None
