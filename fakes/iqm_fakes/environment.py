"""Environment variables that are set for a while."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping


def set_variables(variables: Mapping[str, str | None]) -> Callable[[], None]:
    """Set variables, or unset those that are None; returns what gives the former ones back."""
    former = {name: os.environ.get(name) for name in variables}
    _set(variables)
    return lambda: _set(former)


def hide(names: Iterable[str]) -> None:
    """Keep variables from child processes and from libraries in C; Python code in this process has them as before."""
    for name in names:
        if name in os.environ:
            os.unsetenv(name)


def show(names: Iterable[str]) -> None:
    """Let child processes inherit variables again."""
    os.environ.update({name: os.environ[name] for name in names if name in os.environ})


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
