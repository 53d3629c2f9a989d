"""Ids of jobs are reproducible and nobody else's; shots of different seeds are independent."""

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest
from numpy.random import SeedSequence

from iqm_fakes.server import seeds
from iqm_fakes.server.seeds import Seeds, entropy


@pytest.fixture
def scope(request):
    former = seeds.enter_scope(request.node.nodeid)
    yield seeds.enter_scope
    seeds.enter_scope(former)


def ids(source, computer="garnet", number=3):
    return [source.next(computer)[0] for _ in range(number)]


def test_ids_are_those_of_real_jobs_and_never_the_same(scope):
    sources = [Seeds(seed) for seed in (7, 7, 8, 2**70)]
    given = [identifier for source in sources for identifier in ids(source) + ids(source, "deneb")]
    assert len(set(given)) == len(given) == 24
    assert {identifier.version for identifier in given} == {4}


def test_a_scope_has_ids_of_its_own_whatever_was_before(scope, monkeypatch):
    def here(name):
        scope(name)
        monkeypatch.setattr(seeds, "_begun", Counter())  # as in a new process
        unused = Seeds(7)  # makes no difference
        return ids(Seeds(7)) + ids(Seeds(7), "deneb"), unused

    first, _ = here("a")
    other, _ = here("b")
    again, _ = here("a")
    assert first == again
    assert not set(first) & set(other)


def test_a_scope_that_is_entered_again_has_other_ids(scope):
    given = []
    for _ in range(2):
        scope("flaky")
        given += ids(Seeds(7))
    assert len(set(given)) == 6


def test_shots_depend_on_seed_and_number_only(scope):
    assert [Seeds(7).next(computer)[1] for computer in ("a", "b")] == [0, 0]
    assert entropy(7, 1, 2) == [7, 1, 2]


@pytest.mark.parametrize(("seed", "other"), [((7, 1, 0), (7 + 2**32, 0, 0)), ((2**32, 5, 3), (2**64 + 2**32, 0, 0))])
def test_a_long_seed_is_no_short_one_with_another_job(seed, other):
    def drawn(arguments):
        children = [SeedSequence(entropy(*arguments), spawn_key=(child,)) for child in range(4)]
        return [tuple(child.generate_state(4)) for child in children]

    assert not set(drawn(seed)) & set(drawn(other))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system can't fork")
def test_processes_have_ids_of_their_own(scope):
    given = ids(Seeds(7))
    for _ in range(2):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
            given += pool.submit(of_a_new_server).result()
    assert len(set(given)) == 9


def of_a_new_server():
    return ids(Seeds(7))
