"""Something that is done when a module has been imported, or now if it has been."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType


class OnImport(importlib.abc.MetaPathFinder):
    """Waits for the import of a module, which most test runs never make, until :meth:`forget`.

    Args:
        name: The module.
        action: What is done with it.

    """

    def __init__(self, name: str, action: Callable[[ModuleType], None]) -> None:
        self._name = name
        self._action = action
        if name in sys.modules:
            action(sys.modules[name])
        else:
            sys.meta_path.insert(0, self)

    def forget(self) -> None:
        """Wait no longer; twice is fine."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Let the others find the module, and act once it is loaded."""
        if fullname != self._name:
            return None
        self.forget()
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_and_act(module: ModuleType) -> None:
            load(module)
            self._action(module)

        spec.loader.exec_module = load_and_act  # type: ignore[method-assign]  # it serves this module only
        return spec
