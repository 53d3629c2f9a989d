"""The page: its files, what it asks for, and what a browser makes of both."""

import json
import logging
import re
from html.parser import HTMLParser

import chromium
import pytest
import requests
from api_client import FLIP, PRX, V1, Http, measure, refused, submission
from server_process import serving
from werkzeug.wrappers import Request, Response

from iqm_fakes import Api, FakeIQMClient, FakeIQMServer
from iqm_fakes.device.chip import metrics
from iqm_fakes.html.drawing import Scale
from iqm_fakes.recordings.from_server import record
from iqm_fakes.web.loopback import loopback

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"}
FILES = ("/", "/_page/style.css", "/_page/page.css", "/_page/page.js")
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
}
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>'\"&\x1b[2J\u202e"


@pytest.fixture
def drawn(http):
    def drawn(job):
        return http.ask("GET", f"/_page/jobs/{job['id']}")

    return drawn


def named(payload, name):
    return {**payload, "circuits": [{**circuit, "name": name} for circuit in payload["circuits"]]}


class Words(HTMLParser):
    """The elements of a document, with the names of their attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.attributes, self.text = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, *(name for name, _ in attributes)))
        self.attributes += attributes

    def handle_data(self, data):
        self.text.append(data)


def words(html):
    return " ".join(" ".join(Words(html).text).split())


class TestFiles:
    @pytest.mark.parametrize("accept", ["*/*", "application/json", None, "text/html;q=0.5, application/json"])
    def test_programs_get_json(self, http, accept):
        headers = {} if accept is None else {"Accept": accept}
        about = http.ask("GET", "/", headers=headers)
        assert about["quantum_computers"] == ["adonis", "deneb"]

    def test_browsers_get_the_page(self, http):
        answer = http.ask("GET", "/", headers=BROWSER)
        assert answer.mimetype == "text/html"
        assert "<h1>" in answer.text
        assert http.head("/", headers=BROWSER).status_code == 200
        assert "Accept" in answer.headers["Vary"]
        assert "Accept" in http.get("/").headers["Vary"]

    @pytest.mark.parametrize("path", [*FILES, "/_page/state", "/_page/chips/deneb"])
    def test_the_policy_lets_nothing_in_from_elsewhere(self, http, path):
        answer = http.get(path, headers=BROWSER)
        assert answer.status_code == 200
        assert {*answer.headers["Content-Security-Policy"].split("; ")} == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"

    def test_everything_is_a_file_of_this_server(self, http):
        page = Words(http.get("/", headers=BROWSER).text)
        addresses = {value for name, value in page.attributes if name in ("src", "href")}
        assert {f"/{address}" for address in addresses} - {"/#", "/data:,"} == {*FILES} - {"/"}
        assert not [name for name, _ in page.attributes if name == "style" or name.startswith("on")]
        assert "".join(page.text).count("function") == 0  # no script in it, and no style
        for path in FILES:
            assert "://" not in http.get(path, headers=BROWSER).text

    def test_only_files_go_without_the_token(self, server):
        http = Http(Api(server, token="s3cret"))
        for path in FILES:
            assert http.get(path, headers=BROWSER).status_code == 200
        for path in ("/_page/state", "/_page/chips/deneb", "/_page/jobs/x", "/_page/nothing"):
            assert http.get(path, headers=BROWSER).status_code == 401
        assert http.get("/").status_code == 401
        known = {"Authorization": "Bearer s3cret"}
        assert http.get("/_page/state", headers=known).status_code == 200

    @pytest.mark.parametrize("path", ["/_page/state", "/_page/page.js", "/_page/chips/deneb"])
    def test_nothing_can_be_changed(self, http, path):
        assert http.post(path).status_code in (404, 405)

    def test_the_command_says_where_it_is(self):
        with serving("--device", "adonis") as (_, url, printed):
            assert f"in a browser: {url}/" in printed
            assert "<h1>" in requests.get(url, headers=BROWSER, timeout=30).text

    def test_pages_of_others_are_refused(self, server):
        with loopback(Api(server)) as url:
            for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
                assert requests.get(f"{url}/_page/state", headers=headers, timeout=30).status_code == 403
            assert requests.get(f"{url}/_page/state", timeout=30).status_code == 200


class TestState:
    def test_computers_and_jobs(self, http, server):
        server.faults.job(after=5).fails("the chip is warm")
        with server.queue.held():
            waits, also = http.run(FLIP), http.run(named(FLIP, "later"), "deneb")
            state = http.ask("GET", "/_page/state")
        assert state["seed"] == str(server.seed)
        assert state["queue"] == {"held": True, "length": 2}
        assert [(each["alias"], each["queue_length"]) for each in state["computers"]] == [("adonis", 1), ("deneb", 1)]
        for each in state["computers"]:
            assert each["calibration_set_id"] == server.calibration(each["alias"]).id
        assert state["unfired_faults"] == server.faults.unfired() != []
        assert state["jobs"]["total"] == 2
        newest = state["jobs"]["newest"]
        assert [job["id"] for job in newest] == [also["id"], waits["id"]]
        assert [job["status"] for job in newest] == ["waiting", "waiting"]
        assert [(job["name"], job["circuits"], job["shots"]) for job in newest] == [("later", 1, 20), ("c", 1, 20)]
        ended = http.ask("GET", "/_page/state")["jobs"]["newest"]
        assert [job["status"] for job in ended] == ["completed", "completed"]
        assert all(job["events"] > 1 and job["ended"] for job in ended)

    def test_of_many_jobs_only_the_newest_are_looked_at(self, http, server):
        with server.queue.held():
            jobs = [http.run(FLIP) for _ in range(120)]
            state = http.ask("GET", "/_page/state")
            assert state["jobs"]["total"] == 120
            assert [job["id"] for job in state["jobs"]["newest"]] == [job["id"] for job in jobs[:69:-1]]
            assert [index for index, job in enumerate(server.jobs) if "outline" in vars(job)] == [*range(70, 120)]
            server.queue.close()

    def test_what_is_due_happens(self, http, server):
        server.queue.takes(waiting=10)
        with server.clock.owned():
            http.run(FLIP)
            (job,) = http.ask("GET", "/_page/state")["jobs"]["newest"]
            assert job["status"] == "waiting"
            server.clock.advance(seconds=11)
            (job,) = http.ask("GET", "/_page/state")["jobs"]["newest"]
        assert job["status"] == "completed"

    def test_the_page_meets_no_faults_and_uses_none_up(self, http, server):
        def answers(look):
            server.faults.randomly(0.5, seed=1)
            codes = []
            for _ in range(20):
                codes.append(http.get(f"{V1}/quantum-computers").status_code)
                if look:
                    for path in ("/_page/state", "/_page/chips/deneb", *FILES):
                        assert http.get(path, headers=BROWSER).status_code == 200
            return codes

        assert answers(look=True) == answers(look=False)
        server.faults.on("anything").answers(503)
        http.ask("GET", "/_page/state")
        assert len(server.faults.unfired()) == 1

    def test_it_does_not_fill_the_log(self, http, caplog):
        caplog.set_level(logging.INFO)
        http.ask("GET", "/_page/state")
        assert not caplog.records
        http.ask("GET", f"{V1}/quantum-computers")
        assert caplog.records


class TestJobs:
    def test_a_completed_one(self, http, server, drawn):
        job = http.run(named(submission(PRX, measure("QB1", key="m"), shots=30), "flip it"))
        seen = drawn(job)
        assert (seen["id"], seen["status"], seen["name"]) == (job["id"], "completed", "flip it")
        said = words(seen["html"])
        assert "outcome of m" in said
        assert "1 30 100.0 %" in said  # noise is off
        assert "execution_started" in said
        assert str(server.jobs[-1].simulation[0][0]) in said
        assert seen["html"].count('class="qubit used"') == 1
        assert 'class="box"' in seen["html"]

    def test_outcomes_are_in_qiskits_order(self, http, drawn):
        flipped = submission(PRX, measure("QB1", key="c_2_0_0"), measure("QB2", key="c_2_0_1"))
        said = words(drawn(http.run(flipped))["html"])
        assert "01 20 100.0 %" in said
        assert "in Qiskit's order" in said

    def test_a_failed_one_says_all_that_is_known(self, http, server, drawn):
        job = http.run(submission({"name": "cz", "locus": ["QB1", "QB2"], "args": {}}, measure("QB1")))
        assert job["status"] == "failed"
        said = words(drawn(job)["html"])
        assert job["errors"][0]["message"] in said
        assert server.jobs[-1].explanation in said

    def test_faults(self, http, server, drawn):
        server.faults.job().fails("the chip is warm")
        said = words(drawn(http.run(FLIP))["html"])
        assert "the chip is warm" in said
        assert "A fault on purpose: it fails while it is executed." in said

    def test_what_can_not_be_drawn(self, http, drawn):
        assert "QIR" in words(drawn(http.run({"circuits": ["%qir"], "shots": 1}))["html"])
        mapping = [{"logical_name": "a", "physical_name": "QB1"}]
        assert "'QB1' does not map" in words(drawn(http.run({**FLIP, "qubit_mapping": mapping}))["html"])
        assert drawn(http.run({"circuits": [], "shots": 1}))["name"] == ""

    def test_of_many_circuits_the_first_are_drawn(self, http, drawn):
        (circuit,) = FLIP["circuits"]
        said = words(drawn(http.run({**FLIP, "circuits": [circuit] * 11}))["html"])
        assert "Circuit 8 of 11" in said
        assert "Circuit 9 of 11" not in said
        assert "and 3 more circuits" in said

    def test_mocks_have_chips_and_outcomes(self, http, drawn):
        said = words(drawn(http.run(FLIP, "adonis:mock"))["html"])
        assert "outcome of m" in said
        assert "simulated by" not in said

    def test_recorded_ones(self, http, server, tmp_path):
        server.faults.job(after=1).fails("the chip is warm")
        jobs = [http.run(FLIP), http.run(FLIP)]
        for job in jobs:
            record(FakeIQMClient("adonis", server=server), job["id"], tmp_path)
        replaying = Http(Api(FakeIQMServer(recordings=tmp_path)))
        assert replaying.run(FLIP)["id"] == jobs[0]["id"]
        (listed,) = replaying.ask("GET", "/_page/state")["jobs"]["newest"]
        assert (listed["id"], listed["status"], listed["name"]) == (jobs[0]["id"], "completed", "c")
        completed, failed = (words(replaying.ask("GET", f"/_page/jobs/{job['id']}")["html"]) for job in jobs)
        assert "1 20 100.0 %" in completed
        assert "execution_started" in completed
        assert "the chip is warm" in failed

    def test_one_that_is_not_there(self, http):
        refused(http, "GET", "/_page/jobs/7c9e6679-7425-40de-944b-e07fc1f90ae7", 404, "job_not_found")
        refused(http, "GET", "/_page/jobs/nonsense", 400, "invalid_input")

    def test_whatever_clients_say_is_text(self, http, server, drawn):
        def submitted(text, agent):
            steps = [{**PRX, "args": {**PRX["args"], text: text}}, measure("QB1", key=text), measure("QB2", key="m")]
            return http.ask(
                "POST",
                f"{V1}/jobs/adonis/circuit",
                json=named(submission(*steps), text),
                query_string={"tag": text[:50]},
                headers={"User-Agent": agent},
            )

        with server.clock.owned():  # or else timelines differ
            harmless = drawn(submitted("text", "agent"))
            hostile = drawn(submitted(HOSTILE, "<script>document.title='owned'</script>"))
            state = http.ask("GET", "/_page/state")
        assert Words(hostile["html"]).elements == Words(harmless["html"]).elements
        assert r"\x1b[2J\u202e" in words(hostile["html"])
        assert "<script>document.title='owned'</script>" in words(hostile["html"])
        assert "\x1b" not in json.dumps(state, ensure_ascii=False)
        assert state["jobs"]["newest"][0]["name"].startswith("<img src=x onerror=")


class TestChips:
    def chip(self, http, computer, **query):
        return http.ask("GET", f"/_page/chips/{computer}", query_string=query)["html"]

    def test_each_part_is_coloured_and_says_what_is_published(self, http, server):
        html = self.chip(http, "adonis")
        assert len(re.findall(r'class="qubit shade\d"', html)) == 5
        assert len(re.findall(r'class="coupler shade\d"', html)) == 4
        known = {metric.name: metric for metric in metrics(server.calibration("adonis"))}
        for name in ("prx", "measure", "t1_time"):
            assert known[name].text(known[name].values[frozenset(["QB3"])]) in html
        published = server.quality_metric_set("adonis")["observations"]
        (fidelity,) = (
            each["value"]
            for each in published
            if re.fullmatch(r"metrics\.rb\.prx\.\w+\.QB3\.fidelity.*", each["dut_field"])
        )
        assert known["prx"].values[frozenset(["QB3"])] == pytest.approx(1 - fidelity)

    @pytest.mark.parametrize("qubits", ["prx", "measure", "t1_time"])
    def test_the_worst_has_the_last_shade(self, http, server, qubits):
        (metric,) = (each for each in metrics(server.calibration("deneb")) if each.name == qubits)
        pick = min if metric.is_time else max
        ((worst,),) = [pick(metric.values, key=metric.values.get)]
        html = self.chip(http, "deneb", qubits=qubits, couplers="move")
        last = re.findall(r'class="qubit shade4".*?<title>(\w+)', html)
        assert worst in last
        pressed = re.findall(r'data-metric="(\w+)" aria-pressed="true"', html)
        assert pressed == [qubits, "move"]

    def test_what_is_lost_has_no_colour(self, http, server):
        before = http.ask("GET", "/_page/state")["computers"]
        server.recalibrate(computer="adonis", seed=1, lost=["QB3", ("QB1", "QB3")])
        html = self.chip(http, "adonis")
        assert len(re.findall(r'class="qubit shade\d"', html)) == 4
        assert "nothing is published" in html
        after = http.ask("GET", "/_page/state")["computers"]
        assert before[0]["calibration_set_id"] != after[0]["calibration_set_id"]  # so the page asks again
        assert before[1] == after[1]

    def test_what_is_not_there(self, http):
        message = refused(http, "GET", "/_page/chips/deneb?qubits=colour", 400, "invalid_input")
        assert "prx, measure, t1_time" in message
        refused(http, "GET", "/_page/chips/nobody", 404, "qc_not_found")

    def test_a_scale_has_steps_of_the_same_factor(self):
        assert Scale.of([1e-3, 1e2]).ends == pytest.approx([1e-2, 1e-1, 1, 1e1, 1e2])
        assert [Scale.of([1e-3, 1e2]).shade(value) for value in (0.0, 1e-3, 0.02, 2, 1e2)] == [0, 0, 1, 3, 4]
        assert [Scale.of([1e-3, 1e2], descends=True).shade(value) for value in (1e-3, 1e2)] == [4, 0]
        assert Scale.of([0.2, 0.2]).shade(0.2) == 0
        assert Scale.of([0.0]).shade(0.0) == 0


needs_browser = pytest.mark.skipif(chromium.BROWSER is None, reason="needs chromium")


class Opened:
    """The application, and a page of the test's own on the same server, which frames the page and looks into it.

    Only that page may: the policy is taken away for it.

    Args:
        api: The application.
        look: A script, with the framed window as ``inner``; what it returns is put into the title, as JSON.
        width: Of the frame, in pixels.
        before: Is called with the number of each request for the state, before it is answered.

    """

    def __init__(self, api, look="", width=1200, before=lambda number: None):
        self.api, self.look, self.width, self.before, self.asked = api, look, width, before, 0

    def __call__(self, environ, start):
        request = Request(environ)
        if request.path == "/frame":
            page = f"""<!doctype html><title></title>
            <iframe width={self.width} height=900 frameborder=0 src="/"></iframe>
            <script>
            const inner = document.querySelector("iframe").contentWindow;
            const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
            const look = async () => {{ {self.look} }};
            onload = async () => {{ document.title = "seen" + JSON.stringify(await look()) }};
            </script>"""
            return Response(page, content_type="text/html")(environ, start)
        if request.path == "/_page/state":
            self.asked += 1
            self.before(self.asked)

        def without_policy(status, headers, *more):
            return start(status, [each for each in headers if each[0] != "Content-Security-Policy"], *more)

        return self.api(environ, without_policy if self.look else start)


@needs_browser
class TestInABrowser:
    def seen(self, opened, folder, seconds=12):
        """Return what the script saw."""
        with loopback(opened) as url:
            found = chromium.document(f"{url}/frame", folder, seconds=seconds)
        (title,) = re.findall("<title>seen(.*?)</title>", found, re.DOTALL)
        return json.loads(title.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))

    def test_a_job_that_comes_while_the_page_is_open(self, server, http, tmp_path):
        """By the policy that the server sends; the second look at the state has the job already."""

        def submit(number):
            if number == 2:
                http.run(named(FLIP, "newcomer"), "adonis")

        opened = Opened(Api(server), before=submit)
        server.faults.job(after=9).never_ends()
        with loopback(opened) as url:
            found = words(chromium.document(url, tmp_path, seconds=4))
        assert opened.asked >= 3
        assert "newcomer completed adonis, 1 circuit, 20 shots" in found
        assert "outcome of m" in found
        assert "1 20 100.0 %" in found
        assert "job(after=9, times=1).never_ends" in found
        for alias in ("adonis", "deneb"):
            assert f"{alias} {server.device(alias).display_name} · idle" in found
        assert "readout error" in found
        assert "up to date" in found

    def test_hostile_names_are_text(self, server, http, tmp_path):
        """Also without the policy, which stops scripts anyway."""
        http.ask(
            "POST",
            f"{V1}/jobs/adonis/circuit",
            json=named(submission(measure("QB1", key=HOSTILE)), HOSTILE),
            query_string={"tag": HOSTILE[:50]},
            headers={"User-Agent": HOSTILE[:-5]},
        )
        server.faults.job(after=3).fails(HOSTILE)
        look = """await pause(2500);
            return [inner.document.title, inner.document.querySelectorAll("img, main script").length,
                inner.document.body.innerText.split("onerror=").length - 1]"""
        title, elements, times = self.seen(Opened(Api(server), look), tmp_path)
        assert (title, elements) == ("iqm-fake", 0)
        assert times >= 4  # in the list, above the job, as a key, and in the faults

    @pytest.mark.parametrize("width", [400, 1200])
    def test_nothing_is_wider_than_the_window(self, server, http, tmp_path, width):
        """What is wider scrolls in a part of the page."""
        steps = [{**PRX, "locus": [f"QB{index % 5 + 1}"]} for index in range(60)]
        job = http.run(named(submission(*steps, measure(*(f"QB{i}" for i in range(1, 6)))), "long" * 40))
        server.faults.job(after=3).fails("long" * 40)
        look = f"""await pause(1500); inner.location.hash = "{job["id"]}"; await pause(1500);
            const width = inner.document.documentElement.clientWidth;
            const overflow = e => inner.getComputedStyle(e).overflowX;
            const scrolls = e => e.closest('.scroll') && overflow(e.closest('.scroll')) === 'auto';
            const right = e => e.getBoundingClientRect().right;
            const boxes = [...inner.document.querySelectorAll('body *')];
            const wide = boxes.filter(e => right(e) > width + 1 && !scrolls(e)).map(e => e.tagName + "." + e.className);
            return {{width, wide, gates: inner.document.querySelectorAll("svg .box").length,
                page: inner.document.documentElement.scrollWidth}}"""
        seen = self.seen(Opened(Api(server), look, width=width), tmp_path)
        assert seen["width"] == pytest.approx(width, abs=20)  # but for a scroll bar
        assert seen["page"] <= seen["width"]
        assert seen["wide"] == []
        assert seen["gates"] > 60

    def test_a_click_chooses_the_colour(self, server, tmp_path):
        look = """await pause(1500);
            const colours = () => [...inner.document.querySelectorAll(".computer")].map(e =>
                [...e.querySelectorAll("[aria-pressed=true]")].map(b => b.dataset.metric).join());
            const before = colours();
            inner.document.querySelectorAll(".computer")[1].querySelector("[data-metric=t1_time]").click();
            await pause(1500);
            return [before, colours()]"""
        before, after = self.seen(Opened(Api(server), look), tmp_path)
        assert before == ["prx,cz", "prx,cz"]
        assert after == ["prx,cz", "t1_time,cz"]

    def test_the_token_is_asked_for_and_kept_nowhere(self, server, http, tmp_path):
        http.run(named(FLIP, "secret job"))
        look = """await pause(1500);
            const $ = id => inner.document.getElementById(id);
            const sees = text => inner.document.body.innerText.includes(text);
            const shown = () => [!$("token").hidden, sees("secret job"), $("link").innerText];
            const enter = async text => { $("secret").value = text; $("token").requestSubmit(); await pause(1500); };
            const first = shown();
            await enter("wrong");
            const second = shown();
            await enter("s3cret");
            const stored = [inner.localStorage, inner.sessionStorage, inner.document.cookie].map(each => each.length);
            const written = inner.document.documentElement.outerHTML.includes("s3cret");
            return [first, second, shown(), stored, written, $("secret").value]"""
        first, second, third, stored, *kept = self.seen(Opened(Api(server, token="s3cret"), look), tmp_path)
        assert first == [True, False, "needs the token"]
        assert second == [True, False, "that is not the server's token"]
        assert third == [False, True, "up to date"]
        assert (stored, kept) == ([0, 0, 0], [False, ""])

    def test_it_says_when_the_server_is_gone(self, server, tmp_path):
        def gone(number):
            if 2 <= number < 12:  # the browser itself tries again on each connection that it has
                raise ConnectionAbortedError

        look = """const said = [];
            while (said.length < 3) {
                await pause(100);
                const text = inner.document.getElementById("link")?.innerText;
                if (text && text !== "connecting" && text !== said.at(-1)) said.push(text);
            }
            return said"""
        said = self.seen(Opened(Api(server), look, before=gone), tmp_path, seconds=60)
        assert said == ["up to date", "the server does not answer; trying again", "up to date"]
