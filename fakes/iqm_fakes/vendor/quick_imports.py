"""Import the vendor's packages in about half the time, and leave them behind as a plain import does.

Half of the import of ``iqm.qiskit_iqm``, and three quarters of the objects that the garbage collector has to walk
through ever after, are the noise models of five fake backends, which its provider module makes for facades that hardly
anyone asks for. While that module is executed inside :func:`quick_imports`, the noise models are put off: each is built
when it is first looked at, by the vendor's own method.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import FunctionType, ModuleType
from typing import Any

from iqm_fakes.vendor.layout import FAKE_BACKEND, PROVIDER


@contextmanager
def quick_imports() -> Iterator[None]:
    """Make imports of the vendor's packages inside the ``with`` block quicker; may be nested."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    """Finds the provider module where it is, and puts off noise models while it is executed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != PROVIDER:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader  # of this module only
            execute = loader.exec_module

            def execute_and_put_off(module: ModuleType) -> None:
                del loader.exec_module
                with _noise_models_put_off():
                    execute(module)

            loader.exec_module = execute_and_put_off
        return spec


@contextmanager
def _noise_models_put_off() -> Iterator[None]:
    """Let fake backends that are made inside the ``with`` block build their noise models when first asked for them."""
    module, name, method = FAKE_BACKEND
    try:
        backend: Any = getattr(import_module(module), name)
        build = vars(backend)[method]
    except (ImportError, AttributeError, KeyError):
        build = None
    if not isinstance(build, FunctionType):
        yield
        return
    late = _late(backend, build)

    def put_off(self: Any) -> None:
        self.__class__ = late

    setattr(backend, method, put_off)
    try:
        yield
    finally:
        setattr(backend, method, build)


def _late(backend: Any, build: Callable[[Any], Any]) -> type:
    """Return a subclass of the vendor's fake backend whose instances turn into plain ones with their noise model."""

    class Late(backend):  # type: ignore[misc]  # its base depends on the vendor's version
        @property
        def noise_model(self) -> Any:
            self.noise_model = build(self)
            return self.noise_model  # of the plain class by now

        @noise_model.setter
        def noise_model(self, model: Any) -> None:
            if model is not None:  # None is what the constructor stores of a model that was put off
                self.__class__ = backend
                self.noise_model = model

        def __reduce_ex__(self, protocol: Any) -> Any:
            _ = self.noise_model
            return self.__reduce_ex__(protocol)  # of the plain class by now: so are copies

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(Late, name, getattr(backend, name))
    return Late
