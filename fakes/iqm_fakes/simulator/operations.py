"""The operations of an IQM quantum computer: arguments, loci and implementations, as data.

Source: the operation table of iqm-pulse 15 (iqm-client 36), which all supported client versions share but for
operations that are not simulated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from iqm_fakes.simulator.circuit import CircuitError


@dataclass(frozen=True, slots=True)
class OperationType:
    """What is true of an operation on every device.

    Attributes:
        arity: How many components its locus has; ``None`` is any number.
        numbers: Arguments that are finite numbers.
        texts: Arguments that are strings.
        optional: Those of the arguments that may be left out.
        factorizable: It acts on each component of its locus alone, which is calibrated alone.
        uncalibrated: Implementations that work on any component, calibrated for it or not.
        default: The implementation that runs where a calibration says nothing about the operation.
        refusal: Why it is not simulated.

    """

    arity: int | None = 1
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    optional: frozenset[str] = field(default=frozenset())
    factorizable: bool = False
    uncalibrated: tuple[str, ...] = ()
    default: str = ""
    refusal: str = ""


_ROTATION = ("angle", "phase")
_QUTRIT = "it needs a qutrit, and components are simulated with two levels"

OPERATIONS: Mapping[str, OperationType] = {
    "prx": OperationType(numbers=_ROTATION, default="drag_gaussian"),
    "cz": OperationType(arity=2, default="tgss"),
    "move": OperationType(arity=2, default="tgss_crf"),
    "measure": OperationType(
        arity=None,
        texts=("key", "feedback_key"),
        optional=frozenset({"feedback_key"}),
        factorizable=True,
        default="constant",
    ),
    "measure_fidelity": OperationType(arity=None, texts=("key",), factorizable=True, default="constant"),
    "cc_prx": OperationType(numbers=_ROTATION, texts=("feedback_qubit", "feedback_key"), default="prx_composite"),
    "reset": OperationType(
        arity=None, factorizable=True, uncalibrated=("reset_conditional",), default="reset_conditional"
    ),
    "reset_wait": OperationType(arity=None, factorizable=True, default="reset_wait"),
    "barrier": OperationType(arity=None, uncalibrated=("",)),
    "delay": OperationType(arity=None, numbers=("duration",), uncalibrated=("wait",), default="wait"),
    "u": OperationType(numbers=("theta", "phi", "lam"), uncalibrated=("prx_u",), default="prx_u"),
    "sx": OperationType(uncalibrated=("prx_sx",), default="prx_sx"),
    "rz": OperationType(numbers=("angle",), uncalibrated=("virtual", "prx_composite"), default="virtual"),
    "lru": OperationType(default="f0g1"),
    "prx_12": OperationType(refusal=_QUTRIT),
    "measure_012": OperationType(refusal=_QUTRIT),
    "rz_physical": OperationType(
        refusal="its angle is calibration-dependent and not published, so it is not simulated"
    ),
}
"""Every operation that the vendor's clients can write."""

MEASUREMENTS = ("measure", "measure_fidelity")
"""The operations that record bits under a key."""

MAX_DELAY = 0.1
"""The longest single delay, in seconds; the vendor's limit."""


def operation_type(name: str) -> OperationType:
    """Look an operation up.

    Raises:
        CircuitError: There is none of this name, or it is not simulated.

    """
    if name not in OPERATIONS:
        known = ", ".join(known for known, operation in OPERATIONS.items() if not operation.refusal)
        raise CircuitError(f"unknown quantum operation '{name}'; known operations: {known}")
    if OPERATIONS[name].refusal:
        raise CircuitError(f"'{name}' can't be simulated: {OPERATIONS[name].refusal}")
    return OPERATIONS[name]


def check_args(name: str, args: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the numeric arguments of an operation, in the order of its definition.

    Raises:
        CircuitError: An argument is missing, unexpected, or not a value that the operation can have.

    """
    operation = OPERATIONS[name]
    takes = (*operation.numbers, *operation.texts)
    for argument in takes:
        if argument not in args and argument not in operation.optional:
            raise CircuitError(f"argument '{argument}' is missing; '{name}' takes {', '.join(takes)}")
    for argument in args:
        if argument not in takes:
            raise CircuitError(f"unexpected argument '{argument}'; '{name}' takes {', '.join(takes) or 'none'}")
    for argument in operation.texts:
        if not isinstance(args.get(argument, ""), str):
            raise CircuitError(f"argument '{argument}' has to be a string, got {args[argument]!r:.40}")
    numbers = tuple(_number(argument, args[argument]) for argument in operation.numbers)
    if name == "delay" and not 0 <= numbers[0] <= MAX_DELAY:
        raise CircuitError(f"a delay takes 0 to {MAX_DELAY} s, got {numbers[0]:g} s; use several for a longer one")
    return numbers


def _number(argument: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CircuitError(f"argument '{argument}' has to be a number, got {value!r:.40}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise CircuitError(f"argument '{argument}' has to be a finite number, got {number}")
    return number
