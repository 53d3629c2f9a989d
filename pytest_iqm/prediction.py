"""What the published calibration of a machine says about a circuit: its program, length and outcomes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iqm_fakes.client import FakeIQMClient
from iqm_fakes.device.device import Calibration, Device, DeviceError
from iqm_fakes.device.error_rates import Noise
from iqm_fakes.device.implementations import default_loci
from iqm_fakes.simulator.circuit import CircuitError
from iqm_fakes.simulator.simulator import Simulator
from iqm_fakes.vendor.http import VENDOR_ERRORS, get, quantum_computer_alias
from iqm_fakes.wire.payload import CircuitJobPayload, InvalidPayload
from pytest_iqm.errors import ExecutionError

if TYPE_CHECKING:
    from iqm.iqm_client import IQMClient

    from iqm_fakes.simulator.circuit import Program


UNPREDICTABLE: tuple[type[Exception], ...] = (
    *VENDOR_ERRORS,
    DeviceError,
    InvalidPayload,
    CircuitError,
    ExecutionError,
    NotImplementedError,
)
"""Why nothing can be said of a job: it failed, or the server doesn't tell."""


@dataclass(frozen=True)
class Predictor:
    """A calibration, as numbers and as simulators.

    Attributes:
        chip: The machine's ``components``, which of them have ``couplers``, and which of these are not calibrated
            (``lost``).
        noise: What the calibration says of errors and times.
        noisy: A simulator with that noise; of a fake, one that simulates as the fake does.
        ideal: One without.

    """

    chip: Mapping[str, Any]
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
        return program.duration / min(
            (self.noise.relaxation(component).t2 for component in program.components), default=math.inf
        )


class Predictors:
    """The predictors of a server's machines, one for each calibration set.

    Args:
        client: Connected to the machine's server.

    """

    def __init__(self, client: IQMClient) -> None:
        self.client = client
        self._known: dict[str, Predictor] = {}
        self._aliases: dict[str, str] = {}

    def alias(self, computer: str | None) -> str:
        """Return the alias of a computer by its id; the client's own for None, and for one that is not there any more.

        Raises:
            Exception: The vendor's client's.

        """
        if computer is not None and not self._aliases:
            listed = get(self.client, "quantum-computers")["quantum_computers"]
            self._aliases = {entry["id"]: entry["alias"] for entry in listed}
        return self._aliases.get(computer or "") or quantum_computer_alias(self.client)

    def of(self, calibration_set: str, computer: str | None = None) -> Predictor:
        """Return the predictor of a calibration set.

        Args:
            calibration_set: Its id.
            computer: The id of the computer that has it; the default is the client's own.

        Raises:
            DeviceError: The machine publishes what is not a valid device.
            Exception: The vendor's client's.

        """
        if calibration_set not in self._known:
            alias, settings = self.alias(computer), {}
            if isinstance(self.client, FakeIQMClient):  # what a device file says beside what is published counts, too
                device = self.client.server.device(alias)
                calibration = self.client.server.calibration(alias, calibration_set)
                settings = dict(self.client.server.settings)
            else:
                device = Device.published(self.client, alias, [calibration_set])
                calibration = device.calibration()
            self._known[calibration_set] = Predictor(
                _chip(device, calibration),
                Noise(calibration),
                Simulator(calibration, **settings),
                Simulator(calibration, **{**settings, "noise": False}),
            )
        return self._known[calibration_set]


def _chip(device: Device, calibration: Calibration) -> dict[str, Any]:
    architecture = device.static_quantum_architecture
    couplers = [list(pair) for pair in architecture["connectivity"]]
    calibrated = {frozenset(locus) for _, locus in default_loci(calibration.dynamic_quantum_architecture)}
    return {
        "components": [*architecture["qubits"], *architecture["computational_resonators"]],
        "couplers": couplers,
        "lost": [pair for pair in couplers if frozenset(pair) not in calibrated],
    }
