"""What is accepted, and the words of what is not, are those of the vendor's compiler, iqm-pulla 15."""

from __future__ import annotations

import json
import random
import re
from functools import cache
from math import inf, nan, pi
from typing import Any

import pytest

pytest.importorskip("iqm.cpc.core.observation.observation_handler", reason="the compiler of iqm-client 36 is not there")

from iqm.iqm_client import CircuitCompilationOptions
from iqm.pulse import Circuit, CircuitOperation
from iqm.station_control.interface.models.circuit import (
    DDStrategy,
    HeraldingMode,
    MoveGateFrameTrackingMode,
    MoveGateValidationMode,
)
from vendor_compiler import VendorCompiler

from iqm_fakes import Device, FakeIQMClient

Steps = list[CircuitOperation]

VENDORS = {
    ("heralding_mode", "zeros"): {"add_heralding": True},
    ("move_gate_validation", "none"): {"move_gate_validation": False},
    ("move_gate_validation", "allow_prx"): {"validate_prx": False},
    ("move_gate_frame_tracking", "none"): {"move_gate_frame_tracking_mode": "none"},
    ("move_gate_frame_tracking", "no_detuning_correction"): {"move_gate_frame_tracking_mode": "no_detuning_correction"},
}
"""Options of a job, and what they are called in the vendor's compiler."""


def do(name: str, *locus: str, implementation: str | None = None, **args: Any) -> CircuitOperation:
    return CircuitOperation(name, locus, args, implementation)


def prx(qubit: str, angle: Any = pi, implementation: str | None = None) -> CircuitOperation:
    return do("prx", qubit, implementation=implementation, angle=angle, phase=0.0)


def measure(*qubits: str, key: str = "m", implementation: str | None = None, **args: Any) -> CircuitOperation:
    return do("measure", *qubits, implementation=implementation, key=key, **args)


def conditional(qubit: str, source: Any, key: Any = "f", **args: Any) -> CircuitOperation:
    return do("cc_prx", qubit, **{"angle": pi, "phase": 0.0, "feedback_qubit": source, "feedback_key": key, **args})


def lossy() -> Device:
    """A garnet that has lost prx of QB3, cc_prx of QB4, measure_fidelity of QB5, reset_wait of QB6, all of QB8, and
    whose cz of QB4 and QB9 is calibrated by another implementation than the default."""
    document = json.loads(json.dumps(dict(Device.load("garnet").document)))
    gates = document["calibrations"][0]["dynamic_quantum_architecture"]["gates"]
    lost = {"prx": ["QB3"], "cc_prx": ["QB4"], "measure_fidelity": ["QB5"], "reset_wait": ["QB6"]}
    for name, gate in gates.items():
        for entry in gate["implementations"].values():
            entry["loci"] = [locus for locus in entry["loci"] if not set(locus) & {"QB8", *lost.get(name, [])}]
    gates["cz"]["implementations"]["slepian_crf"]["loci"].remove(["QB4", "QB9"])
    gates["cz"]["implementations"]["crf_crf"] = {"loci": [["QB4", "QB9"]]}
    return Device.from_document(document)


@cache
def machines(name: str) -> tuple[VendorCompiler, FakeIQMClient]:
    """The vendor's compiler for a device, and the fake."""
    device = lossy() if name == "lossy" else Device.load(name)
    return VendorCompiler(device), FakeIQMClient(device, seed=1, noise=False)


def vendors(name: str, *circuits: Steps, mapping: dict[str, str] | None = None, **options: Any) -> str:
    stages: dict[str, Any] = {}
    for option, value in options.items():
        if option not in ("dd_mode", "dd_strategy", "shots"):
            stages |= VENDORS.get((option, value), {option: value} if option == "active_reset_cycles" else {})
    strategy = options.get("dd_strategy")
    compiler, _ = machines(name)
    return compiler.refusal(
        *circuits,
        shots=options.get("shots", 1),
        mapping=mapping,
        decoupling=None if strategy is None else DDStrategy(**strategy),
        **stages,
    )


def fakes(name: str, *circuits: Steps, mapping: dict[str, str] | None = None, **options: Any) -> str:
    body = {
        "circuits": [
            {
                "name": f"c{index}",
                "instructions": [
                    {"name": step.name, "locus": step.locus, "args": step.args, "implementation": step.implementation}
                    for step in steps
                ],
            }
            for index, steps in enumerate(circuits)
        ],
        "shots": 1,
        **options,
    }
    if mapping is not None:
        body["qubit_mapping"] = [{"logical_name": ours, "physical_name": real} for ours, real in mapping.items()]
    _, client = machines(name)
    (alias,) = client.server.devices
    job = client.server.submit(alias, json.dumps(body).encode())
    assert job.status.terminal
    if job.status.value == "failed" and job.errors[0][1] != "circuit_error":
        assert job.explanation, job.errors
    return "; ".join(message for _, _, message in job.errors)


def comparable(message: str) -> str:
    """The same for messages that differ in the order of sets, or in waits of which any one may be named."""
    sets = re.sub(r"\{[^}]*\}", lambda found: "{" + ", ".join(sorted(found[0][1:-1].split(", "))) + "}", message)
    return re.sub(r"\(\d+ samples\)|\(now \[.*?\]\)|\(duration \d+\)", "(…)", sets)


END = measure("QB1")
FEEDBACK = measure("QB1", key="a", feedback_key="f")

ON_GARNET: dict[str, Steps] = {
    "nothing measured": [prx("QB1")],
    "only a barrier": [do("barrier", "QB1")],
    "nothing but a reset": [do("reset", "QB1")],
    "unknown operation": [do("h", "QB1"), END],
    "unknown component": [prx("QB99"), END],
    "unknown component of a barrier": [do("barrier", "QB1", "QB99"), END],
    "unknown component of a delay": [do("delay", "QB99", duration=1e-7), END],
    "unknown component of a cz": [do("cz", "QB1", "QB99"), END],
    "unknown component of a measure": [measure("QB99")],
    "unknown components of a measure": [measure("QB1", "QB99")],
    "unknown components of a reset": [do("reset", "QB98", "QB99"), END],
    "unknown component of a reset_wait": [do("reset_wait", "QB99"), END],
    "unknown components of a reset_wait": [do("reset_wait", "QB99", "QB1"), END],
    "empty barrier": [do("barrier"), END],
    "empty delay": [do("delay", duration=1e-7), END],
    "empty measure": [measure()],
    "empty reset": [do("reset"), END],
    "empty reset_wait": [do("reset_wait"), END],
    "empty prx": [do("prx", angle=1.0, phase=0.0), END],
    "empty cz": [do("cz"), END],
    "barrier that repeats": [do("barrier", "QB1", "QB1"), END],
    "delay that repeats": [do("delay", "QB1", "QB1", duration=1e-7), END],
    "reset that repeats": [do("reset", "QB1", "QB1"), END],
    "measure that repeats": [measure("QB1", "QB1")],
    "cz that repeats": [do("cz", "QB1", "QB1"), END],
    "cz of one": [do("cz", "QB1"), END],
    "prx of two": [do("prx", "QB1", "QB2", angle=1.0, phase=0.0), END],
    "cz without a coupler": [do("cz", "QB1", "QB20"), END],
    "cz reversed": [do("cz", "QB2", "QB1"), END],
    "prx without phase": [do("prx", "QB1", angle=1.0), END],
    "prx without angle": [do("prx", "QB1", phase=1.0), END],
    "prx with something": [do("prx", "QB1", angle=1.0, phase=0.0, lam=1.0), END],
    "prx of an integer": [prx("QB1", 1), END],
    "prx of a truth": [prx("QB1", angle=True), END],
    "prx of a text": [prx("QB1", "1"), END],
    "prx of nothing": [prx("QB1", None), END],
    "prx of a huge integer": [prx("QB1", 10**400), END],
    "prx of a huge angle": [prx("QB1", 1e300), END],
    "u of theta": [do("u", "QB1", theta=1.0), END],
    "u without theta": [do("u", "QB1", phi=1.0), END],
    "rz without angle": [do("rz", "QB1"), END],
    "cz with something": [do("cz", "QB1", "QB2", angle=1.0), END],
    "barrier with something": [do("barrier", "QB1", x=1), END],
    "reset with something": [do("reset", "QB1", x=1), END],
    "measure with something": [measure("QB1", x=1)],
    "measure without key": [do("measure", "QB1")],
    "measure with an integer as key": [do("measure", "QB1", key=1)],
    "measure without a text as key": [do("measure", "QB1", key=None)],
    "measure_fidelity without key": [do("measure_fidelity", "QB1")],
    "measure_fidelity with an integer as key": [do("measure_fidelity", "QB1", key=1)],
    "empty key": [measure("QB1", key="")],
    "two empty keys": [measure("QB1", key=""), prx("QB1"), measure("QB1", key="")],
    "key with two underscores": [measure("QB1", key="a__b")],
    "key with three underscores": [measure("QB1", key="a___b")],
    "key that ends with underscores": [measure("QB1", key="a__")],
    "key that starts with underscores": [measure("QB1", key="__a")],
    "long key with two underscores": [measure("QB1", key="a__" + "b" * 61)],
    "long key of measure_fidelity with two underscores": [do("measure_fidelity", "QB1", key="a__" + "b" * 61)],
    "key of heralding": [measure("QB1", key="__HERALD")],
    "key of probing": [measure("QB1", key="__ONLY_PROBE"), END],
    "long key": [measure("QB1", key="k" * 64)],
    "long key twice": [measure("QB1", key="k" * 64), prx("QB1"), measure("QB1", key="k" * 64)],
    "key twice on a qubit": [measure("QB1", key="a"), prx("QB1"), measure("QB1", key="a")],
    "key twice on two qubits": [measure("QB1", key="a"), prx("QB1"), measure("QB2", key="a")],
    "key of two measurements": [measure("QB1", "QB2", key="a"), prx("QB1"), do("measure_fidelity", "QB2", key="a")],
    "key that is no ASCII": [measure("QB1", key="⚛")],
    "final measure by nothing known": [measure("QB1", implementation="nope")],
    "mid-circuit measure by nothing known": [measure("QB1", key="a", implementation="nope"), prx("QB1"), END],
    "final measure that is not calibrated": [measure("QB1", implementation="fast_constant")],
    "mid-circuit measure that is not calibrated": [measure("QB1", key="a", implementation="fast_constant"), prx("QB1")],
    "mid-circuit measures that are not calibrated": [
        measure("QB1", "QB2", key="a", implementation="fast_constant"),
        prx("QB1"),
    ],
    "prx that is not calibrated": [prx("QB1", implementation="drag_crf"), END],
    "prx by nothing known": [prx("QB1", implementation="nope"), END],
    "prx by ''": [prx("QB1", implementation=""), END],
    "barrier by ''": [do("barrier", "QB1", implementation=""), END],
    "barrier by nothing known": [do("barrier", "QB1", implementation="nope"), END],
    "rz by prx": [do("rz", "QB1", angle=1.0, implementation="prx_composite"), END],
    "cz by tgss": [do("cz", "QB2", "QB1", implementation="tgss"), END],
    "cz by tgss without a coupler": [do("cz", "QB9", "QB1", implementation="tgss"), END],
    "cz by crf_crf": [do("cz", "QB2", "QB1", implementation="crf_crf"), END],
    "measure_fidelity": [do("measure_fidelity", "QB1", key="a")],
    "measure_fidelity in mid-circuit": [do("measure_fidelity", "QB1", key="a"), prx("QB1"), END],
    "measure_fidelity with feedback": [
        do("measure_fidelity", "QB1", key="a", feedback_key="f"),
        conditional("QB2", "QB1"),
        END,
    ],
    "measure_012": [do("measure_012", "QB1", key="a"), prx("QB1"), END],
    "prx_12": [do("prx_12", "QB1", angle=1.0, phase=0.0), END],
    "rz_physical": [do("rz_physical", "QB1"), END],
    "lru": [do("lru", "QB1"), END],
    "reset by f0g1": [do("reset", "QB1", implementation="f0g1_composite"), END],
    "resets by f0g1": [do("reset", "QB1", "QB2", implementation="f0g1_composite"), END],
    "move": [do("move", "QB1", "QB2"), END],
    "move without a coupler": [do("move", "QB1", "QB9"), END],
    "the longest delay": [do("delay", "QB1", duration=0.1), END],
    "delay that is too long": [do("delay", "QB1", duration=0.1000001), END],
    "negative delay": [do("delay", "QB1", duration=-1e-9), END],
    "delay nan": [do("delay", "QB1", duration=nan), END],
    "delay inf": [do("delay", "QB1", duration=inf), END],
    "delay -inf": [do("delay", "QB1", duration=-inf), END],
    "delay of a text": [do("delay", "QB1", duration="1"), END],
    "delay without duration": [do("delay", "QB1"), END],
    "feedback": [FEEDBACK, conditional("QB2", "QB1"), END],
    "feedback without a measurement": [conditional("QB2", "QB1"), END],
    "feedback before its measurement": [conditional("QB2", "QB1"), FEEDBACK],
    "feedback by another key": [FEEDBACK, conditional("QB2", "QB1", "g"), END],
    "feedback of another qubit of the measurement": [
        measure("QB1", "QB3", key="a", feedback_key="f"),
        conditional("QB2", "QB3"),
        END,
    ],
    "feedback from an unknown qubit": [FEEDBACK, conditional("QB2", "QB99"), END],
    "feedback from a number": [FEEDBACK, conditional("QB2", 1), END],
    "feedback without arguments": [FEEDBACK, do("cc_prx", "QB2"), END],
    "feedback without angle": [FEEDBACK, do("cc_prx", "QB2", feedback_qubit="QB1", feedback_key="f"), END],
    "feedback with something": [FEEDBACK, conditional("QB2", "QB1", x=1), END],
    "feedback by a number": [measure("QB1", key="a", feedback_key=1), conditional("QB2", "QB1", 1), END],
    "feedback by None": [measure("QB1", key="a", feedback_key=None), conditional("QB2", "QB1"), END],
    "feedback to itself": [FEEDBACK, conditional("QB1", "QB1"), END],
    "feedback key twice": [FEEDBACK, prx("QB1"), measure("QB1", key="b", feedback_key="f"), conditional("QB2", "QB1")],
    "empty feedback key": [measure("QB1", key="a", feedback_key=""), conditional("QB2", "QB1", ""), END],
    "cc_prx that is not calibrated": [
        FEEDBACK,
        do(
            "cc_prx",
            "QB2",
            angle=pi,
            phase=0.0,
            feedback_qubit="QB1",
            feedback_key="f",
            implementation="prx_composite_drag_crf",
        ),
        END,
    ],
    "the pass that is earlier": [do("cz", "QB1", "QB2", x=1), prx("QB99"), END],
}

ON_SIRIUS: dict[str, Steps] = {
    **{
        f"{step.name} on {', '.join(step.locus)}": [step, END]
        for step in (
            do("sx", "COMPR1"),
            do("u", "COMPR1", theta=1.0, phi=0.0, lam=0.0),
            do("reset", "COMPR1"),
            do("reset", "QB1", "COMPR1"),
            do("reset_wait", "COMPR1"),
            do("delay", "COMPR1", duration=0.0),
            do("delay", "COMPR1", "QB1", duration=0.0),
            measure("COMPR1", key="z"),
            measure("COMPR1", "QB2", key="z"),
            prx("COMPR1"),
            do("barrier", "COMPR1"),
            do("rz", "COMPR1", angle=1.0),
            do("cc_prx", "COMPR1", angle=pi, phase=0.0, feedback_qubit="QB1", feedback_key="f"),
            conditional("QB1", "COMPR1"),
            do("cz", "COMPR1", "QB1"),
            do("cz", "QB2", "QB1"),
            do("move", "COMPR1", "QB1"),
            do("move", "QB1", "QB2"),
            do("move", "QB1", "COMPR1"),
        )
    },
    "rz by prx on COMPR1": [do("rz", "COMPR1", angle=1.0, implementation="prx_composite"), END],
}


LONELY = [do("rz", "COMPR1", angle=1.0), measure("QB1")]
INTERLEAVED = [do("move", qubit, "COMPR1") for qubit in ("QB1", "QB2", "QB1", "QB2")]
UNVALIDATED = {"move_gate_validation": "none", "move_gate_frame_tracking": "no_detuning_correction"}
HERALDED = {"heralding_mode": "zeros"}
WAITING = [
    prx("QB1", pi / 2),
    prx("QB2", 1.0),
    do("cz", "QB1", "QB2"),
    *[prx("QB1")] * 3,
    do("cz", "QB1", "QB2"),
    prx("QB2"),
    END,
]

WITH_OPTIONS: dict[str, tuple[str, Steps, dict[str, Any]]] = {
    "full tracking without validation": ("sirius", [END], {"move_gate_validation": "none"}),
    "interleaved": ("sirius", [*INTERLEAVED, END], UNVALIDATED),
    "interleaved, unfinished": ("sirius", [*INTERLEAVED[:3], END], UNVALIDATED),
    "interleaved, each qubit in and out": ("sirius", [*INTERLEAVED[:2], *INTERLEAVED[1::-1], END], UNVALIDATED),
    "open": ("sirius", [*INTERLEAVED[:1], END], UNVALIDATED),
    "interleaved without tracking": (
        "sirius",
        [*INTERLEAVED, END],
        {"move_gate_validation": "none", "move_gate_frame_tracking": "none"},
    ),
    "prx in a sandwich": ("sirius", [INTERLEAVED[0], prx("QB1"), INTERLEAVED[0], END], {}),
    "prx allowed in a sandwich": (
        "sirius",
        [INTERLEAVED[0], prx("QB1"), INTERLEAVED[0], END],
        {"move_gate_validation": "allow_prx"},
    ),
    "nothing measured but heralding": ("garnet", [prx("QB1")], HERALDED),
    "nothing that heralding could measure": ("sirius", [do("rz", "COMPR1", angle=1.0)], HERALDED),
    "nothing that active reset could reset": ("sirius", [do("rz", "COMPR1", angle=1.0)], {"active_reset_cycles": 1}),
    "heralding and active resets": ("garnet", [prx("QB1"), END], {**HERALDED, "active_reset_cycles": 2}),
    "no cycles of active reset": ("garnet", [prx("QB1"), END], {"active_reset_cycles": 0}),
    "a negative number of active resets": ("garnet", [prx("QB1"), END], {"active_reset_cycles": -1}),
    "active reset of a qubit without cc_prx": ("lossy", [prx("QB4"), END], {"active_reset_cycles": 1}),
    "active reset of a qubit without prx": ("lossy", [do("barrier", "QB3"), END], {"active_reset_cycles": 1}),
    "final measure with active reset": ("lossy", [measure("QB5")], {"active_reset_cycles": 1}),
    "reset of a qubit without cc_prx": ("lossy", [do("reset", "QB1", "QB4"), END], {}),
    "reset of a qubit without prx": ("lossy", [do("reset", "QB3"), END], {}),
    "resets that lack different things": ("lossy", [do("reset", "QB4", "QB3", "QB8"), END], {}),
    "sx of a qubit without prx": ("lossy", [do("sx", "QB3"), END], {}),
    "u of a qubit without prx": ("lossy", [do("u", "QB3", theta=0.0, phi=0.0, lam=1.0), END], {}),
    "rz of a qubit without prx": ("lossy", [do("rz", "QB3", angle=1.0), END], {}),
    "rz by prx of a qubit without it": ("lossy", [do("rz", "QB3", angle=1.0, implementation="prx_composite"), END], {}),
    "cc_prx of a qubit without prx": ("lossy", [FEEDBACK, conditional("QB3", "QB1"), END], {}),
    "cz by another implementation": ("lossy", [do("cz", "QB9", "QB4"), END], {}),
    "cz by the other implementation": ("lossy", [do("cz", "QB9", "QB4", implementation="crf_crf"), END], {}),
    "barrier on what can't be reset": ("lossy", [do("barrier", "QB1", "QB6"), END], {}),
    "measure where measure_fidelity is lost": ("lossy", [measure("QB5")], {}),
    "heralding where measure_fidelity is lost": ("lossy", [prx("QB5"), END], HERALDED),
    "measure of a lost qubit": ("lossy", [measure("QB8", key="a"), prx("QB8"), END], {}),
    "mapping": ("garnet", [prx("a"), measure("a")], {"mapping": {"a": "QB1"}}),
    "mapping that lacks a name": ("garnet", [prx("b"), measure("a")], {"mapping": {"a": "QB1"}}),
    "mapping to nothing": ("garnet", [prx("a"), measure("a")], {"mapping": {"a": "QB99"}}),
    "feedback from a physical qubit": (
        "garnet",
        [measure("a", key="x", feedback_key="f"), conditional("b", "QB1"), measure("b")],
        {"mapping": {"a": "QB1", "b": "QB2"}},
    ),
    "feedback from a logical qubit": (
        "garnet",
        [measure("a", key="x", feedback_key="f"), conditional("b", "a"), measure("b")],
        {"mapping": {"a": "QB1", "b": "QB2"}},
    ),
    "feedback from a physical qubit of a logical name": (
        "garnet",
        [measure("QB2", key="x", feedback_key="f"), conditional("QB1", "QB1"), measure("QB1")],
        {"mapping": {"QB2": "QB1", "QB1": "QB2"}},
    ),
}


def decoupled(*sequences: Any, **strategy: Any) -> dict[str, Any]:
    return {"dd_mode": "enabled", "dd_strategy": {"gate_sequences": list(sequences), **strategy}}


DECOUPLING: dict[str, dict[str, Any]] = {
    "no sequences": decoupled(),
    "XX": decoupled((2, "XX", "asap")),
    "Z": decoupled((2, "XZ", "asap")),
    "Z that never fits": decoupled((10**9, "XZ", "asap")),
    "odd": decoupled((2, "XXX", "asap")),
    "odd that never fits": decoupled((10**9, "XXX", "left")),
    "too long": decoupled((1, "XX", "asap")),
    "too long for ratio 0": decoupled((0, "XX", "asap")),
    "another fits first": decoupled((1, "XXX", "asap"), (1, "X", "asap")),
    "unequal": decoupled((2, [(pi / 2, 0.0), (pi, 0.0)], "asap")),
    "angles": decoupled((2, [(1.0, 0.0), (2.0, 0.0)], "asap")),
    "empty pattern": decoupled((2, "", "asap")),
    "empty list": decoupled((2, [], "asap")),
    "ASAP": decoupled((2, "XX", "ASAP")),
    "unknown alignment": decoupled((2, "XX", "left")),
    "unknown target": decoupled((2, "XX", "asap"), target_qubits=["QB99"]),
    "another target": decoupled((2, "X", "asap"), target_qubits=["QB9"]),
    "no target": decoupled((2, "X", "asap"), target_qubits=[]),
    "the target that does not wait long": decoupled((3, "X", "asap"), target_qubits=["QB1"]),
    "leading waits, too": decoupled((3, "X", "asap"), skip_leading_wait=False),
    "trailing waits, too": decoupled((1, "X", "asap"), skip_trailing_wait=False),
    "waits one by one": decoupled((3, "X", "asap"), merge_contiguous_waits=False),
}

ACCEPTED = {
    "angle nan": [prx("QB1", nan), END],
    "angle inf": [do("rz", "QB1", angle=inf), END],
    "measure_fidelity with the key of heralding": [do("measure_fidelity", "QB1", key="__HERALD")],
    "key of resets": [measure("QB1", key="__reset")],
    "feedback from a reset": [do("reset", "QB1"), conditional("QB2", "QB1", "__default_feedback"), END],
}
"""Circuits that the machine accepts and nobody knows, or simulates, what they do."""


@pytest.mark.parametrize("case", ON_GARNET)
def test_garnet(case: str) -> None:
    assert comparable(fakes("garnet", ON_GARNET[case])) == comparable(vendors("garnet", ON_GARNET[case]))


@pytest.mark.parametrize("case", ON_SIRIUS)
def test_sirius(case: str) -> None:
    assert comparable(fakes("sirius", ON_SIRIUS[case])) == comparable(vendors("sirius", ON_SIRIUS[case]))


@pytest.mark.parametrize("case", WITH_OPTIONS)
def test_with_options_and_lost_calibrations(case: str) -> None:
    name, steps, options = WITH_OPTIONS[case]
    assert comparable(fakes(name, steps, **options)) == comparable(vendors(name, steps, **options))


@pytest.mark.parametrize("case", DECOUPLING)
def test_dynamical_decoupling(case: str) -> None:
    assert comparable(fakes("garnet", WAITING, **DECOUPLING[case])) == comparable(
        vendors("garnet", WAITING, **DECOUPLING[case])
    )


def test_of_several_circuits_the_earliest_pass_is_told() -> None:
    circuits = [do("cz", "QB1", "QB2", x=1)], [prx("QB1"), prx("QB99")], [measure("QB1", key="__HERALD")]
    for number in (1, 2, 3):
        assert fakes("garnet", *circuits[:number]) == vendors("garnet", *circuits[:number]), number


def test_one_circuit_of_several_may_measure_nothing() -> None:
    assert fakes("garnet", [prx("QB1")], [END]) == vendors("garnet", [prx("QB1")], [END]) == ""


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted_and_not_simulated(case: str) -> None:
    assert not vendors("garnet", ACCEPTED[case])
    assert re.search(r"can't be simulated|are not simulated|is the machine's own", fakes("garnet", ACCEPTED[case]))


PROGRAMS = 250


NAMES = (
    *("cz", "move", "cc_prx", "reset", "reset_wait", "barrier", "delay", "u", "sx", "rz"),
    "measure_fidelity",
)


def drawn(dice: random.Random, components: list[str], qubits: list[str], gates: dict[str, Any]) -> CircuitOperation:
    """An instruction that clients can write."""
    name = dice.choice(("prx", "prx", "measure", "measure", *NAMES))
    arity = {"prx": 1, "cz": 2, "move": 2, "cc_prx": 1, "u": 1, "sx": 1, "rz": 1}.get(name, dice.randint(0, 3))
    locus = tuple(dice.sample(components, max(arity, 0 if name in ("barrier", "delay") else 1)))
    if name in ("cz", "move") and dice.random() < 0.8:
        implementations = gates.get(name, gates["cz"])["implementations"].values()
        locus = tuple(dice.choice([locus for entry in implementations for locus in entry["loci"]]))
        if name == "cz" and dice.random() < 0.5:
            locus = locus[::-1]
    args: dict[str, Any] = {}
    match name:
        case "prx" | "cc_prx":
            args = {"angle": dice.choice([pi, pi / 2, 0.3]), "phase": 0.0}
        case "u":
            args = {"theta": dice.choice([0.0, 1.0]), "phi": 0.1, "lam": 0.2}
        case "rz":
            args = {"angle": 0.3}
        case "delay":
            args = {"duration": dice.choice([0.0, 1e-9, 1e-6, 0.2])}
        case "measure" | "measure_fidelity":
            args = {"key": str(dice.random())}
    if name == "cc_prx":
        args |= {"feedback_qubit": dice.choice(qubits), "feedback_key": dice.choice("fg")}
    if name == "measure" and dice.random() < 0.5:
        args["feedback_key"] = dice.choice("fg")
    chosen = {"rz": "prx_composite", "measure": "constant", "reset": "reset_conditional", "delay": "wait"}.get(name)
    return do(name, *locus, implementation=chosen if dice.random() < 0.08 else None, **args)


def options(dice: random.Random) -> dict[str, Any]:
    return dice.choice(
        [
            {},
            {},
            {},
            HERALDED,
            {"active_reset_cycles": 1},
            {"move_gate_validation": "none", "move_gate_frame_tracking": "none"},
            UNVALIDATED,
            {"move_gate_validation": "allow_prx"},
            decoupled((9, "XYXYYXYX", "asap"), (5, "YXYX", "asap"), (2, "XX", "center")),
            decoupled((dice.randint(0, 9), dice.choice(["X", "XX", "XYXY"]), "asap")),
        ]
    )


TYPES = {
    "heralding_mode": HeraldingMode,
    "move_gate_validation": MoveGateValidationMode,
    "move_gate_frame_tracking": MoveGateFrameTrackingMode,
}


def writes(client: FakeIQMClient, steps: Steps, asked: dict[str, Any]) -> bool:
    """Whether the vendor's client lets a program pass."""
    made = {name: TYPES[name](value) for name, value in asked.items() if name in TYPES}
    try:
        client.create_circuit_job_definition([Circuit("c", tuple(steps))], options=CircuitCompilationOptions(**made))
    except Exception:
        return False
    return True


@pytest.mark.parametrize("name", ["sirius", "lossy"])
def test_random_programs_that_the_client_writes(name: str) -> None:
    dice = random.Random(f"programs for {name}")
    _, client = machines(name)
    (alias,) = client.server.devices
    architecture = client.server.devices[alias].calibration().dynamic_quantum_architecture
    resonators, gates = architecture["computational_resonators"], architecture["gates"]
    qubits = [f"QB{number}" for number in ((1, 2, 3, 4, 5, 8) if name == "sirius" else (1, 2, 3, 4, 5, 6, 8, 9))]
    taken = refused = 0
    while taken < PROGRAMS:
        steps = [drawn(dice, [*qubits, *resonators], qubits, gates) for _ in range(dice.randint(1, 6))]
        if dice.random() < 0.9:
            steps.append(measure(qubits[0], key="end"))
        asked = options(dice)
        if writes(client, steps, asked):
            taken += 1
            answer = fakes(name, steps, **asked)
            refused += bool(answer)
            assert comparable(answer) == comparable(vendors(name, steps, **asked)), (taken, asked, steps)
    assert 0.1 * PROGRAMS < refused < 0.9 * PROGRAMS  # so that neither is trivial
