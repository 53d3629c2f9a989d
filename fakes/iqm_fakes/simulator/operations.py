"""The operations of an IQM quantum computer: arguments, loci and implementations, as data.

Source: the operation table of iqm-pulse 15 (iqm-client 36), which all supported client versions share but for
operations that are not simulated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from iqm_fakes.simulator.circuit import CircuitError, Refused

Place = Literal["qubits", "components", "couplings", "couplings of qubits", "couplings from a qubit"]
"""Loci: qubits; qubits and resonators; pairs of coupled components, of qubits, and those whose first is a qubit."""


@dataclass(frozen=True, slots=True)
class Implementation:
    """How an operation is made.

    Attributes:
        place: Where it is possible.
        calibrated: It needs a calibration of its own, for each locus.
        symmetric: It is the same in every order of the locus, and calibrated in one.
        members: Operations that it is made of, which have to be calibrated, and by which implementation; ``None`` is
            the default.

    """

    place: Place = "qubits"
    calibrated: bool = True
    symmetric: bool = False
    members: Mapping[str, str | None] = field(default_factory=dict)


_PLAIN = Implementation()


@dataclass(frozen=True, slots=True)
class OperationType:
    """What is true of an operation on every device.

    Attributes:
        implementations: Those that the vendor's software has; the first is the default where a calibration says
            nothing.
        numbers: Arguments that are numbers, and their defaults; ``None`` has none.
        texts: Arguments that are strings.
        optional: Those of them that may be left out.
        ignores_others: Whether arguments that it does not have are ignored; otherwise they are an error.
        factorizable: It acts on each component of its locus alone, which is calibrated alone.
        any_size: Whether its locus may have any number of components.
        symmetric: It is the same in every order of the locus.
        refusal: Why it is not simulated.

    """

    implementations: Mapping[str, Implementation]
    numbers: Mapping[str, float | None] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    optional: frozenset[str] = field(default=frozenset())
    ignores_others: bool = False
    factorizable: bool = False
    any_size: bool = False
    symmetric: bool = False
    refusal: str = ""

    @property
    def default(self) -> str:
        """The implementation that runs where a calibration says nothing about the operation."""
        return next(iter(self.implementations))

    def implementation(self, name: str) -> Implementation:
        """Return an implementation; of one that the vendor's software does not have, the usual is assumed."""
        return self.implementations.get(name, _PLAIN)

    def takes(self) -> str:
        """Return its arguments, for messages."""
        return ", ".join((*self.numbers, *self.texts)) or "none"


_OF_PRX: Mapping[str, str | None] = {"prx": None}
_QUTRIT = "it needs a qutrit, and components are simulated with two levels"


def _calibrated(*names: str) -> dict[str, Implementation]:
    return dict.fromkeys(names, _PLAIN)


OPERATIONS: Mapping[str, OperationType] = {
    "prx": OperationType(
        _calibrated("drag_gaussian", "drag_crf", "drag_crf_sx", "drag_gaussian_sx"),
        numbers={"angle": None, "phase": 0.0},
    ),
    "cz": OperationType(
        {
            **dict.fromkeys(
                ("tgss", "crf", "gaussian_smoothed_square", "slepian"), Implementation("couplings", symmetric=True)
            ),
            **dict.fromkeys(("tgss_crf", "crf_crf", "slepian_crf"), Implementation("couplings from a qubit")),
            **dict.fromkeys(
                ("crf_acstarkcrf", "slepian_acstarkcrf"), Implementation("couplings of qubits", symmetric=True)
            ),
        },
        symmetric=True,
    ),
    "move": OperationType(
        dict.fromkeys(("tgss_crf", "crf_crf", "slepian_crf"), Implementation("couplings from a qubit"))
    ),
    "measure": OperationType(
        _calibrated("constant", "fast_constant", "constant_bias"),
        texts=("key", "feedback_key"),
        optional=frozenset({"feedback_key"}),
        ignores_others=True,
        factorizable=True,
        any_size=True,
    ),
    "measure_fidelity": OperationType(
        {
            "constant": _PLAIN,
            "shelved_constant": Implementation(members={"prx_12": None}),
            "constant_bias": _PLAIN,
        },
        texts=("key", "feedback_key"),
        optional=frozenset({"key", "feedback_key"}),
        ignores_others=True,
        factorizable=True,
        any_size=True,
    ),
    "cc_prx": OperationType(
        {
            "prx_composite": Implementation(members=_OF_PRX),
            "prx_composite_drag_crf": Implementation(members={"prx": "drag_crf"}),
            "prx_composite_drag_gaussian": Implementation(members={"prx": "drag_gaussian"}),
        },
        numbers={"angle": math.pi, "phase": 0.0},
        texts=("feedback_qubit", "feedback_key"),
    ),
    "reset": OperationType(
        {
            "reset_conditional": Implementation(calibrated=False, members={"measure": None, "cc_prx": None}),
            "f0g1_composite": Implementation(members={"lru": None}),
        },
        factorizable=True,
        any_size=True,
        symmetric=True,
    ),
    "reset_wait": OperationType(
        {"reset_wait": Implementation("components")}, factorizable=True, any_size=True, symmetric=True
    ),
    "barrier": OperationType(
        {"": Implementation("components", calibrated=False, symmetric=True)}, any_size=True, symmetric=True
    ),
    "delay": OperationType(
        {"wait": Implementation(calibrated=False, symmetric=True)},
        numbers={"duration": None},
        any_size=True,
        symmetric=True,
    ),
    "u": OperationType(
        {"prx_u": Implementation(calibrated=False, members=_OF_PRX)},
        numbers={"theta": None, "phi": 0.0, "lam": 0.0},
    ),
    "sx": OperationType({"prx_sx": Implementation(calibrated=False, members=_OF_PRX)}),
    "rz": OperationType(
        {
            "virtual": Implementation("components", calibrated=False),
            "prx_composite": Implementation(calibrated=False, members=_OF_PRX),
        },
        numbers={"angle": None},
    ),
    "lru": OperationType(_calibrated("f0g1")),
    "prx_12": OperationType(_calibrated("modulated_drag_crf"), numbers={"angle": None, "phase": 0.0}, refusal=_QUTRIT),
    "measure_012": OperationType(
        _calibrated("constant"),
        texts=("key",),
        optional=frozenset({"key"}),
        ignores_others=True,
        factorizable=True,
        any_size=True,
        refusal=_QUTRIT,
    ),
    "rz_physical": OperationType(
        _calibrated("ac_stark_crf"),
        refusal="its angle is calibration-dependent and not published, so it is not simulated",
    ),
}
"""Every operation that the vendor's software has."""

MEASUREMENTS = ("measure", "measure_fidelity")
"""The operations that record bits under a key."""

DEFAULT_KEY = "readout.result"
"""The key of a measurement without one."""

MAX_DELAY = 0.1
"""The longest single delay, in seconds; the vendor's limit."""


def operation_type(name: str) -> OperationType:
    """Look an operation up.

    Raises:
        Refused: There is none of this name.

    """
    if name not in OPERATIONS:
        known = ", ".join(known for known, operation in OPERATIONS.items() if not operation.refusal)
        raise Refused(f"'{name}'", f"unknown quantum operation '{name}'; known operations: {known}", breaks=True)
    return OPERATIONS[name]


def check_names(name: str, args: Mapping[str, Any]) -> None:
    """Check which arguments an operation is given.

    Raises:
        Refused: One is missing, or not one of the operation's.

    """
    operation = OPERATIONS[name]
    for argument in (*operation.numbers, *operation.texts):
        default = operation.numbers.get(argument)
        if argument not in args and argument not in operation.optional and default is None:
            raise _bad_argument(f"argument '{argument}' is missing; '{name}' takes {operation.takes()}")
    if not operation.ignores_others:
        for argument in args:
            if argument not in operation.numbers and argument not in operation.texts:
                raise _bad_argument(f"unexpected argument '{argument}'; '{name}' takes {operation.takes()}")


def check_args(name: str, args: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the numeric arguments of an operation, in the order of its definition; as they are, so perhaps nan.

    Raises:
        Refused: One is not a value that the operation can have.

    """
    defaults = OPERATIONS[name].numbers
    numbers = tuple(_number(argument, args.get(argument, default)) for argument, default in defaults.items())
    if name == "delay":
        _check_delay(args["duration"], *numbers)
    return numbers


def check_simulated(name: str, parameters: tuple[float, ...]) -> None:
    """Check that what the machine accepts can be simulated.

    Raises:
        CircuitError: It can't.

    """
    if OPERATIONS[name].refusal:
        raise CircuitError(f"'{name}' can't be simulated: {OPERATIONS[name].refusal}")
    if not all(map(math.isfinite, parameters)):
        values = ", ".join(f"{number:g}" for number in parameters)
        raise CircuitError(
            f"'{name}' of {values} can't be simulated: the machine accepts it, but what its pulses then do is not "
            "known; use finite numbers"
        )


def _check_delay(given: Any, seconds: float) -> None:
    if seconds > MAX_DELAY:
        raise Refused(
            f"Requested delay duration {given} s exceeds the allowed maximum {MAX_DELAY} s. You can use several delay "
            "operations in a row if this is not enough.",
            "the delay is too long",
        )
    if math.isnan(seconds):
        raise Refused("cannot convert float NaN to integer", "the delay is no number of seconds")
    if seconds == -math.inf:
        raise Refused("cannot convert float infinity to integer", "the delay is no number of seconds", breaks=True)


def _number(argument: str, value: Any) -> float:
    if not isinstance(value, int | float):
        raise _bad_argument(f"argument '{argument}' has to be a number, got {value!r:.40}")
    try:
        return float(value)
    except OverflowError:
        raise _bad_argument(f"argument '{argument}' is too large for a number, got {value!r:.20}…") from None


def _bad_argument(what: str) -> Refused:
    return Refused(what, what, breaks=True)
