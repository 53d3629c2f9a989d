"""The files of a session: JSON, HTML, and job ids in JUnit XML."""

import json
import re
from html import escape
from html.parser import HTMLParser
from xml.etree import ElementTree

import chromium
import pytest
from suites import JOBS

from iqm_fakes.atomic_write import write
from pytest_iqm.report import html_page


@pytest.mark.parametrize("asked", [True, False])
def test_job_ids_are_in_junit_xml_if_asked_for(live, pytester, server, asked):
    pytester.makeini(f"[pytest]\niqm_job_properties = {asked}")
    live("--junitxml=out.xml", "-k", "twice", test_a=JOBS)
    properties = ElementTree.parse(pytester.path / "out.xml").iter("property")
    written = [entry.get("value") for entry in properties if entry.get("name") == "iqm_job"]
    assert written == ([str(job.id) for job in server.jobs] if asked else [])


class Outline(HTMLParser):
    """Checks that elements are closed in order, and collects addresses and text."""

    VOID = ("meta", "br")

    def __init__(self, page):
        super().__init__()
        self.open, self.addresses, self.words, self.elements = [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.addresses += [value for name, value in attributes if name in ("href", "src")]
        self.elements.append((tag, *(name for name, _ in attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def written(live, server, pytester):
    result = live("--iqm-report", "out.json", "--iqm-report", "deep/out.html", test_a=JOBS)
    result.assert_outcomes(passed=3, failed=1, skipped=2)
    return json.loads((pytester.path / "out.json").read_text()), (pytester.path / "deep/out.html").read_text()


def test_json(written, server):
    document, _ = written
    assert (document["schema"], document["live"], document["machine"]) == ("iqm-report/2", True, "adonis")
    tests = {test["test"].partition("::")[2]: test for test in document["tests"]}
    assert list(tests) == ["test_bell", "test_twice", "test_fails"]
    assert [test["outcome"] for test in tests.values()] == ["passed", "passed", "failed"]
    assert [job["shots"] for test in tests.values() for job in test["jobs"]] == [1000, 500, 250, 10]
    for job, known in zip((job for test in tests.values() for job in test["jobs"]), server.jobs, strict=True):
        assert job["id"] == str(known.id)
        (circuit,) = job["shown"]
        assert sum(circuit["measured"].values()) == job["shots"]
        likely = {outcome: p for outcome, p in circuit["expected"].items() if outcome in ("00", "11") or p > 0}
        assert likely == pytest.approx({"00": 0.5, "11": 0.5}, abs=1e-9)
        assert circuit["expected_shots"] is None
        assert len(job["components"]) == 2
        assert all(0 < component["t2"] <= 2 * component["t1"] for component in job["components"])


def test_html_needs_nothing_else(written):
    _, page = written
    outline = Outline(page)
    assert all(address.startswith("#test") for address in outline.addresses)
    assert "url(" not in page
    assert "<script" not in page
    assert "LIVE adonis" in outline.words
    assert any("{'<b>&': 1}" in words or '{"<b>&": 1}' in words for words in outline.words)


@pytest.fixture
def browsed(pytester):
    """Return what a browser makes of a page: its document, after all scripts."""
    if chromium.BROWSER is None:
        pytest.skip("needs chromium")

    def browsed(page):
        (pytester.path / "look.html").write_text(page)
        return chromium.document(str(pytester.path / "look.html"), pytester.path)

    return browsed


POLICY = re.compile('<meta http-equiv="Content-Security-Policy"[^>]*>')


@pytest.mark.parametrize("media", ["screen", "print"])
@pytest.mark.parametrize("width", [400, 1000])
def test_nothing_is_cut(written, browsed, width, media):
    """Neither on a phone nor on paper; what is wider scrolls in a part of the page, on paper nothing does."""
    page = POLICY.sub("", written[1])
    if media == "print":
        page = page.replace("@media print", "@media all")
    framed = f"""<iframe width="{width}" height="900" frameborder="0" srcdoc="{escape(page)}"></iframe><script>
        onload = () => {{
            const {{document: inner, innerWidth: width}} = document.querySelector('iframe').contentWindow;
            const scrolls = e => e.closest('.scroll') && getComputedStyle(e.closest('.scroll')).overflowX === 'auto';
            const wide = e => e.getBoundingClientRect().right > width + 1 || e.scrollWidth > e.clientWidth + 1;
            const boxes = [...inner.querySelectorAll('body *:not(svg *, span, a, code, b, strong)')];
            const cut = boxes.filter(e => wide(e) && !scrolls(e)).map(e => e.tagName);
            document.title = 'seen' + JSON.stringify({{cut, width}});
        }};
    </script>"""
    seen = json.loads(re.search("<title>seen(.*?)</title>", browsed(f"<title></title>{framed}"))[1])
    assert seen["width"] == pytest.approx(width, abs=20)  # but for a scroll bar
    assert seen["cut"] == []


def test_a_browser_shows_it(written, browsed):
    """Asks a browser for the sizes of what it has drawn, by a script, which the page itself would not let run."""
    document, page = written
    look = """<script>
        const wide = selector => [...document.querySelectorAll(selector)].map(e => e.getBoundingClientRect().width);
        const seen = {bars: wide('.drawn .measured'), gates: wide('svg .box'), height: document.body.scrollHeight};
        document.title = 'seen' + JSON.stringify(seen);
    </script>"""
    assert "<title>seen" not in browsed(page + look)
    seen = json.loads(re.search("<title>seen(.*?)</title>", browsed(POLICY.sub("", page) + look))[1])
    assert seen["height"] > 900
    assert len(seen["gates"]) == sum(
        sum(len(step["locus"]) for step in circuit["instructions"] if step["name"] in ("prx", "measure"))
        for test in document["tests"]
        for job in test["jobs"]
        for circuit in job["shown"]
    )
    first = document["tests"][0]["jobs"][0]["shown"][0]
    counts = sorted(first["measured"].values(), reverse=True)
    assert seen["bars"][1] / seen["bars"][0] == pytest.approx(counts[1] / counts[0], abs=0.1)


HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>'\"&\x1b[2J\x00\ud800"


def with_texts(value, text):
    """Return a document that has this text wherever it has one."""
    if isinstance(value, dict):
        return {name: with_texts(item, text) for name, item in value.items()}
    if isinstance(value, list):
        return [with_texts(item, text) for item in value]
    return text if isinstance(value, str) else value


def test_whatever_names_ids_and_messages_are_they_are_text(written, browsed, tmp_path):
    """Also without the policy, which stops scripts anyway."""
    document, _ = written
    job = document["tests"][0]["jobs"][0]
    pages = []
    for text in ("text", HOSTILE):
        job["shown"][0]["instructions"][0]["args"] = {text: text}
        job["shown"][0]["measured"] = {text: 1}
        write(tmp_path / "page.html", html_page.page(with_texts(document, text)))
        pages.append((tmp_path / "page.html").read_text(encoding="utf-8"))
    harmless, page = map(Outline, pages)
    assert page.elements == harmless.elements
    assert sum("<script>" in words for words in page.words) > 20
    assert r"\x1b[2J\x00\ud800" in pages[1]
    assert "\x1b" not in pages[1]
    assert "<title>owned" not in browsed(POLICY.sub("", pages[1]))


def test_offline_runs_and_workers_report_too(suite, pytester):
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    pytester.makepyfile(test_a=JOBS)
    arguments = ("-n", "2", "--iqm-device", "adonis", "--iqm-report", "out.json", "-p", "no:randomly")
    pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=5, failed=1)
    document = json.loads((pytester.path / "out.json").read_text())
    assert document["live"] is False
    assert sum(job["shots"] for test in document["tests"] for job in test["jobs"]) == 3760


def test_a_file_that_can_not_be_written_fails_the_run(suite, pytester):
    (pytester.path / "file").touch()
    result = suite("--iqm-report", "file/out.json", "-k", "bell", test_a=JOBS)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "--iqm-report: " in result.stdout.str()
