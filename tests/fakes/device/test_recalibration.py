"""The machine is recalibrated: what a client sees of it."""

import math
import warnings

import numpy as np
import pytest
from circuits import bell
from qiskit import QuantumCircuit, transpile

from iqm_fakes import Device, FakeIQMClient, FakeIQMServer
from iqm_fakes.device.comparison import errors
from iqm_fakes.device.error_rates import Noise
from iqm_fakes.device.recalibration import recalibrated
from pytest_iqm import IQMBackend


def numbers(calibration):
    return {o["dut_field"]: o["value"] for o in calibration.observations()}


@pytest.fixture
def server():
    return FakeIQMServer("adonis", seed=1)


def test_the_new_calibration_is_the_default_and_the_old_one_stays(server):
    client = FakeIQMClient(server=server)
    old = client.get_dynamic_quantum_architecture(None)
    new = server.recalibrate(seed=3)
    assert str(client.get_dynamic_quantum_architecture(None).calibration_set_id) == new.id
    assert client.get_dynamic_quantum_architecture(old.calibration_set_id) == old
    assert new.id != str(old.calibration_set_id)
    assert new.quality_metric_set["describes_id"] == new.id


def test_the_vendors_warning_appears_and_the_job_runs_with_the_old_one(server):
    backend = IQMBackend(FakeIQMClient(server=server))
    circuit, old = bell(backend), server.devices["adonis"].default_calibration_set_id
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        backend.run(circuit, shots=10).result()
    new = server.recalibrate()
    with pytest.warns(UserWarning, match=f"(?s){new.id}.*|default calibration set has changed"):
        job = backend.run(circuit, shots=10)
    assert job.result().success
    assert [job.calibration_set_id for job in server.jobs] == [old, old]
    after = IQMBackend(FakeIQMClient(server=server))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert after.run(circuit, shots=10).result().success
    assert server.jobs[-1].calibration_set_id == new.id


def test_metrics_drift_by_about_as_much_as_asked():
    old = Device.load("emerald")
    new = recalibrated(old, 5, drift=0.2)
    before, after = errors(old.calibration()), errors(new.calibration())
    factors = np.log([after[place] / before[place] for place in before if place[0] == "cz"])
    assert abs(factors.mean()) < 5 * 0.2 / math.sqrt(90)  # false alarm: 6e-7
    assert 0.13 < factors.std() < 0.27
    drifted = {
        name.rpartition(".")[2].partition(":")[0]
        for name, v in numbers(new.calibration()).items()
        if v != numbers(old.calibration())[name]
    }
    readout = {"error_0_to_1", "error_1_to_0", "repeatability", "qndness_0", "qndness_1"}
    assert drifted == {"t1_time", "t2_time", "t2_echo_time", "fidelity", *readout}


def test_by_default_single_loci_move_as_on_a_real_machine_in_two_days():
    """Each of the standard deviations is within 5 of its own standard errors, so 2e-6 is the rate of false alarms."""
    old = Device.load("emerald")
    before, after = numbers(old.calibration()), numbers(recalibrated(old, 11).calibration())
    for start, end, loci, expected in (
        ("metrics.irb.cz.", ".fidelity:par=d2", 82, 0.58),
        ("metrics.rb.prx.", ".fidelity:par=d2", 54, 0.33),
        ("metrics.ssro.measure.", ".error_0_to_1", 54, 0.55),
        ("characterization.", ".t1_time", 54, 0.2),
    ):
        factors = [
            math.log((1 - after[name]) / (1 - value) if "fidelity" in end else after[name] / value)
            for name, value in before.items()
            if name.startswith(start) and name.endswith(end)
        ]
        assert len(factors) == loci
        assert np.std(factors, ddof=1) == pytest.approx(expected, abs=5 * expected / math.sqrt(2 * (loci - 1)))


def test_what_is_measured_of_one_gate_moves_together():
    """Fidelities of Clifford gates with that of their pulse (44/24 on Emerald), uncertainties with their errors."""
    old = Device.load("emerald")
    before, after = (d.calibration().quality_metric_set["observations"] for d in (old, recalibrated(old, 2)))
    for was, now in zip(before, after, strict=True):
        if was["dut_field"].startswith(("metrics.rb.", "metrics.irb.")):
            assert now["value"] != was["value"]
            parts = [(1 - o["value"]) / o["uncertainty"] for o in (was, now)]
            assert parts[0] == pytest.approx(parts[1])
    new = numbers(recalibrated(old, 2).calibration())
    for name in old.calibration().dynamic_quantum_architecture["qubits"]:
        gate, clifford = (1 - new[f"metrics.rb.{g}.{name}.fidelity:par=d2"] for g in ("prx.drag_crf", "clifford.xy"))
        assert clifford / gate == pytest.approx(44 / 24)


@pytest.mark.parametrize("name", ["garnet", "deneb"])
def test_it_stays_a_valid_machine(name, tmp_path):
    device = Device.load(name)
    for seed in range(5):
        device = recalibrated(device, seed, drift=1.0)
    device.save(tmp_path / "d.json")
    assert Device.load(tmp_path / "d.json") == device
    noise = Noise(device.calibration())
    assert noise.missing == ()
    published = numbers(device.calibration())
    for component in device.static_quantum_architecture["qubits"]:
        prefix = f"characterization.model.{component}"
        assert published[f"{prefix}.t2_time"] <= 2 * published[f"{prefix}.t1_time"]
        ssro = f"metrics.ssro.measure.constant.{component}"
        wrong = published[f"{ssro}.error_0_to_1"] + published[f"{ssro}.error_1_to_0"]
        assert published[f"{ssro}.fidelity"] == pytest.approx(1 - wrong / 2)


def test_the_same_seed_is_the_same_calibration_and_each_is_new():
    first, second = FakeIQMServer("adonis"), FakeIQMServer("adonis")
    ids = [[server.recalibrate(seed=s).id for s in (1, 1, 2)] for server in (first, second)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3
    assert first.devices["adonis"].text() == second.devices["adonis"].text()


def test_lost_loci_are_gone_from_new_backends(server):
    server.recalibrate(lost=["QB5", ("QB3", "QB1")])
    backend = IQMBackend(FakeIQMClient(server=server))
    assert "QB5" not in backend.architecture.qubits
    names = [tuple(backend.index_to_qubit_name(q) for q in edge) for edge in backend.coupling_map.get_edges()]
    assert {frozenset(edge) for edge in names} == {frozenset({"QB2", "QB3"}), frozenset({"QB4", "QB3"})}


def test_what_is_not_there_can_not_be_lost(server):
    with pytest.raises(ValueError, match="QB9 can't be lost: no gate of the calibration has this locus"):
        server.recalibrate(lost=["QB9"])
    with pytest.raises(ValueError, match="QB1-QB2 can't be lost"):
        server.recalibrate(lost=[("QB1", "QB2")])


def test_with_several_computers_one_is_named():
    server = FakeIQMServer("adonis", "deneb")
    with pytest.raises(ValueError, match="name one: adonis, deneb"):
        server.recalibrate()
    before = server.devices["adonis"]
    server.recalibrate(computer="deneb")
    assert server.devices["adonis"] is before


def test_reset_undoes_it(server):
    before = server.devices["adonis"]
    server.recalibrate()
    server.reset(seed=1)
    assert server.devices["adonis"] == before


def test_results_have_the_new_noise(server):
    """QB1 reads 0 as 1 in the end with a probability of its own; 5 standard deviations apart (6e-7)."""
    server.recalibrate(drift=3.0, seed=2)
    device = server.devices["adonis"]
    p = Noise(device.calibration()).readout("QB1", "measure_fidelity").p_1_given_0
    backend = IQMBackend(FakeIQMClient(server=server))
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    counts = backend.run(transpile(circuit, backend, initial_layout=[0]), shots=20000).result().get_counts()
    assert abs(counts.get("1", 0) - 20000 * p) < 5 * math.sqrt(20000 * p * (1 - p))
    assert abs(p - Noise(Device.load("adonis").calibration()).readout("QB1", "measure_fidelity").p_1_given_0) > 0.005
