"""Calls of the vendor's client in which it warns of its own parts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from iqm_fakes.vendor.layout import OWN_DEPRECATIONS


@contextmanager
def unmentioned() -> Iterator[None]:
    """Leave out these warnings inside a ``with`` block, however strict the filters are."""
    with warnings.catch_warnings():
        for beginning in OWN_DEPRECATIONS:
            warnings.filterwarnings("ignore", beginning, DeprecationWarning)
        yield
