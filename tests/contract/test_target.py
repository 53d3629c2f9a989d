"""The fake has the same Target as the vendor's backend on the vendor's client."""

import pytest
from iqm.qiskit_iqm import IQMBackend as VendorBackend
from target_contents import contents

from iqm_fakes import Api, FakeIQMClient, FakeIQMServer, bundled_devices
from iqm_fakes.vendor.http import connect
from iqm_fakes.web.loopback import loopback
from pytest_iqm import IQMBackend


@pytest.mark.parametrize("use_metrics", [False, True])
@pytest.mark.parametrize("device", bundled_devices())
def test_targets_are_equal(device, use_metrics):
    ours = IQMBackend(FakeIQMClient(device), use_metrics=use_metrics)
    with loopback(Api(FakeIQMServer(device))) as url:
        theirs = VendorBackend(connect(url, quantum_computer=device), use_metrics=use_metrics)
    assert contents(ours.target) == contents(theirs.target)
    assert contents(ours.get_real_target()) == contents(theirs.get_real_target())
    assert ours.has_resonators() == theirs.has_resonators()
    if ours.has_resonators():
        assert contents(ours.target_with_resonators) == contents(theirs.target_with_resonators)


@pytest.mark.parametrize("device", bundled_devices())
def test_metrics_fill_every_gate(device):
    backend = IQMBackend(FakeIQMClient(device), use_metrics=True)
    target = backend.get_real_target()
    gates = {"r", "cz", "measure"} | ({"move"} if backend.has_resonators() else set())
    assert gates | {"reset", "if_else", "delay"} <= set(target.operation_names)
    for name in gates:
        for locus, properties in target[name].items():
            assert properties.duration > 0, (name, locus)
            assert 0 < properties.error < 0.5, (name, locus)
    for qubit, properties in enumerate(target.qubit_properties[: len(backend.architecture.qubits)]):
        assert 0 < properties.t2 <= 2 * properties.t1 < 1e-3, qubit
        assert 4e9 < properties.frequency < 5e9, qubit
