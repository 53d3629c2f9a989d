"""What markers ask of the machine, and what is said of wrong ones."""

import pytest

SUITE = """
    import pytest

    @pytest.mark.iqm_live_only
    def test_live(iqm_backend): pass

    @pytest.mark.iqm_live_only("needs real drift")
    def test_live_reason(): pass

    @pytest.mark.iqm_fake_only(reason="counts are exact")
    def test_fake(iqm_backend): pass

    @pytest.mark.iqm_requires(qubits=5, gates=["cz"], connected=5)
    def test_fits(iqm_backend): pass

    @pytest.mark.iqm_requires(qubits=6)
    def test_large(iqm_backend): pass

    @pytest.mark.iqm_requires(gates=["move", "prx"])
    def test_star(iqm_backend): pass

    @pytest.mark.iqm_requires(connected=[("QB1", "QB2"), ("QB3", "QB1")])
    def test_edges(iqm_backend): pass
    """

LACKS = (
    "adonis lacks 6 qubits (it has 5)",
    "adonis lacks the gate 'move' (it has cc_prx, cz, measure, measure_fidelity, prx, reset_wait)",
    "adonis lacks a gate on QB1 and QB2",
)


def test_offline(suite):
    result = suite("-rs", "--iqm-device", "adonis", test_a=SUITE)
    result.assert_outcomes(passed=2, skipped=5)
    output = result.stdout.str()
    assert "runs on a real machine only, with --iqm-live\n" in output
    assert "runs on a real machine only, with --iqm-live: needs real drift" in output
    assert all(line in output for line in LACKS)


def test_live(live):
    result = live("-rs", test_a=SUITE)
    result.assert_outcomes(passed=3, skipped=4)
    output = result.stdout.str()
    assert "runs on the fake only, and this run is live: counts are exact" in output
    assert all(line in output for line in LACKS)


def test_a_star_connects_all_its_qubits(suite):
    source = """
        import pytest

        @pytest.mark.iqm_requires(qubits=6, gates=["move"], connected=6)
        def test_all(iqm_backend): pass

        @pytest.mark.iqm_requires(connected=[("QB1", "QB5")])
        def test_pair(iqm_backend): pass

        @pytest.mark.iqm_requires(connected=7)
        def test_more(iqm_backend): pass
        """
    suite("--iqm-device", "deneb", test_a=source).assert_outcomes(passed=2, skipped=1)


def test_each_device_is_asked(suite):
    arguments = ("-rs", "--iqm-device", "adonis", "--iqm-device", "garnet", "-k", "large")
    suite(*arguments, test_a=SUITE).assert_outcomes(passed=1, skipped=1)


@pytest.mark.parametrize(
    "arguments", ["5", "qubit=5", "qubits='5'", "qubits=0", "gates='cz'", "connected=True", "connected=['QB1']"]
)
def test_wrong_arguments_are_errors(suite, arguments):
    source = f"import pytest\n@pytest.mark.iqm_requires({arguments})\ndef test_x(iqm_backend): pass"
    result = suite(test_a=source)
    assert result.ret != 0
    assert "test_a.py::test_x: @pytest.mark.iqm_requires takes qubits=number" in result.stdout.str()


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("devise='deneb'", "got devise='deneb'"),
        ("device=5", "got device=5"),
        ("seed=-1", "got seed=-1"),
        ("seed=True", "got seed=True"),
        ("noise=0", "got noise=0"),
        ("'deneb'", "got positional 'deneb'"),
    ],
)
def test_a_wrong_marker_names_the_test_and_the_argument(suite, marker, message):
    result = suite(test_a=f"import pytest\n@pytest.mark.iqm({marker})\ndef test_x(iqm_backend): pass")
    assert result.ret != 0
    output = result.stdout.str() + result.stderr.str()
    assert "test_a.py::test_x: @pytest.mark.iqm takes device=" in output
    assert message in output


def test_an_unknown_device_of_a_marker_names_the_bundled_ones(suite):
    result = suite(test_a="import pytest\n@pytest.mark.iqm(device='granet')\ndef test_x(iqm_backend): pass")
    result.assert_outcomes(errors=1)
    assert "test_a.py::test_x: @pytest.mark.iqm: no device 'granet'" in result.stdout.str()
