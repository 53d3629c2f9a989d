"""A device is loaded and saved."""

import made_up_recordings
import pytest
from iqm.iqm_client import DynamicQuantumArchitecture, StaticQuantumArchitecture
from qiskit import QuantumCircuit

from iqm_fakes import Device, DeviceError, bundled_devices


@pytest.mark.parametrize("name", bundled_devices())
def test_documents_are_what_the_vendors_models_accept(name):
    device = Device.load(name)
    static = StaticQuantumArchitecture.model_validate(device.static_quantum_architecture)
    dynamic = DynamicQuantumArchitecture.model_validate(device.calibration().dynamic_quantum_architecture)
    assert set(dynamic.components) == {*static.qubits, *static.computational_resonators}


def test_a_device_is_loaded_by_name_by_path_or_as_it_is(tmp_path):
    garnet = Device.load("garnet")
    garnet.save(tmp_path / "mine.json")
    assert Device.load(tmp_path / "mine.json") == Device.load(str(tmp_path / "mine.json")) == garnet
    assert Device.load(garnet) is garnet


def test_tracebacks_and_consoles_show_a_line_and_not_documents(iqm_backend):
    """Of everything that holds documents."""
    qc = QuantumCircuit(1)
    qc.measure_all()
    iqm_backend.run(qc, shots=10).result()
    garnet = Device.load("garnet")
    for shown in (garnet, garnet.calibration(), iqm_backend.client.server.jobs[-1], made_up_recordings.made()):
        assert 20 < len(repr(shown)) < 600
    assert repr(garnet) == f"<Device 'garnet', calibration set {garnet.default_calibration_set_id}>"


def test_a_failed_save_leaves_the_old_file_and_nothing_else(document, tmp_path):
    path = tmp_path / "d.json"
    Device.from_document(document).save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        Device({**document, "broken": object()}).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_name_lists_the_bundled_ones():
    with pytest.raises(DeviceError, match=r"no device 'granet'.*adonis.*garnet"):
        Device.load("granet")


def test_a_file_that_is_not_json_names_the_line(tmp_path):
    (tmp_path / "d.json").write_text('{"schema":\n oops}')
    with pytest.raises(DeviceError, match=r"d\.json: it is not JSON: .* line 2"):
        Device.load(tmp_path / "d.json")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(DeviceError, match="can't be read"):
        Device.load(tmp_path)


def test_an_unknown_calibration_is_a_key_error():
    with pytest.raises(KeyError):
        Device.load("adonis").calibration("00000000-0000-0000-0000-000000000000")
