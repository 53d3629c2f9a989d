"""How far a long simulation is, who is told, and what ends it."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future
from importlib import import_module
from typing import Any

import devices
import pytest

from iqm_fakes import FakeIQMServer
from iqm_fakes.server import progress, quantum_computer
from iqm_fakes.server.job import Job
from iqm_fakes.simulator import aer, methods
from iqm_fakes.vendor.http import COMPOSED
from iqm_fakes.wire.status import JobStatus

CIRCUIT = {
    "name": "c",
    "instructions": [
        {"name": "prx", "locus": ["QB1"], "args": {"angle": 1.0, "phase": 0.0}},
        {"name": "measure", "locus": ["QB1"], "args": {"key": "m"}},
    ],
}
NOTHING: dict[str, Any] = {"progress": {}}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def machine(**settings: Any) -> FakeIQMServer:
    """Trajectories, so that there are several calls of Aer."""
    return FakeIQMServer(devices.chain(), seed=3, method="statevector", time_limit=None, **settings)


def submitted(server: FakeIQMServer) -> Job:
    return server.submit("chain", json.dumps({"circuits": [CIRCUIT], "shots": 2000}).encode())


@pytest.fixture
def at_call(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], None]], list[int]]:
    """Do something at the end of each call of Aer, which are short; what is returned holds the numbers of the calls."""
    monkeypatch.setattr(methods, "LONGEST_CALL", 1e-3)
    monkeypatch.setattr(methods, "MOST_PREPARATION", 1.0)
    run = aer._run

    def prepare(act: Callable[[int], None]) -> list[int]:
        calls: list[int] = []

        def noticed(*arguments: Any, **options: Any) -> Any:
            result = run(*arguments, **options)
            calls.append(len(calls))
            act(calls[-1])
            return result

        monkeypatch.setattr(aer, "_run", noticed)
        return calls

    return prepare


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every simulation for one that takes long."""
    monkeypatch.setattr(progress, "SLOW", 1e-9)


@pytest.mark.usefixtures("long")
def test_the_document_of_a_job_tells_how_far_a_long_simulation_is(at_call: Any) -> None:
    server, told = machine(), []
    calls = at_call(lambda call: told.append(server.job_document(server.jobs[-1])["execution"]))
    job = submitted(server)
    assert len(calls) > 3
    assert {tuple(execution["progress"]) for execution in told} == {("Simulation",)}
    module = "iqm.station_control.interface.models.jobs_new" if COMPOSED else "iqm.iqm_server_client.models"
    model = import_module(module).JobExecution
    percent = [model.model_validate(execution).progress["Simulation"].value for execution in told]
    assert percent == pytest.approx([100 * call / len(calls) for call in calls], abs=0.6)
    assert job.status is JobStatus.COMPLETED
    assert server.job_document(job)["execution"] == NOTHING


def test_of_short_simulations_nothing_is_told(at_call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())
    server, told = machine(), []
    at_call(lambda call: told.append(server.job_document(server.jobs[-1])["execution"]))
    submitted(server)
    assert told.count(NOTHING) == len(told) > 3
    assert progress.sys.stderr.getvalue() == ""  # type: ignore[union-attr]  # the one above


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
def test_only_a_terminal_has_a_line_and_it_goes_away(kind: Any, at_call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at_call(lambda call: None)
    stderr = kind()
    monkeypatch.setattr("sys.stderr", stderr)
    submitted(machine())
    written = stderr.getvalue()
    assert ("100 % of a simulation of about" in written) == (kind is Terminal)
    assert written.rpartition(progress.ERASE)[2] == ""
    assert "\n" not in written


@pytest.mark.usefixtures("long")
def test_workers_write_to_the_log_and_not_to_the_terminal(
    at_call: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    at_call(lambda call: None)
    monkeypatch.setattr("sys.stderr", Terminal())
    server = machine(background=True)
    with caplog.at_level(logging.INFO, "iqm_fakes"):
        job = submitted(server)
        assert server.queue.wait(job, 60)
    server.close()
    assert f"job {job.id}: 100 % simulated" in caplog.text
    assert len(caplog.records) <= 100 / progress.LOGGED
    assert progress.sys.stderr.getvalue() == ""  # type: ignore[union-attr]  # the one above


@pytest.mark.usefixtures("long")
def test_an_executor_s_groups_are_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    class Here(Executor):
        def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Any:
            class Done(Future[Any]):
                def result(self, timeout: float | None = None) -> Any:
                    told.append(server.jobs[-1].progress)
                    return function(*arguments, **named)

            done = Done()
            done.set_result(None)
            return done

    told: list[int | None] = []
    monkeypatch.setattr(quantum_computer, "WORTH_A_TASK", 0.0)
    server = FakeIQMServer(devices.chain(), seed=3, executor=Here())
    server.submit("chain", json.dumps({"circuits": [CIRCUIT] * 4, "shots": 10}).encode())
    assert told == [0, 25, 50, 75]


def test_a_job_that_is_cancelled_is_not_simulated_further(at_call: Any) -> None:
    server = machine()
    calls = at_call(lambda call: server.cancel(str(server.jobs[-1].id)))
    job = submitted(server)
    assert calls == [0]
    assert job.status is JobStatus.CANCELLED
    assert job.results is None


@pytest.mark.parametrize("cores", [1, 2])  # of two or more, Aer has a thread of its own
def test_ctrl_c_ends_a_simulation_after_the_call_of_aer_in_which_it_comes(
    cores: int, at_call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    calls = at_call(lambda call: signal.raise_signal(signal.SIGINT))
    server = machine()
    with pytest.raises(KeyboardInterrupt):
        submitted(server)
    assert calls == [0]
    assert server.jobs[0].status is JobStatus.CANCELLED
    assert len(server.queue) == 0
    at_call(lambda call: None)
    assert submitted(server).status is JobStatus.COMPLETED
