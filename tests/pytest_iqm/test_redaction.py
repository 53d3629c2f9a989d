"""No part of a credential is in anything that pytest shows or writes, live or offline, in one process or several."""

import base64
import random
import string
import subprocess
import sys
from urllib.parse import quote

import pytest
from server_process import TOKEN, name_machine

from iqm_fakes import Api, FakeIQMServer
from iqm_fakes.recordings.credentials import PART
from iqm_fakes.web.loopback import loopback

CONFTEST = """
import base64, logging, os, random, warnings
from urllib.parse import quote
import pytest

TOKEN = os.environ["IQM_TOKEN"]
RANDOM = random.Random({seed})

def pieces():
    for _ in range(8):
        start = RANDOM.randrange(len(TOKEN) - 11)
        yield TOKEN[start:RANDOM.randint(start + 12, len(TOKEN))]
    for before in range(3):
        yield base64.b64encode(b"-" * before + TOKEN.encode()).decode()
        yield base64.urlsafe_b64encode(b"-" * before + TOKEN.encode()).decode()
    yield quote(TOKEN, "")
    yield TOKEN[:20] + "..." + TOKEN[-20:]

PIECES = list(pieces())

def pytest_report_header(): return f"header {{PIECES[0]}}"
def pytest_terminal_summary(terminalreporter): terminalreporter.write_line(f"summary {{PIECES[1]}}")
"""

SUITE = """
import logging, subprocess, sys, warnings
import pytest
from conftest import PIECES, TOKEN

warnings.warn(f"at import {TOKEN}")

@pytest.mark.parametrize("piece", PIECES)
def test_parameter(piece): assert piece == ""

@pytest.mark.parametrize("number", range(len(PIECES)), ids=PIECES)
def test_id(number): pass

@pytest.mark.parametrize("number", range(2), ids=[TOKEN, TOKEN + "x"])
def test_ids_that_differ_little(number): pass

@pytest.fixture
def broken():
    raise RuntimeError(PIECES[2])

def test_set_up(broken): pass

@pytest.fixture
def torn_down():
    yield
    raise RuntimeError(PIECES[3])

def test_torn_down(torn_down): pass

def test_prints():
    for piece in PIECES:
        print(piece)
        print("error", piece, file=sys.stderr)
        logging.getLogger("user").warning("says %s", piece)
        warnings.warn(piece)
    subprocess.run([sys.executable, "-c", f"print({TOKEN!r})"], check=True)
    try:
        raise RuntimeError(TOKEN)
    except RuntimeError:
        logging.getLogger("user").exception("caught")
    assert TOKEN not in PIECES

def test_compares():
    token, document = TOKEN, {"Authorization": f"Bearer {TOKEN}", "many": [TOKEN] * 3}
    assert document == {"Authorization": "Bearer "}

def test_cut():
    token = TOKEN
    assert token == ""

def test_raises(): raise LookupError(*PIECES)

def test_fails(): pytest.fail(TOKEN)

def test_skips(): pytest.skip(TOKEN)

@pytest.mark.xfail(reason=TOKEN)
def test_expected(): raise RuntimeError(TOKEN)

def test_property(record_property): record_property(TOKEN, PIECES)

def test_program_sees_its_own_text(caplog):
    logging.getLogger("user").warning(TOKEN)
    assert TOKEN in caplog.text
"""

WIDE = """
def test_suite_property(record_testsuite_property): record_testsuite_property("token", "&" + TOKEN)
"""

SINKS = (
    "-vv", "-l", "-rA", "--tb=long", "--showlocals", "--debug=debug.log", "--log-cli-level=INFO", "--log-file=log.txt",
    "--log-file-level=DEBUG", "--junitxml=out.xml", "-o", "junit_family=legacy", "-o", "junit_logging=all",
    "--iqm-report=out.json", "--iqm-report=out.html", "--setup-show", "--continue-on-collection-errors",
    "-W", "default", "-p", "no:randomly",
)  # fmt: skip


def shown(pytester, *arguments):
    """Run the suite, and return all text that it showed or wrote, by where it is."""
    process = subprocess.run(
        [sys.executable, "-m", "pytest", *SINKS, *arguments], cwd=pytester.path, capture_output=True, text=True
    )
    texts = {"stdout": process.stdout, "stderr": process.stderr}
    for path in pytester.path.rglob("*"):
        if path.is_file() and path.suffix not in (".pyc", ".py"):
            name = str(path.relative_to(pytester.path))
            texts[name] = path.read_text(encoding="utf-8", errors="replace")  # all workers write one debug.log
    return texts


def forms(secret):
    yield from (secret, quote(secret, ""))
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"-" * before + secret.encode()).decode()
            yield encoded[-(-8 * before // 6) : 8 * (before + len(secret)) // 6]


def parts(secret):
    return {form[at : at + PART] for form in forms(secret) for at in range(len(form) - PART + 1)}


@pytest.mark.parametrize("where", [("--iqm-live",), ("--iqm-live", "-n", "2"), ()], ids=["live", "xdist", "offline"])
@pytest.mark.parametrize(("seed", "capture"), [(1, "fd"), (2, "no")])
def test_no_sink_has_a_part(pytester, monkeypatch, seed, capture, where):
    """Offline, workers have no credentials at all."""
    workers = "-n" in where
    if workers:
        pytest.importorskip("xdist", reason="needs pytest-xdist")
    drawn = random.Random(f"{seed}{capture}{where}")
    secret = "".join(drawn.choices(string.ascii_letters + string.digits + "-_./+&<", k=drawn.randint(20, 900)))
    wide = "" if workers else WIDE  # pytest has no properties of the session in workers
    child = "    subprocess.run([sys.executable" if capture == "no" else "nothing"  # writes past this process
    suite = "\n".join(line for line in SUITE.splitlines() if not line.startswith(child))
    pytester.makepyfile(conftest=CONFTEST.format(seed=seed), test_a=suite + wide)
    pytester.makepyfile(test_b="from conftest import TOKEN\nprint(TOKEN)\nraise RuntimeError(TOKEN)")
    with loopback(Api(FakeIQMServer("adonis", seed=1), token=secret)) as url:
        name_machine(monkeypatch, url, "adonis")
        monkeypatch.setenv("IQM_TOKEN", secret)
        texts = shown(pytester, f"--capture={capture}", *where)
    assert "test_prints" in texts["stdout"], texts["stderr"]
    assert {"out.xml", "log.txt", "debug.log"} <= texts.keys()
    assert {"out.json", "out.html"} <= texts.keys()
    secret_parts = parts(secret)
    for place, text in texts.items():
        at = next((at for at in range(len(text)) if text[at : at + PART] in secret_parts), None)
        assert at is None, f"{place}: {text[max(0, at - 300) : at + 100]}"
    assert "<IQM_TOKEN>" in texts["stdout"]
    assert "PASSED test_a.py::test_program_sees_its_own_text" in texts["stdout"]
    again = pytester.runpytest_subprocess(*SINKS, "test_a.py::test_id[<IQM_TOKEN>1]")
    again.assert_outcomes(passed=1, warnings=1)


def test_a_usage_error_is_redacted(pytester, monkeypatch):
    server = FakeIQMServer("adonis", seed=1)
    server.faults.on("computers").answers(500, message=f"you said Bearer {TOKEN}", times=100)
    with loopback(Api(server, token=TOKEN)) as url:
        name_machine(monkeypatch, url, "adonis")
        texts = shown(pytester, "--iqm-live")
    assert "<IQM_TOKEN>" in texts["stderr"]
    assert TOKEN not in str(texts)


@pytest.mark.parametrize("arguments", [(), ("--iqm-live",)], ids=["offline", "a live run that can't begin"])
def test_streams_are_left_as_they_were_found(suite, monkeypatch, arguments):
    name_machine(monkeypatch, "http://127.0.0.1:1", "adonis")
    before = vars(sys.stdout).copy(), vars(sys.stderr).copy()
    suite(*arguments, test_a="def test_x(): pass")
    assert (vars(sys.stdout), vars(sys.stderr)) == before


def test_without_credentials_nothing_is_replaced(suite):
    source = (
        "import sys\ndef test_x(pytestconfig):\n    assert not pytestconfig.pluginmanager.has_plugin('iqm-redaction')"
    )
    suite(test_a=source).assert_outcomes(passed=1)
