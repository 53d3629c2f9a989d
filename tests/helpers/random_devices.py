"""Hypothesis strategies for quantum computers: what servers may publish, complete or not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from iqm_fakes.device.device import Device

IMPLEMENTATIONS = {
    "prx": ["drag_crf_sx", "drag_gaussian"],
    "measure": ["constant", "fast"],
    "measure_fidelity": ["constant"],
    "cc_prx": ["prx_composite"],
    "reset_wait": ["reset_wait"],
    "cz": ["crf_crf", "tgss"],
    "move": ["crf_crf"],
}
SUFFIXES = st.sampled_from(["", ":par=d1", ":par=d2"])
UNIT_INTERVAL = st.floats(0.5, 1.0)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
TIMES = st.datetimes().map(lambda time: time.isoformat() + "Z")
VALUES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**40), 2**40),
    TEXT,
    st.just({"__complex__": "true", "real": 1.0, "imag": -0.5}),
)
"""What calibration sets hold, beside numbers that mean something to us."""


@st.composite
def devices(draw: st.DrawFn) -> Device:
    """Draw devices with up to five qubits, perhaps around a resonator, some gates and metrics missing."""
    numbers = draw(st.lists(st.integers(1, 30), min_size=1, max_size=5, unique=True))
    qubits = [f"QB{number}" for number in sorted(numbers)]
    resonators = ["COMPR1"] if len(qubits) > 1 and draw(st.booleans()) else []
    pairs = [[a, b] for a in qubits for b in qubits if a < b]
    connectivity = [[q, "COMPR1"] for q in qubits] if resonators else draw(_some(pairs))
    label = draw(st.sampled_from(["M000_W0_FAKE", "chip"]))
    count = draw(st.integers(1, 2))
    ids = [str(identifier) for identifier in draw(st.lists(st.uuids(), min_size=count, max_size=count, unique=True))]
    return Device.from_document(
        {
            "schema": "iqm-device/1",
            "alias": draw(st.sampled_from(["garnet", "garnet:mock", "default", "pyrite"])),
            "display_name": draw(TEXT),
            "health": {"healthy": draw(st.booleans())},
            "static_quantum_architecture": {
                "dut_label": label,
                "qubits": qubits,
                "computational_resonators": resonators,
                "connectivity": connectivity,
                **draw(extras),
            },
            "default_calibration_set_id": ids[0],
            "calibrations": [
                draw(calibrations(identifier, label, qubits, resonators, connectivity)) for identifier in ids
            ],
            **draw(extras),
        }
    )


extras = st.dictionaries(st.sampled_from(["from_the_future", "note"]), st.one_of(st.none(), st.integers(), TEXT))
"""Fields that nobody knows yet."""


def _some(elements: list[Any]) -> st.SearchStrategy[list[Any]]:
    kept = st.lists(
        st.sampled_from([True, True, True, True, True, False]), min_size=len(elements), max_size=len(elements)
    )
    return kept.map(lambda flags: [element for element, flag in zip(elements, flags, strict=True) if flag])


@st.composite
def calibrations(
    draw: st.DrawFn,
    identifier: str,
    label: str,
    qubits: list[str],
    resonators: list[str],
    connectivity: list[list[str]],
) -> dict[str, Any]:
    """Draw what describes one calibration set."""
    loci = {gate: [[qubit] for qubit in qubits] for gate in IMPLEMENTATIONS} | {
        "cz": connectivity,
        "move": connectivity,
    }
    optional = {"measure_fidelity", "cc_prx", "reset_wait", *(() if resonators else ("cz",))}
    dropped = draw(st.sets(st.sampled_from(sorted(optional)))) | (set() if resonators else {"move"})
    gates = {gate: draw(_gate(gate, loci[gate])) for gate in IMPLEMENTATIONS if gate not in dropped}
    durations = [("controllers.QB1.drive.frequency", draw(VALUES), "Hz")]
    metrics: list[tuple[str, Any, str]] = []
    for component in (*qubits, *resonators):
        metrics.append((f"characterization.model.{component}.t1_time", draw(st.floats(1e-6, 1e-4)), "s"))
        field = draw(st.sampled_from(["t2_time", "t2_echo_time"]))
        metrics.append((f"characterization.model.{component}.{field}", draw(st.floats(1e-6, 1e-4)), "s"))
    for gate, info in gates.items():
        for implementation, entry in info["implementations"].items():
            for locus in entry["loci"]:
                key = f"{gate}.{implementation}.{'__'.join(locus)}"
                durations.append((f"gates.{key}.duration", draw(st.floats(1e-8, 1e-6)), "s"))
                experiment = {"prx": "rb", "measure": "ssro"}.get(gate, "irb")
                metrics.append((f"metrics.{experiment}.{key}.fidelity{draw(SUFFIXES)}", draw(UNIT_INTERVAL), ""))
    durations.append(("gates.prx.drag_crf_sx.QB1.waveform", draw(VALUES), draw(st.sampled_from(["", "V"]))))
    return {
        "calibration_set": draw(_observations("calibration-set", identifier, None, label, durations)),
        "quality_metric_set": draw(
            st.one_of(st.none(), _observations("quality-metric-set", str(draw(st.uuids())), identifier, label, metrics))
        ),
        "dynamic_quantum_architecture": {
            "calibration_set_id": identifier,
            "qubits": qubits,
            "computational_resonators": resonators,
            "gates": gates,
            **draw(extras),
        },
    }


@st.composite
def _gate(draw: st.DrawFn, gate: str, loci: list[list[str]]) -> dict[str, Any]:
    first, *others = IMPLEMENTATIONS[gate]
    implementations = {first: {"loci": draw(_some(loci))}}
    overrides = {}
    for other in others:
        if draw(st.booleans()):
            implementations[other] = {"loci": draw(_some(loci))}
            overridden = draw(_some(implementations[other]["loci"]))
            overrides |= {",".join(locus): other for locus in overridden}
    return {
        "implementations": implementations,
        "default_implementation": first,
        "override_default_implementation": overrides,
    }


@st.composite
def _observations(
    draw: st.DrawFn, kind: str, identifier: str, describes: str | None, label: str, rows: list[tuple[str, Any, str]]
) -> dict[str, Any]:
    moment = draw(TIMES)
    return {
        "observation_set_id": identifier,
        "observation_set_type": kind,
        "describes_id": describes,
        "invalid": False,
        "dut_label": label,
        "created_timestamp": moment,
        "end_timestamp": draw(st.one_of(st.none(), TIMES)),
        "observations": [
            {
                "observation_id": number,
                "dut_field": name,
                "value": value,
                "unit": unit,
                "uncertainty": draw(st.one_of(st.none(), st.just(1e-3))),
                "invalid": draw(st.sampled_from([False, False, True])),
                "created_timestamp": moment,
                "modified_timestamp": draw(st.one_of(st.just(moment), TIMES)),
                **draw(extras),
            }
            for number, (name, value, unit) in enumerate(draw(_some(rows)), 1)
        ],
        **draw(extras),
    }
