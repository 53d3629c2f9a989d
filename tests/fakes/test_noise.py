"""Published numbers become channels; here the channels are rebuilt with qiskit.quantum_info and measured again."""

import copy
import math

import numpy as np
import pytest
from qiskit.quantum_info import Kraus, SuperOp, average_gate_fidelity

from iqm_fakes import Calibration, Device, bundled_devices
from iqm_fakes.noise import Noise


def relaxation_channel(t, t1, t2):
    """Amplitude damping, then the pure dephasing that T2 asks for beyond it."""
    gamma = 1 - math.exp(-t / t1)
    coherence = math.exp(-t / t2) / math.sqrt(1 - gamma)
    damping = Kraus([np.diag([1, math.sqrt(1 - gamma)]), np.array([[0, math.sqrt(gamma)], [0, 0]])])
    flip = (1 - coherence) / 2
    dephasing = Kraus([math.sqrt(1 - flip) * np.eye(2), math.sqrt(flip) * np.diag([1, -1])])
    return SuperOp(damping.compose(dephasing))


def depolarizing_channel(p, d):
    identity = np.eye(d).reshape(-1)
    return SuperOp((1 - p) * np.eye(d * d) + p / d * np.outer(identity, identity))


def observed(calibration, name):
    observations = [*calibration.calibration_set["observations"], *calibration.quality_metric_set["observations"]]
    return next(o["value"] for o in observations if o["dut_field"].partition(":")[0] == name)


def gates_of(name):
    calibration = Device.load(name).calibration()
    for gate, experiment in (("prx", "rb"), ("cz", "irb"), ("move", "irb")):
        info = calibration.dynamic_quantum_architecture["gates"].get(gate)
        for locus in info["implementations"][info["default_implementation"]]["loci"] if info else ():
            key = f"{gate}.{info['default_implementation']}.{'__'.join(locus)}"
            yield calibration, gate, tuple(locus), f"metrics.{experiment}.{key}.fidelity"


@pytest.mark.parametrize("name", bundled_devices())
def test_channels_have_the_published_fidelity(name):
    for calibration, gate, locus, metric in gates_of(name):
        noise = Noise(calibration)
        duration, p = noise.gate(gate, locus)
        channel = relaxation_channel(duration, *noise.relaxation(locus[0]))
        for component in locus[1:]:
            channel = relaxation_channel(duration, *noise.relaxation(component)).tensor(channel)
        channel = channel.compose(depolarizing_channel(p, 2 ** len(locus)))
        assert average_gate_fidelity(channel) == pytest.approx(observed(calibration, metric), abs=1e-9)


def changed(name, changes):
    """Return a calibration in which observations are replaced (value), flagged (True) or removed (None)."""
    calibration = Device.load(name).calibration()
    documents = [copy.deepcopy(dict(calibration.calibration_set)), copy.deepcopy(dict(calibration.quality_metric_set))]
    for document in documents:
        kept = []
        for observation in document["observations"]:
            change = changes.get(observation["dut_field"].partition(":")[0], "keep")
            if change is True:
                observation["invalid"] = True
            elif change != "keep":
                observation["value"] = change
            if change is not None:
                kept.append(observation)
        document["observations"] = kept
    return Calibration(*documents, calibration.dynamic_quantum_architecture)


PRX = "metrics.rb.prx.drag_crf_sx.QB1.fidelity"


@pytest.mark.parametrize("change", [None, True, math.nan, -0.1, 1.5, "0.99"])
def test_a_missing_or_invalid_fidelity_is_reported_and_leaves_relaxation(change):
    noise = Noise(changed("adonis", {PRX: change}))
    assert noise.gate("prx", ("QB1",)) == (40e-9, 0.0)
    assert noise.missing == (PRX,)


def test_a_better_fidelity_than_relaxation_allows_leaves_relaxation_alone():
    assert Noise(changed("adonis", {PRX: 0.99999})).gate("prx", ("QB1",)) == (40e-9, 0.0)


def test_t2_is_at_most_twice_t1():
    noise = Noise(changed("adonis", {"characterization.model.QB1.t2_time": 1.0}))
    assert noise.relaxation("QB1") == (27e-6, 54e-6)


def test_relaxation_that_is_not_published_does_not_happen():
    noise = Noise(changed("adonis", {"characterization.model.QB1.t1_time": None}))
    assert noise.relaxation("QB1") == (math.inf, 20e-6)


def test_a_readout_fidelity_alone_is_symmetric():
    prefix = "metrics.ssro.measure.constant.QB1"
    noise = Noise(changed("adonis", {f"{prefix}.error_0_to_1": None, f"{prefix}.error_1_to_0": None}))
    assert noise.readout("QB1") == pytest.approx((0.021, 0.021))


def test_cz_is_the_same_in_either_order():
    noise = Noise(Device.load("adonis").calibration())
    assert noise.gate("cz", ("QB1", "QB3")) == noise.gate("cz", ("QB3", "QB1"))
    assert noise.missing == ()


def test_composite_operations_carry_the_noise_of_their_pulses():
    noise = Noise(Device.load("adonis").calibration())
    pulse = noise.gate("prx", ("QB2",))
    assert noise.gate("sx", ("QB2",)) == noise.gate("u", ("QB2",)) == noise.gate("cc_prx", ("QB2",)) == pulse
    assert noise.gate("rz", ("QB2",)) == (0, 0)
    assert noise.gate("rz", ("QB2",), "prx_composite").duration == 2 * pulse.duration


def test_an_override_of_the_default_implementation_counts():
    calibration = Device.load("adonis").calibration()
    architecture = copy.deepcopy(dict(calibration.dynamic_quantum_architecture))
    architecture["gates"]["cz"]["override_default_implementation"] = {"QB1,QB3": "tgss"}
    noise = Noise(Calibration(calibration.calibration_set, calibration.quality_metric_set, architecture))
    assert noise.implementation("cz", ("QB3", "QB1")) == "tgss"
    assert noise.implementation("cz", ("QB2", "QB3")) == "crf_crf"
    assert noise.implementation("cz", ("QB2", "QB3"), "slepian") == "slepian"


def test_measure_fidelity_falls_back_to_measure():
    prefix = "metrics.ssro.measure_fidelity.constant.QB1"
    missing = dict.fromkeys([f"{prefix}.fidelity", f"{prefix}.error_0_to_1", f"{prefix}.error_1_to_0"])
    noise = Noise(changed("adonis", missing))
    assert noise.readout("QB1", "measure_fidelity") == noise.readout("QB1")
    assert noise.missing == ()
