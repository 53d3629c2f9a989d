"""Result documents against what the json module makes of the same bits."""

import json
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from iqm_fakes.wire import results

KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@st.composite
def batches(draw):
    circuits = []
    for _ in range(draw(st.integers(1, 3))):
        shots = draw(st.integers(1, 20))
        widths = draw(st.dictionaries(KEYS, st.integers(1, 70), min_size=1, max_size=3))
        circuits.append(
            {
                key: draw(arrays.arrays(np.uint8, (shots, width), elements=st.integers(0, 1)))
                for key, width in widths.items()
            }
        )
    return circuits


@given(batches())
def test_measurements_are_lists_of_lists_of_bits(batch):
    expected = [{key: bits.tolist() for key, bits in circuit.items()} for circuit in batch]
    assert json.loads(results.measurements(batch)) == expected


@given(batches())
def test_counts_are_those_of_the_joined_bit_strings(batch):
    for document, circuit in zip(json.loads(results.measurement_counts(batch)), batch, strict=True):
        joined = np.concatenate(list(circuit.values()), axis=1).tolist()
        assert document["measurement_keys"] == list(circuit)
        assert document["counts"] == Counter("".join(map(str, row)) for row in joined)
        assert list(document["counts"]) == sorted(document["counts"])
