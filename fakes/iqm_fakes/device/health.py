"""The health of a quantum computer, in the shapes that servers send it in.

On-premises servers say it flat. Production nests it since August 2026, beside whether the computer is in operation,
under a name that was ``operational`` first::

    {"healthy": true, "updated_at": "2026-09-04T23:08:52.613Z"}
    {"operational_status": "online", "health": {"healthy": true, "updated_at": "2026-09-04T23:08:52.613Z"}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

HealthShape: TypeAlias = Literal["operational_status", "operational", "flat"]
"""How health is sent: nested, with one of two names beside it (the first is today's), or flat."""

HEALTH_SHAPES: tuple[HealthShape, ...] = get_args(HealthShape)

ONLINE = "online"
"""What a computer that is in operation is."""


@dataclass(frozen=True)
class Health:
    """What a quantum computer says of its health.

    Attributes:
        healthy: None if it doesn't say.
        operational: ``online``, or why it takes no jobs, such as ``maintenance``.
        details: What else it says, for example when that was.

    """

    healthy: bool | None
    operational: str = ONLINE
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, document: Any) -> Health:
        """Return what a document of any shape says; what is missing is no illness."""
        said = document if isinstance(document, Mapping) else {}
        nested = said.get("health", said)
        details = dict(nested) if isinstance(nested, Mapping) else {}
        operational = said.get("operational_status") or said.get("operational") or ONLINE
        healthy = details.pop("healthy", None)
        for name in ("operational_status", "operational"):
            details.pop(name, None)
        return cls(healthy if isinstance(healthy, bool) else None, str(operational), details)

    def document(self, shape: HealthShape) -> dict[str, Any]:
        """Return the document of a shape."""
        health = {"healthy": self.healthy, **self.details}
        return health if shape == "flat" else {shape: self.operational, "health": health}


def check_shape(shape: str) -> None:
    """Raise ValueError if there is no such shape."""
    if shape not in HEALTH_SHAPES:
        raise ValueError(f"health is sent as {', '.join(HEALTH_SHAPES)}, not as '{shape}'")
