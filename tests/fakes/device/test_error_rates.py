"""Published numbers become channels; here the channels are rebuilt with qiskit.quantum_info and measured again."""

import copy
import dataclasses
import json
import math
from pathlib import Path

import devices
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.circuit.library import CZGate, RGate, SwapGate
from qiskit.quantum_info import DensityMatrix, Kraus, Operator, SuperOp, average_gate_fidelity

from iqm_fakes import Calibration, Device, FakeIQMServer, bundled_devices
from iqm_fakes.device.error_rates import MissingMetricsWarning, Noise
from iqm_fakes.device.implementations import default_implementation
from iqm_fakes.simulator.noise_model import NoiseModel


def relaxation_channel(t, t1, t2):
    """Amplitude damping, then the pure dephasing that T2 asks for beyond it."""
    gamma = 1 - math.exp(-t / t1)
    coherence = math.exp(-t / t2) / math.sqrt(1 - gamma)
    damping = Kraus([np.diag([1, math.sqrt(1 - gamma)]), np.array([[0, math.sqrt(gamma)], [0, 0]])])
    flip = max((1 - coherence) / 2, 0.0)  # rounding may leave less than nothing
    dephasing = Kraus([math.sqrt(1 - flip) * np.eye(2), math.sqrt(flip) * np.diag([1, -1])])
    return SuperOp(damping.compose(dephasing))


def depolarizing_channel(p, d):
    identity = np.eye(d).reshape(-1)
    return SuperOp((1 - p) * np.eye(d * d) + p / d * np.outer(identity, identity))


def observed(calibration, name):
    observations = [*calibration.calibration_set["observations"], *calibration.quality_metric_set["observations"]]
    return next(o["value"] for o in observations if o["dut_field"].partition(":")[0] == name)


EXPERIMENTS = {"prx": "rb", "cz": "irb", "move": "irb"}
IDEAL = {"prx": RGate(math.pi / 2, 0.3), "cz": CZGate(), "move": SwapGate()}
REAL = Path(__file__).with_name("real") / "emerald-2026-01-31.extract.json"


def infidelities(calibration):
    """Yield for each calibrated locus the infidelity that is published, and that of what the simulator applies there.

    For prx that is one pulse, which a quarter turn is.
    """
    model, names = NoiseModel(Noise(calibration)), {o["dut_field"] for o in calibration.observations()}
    for gate, info in calibration.dynamic_quantum_architecture["gates"].items():
        for implementation, entry in info["implementations"].items() if gate in EXPERIMENTS else ():
            for locus in map(tuple, entry["loci"]):
                place = f"{EXPERIMENTS[gate]}.{gate}.{implementation}.{'__'.join(locus)}"
                (applied,) = model.gates(gate, locus, implementation, tuple(map(float, IDEAL[gate].params)))
                fidelity = average_gate_fidelity(SuperOp(applied.channel), Operator(IDEAL[gate]))
                published = observed(calibration, f"metrics.{place}.fidelity")
                if f"metrics.{place}.fidelity:n_interleaved_gates=2" in names:
                    published = (3 * math.sqrt((4 * published - 1) / 3) + 1) / 4  # of one, if they depolarise
                yield place, 1 - published, 1 - fidelity


@pytest.mark.parametrize("name", [*bundled_devices(), "a real machine"])
def test_what_is_applied_has_the_published_fidelity_at_every_locus(name):
    device = Device.from_quality_metrics(REAL, like="emerald") if name == "a real machine" else Device.load(name)
    found = {place: (published, applied) for place, published, applied in infidelities(device.calibration())}
    assert len(found) > 8
    assert {place: published for place, (published, _) in found.items()} == pytest.approx(
        {place: applied for place, (_, applied) in found.items()}, abs=1e-9
    )


REAL_PULSES = {"QB2": (15.5e-6, 8.4e-6, 19.4e-6, 0.9990), "QB4": (12.2e-6, 2.1e-6, 5.9e-6, 0.9995)}
"""T1, T2, T2 of an echo, fidelity: figures of which even the echo explains more than the fidelity of 40 ns."""


@pytest.mark.parametrize("echo", [True, False])
def test_where_relaxation_exceeds_what_is_published_there_is_less_of_both_kinds(echo):
    calibration = Device.load("adonis").calibration()
    rows = {}
    for qubit, (t1, t2, t2_echo, fidelity) in REAL_PULSES.items():
        rows |= {PRX.replace("QB1", qubit): fidelity, f"characterization.model.{qubit}.t1_time": t1}
        rows |= {f"characterization.model.{qubit}.t2_time": t2}
        rows |= {f"characterization.model.{qubit}.t2_echo_time": t2_echo} if echo else {}
    calibration = devices.published(calibration, rows)
    noise = Noise(calibration)
    for place, known, applied in infidelities(calibration):
        assert applied == pytest.approx(known, abs=1e-9), place
    for qubit, (t1, t2, t2_echo, _) in REAL_PULSES.items():
        gate = noise.gate("prx", (qubit,))
        assert noise.relaxation(qubit) == (t1, t2)
        assert noise.relaxation_in_gates(qubit) == (t1, t2_echo if echo else t2)
        if qubit == "QB4" or not echo:
            assert gate.relaxing < gate.duration == 40e-9
            assert gate.depolarizing == 0


@pytest.mark.parametrize("name", bundled_devices())
def test_relaxation_and_readout_are_the_published_numbers(name):
    calibration = Device.load(name).calibration()
    noise, architecture = Noise(calibration), calibration.dynamic_quantum_architecture
    for component in (*architecture["qubits"], *architecture["computational_resonators"]):
        t1, t2 = (observed(calibration, f"characterization.model.{component}.t{n}_time") for n in (1, 2))
        times = noise.relaxation(component)
        assert times == (t1, t2)
        channel = relaxation_channel(1e-6, *times)
        one, plus = np.diag([0, 1]), np.full((2, 2), 0.5)
        assert DensityMatrix(one).evolve(channel).data[1, 1] == pytest.approx(math.exp(-1e-6 / t1), abs=1e-12)
        assert DensityMatrix(plus).evolve(channel).data[0, 1] == pytest.approx(math.exp(-1e-6 / t2) / 2, abs=1e-12)
    for qubit in architecture["qubits"]:
        prefix = f"metrics.ssro.measure.constant.{qubit}"
        published = [observed(calibration, f"{prefix}.{field}") for field in ("error_0_to_1", "error_1_to_0")]
        assert noise.readout(qubit) == tuple(published)
        assert observed(calibration, f"{prefix}.fidelity") == pytest.approx(1 - sum(published) / 2)


@given(
    st.floats(0.25, 1.0),
    st.floats(1e-9, 1e-6),
    st.tuples(st.floats(1e-6, 1e-3), st.floats(1e-6, 1e-3)),
    st.tuples(st.floats(0.05, 2.0), st.floats(0.05, 2.0)),
)
def test_any_fidelity_is_reproduced_whatever_relaxation_allows(fidelity, duration, t1, ratios):
    t2 = [time * ratio for time, ratio in zip(t1, ratios, strict=True)]
    changes = {"metrics.irb.cz.crf_crf.QB1__QB3.fidelity": fidelity, "gates.cz.crf_crf.QB1__QB3.duration": duration}
    for qubit, first, second in zip(("QB1", "QB3"), t1, t2, strict=True):
        changes |= {
            f"characterization.model.{qubit}.t1_time": first,
            f"characterization.model.{qubit}.t2_time": second,
        }
    noise = Noise(changed("adonis", changes))
    _, p, time = noise.gate("cz", ("QB1", "QB3"))
    relaxed = relaxation_channel(time, *noise.relaxation("QB3")).tensor(
        relaxation_channel(time, *noise.relaxation("QB1"))
    )
    assert average_gate_fidelity(relaxed.compose(depolarizing_channel(p, 4))) == pytest.approx(fidelity, abs=1e-9)


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
def test_a_missing_or_invalid_fidelity_is_reported_and_replaced_by_the_median(change):
    calibration = changed("adonis", {PRX: change})
    noise = Noise(calibration)
    median = np.median([observed(calibration, PRX.replace("QB1", f"QB{n}")) for n in range(2, 6)])
    assert noise.gate("prx", ("QB1",)) == Noise(changed("adonis", {PRX: float(median)})).gate("prx", ("QB1",))
    assert noise.missing == (PRX,)


def test_what_is_published_nowhere_is_perfect():
    everywhere = {f"metrics.rb.prx.drag_crf_sx.QB{n}.fidelity": None for n in range(1, 6)}
    noise = Noise(changed("adonis", everywhere))
    assert noise.gate("prx", ("QB1",)) == (40e-9, 0.0, 40e-9)
    assert noise.missing == tuple(everywhere)


def test_t2_may_come_from_an_echo_experiment():
    calibration = changed("adonis", {"characterization.model.QB1.t2_time": None})
    echo = {**calibration.quality_metric_set["observations"][0]}
    echo |= {"dut_field": "characterization.model.QB1.t2_echo_time", "value": 31e-6}
    calibration.quality_metric_set["observations"].append(echo)
    noise = Noise(calibration)
    assert noise.relaxation("QB1") == (27e-6, 31e-6)
    assert noise.missing == ()


def test_a_resonator_without_times_is_not_a_qubit_with_typical_ones():
    names = [f"characterization.model.COMPR1.{time}" for time in ("t1_time", "t2_time")]
    noise = Noise(changed("deneb", dict.fromkeys(names)))
    assert noise.relaxation("COMPR1") == (math.inf, math.inf)
    assert noise.missing == tuple(names)


def test_the_fidelity_of_a_pair_of_moves_is_that_of_two_in_a_row():
    name, t1s = "metrics.irb.move.crf_crf.QB1__COMPR1.fidelity", ("QB1", "COMPR1")
    slow = {f"characterization.model.{component}.{time}": None for component in t1s for time in ("t1_time", "t2_time")}
    slow |= {f"characterization.model.QB{n}.{time}": None for n in range(2, 7) for time in ("t1_time", "t2_time")}
    calibration = changed("deneb", {name: 0.97} | slow)
    for observation in calibration.quality_metric_set["observations"]:
        if observation["dut_field"] == name:
            observation["dut_field"] += ":n_interleaved_gates=2"
    _, p, _ = Noise(calibration).gate("move", t1s)
    once = depolarizing_channel(p, 4)
    assert average_gate_fidelity(once.compose(once)) == pytest.approx(0.97, abs=1e-9)


def test_a_noise_profile_overrides_what_is_derived():
    calibration = Device.load("adonis").calibration()
    profile = {
        "gates": {"cz": {"QB3,QB1": {"depolarizing": 0.25}}, "prx": {"QB1": {"duration": 1e-6, "depolarizing": 0.5}}},
        "relaxation": {"QB2": {"t1": 1e-6}},
        "readout": {"QB4": {"p_1_given_0": 0.125}},
    }
    noise, derived = Noise(dataclasses.replace(calibration, noise=profile)), Noise(calibration)
    assert noise.gate("cz", ("QB1", "QB3")) == derived.gate("cz", ("QB1", "QB3"))._replace(depolarizing=0.25)
    assert noise.gate("prx", ("QB1",)) == noise.gate("sx", ("QB1",)) == (1e-6, 0.5, 1e-6)
    assert noise.gate("prx", ("QB5",)) == derived.gate("prx", ("QB5",))
    assert noise.relaxation("QB2") == (1e-6, min(derived.relaxation("QB2").t2, 2e-6))
    assert noise.gate("prx", ("QB2",)) == (40e-9, 0.0, 40e-9)  # in full, though the published fidelity is better
    assert noise.readout("QB4") == (0.125, derived.readout("QB4").p_0_given_1)


def test_t2_is_at_most_twice_t1():
    noise = Noise(changed("adonis", {"characterization.model.QB1.t2_time": 100e-6}))
    assert noise.relaxation("QB1") == (27e-6, 54e-6)
    assert noise.missing == ()


NOT_MEASURED = {
    "characterization.model.QB1.t1_time": [0.0, -1e-6, math.nan, math.inf, 0.557, "long"],
    "characterization.model.QB1.t2_time": [0.0, -1e-6, math.nan, 0.557, 0.02, 109e-6],
    "metrics.rb.prx.drag_crf_sx.QB1.fidelity": [0.0, 0.499, 1.01, -0.5, math.nan],
    "metrics.irb.cz.crf_crf.QB1__QB3.fidelity": [0.0, 0.249, 1.5],
    "metrics.ssro.measure.constant.QB1.error_1_to_0": [-0.1, 1.2, math.nan],
    "metrics.ssro.measure_fidelity.constant.QB1.error_0_to_1": [2.0],
    "gates.prx.drag_crf_sx.QB1.duration": [40.0, -1e-9, math.nan, math.inf],
    "gates.cz.crf_crf.QB1__QB3.duration": [40.0],
    "gates.measure.constant.QB1.duration": [40.0, -1.0],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in NOT_MEASURED for value in NOT_MEASURED[name]])
def test_what_can_not_be_is_named_and_replaced_as_if_it_were_not_published(name, value):
    spoilt, without = (Noise(changed("adonis", {name: change})) for change in (value, None))
    assert name in spoilt.missing
    for gate, locus in (("prx", ("QB1",)), ("cz", ("QB1", "QB3")), ("measure", ("QB1",))):
        assert spoilt.gate(gate, locus) == without.gate(gate, locus)
        assert spoilt.gate(gate, locus).duration > 0
    assert spoilt.relaxation("QB1") == without.relaxation("QB1")
    assert spoilt.readout("QB1") == without.readout("QB1")


@pytest.mark.parametrize("value", [0.0, 0.557])
def test_without_a_t2_that_can_be_the_echo_is_taken_and_the_other_way_round(value):
    names = [f"characterization.model.QB1.{field}" for field in ("t2_time", "t2_echo_time")]
    for good, bad in (names, names[::-1]):
        noise = Noise(devices.published(Device.load("adonis").calibration(), {good: 31e-6, bad: value}))
        assert noise.relaxation("QB1") == noise.relaxation_in_gates("QB1") == (27e-6, 31e-6)
        assert noise.missing == (bad,)


@pytest.mark.parametrize(("gate", "locus"), [("prx", ("QB1",)), ("cz", ("QB1", "QB3"))])
def test_the_worst_gate_that_can_be_depolarises_completely(gate, locus):
    metrics = {"prx": PRX, "cz": "metrics.irb.cz.crf_crf.QB1__QB3.fidelity"}
    noise = Noise(changed("adonis", {metrics[gate]: 0.5 ** len(locus)}))
    assert noise.gate(gate, locus).depolarizing == 1
    assert noise.missing == ()


def test_a_relaxation_time_that_is_not_published_is_typical():
    calibration = changed("adonis", {"characterization.model.QB1.t1_time": None})
    t1 = np.median([observed(calibration, f"characterization.model.QB{n}.t1_time") for n in range(2, 6)])
    assert Noise(calibration).relaxation("QB1") == (t1, 20e-6)


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
    for name in ("sx", "u", "cc_prx", "rz"):
        assert noise.gate(name, ("QB2",)) == pulse


@pytest.mark.parametrize(
    ("name", "implementation", "angles", "pulses"),
    [
        ("prx", None, (math.pi, 0.0), 2),
        ("prx", None, (math.pi / 2, 1.0), 1),
        ("prx", None, (-math.pi / 2, 0.0), 1),
        ("prx", None, (0.3, 0.0), 2),
        ("prx", None, (2 * math.pi, 0.0), 1),
        ("prx", "drag_gaussian", (0.3, 0.0), 1),
        ("cc_prx", None, (math.pi, 0.0), 2),
        ("sx", None, (), 1),
        ("u", None, (0.3, 0.1, 0.2), 2),
        ("u", None, (0.0, 0.1, 0.2), 0),
        ("rz", "virtual", (0.3,), 0),
        ("rz", "prx_composite", (0.3,), 4),
        ("cz", None, (), 1),
    ],
)
def test_how_many_pulses_are_played(name, implementation, angles, pulses):
    noise = Noise(Device.load("adonis").calibration())
    locus = ("QB1", "QB3") if name == "cz" else ("QB1",)
    assert noise.pulses(name, locus, implementation, angles) == pulses
    assert (
        noise.duration(name, locus, implementation, angles) == pulses * noise.gate(name, locus, implementation).duration
    )


@pytest.mark.parametrize(("pulse", "published"), [("drag_crf_sx", 52 / 24), ("drag_crf", 44 / 24)])
def test_clifford_gates_err_as_real_machines_publish_to_first_order(pulse, published):
    """(1 − F_clifford)/(1 − F_prx) is this for all qubits of Garnet (*_sx), and of Emerald (drag_crf), January 2026.

    Each of the 24 gates is made of as few pulses as quarter and half turns about x and y can.
    """
    document = json.loads(json.dumps(dict(Device.load("adonis").document)).replace("drag_crf_sx", pulse))
    noise = Noise(Device.from_document(document).calibration())
    turns = [(angle, phase) for angle in (math.pi / 2, -math.pi / 2, math.pi) for phase in (0.0, math.pi / 2)]
    pulses = {turn: noise.pulses("prx", ("QB2",), None, turn) for turn in turns}
    fewest = {key_of(np.eye(2)): 0}
    border = [(0, np.eye(2))]
    while border:
        border.sort(key=lambda entry: entry[0])
        made, gate = border.pop(0)
        for turn, more in pulses.items():
            product = RGate(*turn).to_matrix() @ gate
            if fewest.get(key_of(product), 99) > made + more:
                fewest[key_of(product)] = made + more
                border.append((made + more, product))
    assert len(fewest) == 24
    assert sum(fewest.values()) / 24 == pytest.approx(published)


def key_of(unitary):
    """A unitary up to its phase, rounded."""
    first = unitary.ravel()[np.argmax(np.abs(unitary.ravel()) > 0.1)]
    return tuple(np.round(unitary.ravel() * abs(first) / first, 6) + 0.0)


def test_an_override_of_the_default_implementation_counts():
    calibration = Device.load("adonis").calibration()
    architecture = copy.deepcopy(dict(calibration.dynamic_quantum_architecture))
    architecture["gates"]["cz"]["override_default_implementation"] = {"QB1,QB3": "tgss"}
    noise = Noise(Calibration(calibration.calibration_set, calibration.quality_metric_set, architecture))
    assert noise.implementation("cz", ("QB3", "QB1")) == "tgss"
    assert noise.implementation("cz", ("QB2", "QB3")) == "crf_crf"
    assert noise.implementation("cz", ("QB2", "QB3"), "slepian") == "slepian"


OVERRIDES = [{}, {"QB1,QB3": "crf_crf"}, {"QB3,QB1": "crf_crf"}, {"QB1,QB3": "slepian_crf", "QB3,QB1": "crf_crf"}]


@pytest.mark.parametrize("overrides", OVERRIDES, ids=" ".join)
@pytest.mark.parametrize("locus", [("QB1", "QB3"), ("QB3", "QB1")], ids="-".join)
def test_the_default_implementation_of_a_locus_is_the_one_that_the_vendors_compiler_takes(overrides, locus):
    import iqm.iqm_client  # noqa: F401  # the vendor's modules can't be imported in another order
    from iqm.pulse.builder import build_quantum_ops

    operation = build_quantum_ops({})["cz"]
    operation.set_default_implementation("tgss")
    for key, implementation in overrides.items():
        operation.set_default_implementation_for_locus(implementation, key.split(","))
    info = {"default_implementation": "tgss", "override_default_implementation": overrides}
    assert default_implementation("cz", info, locus) == operation.get_default_implementation_for_locus(locus)


def test_measure_fidelity_falls_back_to_measure():
    prefix = "metrics.ssro.measure_fidelity.constant.QB1"
    missing = dict.fromkeys([f"{prefix}.fidelity", f"{prefix}.error_0_to_1", f"{prefix}.error_1_to_0"])
    noise = Noise(changed("adonis", missing))
    assert noise.readout("QB1", "measure_fidelity") == noise.readout("QB1")
    assert noise.missing == ()


def test_a_readout_takes_delay_and_integration_where_they_are_published_not_its_probe_pulse():
    calibration = Device.load("adonis").calibration()
    prefix = "gates.measure.constant.QB1"
    published = [*calibration.calibration_set["observations"]]
    for part, seconds in (("acquisition_delay", 120e-9), ("integration_length", 1.4e-6)):
        published.append({"dut_field": f"{prefix}.{part}", "value": seconds, "unit": "s"})
    document = {**calibration.calibration_set, "observations": published}
    noise = Noise(dataclasses.replace(calibration, calibration_set=document))
    assert noise.duration("measure", ("QB1",), None, ()) == pytest.approx(1.52e-6)
    assert noise.duration("measure", ("QB2",), None, ()) == observed(calibration, "gates.measure.constant.QB2.duration")


def test_the_warning_names_device_gate_and_field():
    document = json.loads(Device.load("adonis").text())
    for observation in document["calibrations"][0]["calibration_set"]["observations"]:
        if observation["dut_field"] == "gates.cz.crf_crf.QB1__QB3.duration":
            observation["value"] = 40.0
    with pytest.warns(MissingMetricsWarning, match=r"'adonis' has no .* for gates\.cz\.crf_crf\.QB1__QB3\.duration;"):
        FakeIQMServer(Device.from_document(document))
