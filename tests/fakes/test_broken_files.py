"""Thousands of broken device files, metrics and recordings: each works, or is refused by one error that says where.

More of them: ``python tests/fakes/test_broken_files.py 25000`` (with the folders of the sources in ``PYTHONPATH``).
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import sys
import tempfile
import warnings
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from devices import chain, star
from made_up_recordings import made
from mutants import Mutator
from qiskit import QuantumCircuit

from iqm_fakes import Device, DeviceError, FakeIQMClient, RecordingError, Recordings, cli
from iqm_fakes.device.calibration_age import age
from iqm_fakes.device.error_rates import Noise
from iqm_fakes.device.implementations import default_loci
from iqm_fakes.device.recalibration import recalibrated
from iqm_fakes.device.scaled_errors import scaled
from iqm_fakes.recordings import recording as recording_module
from pytest_iqm import IQMBackend

PARSER = cli._parser()
"""Made once: that takes longer than most commands."""

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")
"""What a terminal may obey, or can't show."""

pytestmark = pytest.mark.filterwarnings("ignore::iqm_fakes.device.error_rates.MissingMetricsWarning")


def iqm_fake(*arguments: str) -> tuple[int, str, str]:
    """Run a command; returns its status, and what it printed."""
    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        patch.setattr(cli, "_parser", lambda: PARSER)
        status = cli.main(arguments)
    assert not CONTROL.search(out.getvalue() + error.getvalue())
    return status, out.getvalue(), error.getvalue()


def refused(status: int, error: str, file: Path) -> bool:
    """Return whether a command refused a file; it says so in one line."""
    if status == 0:
        assert not error
        return False
    assert status == 1
    assert error.startswith("iqm-fake: ")
    assert error.count("\n") == 1
    assert re.search(re.escape(str(file)) + r": .{10,}", error)
    return True


# -- devices ----------------------------------------------------------------------------------------------------------


def device_documents() -> list[Any]:
    """Return devices with everything that a file may state."""
    documents = []
    for device in (chain(), star()):
        document = json.loads(json.dumps(recalibrated(device, 1).document))
        first, last = document["calibrations"]
        qubits = document["static_quantum_architecture"]["qubits"]
        pair = ",".join(first["dynamic_quantum_architecture"]["gates"]["cz"]["implementations"]["crf_crf"]["loci"][0])
        document["station"] = {"probe_lines": [qubits[:2], qubits[2:]], "grid": 4e-9, "control_delay": 3e-7}
        first["calibration_set"]["observation_defaults"] = {"unit": "s", "invalid": False}
        last["dynamic_quantum_architecture"]["gates"]["prx"]["override_default_implementation"]["QB2"] = "drag_gaussian"
        last["noise"] = {
            "gates": {"cz": {pair: {"duration": 1e-7, "depolarizing": 0.1}}},
            "relaxation": {"QB2": {"t1": 1e-5, "t2": 1e-5}},
            "readout": {"QB1": {"p_1_given_0": 0.1, "p_0_given_1": 0.2, "relaxing": 1e-7}},
            "zz": {pair: 1e4},
        }
        documents.append(document)
    return documents


def use(device: Device, file: Path) -> None:
    """Do with a device what is done with devices, but for jobs."""
    age(device, str(file), datetime.now(UTC))
    for calibration in (*device.calibrations.values(), recalibrated(device, 1).calibration()):
        for factor in (1e-12, 1e12):
            assert Noise(scaled(calibration, lambda figure, by=factor: by)).missing is not None
    again = file.with_name("again.json")
    device.save(again)
    assert Device.read(again).text() == device.text()


def run(file: Path) -> None:
    """Run a job on a device, before and after a calibration."""
    client = FakeIQMClient(file, seed=1)
    for _ in range(2):
        backend = IQMBackend(client)
        assert backend.target.num_qubits == backend.num_qubits
        (device,) = client.server.devices.values()
        architecture = device.calibration().dynamic_quantum_architecture
        loci = default_loci(architecture)
        gates = {"prx", "measure", *({"reset_wait"} & architecture["gates"].keys())}
        qubit = next((name for name in architecture["qubits"] if all((gate, (name,)) in loci for gate in gates)), None)
        if qubit is not None:
            index = backend.qubit_name_to_index(qubit)
            circuit = QuantumCircuit(backend.num_qubits, 1)
            circuit.r(1.0, 0.3, index)
            circuit.measure(index, 0)
            assert sum(backend.run(circuit, shots=5).result().get_counts().values()) == 5
        client.server.recalibrate()


def broken_device_files(numbers: range, folder: Path) -> Counter[str]:
    mutators = [Mutator(document) for document in device_documents()]
    base, file, found = folder / "base.json", folder / "mutant.json", Counter[str]()
    chain().save(base)
    for number in numbers:
        file.write_bytes(mutators[number % 2].mutant(random.Random(number)))
        said, device = "", None
        try:
            device = Device.load(file)
        except DeviceError as error:
            said = str(error)
        if device is None:
            found["refused"] += 1
            assert refused(1, f"iqm-fake: {said}\n", file)
            with contextlib.suppress(DeviceError):  # pytest's header reads it without the vendor's models
                age(Device.read(file), str(file), datetime.now(UTC))
            continue
        found["accepted"] += 1
        use(device, file)
        if found["accepted"] % 5 == 0:
            for old, new in ((file, base), (base, file)):
                assert not refused(*iqm_fake("diff", str(old), str(new))[::2], file)
        if found["accepted"] % 10 == 0:
            run(file)
    return found


def test_device_files(tmp_path):
    found = broken_device_files(range(1500), tmp_path)
    assert found["refused"] > 500
    assert found["accepted"] > 200


def test_what_is_mutated_works(tmp_path):
    """So that what is refused above is refused for its mutation."""
    for document in device_documents():
        file = tmp_path / "whole.json"
        file.write_text(json.dumps(document))
        use(Device.load(file), file)
        run(file)


def broken_metrics(numbers: range, folder: Path) -> Counter[str]:
    mutator = Mutator(chain().calibration().quality_metric_set)
    base, file, out, found = folder / "base.json", folder / "mutant.json", folder / "out.json", Counter[str]()
    chain().save(base)
    for number in numbers:
        file.write_bytes(mutator.mutant(random.Random(number)))
        status, _, error = iqm_fake("import", str(file), "--like", str(base), "--out", str(out), "--force")
        if refused(status, error, file):
            found["refused"] += 1
        else:
            found["accepted"] += 1
            use(Device.load(out), out)
    return found


def test_quality_metric_sets(tmp_path):
    found = broken_metrics(range(300), tmp_path)
    assert found["refused"] > 100
    assert found["accepted"] > 50


# -- recordings -------------------------------------------------------------------------------------------------------


def signed(document: Any) -> Any:
    """Return a recording whose fingerprint and digest fit, as far as it can have them."""
    with contextlib.suppress(Exception):
        request = document["request"]
        circuits = [recording_module._circuit_in(circuit) for circuit in request["circuits"]]
        submitted = {**request["options"], "circuits": circuits}
        document["fingerprint"] = recording_module.fingerprint(submitted, document["computer"])
    with contextlib.suppress(Exception):
        rest = {name: value for name, value in document.items() if name != "digest"}
        document["digest"] = recording_module._digest(rest)
    return document


def broken_recordings(numbers: range, folder: Path) -> Counter[str]:
    recordings, device, found = Recordings(folder / "recordings"), chain(), Counter[str]()
    calibration_set = device.default_calibration_set_id
    recordings.save_calibration(device)
    status = ("created", "compilation_started", "execution_started", "execution_ended", "completed")
    job = {
        "type": "circuit",
        "qc": {"id": "00000000-0000-4000-8000-000000000000"},
        "tag": None,
        "compilation": {"calibration_set_id": calibration_set},
        "execution": {"progress": {}},
        "messages": [{"source": "station", "message": "done"}],
        "errors": [],
        "artifacts": [{"type": "measurements"}],
    }
    error = {"source": "station", "error_code": "circuit_error", "message": "Circuit 0: no"}
    common: dict[str, Any] = {"computer": "chain", "calibration_set": calibration_set}
    timeline = [("iqm-server", word, f"2026-01-02T03:00:{second:02d}Z") for second, word in enumerate(status)]
    whole = [
        made(0, **common, timeline=timeline, job=job),
        made(1, **common, status="failed", results=None, job={"type": "circuit", "errors": [error]}),
    ]
    files = [recordings.save(recording) for recording in whole]
    texts = [file.read_bytes() for file in files]
    mutators = [Mutator(json.loads(text), signed, indent=1) for text in texts]
    for number in numbers:
        dice = random.Random(number)
        file, other = files[number % 2], files[1 - number % 2]
        file.write_bytes(mutators[number % 2].mutant(dice))
        status_of_check, out, said = iqm_fake("recordings", "--folder", str(recordings.folder), "check")
        assert out == f"2 recordings, {('0 broken files', '1 broken file')[status_of_check]}\n"
        assert bool(said) == bool(status_of_check)
        if said:
            assert said.count("\n") == 1
            assert re.match(re.escape(f"recording {file}: ") + ".{10,}", said)
        found["refused" if status_of_check else "accepted"] += 1
        commands = [["list"], ["show", file.stem], ["migrate"], ["prune", "--dry-run", "--older-than", "1"]]
        for command in (dice.choice(commands), *([["compare", "--drifts", "0"]] if number % 40 == 0 else [])):
            status_of_command, _, said = iqm_fake("recordings", "--folder", str(recordings.folder), *command)
            assert not refused(status_of_command, said, file) or status_of_check
        assert iqm_fake("recordings", "--folder", str(recordings.folder), "show", other.stem)[0] == 0
        if number % 20 == 0 and not status_of_check:
            client = FakeIQMClient(recordings=recordings.folder)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the vendor's client warns of a job's messages
                assert IQMBackend(client).retrieve_job(whole[0].id).job_id() == whole[0].id
        elif number % 20 == 0:
            with contextlib.suppress(RecordingError):
                FakeIQMClient(recordings=recordings.folder)
        file.write_bytes(texts[number % 2])
    return found


def test_recordings(tmp_path):
    found = broken_recordings(range(1000), tmp_path)
    assert found["refused"] > 500
    assert found["accepted"] > 50


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for broken in (broken_device_files, broken_metrics, broken_recordings):
        print(broken.__name__, dict(broken(range(int(sys.argv[1])), Path(tempfile.mkdtemp()))))  # noqa: T201
