"""The server against a small model, driven through the vendor's client: 300 runs of up to 50 steps."""

import warnings
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from qiskit import QuantumCircuit, transpile

from iqm_fakes import FakeIQMClient, FakeIQMServer
from iqm_fakes.vendor.http import VENDOR_ERRORS
from pytest_iqm import IQMBackend

WAITING, PROCESSING = 10, 5
"""Seconds of the clock, where the queue has a pace."""

ORDER = {"QUEUED": 0, "RUNNING": 1, "DONE": 2, "CANCELLED": 2, "ERROR": 2}


class World:
    """What is made once: the vendor's backend takes longer to build than a run of the model."""

    def __init__(self):
        self.server = FakeIQMServer("adonis", noise=False, seed=1)
        self.backend = IQMBackend(FakeIQMClient(server=self.server))
        circuit = QuantumCircuit(1)
        circuit.measure_all()
        self.circuit = transpile(circuit, self.backend)


WORLD = []


class Model(RuleBasedStateMachine):
    """States of jobs by a few lines, and those of the server by the vendor's client."""

    def __init__(self):
        super().__init__()
        if not WORLD:
            WORLD.append(World())
        self.server, self.backend, self.circuit = WORLD[0].server, WORLD[0].backend, WORLD[0].circuit
        self.server.reset(seed=1)
        self.states, self.jobs, self.seen = {}, {}, {}
        self.stack, self.hold = ExitStack(), ExitStack()
        self.held = False
        self.now, self.schedule = None, []  # seconds of an owned clock; job, start, end
        self.failing = 0
        self.calibrations = 0

    @initialize(paced=st.booleans())
    def choose_pace(self, paced):
        if paced:
            self.stack.enter_context(self.server.clock.owned())
            self.server.queue.takes(waiting=WAITING, processing=PROCESSING)
            self.now = 0

    def pick(self, data):
        return data.draw(st.sampled_from(sorted(self.states)))

    def due(self):
        """Do in the model what time has brought."""
        if self.held or self.now is None:
            return
        while self.schedule:
            job, start, end = self.schedule[0]
            if self.states.get(job) == "QUEUED" and start <= self.now:
                self.states[job] = "RUNNING"
            if self.states.get(job) == "RUNNING" and end <= self.now:
                self.states[job] = "ERROR" if self.jobs[job][1] else "DONE"
            elif self.states.get(job) in ("QUEUED", "RUNNING"):
                return
            self.schedule.pop(0)

    @rule()
    def submit(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a changed default calibration, which has a test of its own
            job = self.backend.run(self.circuit, shots=1)
        job_id, fails = job.job_id(), self.failing > 0
        self.failing -= fails
        self.jobs[job_id] = job, fails
        if self.now is not None:
            free = self.schedule[-1][2] if self.schedule else self.now
            start = max(self.now + WAITING, free)
            self.schedule.append((job_id, start, start + PROCESSING))
            self.states[job_id] = "QUEUED"
        else:
            self.states[job_id] = "QUEUED" if self.held else "ERROR" if fails else "DONE"

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def poll(self, data):
        job_id = self.pick(data)
        self.due()
        assert self.jobs[job_id][0].status().name == self.states[job_id]

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def retrieve(self, data):
        job_id = self.pick(data)
        self.due()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the errors of failed jobs
            job = self.backend.retrieve_job(job_id)
        assert job.status().name == self.states[job_id]
        if ORDER[self.states[job_id]] == 2:
            assert job.result().success is (self.states[job_id] == "DONE")
        if self.states[job_id] == "DONE":
            assert job.result().get_counts() == {"0": 1}

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def cancel(self, data):
        job_id = self.pick(data)
        self.due()
        ended = ORDER[self.states[job_id]] == 2
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what can't be cancelled
            assert self.jobs[job_id][0].cancel() is not ended
        if not ended:
            self.states[job_id] = "CANCELLED"

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def delete(self, data):
        job_id = self.pick(data)
        self.due()
        self.server.delete(job_id)
        del self.states[job_id]
        with pytest.raises(VENDOR_ERRORS, match="not found"):
            self.backend.retrieve_job(job_id)

    @precondition(lambda self: not self.held)
    @rule()
    def take_hold(self):
        self.due()
        self.hold.enter_context(self.server.queue.held())
        self.held = True

    @precondition(lambda self: self.held)
    @rule()
    def let_go(self):
        self.hold.close()
        self.held = False
        if self.now is None:
            for job_id, state in self.states.items():
                if ORDER[state] < 2:
                    self.states[job_id] = "ERROR" if self.jobs[job_id][1] else "DONE"
        self.due()

    @precondition(lambda self: self.held and self.now is None)
    @rule(finish=st.booleans())
    def step(self, finish):
        before, after = ("RUNNING", None) if finish else ("QUEUED", "RUNNING")
        moved = self.server.queue.finish_next() if finish else self.server.queue.start_next()
        candidates = [job_id for job_id in self.jobs if self.states.get(job_id) == before]
        assert (str(moved.id) if moved else None) == (candidates[0] if candidates else None)
        if candidates:
            self.states[candidates[0]] = after or ("ERROR" if self.jobs[candidates[0]][1] else "DONE")

    @precondition(lambda self: self.now is not None)
    @rule(seconds=st.integers(0, 12))
    def let_time_pass(self, seconds):
        self.due()
        self.server.clock.advance(seconds=seconds)
        self.now += seconds

    @rule()
    def recalibrate(self):
        old = self.server.devices["adonis"].default_calibration_set_id
        new = self.server.recalibrate(drift=0.0)
        self.calibrations += 1
        assert new.id != old
        assert len(self.server.devices["adonis"].calibrations) == self.calibrations + 1

    @rule()
    def a_job_will_fail(self):
        self.server.faults.job(after=0).fails()
        self.failing += 1

    @precondition(lambda self: self.states)
    @rule(data=st.data(), error=st.sampled_from([429, 500, 503]))
    def a_call_fails(self, data, error):
        job_id = self.pick(data)
        self.server.faults.on("status", job=job_id).answers(error)
        with pytest.raises(VENDOR_ERRORS):
            self.backend.retrieve_job(job_id)

    @invariant()
    def jobs_are_conserved_and_only_move_forward(self):
        self.due()
        self.server.queue.tick()
        assert sorted(str(job.id) for job in self.server.jobs) == sorted(self.states)
        for job in self.server.jobs:
            words = {"waiting": 0, "processing": 1}
            rank = words.get(job.status, 2)
            assert rank >= self.seen.get(job.id, 0)
            self.seen[job.id] = rank
            assert rank == ORDER[self.states[str(job.id)]]
        assert len(self.server.queue) == sum(ORDER[state] < 2 for state in self.states.values())

    def teardown(self):
        self.hold.close()
        self.stack.close()
        self.server.reset(seed=1)


Model.TestCase.settings = settings(
    max_examples=300, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
TestModel = Model.TestCase
