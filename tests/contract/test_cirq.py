"""Cirq on IQM, unchanged, against the fake on a socket."""

import pytest

cirq = pytest.importorskip("cirq", reason="needs the extra 'cirq' (tox -e cirq)", exc_type=ImportError)


def test_a_bell_circuit_samples(iqm_url):
    from iqm.cirq_iqm.iqm_sampler import IQMSampler

    sampler = IQMSampler(iqm_url, quantum_computer="garnet")
    a, b = sampler.device.qubits[:2]
    circuit = cirq.Circuit(cirq.H(a), cirq.CNOT(a, b), cirq.measure(a, b, key="m"))
    routed, _, _ = sampler.device.route_circuit(sampler.device.decompose_circuit(circuit))
    result = sampler.run(sampler.device.decompose_circuit(routed), repetitions=1000)
    counts = result.histogram(key="m")
    assert sum(counts.values()) == 1000
    assert counts[0b00] + counts[0b11] > 850
    assert min(counts[0b00], counts[0b11]) > 300
