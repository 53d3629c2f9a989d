"""What a measurement does to the state: figures of real Garnet and Emerald (31 January 2026), measured twice again."""

import math
from pathlib import Path
from statistics import median

import devices
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import SeedSequence
from qiskit.quantum_info import DensityMatrix, Operator, SuperOp

from iqm_fakes import Device
from iqm_fakes.device.error_rates import Noise
from iqm_fakes.device.readout import Qndness, Readout, measurement
from iqm_fakes.simulator.circuit import Circuit, Instruction, Options
from iqm_fakes.simulator.noise_model import NoiseModel
from iqm_fakes.simulator.simulator import Simulator

GARNET = {
    "QB1": (0.0095, 0.0195, 0.97348, 0.92276, 0.98523, 0.97267),
    "QB5": (0.0140, 0.0425, 0.94214, 0.83915, 0.96924, 0.94127),
    "QB8": (0.0080, 0.0195, 0.96326, 0.80289, 0.98157, 0.90702),
    "QB11": (0.0100, 0.0360, 0.94700, 0.82723, 0.97437, 0.92516),
    "QB13": (0.0085, 0.0235, 0.97199, 0.90870, 0.98132, 0.97412),
}
"""Both errors of ssro; then of qndness qndness_0, qndness_1, fidelity, repeatability."""

REAL = Path(__file__).with_name("real") / "emerald-2026-01-31.extract.json"


def garnet():
    """The chip, with figures of some qubits of the real one."""
    calibration = Device.load("apollo").calibration()  # which has none
    rows = {}
    for qubit, (zero, one, *qndness) in GARNET.items():
        ssro, twice = (f"metrics.{kind}.measure.constant.{qubit}" for kind in ("ssro", "qndness"))
        rows |= {f"{ssro}.error_0_to_1": zero, f"{ssro}.error_1_to_0": one}
        rows |= {f"{twice}.{field}": value for field, value in zip(Qndness._fields, qndness, strict=True)}
    return devices.published(calibration, rows)


def measured_twice(calibration, qubit):
    """What the simulator's operations give: P(first, second outcome) after each preparation, shape (2, 2, 2)."""
    before, readout, after = NoiseModel(Noise(calibration)).measurement(qubit, "measure", None)
    reading = devices.transitions(readout)

    def measured(state):
        """Yield for each outcome the unnormalised state after it."""
        for gate in before:
            state = state.evolve(SuperOp(gate.channel))
        for outcome in (0, 1):
            zero, one = (reading[outcome, i] * state.evolve(Operator(np.diag([1 - i, i]))) for i in (0, 1))
            left = zero + one
            for gate in after:
                left = left.evolve(SuperOp(gate.channel))
            yield left

    states = [DensityMatrix.from_label(label) for label in "01"]
    return np.array([[[y.trace().real for y in measured(x)] for x in measured(state)] for state in states])


def by_definition(twice):
    """qndness_0, qndness_1, fidelity, repeatability."""
    first, second = twice.sum(axis=2), twice.sum(axis=1)
    stays = [twice[i, i, i] / first[i, i] for i in (0, 1)]
    return first[0] @ second[0], first[1] @ second[1], (first[0, 0] + first[1, 1]) / 2, sum(stays) / 2


@pytest.mark.parametrize("qubit", GARNET)
def test_what_is_recorded_has_the_published_errors_and_is_as_repeatable_as_published(qubit):
    twice = measured_twice(garnet(), qubit)
    zero, one, *qndness, _, repeatability = GARNET[qubit]
    assert (twice[0, 1].sum(), twice[1, 0].sum()) == pytest.approx((zero, one), abs=1e-12)
    *found, _, agreement = by_definition(twice)
    assert agreement == pytest.approx(repeatability, abs=1e-3)
    assert found == pytest.approx(qndness, abs=0.01)  # the errors were others by then: fidelity differs


def test_a_real_machine_is_as_repeatable_as_published():
    """Published numbers of one qubit contradict each other by up to a percent: readout was measured again."""
    device = Device.from_quality_metrics(REAL, like="emerald")
    values = {o["dut_field"]: o["value"] for o in device.calibration().quality_metric_set["observations"]}
    prefix = "metrics.qndness.measure.constant"
    for qubit in device.calibration().dynamic_quantum_architecture["qubits"]:
        zero, one, _, agreement = by_definition(measured_twice(device.calibration(), qubit))
        assert agreement == pytest.approx(values[f"{prefix}.{qubit}.repeatability"], abs=0.01)
        assert zero == pytest.approx(values[f"{prefix}.{qubit}.qndness_0"], abs=0.006)
        assert one == pytest.approx(values[f"{prefix}.{qubit}.qndness_1"], abs=0.015)


def test_two_measurements_in_a_row_agree_as_on_garnet():
    """Frequencies of 40 000 shots of each of five qubits; each has a standard deviation below 0.0012."""
    simulator = Simulator(garnet(), idle=False)
    agree, stays = [], []
    for qubit in GARNET:
        twice = {}
        for state in (0, 1):
            flip = [Instruction("prx", (qubit,), {"angle": math.pi, "phase": 0.0})] * state
            reads = [Instruction("measure", (qubit,), {"key": key}) for key in "ab"]
            # an identity after them, so that neither measurement is the final one
            reads.append(Instruction("prx", (qubit,), {"angle": 0.0, "phase": 0.0}))
            reads.append(Instruction("measure", (qubit,), {"key": "c"}))
            program = simulator.compile(Circuit("twice", (*flip, *reads)), Options(active_reset_cycles=1))
            bits = simulator.run(program, 40_000, SeedSequence(state))
            first = bits["a"][:, 0] == state
            twice[state] = float((bits["b"][first, 0] == state).mean())
        agree.append((twice[0] + twice[1]) / 2)
        stays.append(twice[1])
    assert agree == pytest.approx([figures[-1] for figures in GARNET.values()], abs=0.008)
    assert 0.93 < median(agree) < 0.95
    assert 0.85 < median(stays) < 0.93


def test_where_nothing_is_published_a_measurement_changes_nothing_but_by_collapse():
    before, readout, after = NoiseModel(Noise(Device.load("adonis").calibration())).measurement("QB1", "measure", None)
    assert (before, after) == ((), ())
    assert readout == Noise(Device.load("adonis").calibration()).readout("QB1")


def test_a_qubit_without_figures_among_others_that_have_them_is_typical_and_named():
    noise = Noise(garnet())
    assert "metrics.qndness.measure.constant.QB2.qndness_1" in noise.missing
    assert noise.measurement("QB2").after.p_0_given_1 > 0.02


probabilities = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))


@given(
    st.builds(Readout, probabilities, probabilities),
    st.builds(Qndness, probabilities, probabilities, st.none() | probabilities, st.none() | probabilities),
)
def test_whatever_is_published_the_record_has_the_published_errors(errors, qndness):
    found = measurement(errors, qndness)
    assert found.recorded == pytest.approx(errors, abs=1e-6)
    for readout in found:
        assert min(readout) >= 0
        assert max(readout) <= 1 + 1e-9
    assert 0 <= found.disturbance <= 1 + 1e-9


@given(st.tuples(*[st.floats(0.0, 0.3)] * 4), st.floats(0.0, 1.0))
def test_consistent_figures_are_reproduced(rates, share):
    """Errors and changes of a measurement that is as modelled come back from what is published of it."""
    errors, change = Readout(*rates[:2]), Readout(*rates[2:])
    before = Readout(*(share * min(pair) for pair in zip(errors, change, strict=True)))
    steps = [devices.transitions(step) for step in (before, errors.after(before), change.after(before))]
    instrument = np.einsum("si,rs,ls->irl", *steps)
    zero, one, fidelity, agreement = by_definition(np.einsum("irl,lsk->irs", instrument, instrument))
    found = measurement(errors, Qndness(zero, one, fidelity, agreement))
    again = [[[found.probability(i, r, left) for left in (0, 1)] for r in (0, 1)] for i in (0, 1)]
    np.testing.assert_allclose(again, instrument, atol=2e-6)
