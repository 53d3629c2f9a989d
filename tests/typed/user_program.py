"""What users write, for type checkers: nothing here runs."""

from typing import assert_type

import pytest
from hypothesis import given
from iqm.iqm_client import IQMClient
from qiskit import QuantumCircuit
from qiskit.providers import JobV1

import iqm_fakes
from iqm_fakes import Device, FakeIQMClient, FakeIQMServer, Limits, Recording, Workers, record
from pytest_iqm import IQMBackend, distribution, expectation, probability, same_as, shots_for, strategies, support
from pytest_iqm.fixtures import BackendFactory


@pytest.fixture(scope="session")
def iqm_settings() -> dict[str, object]:
    return {"device": "garnet", "limits": Limits(max_shots_per_circuit=1000)}


@pytest.mark.iqm(device="garnet", seed=3, noise=False, alpha=1e-4)
def test_fixtures(
    iqm_backend: IQMBackend,
    iqm_client: IQMClient,
    iqm_server: FakeIQMServer,
    iqm_http: FakeIQMServer,
    iqm_url: str,
    iqm_shots: int,
    iqm_backend_factory: BackendFactory,
) -> None:
    assert_type(iqm_backend_factory("emerald", noise=False), IQMBackend)
    job: JobV1 = iqm_backend.run(QuantumCircuit(2), shots=iqm_shots)
    assert_type(iqm_server.jobs[0].artifacts, list[str])
    iqm_server.faults.on("submit", "status").answers(503, times=2)
    with iqm_server.queue.held() as queue:
        queue.start_next()
    iqm_server.recalibrate(seed=1, lost=["QB1", ("QB2", "QB3")])
    assert job.job_id() in {str(each.id) for each in iqm_http.jobs}
    assert iqm_url != str(iqm_client)


def test_claims(iqm_backend: IQMBackend) -> None:
    counts: dict[str, int] = {"00": 500, "11": 500}
    assert counts == distribution({"00": 0.5, "11": 0.5}, within="calibration")
    assert counts == support(["00", "11"], leak=0.1)
    assert counts == probability("00", at_least=0.4, within=0.1)
    assert counts == expectation("ZZ", at_least=0.9)
    assert counts == same_as(counts)
    assert_type(shots_for(detect=0.2, within=0.05), int)


@given(strategies.circuits(qubits=2, gates="native"))
def test_properties(circuit: QuantumCircuit) -> None:
    assert_type(circuit, QuantumCircuit)


def script() -> None:
    with iqm_fakes.served("garnet", token="t") as url:
        assert_type(url, str)
    with iqm_fakes.intercepted("garnet", seed=1) as server:
        assert_type(server, FakeIQMServer)
    with Workers(2) as workers:
        client = FakeIQMClient(server=FakeIQMServer("garnet", executor=workers, background=True, keep=10))
    assert_type(client.server, FakeIQMServer)
    assert_type(record(client, "id", "folder"), Recording)
    assert_type(Device.load("garnet"), Device)
