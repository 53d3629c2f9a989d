"""What a session may submit, and what is more than that."""

from __future__ import annotations

from dataclasses import dataclass

from iqm_fakes.words import several


@dataclass(frozen=True)
class Limit:
    """How many jobs, or shots, a session may submit.

    Attributes:
        what: ``job`` or ``shot``.
        value: The largest number that is allowed; None is no limit.
        source: Where the limit was set, such as ``--iqm-max-jobs``.

    """

    what: str
    value: int | None
    source: str

    def __str__(self) -> str:
        return f"{several(self.value or 0, self.what)} ({self.source})"

    def is_exceeded_by(self, number: int) -> bool:
        """Whether so many are too many."""
        return self.value is not None and number > self.value


@dataclass(frozen=True)
class Budget:
    """What a session may submit at most.

    Attributes:
        jobs: The limit of jobs.
        shots: The limit of shots, over all circuits of all jobs.

    """

    jobs: Limit
    shots: Limit

    def __str__(self) -> str:
        known = [str(limit) for limit in (self.jobs, self.shots) if limit.value is not None]
        return f"budget {' and '.join(known)}" if known else "no budget (--iqm-max-shots, --iqm-max-jobs)"

    def refusal(self, spent: tuple[int, int], wanted: tuple[int, int]) -> str | None:
        """Return why so many more jobs and shots must not be submitted; None if they may."""
        for limit, before, more in zip((self.jobs, self.shots), spent, wanted, strict=True):
            if limit.is_exceeded_by(before + more):
                return f"{before} of {limit} spent, and this takes {more}"
        return None

    def excess(self, jobs: int, shots: int) -> list[str]:
        """Return a line for each limit that so many jobs and shots exceed."""
        return [
            f"too much for the budget of {limit}: {several(number, limit.what)}"
            for limit, number in ((self.jobs, jobs), (self.shots, shots))
            if limit.is_exceeded_by(number)
        ]
