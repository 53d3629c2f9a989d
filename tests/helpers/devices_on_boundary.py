"""Devices whose distance from what is declared is exactly the tolerance."""

import numpy as np

KINDS = ["none", "leak", "shift", "spread"]


def boundary(kind, k):
    """Return what is declared (the last outcome with probability 0), what the device does, and the tolerance."""
    q = np.append(np.arange(k - 1, 0, -1.0), 0.0)
    q /= q.sum()
    delta = {"none": 0.0, "leak": 0.06, "shift": 0.05, "spread": 0.1}[kind]
    delta = min(delta, q[0] / 2) if kind == "shift" else delta
    p = q.copy()
    if kind == "leak" or (kind == "shift" and k == 2):  # to the outcome that is not declared
        p *= 1 - delta
        p[-1] += delta
    elif kind == "shift":  # from the likeliest outcome to the second one
        p[0] -= delta
        p[1] += delta
    elif kind == "spread":  # to all outcomes, in halves
        half = np.arange(k) % 2 == 0
        share = q[half].sum()
        p[half] *= 1 - delta / share
        p[~half] += delta / (~half).sum()
    return q, p, delta
