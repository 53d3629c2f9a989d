"""Claims about counts that are right on noise: ``assert counts == distribution({"00": 0.5, "11": 0.5}, within=0.06)``.

Every claim is a null hypothesis with a tolerance, and fails only if the counts refute it: with a p-value, valid for
every number of shots, below α (1e-6 unless ``iqm_alpha`` says otherwise). A claim that is true fails at most that
often; there is no χ², and nothing to tune per machine.
"""

from pytest_iqm.statistics.claims import (
    Claim,
    Distribution,
    Expectation,
    Probability,
    SameAs,
    Support,
    distribution,
    expectation,
    probability,
    same_as,
    support,
)
from pytest_iqm.statistics.observed import CountsError
from pytest_iqm.statistics.planning import shots_for
from pytest_iqm.statistics.verdict import Outcome, TooFewShots, Verdict

__all__ = [
    "Claim",
    "CountsError",
    "Distribution",
    "Expectation",
    "Outcome",
    "Probability",
    "SameAs",
    "Support",
    "TooFewShots",
    "Verdict",
    "distribution",
    "expectation",
    "probability",
    "same_as",
    "shots_for",
    "support",
]
