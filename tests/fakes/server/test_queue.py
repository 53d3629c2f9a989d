"""The job state machine, without HTTP and without a simulator."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from iqm_fakes.server.clock import Clock
from iqm_fakes.server.job import Job, JobFailure
from iqm_fakes.server.queue import JobQueue
from iqm_fakes.wire.error_codes import ErrorCode, ServerError
from iqm_fakes.wire.status import JobStatus


class Echo:
    """A machine whose results are the program, and which fails as the request says."""

    def compile(self, job):
        if job.request == "does not compile":
            raise JobFailure("Circuit 0: no")
        return job.index

    def execute(self, job, program):
        if job.request == "breaks":
            raise ZeroDivisionError("oh")
        return program


def job(index=0, request=None):
    return Job(uuid4(), index, "garnet", str(request or "").encode(), request, "cal")


def statuses(job):
    return [status for _, status, _ in job.timeline]


def test_without_workers_a_job_ends_before_its_submission_returns():
    queue, one = JobQueue(Echo()), job()
    queue.submit(one)
    assert one.status is JobStatus.COMPLETED
    assert one.results == 0
    assert statuses(one)[0] == "created"
    assert statuses(one)[-2:] == ["ready", "completed"]


def test_the_timeline_has_what_benchmarks_subtract():
    queue, one = JobQueue(Echo()), job()
    queue.submit(one)
    order = "created received compilation_started compilation_ended execution_started execution_ended ready completed"
    assert [status for status in statuses(one) if status in order.split()] == order.split()
    times = [time for _, _, time in one.timeline]
    assert times == sorted(times)


def test_what_does_not_compile_fails_with_the_reason():
    queue, one = JobQueue(Echo()), job(request="does not compile")
    queue.submit(one)
    assert one.status is JobStatus.FAILED
    assert one.errors == [("iqm-station-control", "circuit_error", "Circuit 0: no")]
    assert "execution_started" not in statuses(one)
    assert statuses(one)[-1] == "failed"


class Overtaken(JobQueue):
    """A queue where another thread completes a job as soon as one has started it."""

    def _start(self, job):
        started = super()._start(job)
        with ThreadPoolExecutor(1) as other:
            other.submit(self.tick).result(10)
        return started


def test_clients_that_look_at_the_same_time_do_what_is_due_once():
    clock = Clock()
    queue, one = Overtaken(Echo(), clock=clock), job()
    queue.takes(waiting=20, processing=10)
    with clock.owned():
        submitted = clock.now()
        queue.submit(one)
        clock.advance(seconds=100)
        queue.tick()
        assert one.status is JobStatus.COMPLETED
        assert {(time - submitted).total_seconds() for _, _, time in one.timeline} == {0, 20, 30}


def test_a_defect_fails_the_job_and_is_not_swallowed(caplog):
    queue, one = JobQueue(Echo()), job(request="breaks")
    queue.submit(one)
    assert one.errors == [("iqm-station-control", "internal_error", "ZeroDivisionError: oh")]
    assert "ZeroDivisionError" in caplog.text


def test_in_the_background_each_computer_has_a_queue_of_its_own():
    go, busy = threading.Event(), threading.Event()

    class Busy(Echo):
        def execute(self, job, program):
            if job.computer == "garnet":
                busy.set()
                assert go.wait(30)
            return super().execute(job, program)

    queue = JobQueue(Busy(), background=True)
    slow, after, elsewhere = job(0), job(1), job(2)
    elsewhere.computer = "emerald"
    for one in (slow, after, elsewhere):
        queue.submit(one)
    assert queue.wait(elsewhere, 30)
    assert busy.wait(30)
    assert after.status is JobStatus.WAITING
    assert (queue.position(after), queue.length("garnet"), queue.length("emerald"), len(queue)) == (0, 2, 0, 2)
    go.set()
    assert queue.wait(after, 30)
    assert slow.timeline[-1][2] <= next(time for _, status, time in after.timeline if status == "received")
    queue.close()


def test_in_the_background_a_queue_with_a_pace_lets_nobody_wait_for_an_execution():
    go = threading.Event()

    class Busy(Echo):
        def execute(self, job, program):
            assert go.wait(30)
            return super().execute(job, program)

    queue, one = JobQueue(Busy(), background=True), job()
    queue.takes(waiting=0, processing=0)
    queue.submit(one)
    assert not queue.wait(one, 0.2)
    assert one.status is JobStatus.PROCESSING
    go.set()
    assert queue.wait(one, 30)
    queue.close()


@pytest.mark.parametrize("background", [False, True])
def test_what_is_submitted_to_a_closed_queue_is_cancelled(background):
    queue, one = JobQueue(Echo(), background=background), job()
    queue.close()
    queue.submit(one)
    assert one.status is JobStatus.CANCELLED
    assert statuses(one) == ["created", "cancelled"]
    assert len(queue) == 0


def test_what_is_submitted_while_a_queue_is_closed_is_cancelled():
    class Closing(JobQueue):
        def _run_in_turn(self, jobs):
            self.close()
            super()._run_in_turn(jobs)

    queue, first, second = Closing(Echo(), background=True), job(), job()
    queue._thread("garnet")
    queue.submit(first)
    queue.submit(second)
    assert {first.status, second.status} == {JobStatus.CANCELLED}


def test_closing_cancels_what_is_being_executed():
    class Endless(Echo):
        def execute(self, job, program):
            while not job.status.terminal:
                time.sleep(0.01)

    queue, one = JobQueue(Endless(), background=True), job()
    queue.submit(one)
    while one.status is JobStatus.WAITING:
        time.sleep(0.01)
    queue.close()
    assert one.status is JobStatus.CANCELLED


def test_held_jobs_wait_and_are_stepped():
    queue, one, two = JobQueue(Echo()), job(0), job(1)
    with queue.held():
        queue.submit(one)
        queue.submit(two)
        assert (queue.position(one), queue.position(two)) == (0, 1)
        assert queue.start_next() is one
        assert one.status is JobStatus.PROCESSING
        assert (queue.position(one), queue.position(two)) == (None, 0)
        assert queue.finish_next() is one
        assert one.status is JobStatus.COMPLETED
        assert queue.finish_next() is None
        assert two.status is JobStatus.WAITING
    assert two.status is JobStatus.COMPLETED
    assert queue.start_next() is None


def test_drain_runs_everything_that_is_held():
    queue, jobs = JobQueue(Echo()), [job(i) for i in range(3)]
    with queue.held():
        for one in jobs:
            queue.submit(one)
        queue.start_next()
        queue.drain()
        assert {one.status for one in jobs} == {JobStatus.COMPLETED}


@pytest.mark.parametrize("started", [False, True])
def test_a_job_that_has_not_ended_can_be_cancelled_once(started):
    queue, one = JobQueue(Echo()), job()
    with queue.held():
        queue.submit(one)
        if started:
            queue.start_next()
        queue.cancel(one)
        with pytest.raises(ServerError, match="Illegal job status") as error:
            queue.cancel(one)
    assert error.value.code is ErrorCode.ILLEGAL_JOB_STATUS
    assert one.status is JobStatus.CANCELLED
    assert statuses(one)[-1] == "cancelled"


def test_a_job_cancelled_while_it_executes_stays_cancelled():
    entered, leave = threading.Event(), threading.Event()

    class Slow(Echo):
        def execute(self, job, program):
            entered.set()
            leave.wait(10)
            return program

    queue, one = JobQueue(Slow(), background=True), job()
    queue.submit(one)
    assert entered.wait(10)
    queue.cancel(one)
    leave.set()
    queue.close()
    assert one.status is JobStatus.CANCELLED
    assert one.results is None


def test_waiting_for_a_job_ends_with_the_job_or_the_time():
    queue, one = JobQueue(Echo(), background=True), job()
    with queue.held():
        queue.submit(one)
        assert not queue.wait(one, 0)
    assert queue.wait(one, 10)
    queue.close()


def test_many_threads_lose_no_job():
    queue = JobQueue(Echo(), background=True)
    jobs = [job(i, "does not compile" if i % 7 == 0 else None) for i in range(300)]
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(queue.submit, jobs))
    assert all(queue.wait(one, 10) for one in jobs)
    queue.close()
    assert [one.index for one in jobs if one.status is JobStatus.FAILED] == list(range(0, 300, 7))
    assert all(one.results == one.index for one in jobs if one.status is JobStatus.COMPLETED)


class QueueModel(RuleBasedStateMachine):
    """Any order of steps: statuses move forward only, first come first served, nothing is lost."""

    def __init__(self):
        super().__init__()
        self.queue = JobQueue(Echo())
        self.hold = self.queue.held()
        self.hold.__enter__()
        self.jobs, self.waiting, self.processing, self.seen = [], [], [], {}

    @rule(request=st.sampled_from([None, None, "does not compile"]))
    def submit(self, request):
        one = job(len(self.jobs), request)
        self.queue.submit(one)
        self.jobs.append(one)
        self.waiting.append(one)

    @rule()
    def start(self):
        started = self.queue.start_next()
        assert started is (self.waiting.pop(0) if self.waiting else None)
        if started and not started.body:
            self.processing.append(started)

    @rule()
    def finish(self):
        assert self.queue.finish_next() is (self.processing.pop(0) if self.processing else None)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def cancel(self, data):
        one = data.draw(st.sampled_from(self.jobs))
        if one in self.waiting + self.processing:
            self.queue.cancel(one)
            self.waiting = [other for other in self.waiting if other is not one]
            self.processing = [other for other in self.processing if other is not one]
            assert one.status is JobStatus.CANCELLED
        else:
            with pytest.raises(ServerError):
                self.queue.cancel(one)

    @invariant()
    def statuses_are_the_models(self):
        for one in self.jobs:
            if one in self.waiting:
                assert one.status is JobStatus.WAITING
                assert self.queue.position(one) == self.waiting.index(one)
            elif one in self.processing:
                assert one.status is JobStatus.PROCESSING
            else:
                assert one.status.terminal
                assert self.seen.setdefault(one.id, one.status) is one.status

    def teardown(self):
        self.hold.__exit__(None, None, None)
        assert all(one.status.terminal for one in self.jobs)


TestQueueModel = QueueModel.TestCase
TestQueueModel.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
