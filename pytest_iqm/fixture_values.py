"""What fixtures give to whom.

Each test has a seed and handles (a client, a backend) of its own, and so has each fixture that lives longer; nobody
meets what another one did. pytest keeps the value of a fixture, or the error of its set-up, as long as its scope lasts;
of fixtures of ours it keeps no error, and of some of them the definition is asked for the value each time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any, SupportsIndex

import pytest

from pytest_iqm.machine import MACHINE, Requester, is_ours
from pytest_iqm.machines import Machines

HANDLES = ("iqm_client", "iqm_backend", "iqm_url")


class _Definition(pytest.FixtureDef[Any]):
    """Of a fixture of ours: if its set-up failed, that is no reason why it fails in the next test."""

    def cache_key(self, request: Any) -> object:
        return object() if self._failed else super().cache_key(request)

    @property
    def _failed(self) -> bool:
        return self.cached_result is not None and self.cached_result[2] is not None


class _MachineDefinition(_Definition):
    """Of the fixture that gives the machine: whether its value still holds is for the machines to say."""

    machines: Machines

    def cache_key(self, request: Any) -> object:
        __tracebackhide__ = True
        if self._failed:
            return super().cache_key(request)
        if self.cached_result is not None:  # what is set up stays so if this test can't run on it
            return self.machines.resolve(request)
        try:
            return self.machines.resolve(request)
        except (Exception, pytest.skip.Exception, pytest.fail.Exception) as refusal:
            self.machines.refusal = refusal  # the fixture raises it
            return refusal


class _HandleDefinition(_Definition):
    """Of a fixture that gives a handle: the value is that of who asks."""

    arguments: dict[str, Any]

    @property
    def cached_result(self) -> Any:
        result = vars(self)["cached_result"]
        return result if result is None or result[2] is not None else _AskedEachTime(self._ask, result)

    @cached_result.setter
    def cached_result(self, result: Any) -> None:
        vars(self)["cached_result"] = result

    def _ask(self) -> Any:
        return self.func(**self.arguments)


class _AskedEachTime(tuple[Any, ...]):
    """pytest's (value, key, error), whose value is made when it is looked at."""

    ask: Callable[[], Any]

    def __new__(cls, ask: Callable[[], Any], result: tuple[Any, ...]) -> _AskedEachTime:
        self = super().__new__(cls, result)
        self.ask = ask
        return self

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        return self.ask() if index == 0 else super().__getitem__(index)

    if pytest.version_tuple < (8, 2):  # unpacks it

        def __iter__(self) -> Iterator[Any]:
            return (self[index] for index in range(len(self)))


def take_over(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest, machines: Machines) -> None:
    """Let a fixture of ours, which is about to be set up, give everyone who asks what is theirs."""
    if not is_ours(fixturedef):
        return
    fixturedef.__class__ = _Definition
    if fixturedef.argname == MACHINE:
        fixturedef.__class__ = _MachineDefinition
        fixturedef.machines = machines  # type: ignore[attr-defined]
    elif fixturedef.argname in HANDLES:
        fixturedef.__class__ = _HandleDefinition
        arguments = {name: request.getfixturevalue(name) for name in fixturedef.argnames}
        fixturedef.arguments = arguments  # type: ignore[attr-defined]


class WiderFixtures:
    """While a fixture lives that lives longer than a test, what it does is its own.

    A plugin that is registered when somebody first asks for a machine.

    Args:
        machines: Of this process.

    """

    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        self._alive: dict[Any, Requester] = {}
        self._joined: list[Any] = []

    def join(self, request: Any) -> None:
        """Take part in set-ups that began before this plugin was registered: those that a request is made in."""
        for parent in reversed(list(_chain(request))):
            if self._is_wider(parent._fixturedef):
                self._machines.enter(self._begin(parent._fixturedef, parent))
                self._joined.append(parent)

    def _leave_joined(self, request: Any = None) -> None:
        """Leave those set-ups, if they are over: what a request is made in is not."""
        within = list(_chain(request))
        while self._joined and self._joined[-1] not in within:
            parent = self._joined.pop()
            self._machines.leave()
            self._note_end(parent._fixturedef, parent)

    @staticmethod
    def _is_wider(fixturedef: pytest.FixtureDef[Any]) -> bool:
        return fixturedef.scope != "function" and not is_ours(fixturedef)

    def _begin(self, fixturedef: Any, request: Any) -> Requester:
        name = f"{self._machines.name(request.node)}::{fixturedef.argname}[{getattr(request, 'param_index', 0)}]"
        requester = self._alive[fixturedef] = Requester(name, fixturedef.argname)
        return requester

    def _note_end(self, fixturedef: Any, request: Any) -> None:
        request.addfinalizer(lambda: self._machines.enter(self._alive[fixturedef]))  # is called before its teardown

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Give the jobs of a fixture its own seed, whichever test needs it first."""
        __tracebackhide__ = True
        self._leave_joined(request)
        if not self._is_wider(fixturedef):
            return (yield)
        self._machines.enter(self._begin(fixturedef, request))
        try:
            return (yield)
        finally:
            self._machines.leave()
            self._note_end(fixturedef, request)

    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        """Forget a fixture that is torn down."""
        requester = self._alive.pop(fixturedef, None)
        if requester is not None:
            self._machines.leave(requester)

    def pytest_runtest_call(self) -> None:
        """Now the test itself runs."""
        self._leave_joined()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self) -> None:
        """Set-ups are over, perhaps by an error."""
        self._leave_joined()


def _chain(request: Any) -> Iterator[Any]:
    """Yield the requests of the fixtures whose functions led to a request, the innermost first.

    A fixture that waits for its arguments is none of them: its set-up has not begun.
    """
    while (parent := getattr(request, "_parent_request", None)) is not None:
        definition = getattr(parent, "_fixturedef", None)  # the first one is the test's
        if definition is not None and request.fixturename not in definition.argnames:
            yield parent
        request = parent
