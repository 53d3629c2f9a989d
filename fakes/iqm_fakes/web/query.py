"""What a query says, by kind. A value of another kind is refused, as the API does."""

from __future__ import annotations

from datetime import datetime

from werkzeug.wrappers import Request

from iqm_fakes.wire.error_codes import ErrorCode, ServerError


def boolean(request: Request, name: str) -> bool:
    """Return whether a query asks for something; if it says nothing, it does not.

    Raises:
        ServerError: ``invalid_input``.

    """
    text = request.args.get(name, "false").lower()
    if text not in ("true", "false"):
        raise ServerError(ErrorCode.INVALID_INPUT, f"{name} is true or false, got '{text}'.")
    return text == "true"


def moment(request: Request, name: str, default: str) -> str:
    """Return a time as the query writes it.

    Raises:
        ServerError: ``invalid_input``.

    """
    text = request.args.get(name, default)
    try:
        if not text.isdecimal():  # which Python would take for a date without its hyphens
            datetime.fromisoformat(text)
            return text
    except ValueError:
        pass
    raise ServerError(ErrorCode.INVALID_INPUT, f"{name} is a time such as 2026-01-02T03:04:05Z, got '{text}'.")


def whole(request: Request, name: str, default: int, largest: int) -> int:
    """Return a number from 0 to the largest.

    Raises:
        ServerError: ``invalid_input``.

    """
    text = request.args.get(name, str(default))
    if not text.isdecimal() or int(text) > largest:
        raise ServerError(ErrorCode.INVALID_INPUT, f"{name} is 0 to {largest}, got '{text}'.")
    return int(text)


def short(request: Request, name: str, longest: int) -> str | None:
    """Return a text of no more than so many characters, None if the query has none.

    Raises:
        ServerError: ``invalid_input``.

    """
    text = request.args.get(name)
    if text is not None and len(text) > longest:
        raise ServerError(
            ErrorCode.INVALID_INPUT, f"A {name} has at most {longest} characters, this one has {len(text)}."
        )
    return text
