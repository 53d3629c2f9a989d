"""Counts depend on the test and the seed, and on nothing else."""

import re

import pytest

PRINTING = """
import pytest
from bell import counts

@pytest.mark.parametrize("n", range(3))
def test_counts(iqm_backend, n, request):
    print("COUNTS", request.node.name, counts(iqm_backend))
"""


def printed(result):
    return dict(re.findall(r"COUNTS (\S+) ({.*?})", result.stdout.str()))


def test_a_test_has_its_own_reproducible_counts(suite):
    first = printed(suite(test_a=PRINTING))
    assert len(set(first.values())) == 3
    assert printed(suite()) == first
    assert printed(suite("test_a.py::test_counts[2]")) == {"test_counts[2]": first["test_counts[2]"]}
    assert set(printed(suite("--iqm-seed", "1")).values()).isdisjoint(first.values())


def test_order_does_not_matter(suite, pytester):
    first = printed(suite(test_a=PRINTING))
    reverse = "def pytest_collection_modifyitems(items): items.reverse()"
    again = suite(conftest=reverse)
    assert printed(again) == first
    assert list(printed(again)) == list(first)[::-1]


WIDER = """
import pytest
from bell import counts

@pytest.fixture(scope="module", params=["a", "b"])
def shared(iqm_backend, request):
    return counts(iqm_backend)

@pytest.fixture(scope="session")
def longest(iqm_backend):
    return counts(iqm_backend)

@pytest.fixture(scope="class")
def of_class(iqm_backend):
    return counts(iqm_backend)

class Base:
    def test_of_class(self, iqm_backend, of_class):
        print("COUNTS", type(self).__name__, {**of_class, **{"own": counts(iqm_backend)["00"]}})

class TestOne(Base):
    pass

class TestOther(Base):
    pass

@pytest.mark.parametrize("n", range(2))
def test_counts(iqm_backend, n, request, longest, shared):
    print("COUNTS", request.node.name + "/shared", shared)
    print("COUNTS", request.node.name + "/longest", longest)
    print("COUNTS", request.node.name + "/own", counts(iqm_backend))
"""


def test_nor_does_it_to_fixtures_that_live_longer(suite):
    first = printed(suite(test_a=WIDER))
    assert len(first) == 14
    shared = {first[f"test_counts[{number}-{n}]/shared"] for number in ("a", "b") for n in range(2)}
    assert len(shared) == 2
    others = {value for name, value in first.items() if not name.endswith("/shared")}
    assert len(others) == 2 + 4 + 1
    again = printed(suite(conftest="def pytest_collection_modifyitems(items): items.reverse()"))
    assert again == first
    alone = printed(suite("test_a.py::test_counts[b-1]"))
    assert alone == {name: counts for name, counts in first.items() if name.startswith("test_counts[b-1]")}
    assert set(printed(suite("--iqm-seed", "1")).values()).isdisjoint(first.values())


AGAIN = """
import pytest
from bell import counts
from pytest_iqm import distribution

BELL = {"00": 0.5, "11": 0.5}

@pytest.fixture(scope="session")
def below(request):
    return request.getfixturevalue("iqm_backend") if ASKS else None

@pytest.fixture(scope="session", autouse=True)
def shared(below, iqm_backend):
    print("COUNTS", f"set-up-on-{iqm_backend.name}", counts(iqm_backend))
    yield
    print("COUNTS", f"torn-down-on-{iqm_backend.name}", counts(iqm_backend))

@pytest.mark.iqm(device="adonis")
def test_first(iqm_backend, iqm_server):
    assert counts(iqm_backend) == distribution(BELL, within="calibration")
    assert len(iqm_server.jobs) == len(iqm_server.jobs_of("shared")) == 1

def test_nothing():
    pass

@pytest.mark.parametrize("n", range(2))
def test_second(iqm_backend, iqm_server, n, request):
    seen = counts(iqm_backend)
    print("COUNTS", request.node.name, seen)
    assert seen == distribution(BELL, within="calibration")
    assert len(iqm_server.jobs) == len(iqm_server.jobs_of("shared")) == 1
"""


@pytest.mark.parametrize("asks", [True, False])
def test_a_fixture_of_the_session_that_is_set_up_again_is_no_test(suite, asks):
    result = suite(test_a=AGAIN.replace("ASKS", str(asks)))
    result.assert_outcomes(passed=4)
    first = printed(result)
    assert len(set(first.values())) == 6
    again = suite(conftest="def pytest_collection_modifyitems(items): items.reverse()")
    again.assert_outcomes(passed=4)
    assert printed(again) == first


def test_fixtures_may_be_asked_for_while_a_test_runs(suite):
    source = """
    import pytest
    from bell import counts
    from pytest_iqm import support

    @pytest.mark.parametrize("n", range(3))
    def test_counts(n, request):
        seen = counts(request.getfixturevalue("iqm_backend"))
        print("COUNTS", request.node.name, seen)
        assert len(request.getfixturevalue("iqm_server").jobs) == 1
        assert n < 2 or seen == support("01")
    """
    result = suite(test_a=source)
    first, output = printed(result), result.stdout.str()
    assert len(set(first.values())) == 3
    assert printed(suite("test_a.py::test_counts[2]")) == {"test_counts[2]": first["test_counts[2]"]}
    assert "rerun     pytest 'test_a.py::test_counts[2]' --iqm-seed=0" in output
    assert "- IQM jobs -" in output


def test_workers_do_not_matter(suite, pytester):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    writing = PRINTING.replace('print("COUNTS", request.node.name, counts(iqm_backend))', "note(request, iqm_backend)")
    note = 'def note(request, backend):\n    open(request.node.name, "w").write(str(counts(backend)))\n\n'
    first = printed(suite(test_a=PRINTING))
    pytester.makepyfile(test_a=writing.replace("@pytest", note + "@pytest", 1))
    result = pytester.runpytest_subprocess("-n", "2", "-p", "no:randomly")
    result.assert_outcomes(passed=3)
    assert {name: (pytester.path / name).read_text() for name in first} == first


def test_a_rerun_gives_the_same_counts(suite):
    pytest.importorskip("pytest_rerunfailures", reason="needs pytest-rerunfailures")
    source = PRINTING.replace("range(3)", "[0]") + "    assert False\n"
    result = suite("--reruns", "2", test_a=source)
    seen = re.findall(r"COUNTS (\S+ {.*?})", result.stdout.str())
    assert len(seen) == 3
    assert len(set(seen)) == 1
