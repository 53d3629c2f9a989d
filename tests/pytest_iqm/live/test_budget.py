"""Nobody gets a surprise bill: no more is submitted than the budget allows."""

import re

import pytest
import requests
from server_process import TOKEN, serving

from iqm_fakes.wire.status import JobStatus


def statuses(server):
    return [job.status for job in server.jobs]


def test_the_budget_holds_over_all_workers(project, tmp_path):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    log = tmp_path / "log"
    suite = """
        import pytest
        from helper import submit

        @pytest.mark.parametrize("number", range(30))
        def test_two_jobs(iqm_backend, number):
            for _ in range(2):
                submit(iqm_backend).result()
        """
    machine = ("--device", "adonis", "--require-token", "--verbose")
    with log.open("w") as errors, serving(*machine, log=errors, IQM_TOKEN=TOKEN) as (_, url, _):
        run = project(url, "-n", "2", "--iqm-max-shots", "40000", test_a=suite)
        submissions = re.findall(r"job (\S+) submitted: 1 circuits, 1000 shots each", log.read_text())
        assert len(submissions) == len(set(submissions)) == 40
        answers = [
            requests.get(f"{url}/api/v1/jobs/{job}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60).json()
            for job in submissions
        ]
        assert {answer["status"] for answer in answers} == {"completed"}
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    passed = int(re.search(r"(\d+) passed", run.output)[1])
    assert passed in (19, 20)  # the last thousands may belong to two tests
    assert f"{30 - passed} failed" in run.output
    assert "40000 of 40000 shots (--iqm-max-shots) spent, and this takes 1000" in run.output
    assert "adonis: 40 jobs, 40000 shots submitted; budget 40000 shots (--iqm-max-shots)" in run.output


def test_a_test_that_does_not_notice_fails_too(project, slow):
    suite = """
        from helper import submit

        def test_greedy(iqm_backend):
            submit(iqm_backend)
            try:
                submit(iqm_backend)
            except RuntimeError:
                pass
        """
    run = project(slow.url, "--iqm-max-jobs", "1", test_a=suite)
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 of 1 job (--iqm-max-jobs) spent, and this takes 1" in run.output
    assert len(slow.jobs) == 1


def test_a_refused_submission_shows_the_test_and_none_of_our_lines(project, slow):
    suite = "from helper import submit\ndef test_greedy(iqm_backend):\n    submit(iqm_backend)"
    run = project(slow.url, "--iqm-max-jobs", "0", test_a=suite)
    assert "0 of 0 jobs (--iqm-max-jobs) spent, and this takes 1" in run.output
    assert not {"submissions.py:", "transport.py:"} & {word.strip("0123456789") for word in run.output.split()}


def test_clients_that_tests_make_themselves_are_counted_and_cleaned_up_after(project, slow):
    suite = """
        import os
        from helper import submit
        from iqm.qiskit_iqm import IQMProvider

        def test_own():
            backend = IQMProvider(os.environ["IQM_SERVER_URL"], quantum_computer="adonis").get_backend()
            submit(backend)
            submit(backend)
        """
    run = project(slow.url, "--iqm-max-shots", "1500", test_a=suite)
    assert "1000 of 1500 shots" in run.output
    assert statuses(slow) == [JobStatus.CANCELLED]
