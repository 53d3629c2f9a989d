"""Recordings that were never recorded."""

from uuid import UUID

import numpy as np

from iqm_fakes.recordings.recording import Recording


def made(number=0, *, shots=10, qubits=2, **changes):
    """Return a recording of a chain of gates."""
    random = np.random.default_rng(number)
    names = [f"QB{n}" for n in range(1, qubits + 1)]
    steps = [
        {"name": "prx", "implementation": None, "locus": [q], "args": {"angle": 0.5, "phase": number / 7}}
        for q in names
    ]
    steps += [
        {"name": "measure", "implementation": None, "locus": [q], "args": {"key": f"m_{qubits}_0_{i}"}}
        for i, q in enumerate(names)
    ]
    outcomes = {f"m_{qubits}_0_{i}": random.integers(0, 2, (shots, 1)).astype(np.uint8) for i in range(qubits)}
    moment = f"2026-01-02T03:{number // 60 % 60:02d}:{number % 60:02d}.000000Z"
    fields = {
        "id": str(UUID(int=number + 1, version=4)),
        "status": "completed",
        "computer": "garnet",
        "calibration_set": "39448034-eda7-5612-b46a-55d3ef6ee729",
        "timeline": [("iqm-server", "created", moment), ("iqm-server", "completed", moment)],
        "request": {"circuits": [{"name": "bell", "instructions": steps, "metadata": None}], "shots": shots},
        "job": {"type": "circuit", "messages": [], "errors": [], "artifacts": [{"type": "measurements"}]},
        "results": [outcomes],
        "recorded_at": "2026-01-02T04:00:00Z",
        "recorded_with": {"pytest-iqm": "0.1.0", "iqm-client": "36.0.0"},
        "tests": ["tests/test_bell.py::test_bell"],
    }
    return Recording(**{**fields, **changes})
