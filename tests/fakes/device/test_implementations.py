"""What is said of loci agrees with the operations that are simulated."""

from iqm_fakes.device.implementations import LOCUS_SIZES
from iqm_fakes.simulator.operations import OPERATIONS


def test_sizes_of_loci_are_those_of_the_operations():
    calibrated = {
        name: {2 if entry.place.startswith("couplings") else 1 for entry in operation.implementations.values()}
        for name, operation in OPERATIONS.items()
        if not operation.refusal
    }
    assert {name: {size} for name, size in LOCUS_SIZES.items()} == {name: calibrated[name] for name in LOCUS_SIZES}
    assert {name for name, sizes in calibrated.items() if sizes == {2}} <= LOCUS_SIZES.keys()
