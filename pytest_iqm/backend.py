"""IQMBackend: the vendor's backend, the same on every supported iqm-client and on either client."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from iqm.iqm_client import IQMClient
from iqm.qiskit_iqm.iqm_job import IQMJob
from iqm.qiskit_iqm.iqm_provider import IQMBackend as VendorBackend
from qiskit import QuantumCircuit
from qiskit.providers import Options

from iqm_fakes.vendor.http import quantum_computer_alias
from iqm_fakes.vendor.own_deprecations import unmentioned

SAMPLERS = (
    "sampler primitives (Qiskit's BackendSamplerV2, qiskit_ibm_runtime's SamplerV2) read IQM's memory as hexadecimal "
    "numbers, offline and live, so their counts are wrong (Qiskit issue 15694); take those of "
    "backend.run(circuit).result().get_counts(), or use an estimator"
)
"""What is said once, when such a primitive submits a job."""

_said: list[str] = []


def sampled() -> bool:
    """Whether a sampler primitive has submitted a job in this process."""
    return SAMPLERS in _said


class IQMBackend(VendorBackend):
    """An IQM quantum computer for Qiskit, real or simulated: which, is decided by the client.

    Args:
        client: The vendor's ``IQMClient`` for a real quantum computer, or a ``FakeIQMClient``.
        calibration_set_id: Calibration set to use; ``None`` means the server's current default.
        use_metrics: Whether the target carries the published errors and durations.
        provider: Back reference to what made this backend.
        name: Name of the backend; the default is the quantum computer's alias.
        description: Description of the backend.
        online_date: Since when the quantum computer is in service.
        backend_version: Version of the backend.
        fields: Values for :attr:`options`, which override their defaults.

    Raises:
        AttributeError: A field is not an option.
        ValueError: ``calibration_set_id`` is not a UUID.

    """

    def __init__(
        self,
        client: IQMClient,
        *,
        calibration_set_id: str | UUID | None = None,
        use_metrics: bool = False,
        provider: Any = None,
        name: str | None = None,
        description: str | None = None,
        online_date: datetime | None = None,
        backend_version: str | None = None,
        **fields: Any,
    ) -> None:
        unknown = [field for field in fields if field not in self._default_options()]
        if unknown:
            raise AttributeError(f"{_listed(unknown)} not an option of IQMBackend; {self._known_options()}")
        self._client: IQMClient | None = client
        with unmentioned():
            super().__init__(
                client,
                calibration_set_id=calibration_set_id,
                use_metrics=use_metrics,
                provider=provider,
                description=description,
                online_date=online_date,
                backend_version=backend_version,
                **fields,
            )
        # the vendor accepts a name in some versions only, and uses the alias in some only
        self.name = quantum_computer_alias(client) if name is None else name

    def __repr__(self) -> str:
        from iqm_fakes.client import place

        where = "closed" if self._client is None else place(self._client)
        return f"<IQMBackend {self.name}, {where}>"

    @property
    def client(self) -> IQMClient:
        """The client that jobs are submitted through.

        Raises:
            RuntimeError: :meth:`close_client` was called.

        """
        if self._client is None:
            raise RuntimeError(
                f"the client of backend '{self.name}' is closed: run and retrieve jobs before close_client(), "
                "or make a new IQMBackend"
            )
        return self._client

    @client.setter
    def client(self, client: IQMClient) -> None:
        self._client = client

    def close_client(self) -> None:
        """Close the client's authentication session, if it has one, and discard the client; twice is fine."""
        client, self._client = self._client, None
        close = getattr(client, "close_auth_session", None)  # iqm-client up to 30; later ones keep no session
        if close is not None:
            close()

    @classmethod
    def _default_options(cls) -> Options:
        return Options(
            shots=1024,
            use_timeslot=False,
            circuit_compilation_options=None,
            circuit_callback=None,
            qubit_index_to_name=None,
        )

    @classmethod
    def _known_options(cls) -> str:
        return f"the options are {', '.join(sorted(dict(cls._default_options())))}"

    def run(self, run_input: QuantumCircuit | Sequence[QuantumCircuit], **options: Any) -> IQMJob:
        """Submit one circuit, or several as one job.

        Args:
            run_input: A transpiled circuit or a list of them.
            options: Override :attr:`options` for this job: ``shots``, ``use_timeslot``,
                ``circuit_compilation_options``, ``circuit_callback``, ``qubit_index_to_name``.

        Returns:
            The submitted job.

        Raises:
            TypeError: ``run_input`` is neither a circuit nor a list of circuits.
            ValueError: The list is empty, or ``shots`` is not positive.
            RuntimeError: The client is closed.

        """
        __tracebackhide__ = True
        circuits = [run_input] if isinstance(run_input, QuantumCircuit) else run_input
        if not isinstance(circuits, list | tuple) or not all(isinstance(c, QuantumCircuit) for c in circuits):
            got = type(run_input).__name__
            if isinstance(circuits, list | tuple):
                got += " of " + ", ".join(sorted({type(circuit).__name__ for circuit in circuits}))
            raise TypeError(f"IQMBackend.run accepts a QuantumCircuit or a list of QuantumCircuits, got {got}")
        _ = self.client  # a closed one is reported before anything is prepared
        if options.get("memory") and not sampled():  # which they alone ask for: it is no option of IQM's
            _said.append(SAMPLERS)
            warnings.warn(SAMPLERS, UserWarning, stacklevel=2)
        try:
            return super().run(list(circuits), **{**dict(self.options), **options})
        except ValueError as error:
            if "natively supported" in str(error):
                error.add_note("transpile it for this backend first: transpile(circuit, backend)")
            raise

    def retrieve_job(self, job_id: str | UUID) -> IQMJob:
        """Return a submitted job, from any process that reaches the same server.

        Raises:
            ValueError: ``job_id`` is not a UUID.
            RuntimeError: The client is closed.

        An id that the server does not know raises the vendor's error for status 404, whose message names the id.

        """
        __tracebackhide__ = True
        _ = self.client  # a closed one is reported before a malformed id
        try:
            job_id = str(UUID(str(job_id)))
        except ValueError:
            raise ValueError(f"a job id is a UUID such as '{UUID(int=0)}', got {job_id!r}") from None
        return super().retrieve_job(job_id)


def _listed(names: list[str]) -> str:
    quoted = ", ".join(repr(name) for name in names)
    return f"{quoted} {'is' if len(names) == 1 else 'are'}"
