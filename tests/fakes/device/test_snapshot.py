"""What a machine publishes, saved and served again, is what the machine published."""

import json
import os
import subprocess
import sys
import warnings

import pytest
from api_client import without_request
from hypothesis import HealthCheck, given, settings
from iqm.qiskit_iqm import IQMBackend as VendorBackend
from random_devices import devices
from target_contents import contents

from iqm_fakes import Api, Device, FakeIQMClient, FakeIQMServer, bundled_devices, cli
from iqm_fakes.vendor.http import connect
from iqm_fakes.web.loopback import loopback

TOKEN = "s3cret-token-of-the-machine"
DOCUMENTS = ("quantum-computers/{qc}/health", "quantum-computers/{qc}/artifacts/static-quantum-architectures")
SETS = ("", "/metrics", "/dynamic-quantum-architecture")


def client_of(device):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of missing metrics, which is tested elsewhere
        return FakeIQMClient(server=FakeIQMServer(device))


def served(device):
    """Everything that a server of the device answers about it."""
    from werkzeug.test import Client

    client = Client(Api(client_of(device).server))
    paths = [path.format(qc=device.alias) for path in DOCUMENTS]
    paths += [f"calibration-sets/{device.alias}/{i}{part}" for i in ("default", *device.calibrations) for part in SETS]
    answers = {path: client.get(f"/api/v1/{path}") for path in ("quantum-computers", *paths)}
    return {path: (answer.status_code, without_request(answer.json)) for path, answer in answers.items()}


def target_of(device, *, use_metrics):
    """Everything that the vendor's backend makes of the device, or the error that it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the vendor, of repeated and missing metrics
        try:
            backend = VendorBackend(client_of(device), use_metrics=use_metrics)
            real = contents(backend.get_real_target())
            resonators = contents(backend.target_with_resonators) if backend.has_resonators() else None
            return contents(backend.target), real, resonators, backend.architecture.model_dump()
        except Exception as error:
            return type(error), str(error)


@given(devices())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_snapshot_is_served_like_the_machine(device):
    client = client_of(device)
    others = [identifier for identifier in device.calibrations if identifier != device.default_calibration_set_id]
    snapshot = Device.snapshot(client, calibration_sets=others)
    again = Device.from_document(json.loads(snapshot.text()))
    assert again.text() == snapshot.text()
    assert served(again) == served(device)
    for use_metrics in (False, True):
        assert target_of(again, use_metrics=use_metrics) == target_of(device, use_metrics=use_metrics)


def test_the_strategy_draws_machines_that_work():
    """Else the test above would compare errors."""
    works = []

    @given(devices())
    @settings(max_examples=30, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def look(device):
        works.append(len(target_of(device, use_metrics=False)) == 4)

    look()
    assert sum(works) > len(works) / 2


@pytest.mark.parametrize("name", bundled_devices())
def test_over_a_socket_through_the_vendors_client(name, monkeypatch):
    device = Device.load(name)
    monkeypatch.setenv("IQM_TOKEN", TOKEN)
    with loopback(Api(FakeIQMServer(device), token=TOKEN)) as url:
        first, second = (Device.snapshot(connect(url, quantum_computer=name)) for _ in range(2))
    assert first.text() == second.text()
    assert TOKEN not in first.text()
    assert url not in first.text()
    assert first.document["calibrations"] == device.document["calibrations"]
    assert target_of(first, use_metrics=True) == target_of(device, use_metrics=True)


def test_snapshots_of_a_calibration_do_not_change_with_time():
    device = Device.load("garnet")
    server = FakeIQMServer(device)
    health = dict(device.health)
    texts = []
    for moment in ("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"):
        server.health = lambda computer, moment=moment: health | {"updated_at": moment}
        texts.append(Device.snapshot(FakeIQMClient(server=server)).text())
    assert texts[0] == texts[1]
    assert len(texts[0]) < 300_000


def test_a_machine_with_a_full_calibration_set_is_a_small_file():
    """Machines publish thousands of pulse parameters, of which we need none."""
    document = json.loads(json.dumps(Device.load("garnet").document))
    observations = document["calibrations"][0]["calibration_set"]["observations"]
    template = observations[0]
    observations += [
        {**template, "observation_id": 1000 + i, "dut_field": f"gates.prx.drag_crf_sx.QB{i % 20 + 1}.parameter_{i}"}
        for i in range(1500)
    ]
    device = Device.from_document(document)
    assert len(Device.snapshot(client_of(device)).text()) < 300_000


def test_probe_lines_are_those_of_the_chips_design_record():
    document = dict(Device.load("adonis").document)
    lines = [["QB1", "QB4"], ["QB2", "QB3", "QB5"]]
    device = Device.from_document({**document, "station": {"probe_lines": lines}})
    assert Device.snapshot(client_of(device)).document["station"] == {"probe_lines": lines}


def test_a_design_record_that_leaves_qubits_out_says_nothing_of_probe_lines():
    document = dict(Device.load("adonis").document)
    device = Device.from_document({**document, "station": {"probe_lines": [["QB1", "QB4"]]}})
    assert "station" not in Device.snapshot(client_of(device)).document


def test_calibration_sets_are_saved_by_id():
    server = FakeIQMServer("adonis")
    old = server.devices["adonis"].default_calibration_set_id
    new = server.recalibrate(seed=1)
    client = FakeIQMClient(server=server)
    assert list(Device.snapshot(client).calibrations) == [new.id]
    assert list(Device.snapshot(client, calibration_sets=[old.upper(), new.id]).calibrations) == [new.id, old]
    with pytest.raises(Exception, match="not found"):
        Device.snapshot(client, calibration_sets=["5f0a1d0e-0c1c-4b7f-9a51-2a4a1f5a7c01"])


def test_metrics_that_are_not_there_are_null():
    document = json.loads(json.dumps(Device.load("adonis").document))
    document["calibrations"][0]["quality_metric_set"] = None
    with pytest.warns(UserWarning, match="no valid value for characterization.model.QB1.t1_time"):
        server = FakeIQMServer(Device.from_document(document))
    snapshot = Device.snapshot(FakeIQMClient(server=server))
    assert snapshot.calibration().quality_metric_set is None
    client = FakeIQMClient(server=server)
    with pytest.raises(Exception, match="has no quality metrics"):
        client.get_quality_metric_set()


def test_one_warning_lists_what_is_missing():
    document = json.loads(json.dumps(Device.load("adonis").document))
    metrics = document["calibrations"][0]["quality_metric_set"]
    gone = "metrics.rb.prx.drag_crf_sx.QB1.fidelity"
    metrics["observations"] = [o for o in metrics["observations"] if not o["dut_field"].startswith(gone)]
    document["calibrations"][0]["calibration_set"]["observations"][1]["invalid"] = True
    with pytest.warns() as caught:
        FakeIQMServer(Device.from_document(document))
    (warning,) = caught
    assert gone in str(warning.message)
    assert "gates.prx.drag_crf_sx.QB1.duration" in str(warning.message)
    assert warning.filename == __file__


class TestCommand:
    @pytest.fixture
    def machine(self, monkeypatch):
        with loopback(Api(FakeIQMServer("garnet", "deneb"), token=TOKEN)) as url:
            monkeypatch.setenv("IQM_TOKEN", TOKEN)
            monkeypatch.setenv("IQM_SERVER_URL", url)
            monkeypatch.setenv("IQM_QUANTUM_COMPUTER", "deneb")
            yield url

    def test_it_writes_what_the_environment_names(self, machine, tmp_path, capsys):
        assert cli.main(["snapshot", "--out", str(tmp_path / "d.json")]) == 0
        assert Device.load(tmp_path / "d.json").alias == "deneb"
        assert "IQM Deneb (fake), calibration set " in capsys.readouterr().out
        assert os.listdir(tmp_path) == ["d.json"]

    def test_options_win(self, machine, tmp_path, monkeypatch):
        monkeypatch.setenv("IQM_SERVER_URL", "http://127.0.0.1:1")
        arguments = ["--url", machine, "--computer", "garnet", "--out", str(tmp_path / "g.json")]
        assert cli.main(["snapshot", *arguments]) == 0
        assert Device.load(tmp_path / "g.json").alias == "garnet"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"IQM_TOKEN": "wr0ng"}, "Missing or invalid authentication credentials"),
            ({"IQM_QUANTUM_COMPUTER": "emerald"}, "deneb"),
            ({"IQM_SERVER_URL": "http://127.0.0.1:1"}, "no answer from http://127.0.0.1:1: is the server on"),
            ({"IQM_SERVER_URL": ""}, "give --url, or set IQM_SERVER_URL"),
        ],
    )
    def test_a_refusal_is_one_line_and_nothing_is_written(
        self, machine, tmp_path, monkeypatch, capsys, change, message
    ):
        for name, value in change.items():
            monkeypatch.setenv(name, value)
        (tmp_path / "d.json").write_text("as it was")
        assert cli.main(["snapshot", "--out", str(tmp_path / "d.json")]) == 1
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
        assert "wr0ng" not in error
        assert (tmp_path / "d.json").read_text() == "as it was"

    def test_there_is_no_token_option(self):
        run = subprocess.run(
            [sys.executable, "-m", "iqm_fakes.cli", "snapshot", "--help"], capture_output=True, text=True, check=True
        )
        assert "--token" not in run.stdout
        assert "IQM_TOKEN" in run.stdout
