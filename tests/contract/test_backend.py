"""IQMBackend keeps its contract, whichever client it has."""

from datetime import datetime
from uuid import uuid4

import pytest
from iqm.qiskit_iqm import IQMBackend as VendorBackend
from iqm.qiskit_iqm import transpile_to_IQM
from iqm.qiskit_iqm.iqm_job import IQMJob
from qiskit import QuantumCircuit, transpile
from qiskit.transpiler import Target

from iqm_fakes import Api, FakeIQMClient, FakeIQMServer
from iqm_fakes.vendor.http import connect, quantum_computer_alias
from iqm_fakes.web.loopback import loopback
from pytest_iqm import IQMBackend


def flip(qubits=1):
    circuit = QuantumCircuit(qubits)
    circuit.x(range(qubits))
    circuit.measure_all()
    return circuit


@pytest.fixture
def native(backend):
    return transpile(flip(), backend)


def shots_of(job):
    return sum(job.result().get_counts().values())


def test_it_is_the_vendors_backend(backend):
    assert isinstance(backend, VendorBackend)


def test_it_is_named_after_the_quantum_computer(backend, client):
    assert backend.name == quantum_computer_alias(client)


def test_a_given_name_wins(client):
    assert IQMBackend(client, name="mine").name == "mine"


def test_fields_of_every_backend_are_kept(client):
    provider, day = object(), datetime(2026, 1, 1)
    backend = IQMBackend(client, provider=provider, description="d", online_date=day, backend_version="2")
    assert backend.provider is provider
    assert (backend.description, backend.online_date, backend.backend_version) == ("d", day, "2")


def test_fields_override_default_options(client, native):
    backend = IQMBackend(client, shots=17)
    assert backend.options.shots == 17
    assert shots_of(backend.run(native)) == 17


def test_a_field_that_is_no_option_is_an_attribute_error(client):
    with pytest.raises(AttributeError, match=r"'shot' is not an option of IQMBackend; the options are .*shots"):
        IQMBackend(client, shot=17)


def test_default_options_are_what_run_takes(backend):
    assert dict(backend.options) == {
        "shots": 1024,
        "use_timeslot": False,
        "circuit_compilation_options": None,
        "circuit_callback": None,
        "qubit_index_to_name": None,
    }


def test_default_shots(backend, native):
    assert shots_of(backend.run(native)) == 1024


def test_a_value_given_to_run_wins_over_options(backend, native):
    backend.set_options(shots=50)
    assert shots_of(backend.run(native)) == 50
    assert shots_of(backend.run(native, shots=20)) == 20
    assert backend.options.shots == 50


def test_an_unknown_option_is_reported_as_by_the_vendor(backend, native):
    with pytest.warns(UserWarning, match="Unknown backend option"):
        backend.run(native, shots=10, seed_simulator=1)


def test_the_target_is_a_target(backend):
    assert isinstance(backend.target, Target)
    assert {"r", "measure"} <= set(backend.target.operation_names)


def test_a_calibration_set_may_be_chosen(backend, client, native):
    chosen = backend.architecture.calibration_set_id
    by_id = IQMBackend(client, calibration_set_id=str(chosen))
    result = by_id.run(native, shots=10).result()
    assert str(result.results[0].calibration_set_id) == str(chosen)


def test_a_calibration_set_id_has_to_be_a_uuid(client):
    with pytest.raises(ValueError, match="badly formed"):
        IQMBackend(client, calibration_set_id="yesterday")


def test_an_unknown_calibration_set_is_a_clear_error(client):
    unknown = uuid4()
    with pytest.raises(Exception, match=f"Calibration set '{unknown}' .* not found") as error:
        IQMBackend(client, calibration_set_id=unknown)
    assert type(error.value).__name__ == "NotFoundError"


def test_max_circuits_is_settable(backend):
    assert backend.max_circuits is None
    backend.max_circuits = 5
    assert backend.max_circuits == 5


def test_one_circuit_or_several(backend, native):
    one = backend.run(native, shots=10)
    assert isinstance(one, IQMJob)
    several = backend.run([native, native, native], shots=10).result()
    assert len(several.get_counts()) == 3
    assert len(backend.run((native, native), shots=10).result().get_counts()) == 2


@pytest.mark.parametrize(
    ("wrong", "got"), [("bell", "got str"), (None, "got NoneType"), ([flip(), 3], "list of QuantumCircuit, int")]
)
def test_anything_else_is_a_type_error(backend, wrong, got):
    with pytest.raises(TypeError, match=f"accepts a QuantumCircuit or a list of QuantumCircuits, .*{got}"):
        backend.run(wrong)


def test_an_empty_list_is_refused(backend):
    with pytest.raises(ValueError, match="Empty list of circuits"):
        backend.run([])


@pytest.mark.parametrize("shots", [0, -1])
def test_shots_have_to_be_positive(backend, native, shots):
    with pytest.raises(ValueError, match="greater than zero"):
        backend.run(native, shots=shots)


def test_a_circuit_that_is_not_transpiled_is_refused_by_the_vendor(backend):
    circuit = QuantumCircuit(3)
    circuit.ccx(0, 1, 2)
    circuit.measure_all()
    with pytest.raises(ValueError, match=r"'ccx' in the circuit '.*' is not natively supported"):
        backend.run(circuit)


def test_the_callback_sees_the_circuits(backend, native):
    seen = []
    backend.run(native, shots=10, circuit_callback=seen.extend)
    assert seen == [native]


def test_qubits_may_be_named(backend):
    circuit = QuantumCircuit(1, 1)
    circuit.r(3.141592653589793, 0, 0)
    circuit.measure(0, 0)
    last = backend.index_to_qubit_name(backend.num_qubits - 1)
    job = backend.run(circuit, shots=100, qubit_index_to_name={0: last})
    assert f"'{last}'" in str(job.result().circuits[0])
    assert job.result().get_counts()["1"] > 50


def test_a_job_is_retrieved_by_id(backend, client, native):
    job = backend.run(native, shots=100)
    counts = job.result().get_counts()
    for again in (backend.retrieve_job(job.job_id()), IQMBackend(client).retrieve_job(job.job_id())):
        assert isinstance(again, IQMJob)
        assert again.job_id() == job.job_id()
        assert again.result().get_counts() == counts


def test_a_malformed_id_is_a_clear_error(backend):
    with pytest.raises(ValueError, match=r"a job id is a UUID such as .*, got 'my job'"):
        backend.retrieve_job("my job")


def test_an_unknown_id_is_a_clear_error(backend):
    unknown = str(uuid4())
    with pytest.raises(Exception, match=unknown) as error:
        backend.retrieve_job(unknown)
    assert type(error.value).__name__ == "NotFoundError"


def test_a_closed_client_neither_runs_nor_retrieves(backend, native):
    job_id = backend.run(native, shots=10).job_id()
    backend.close_client()
    backend.close_client()
    with pytest.raises(RuntimeError, match="is closed"):
        backend.run(native)
    with pytest.raises(RuntimeError, match="is closed"):
        backend.retrieve_job(job_id)
    with pytest.raises(RuntimeError, match="is closed"):
        _ = backend.client


def test_the_targets_still_transpile_after_closing(backend):
    backend.close_client()
    assert transpile(flip(), backend).count_ops()["measure"] == 1


def test_the_vendors_transpiler_takes_it(backend):
    assert transpile_to_IQM(flip(2), backend).count_ops()["measure"] == 2


def test_its_repr_says_what_it_is(monkeypatch):
    monkeypatch.setenv("IQM_TOKEN", "fake")
    server = FakeIQMServer("garnet", seed=7)
    backend = IQMBackend(FakeIQMClient(server=server))
    assert repr(backend) == "<IQMBackend garnet, fake, seed 7>"
    with loopback(Api(server)) as url:
        assert repr(IQMBackend(connect(url))) == f"<IQMBackend garnet, at {url}>"
    backend.close_client()
    assert repr(backend) == "<IQMBackend garnet, closed>"
