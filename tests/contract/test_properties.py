"""What holds of any circuits, on every client."""

from hypothesis import HealthCheck, given, settings
from qiskit import transpile
from qiskit.quantum_info import Statevector

from pytest_iqm import distribution, strategies


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # examples leave client and backend as they are
)
@given(batch=strategies.batches(strategies.circuits(qubits=3, max_gates=6), max_size=3))
def test_a_batch_does_what_its_circuits_say_and_is_retrieved_so(backend, batch):
    job = backend.run(transpile(batch, backend, seed_transpiler=1), shots=300)
    result = job.result()
    retrieved = backend.retrieve_job(job.job_id()).result()
    for index, circuit in enumerate(batch):
        counts = result.get_counts(index)
        assert counts == retrieved.get_counts(index)
        exact = Statevector(circuit.remove_final_measurements(inplace=False)).probabilities_dict()
        assert counts == distribution(exact, within="calibration", job=job)
