"""The README and the tutorial: files are written, and commands run, as they are copied one after another.

A block of Python or of an ini file that begins with its name is written to that file; a block of Python without one is
run. A block of commands runs in one shell with those before it; ``iqm-fake serve`` runs beside them, as in another
terminal. A block of text shows what the last commands print, lines that are left out apart; ``*`` stands for anything.
"""

import os
import re
import socket
import subprocess
import sys
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from server_process import CLEAN, TOKEN, serving

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(?:^<!-- (needs a machine) -->\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVE = re.compile(r"^((?:\w+=\S+ )?iqm-fake serve .*)$", re.MULTILINE)

PRELUDE = r"""
pip() { echo "pip $*" >> "$HOME/called"; }  # it is installed
python3() { mkdir -p "$3/bin" && : > "$3/bin/activate"; }  # -m venv .venv
beside() {
    "$@" > "$HOME/beside.log" 2>&1 & echo $! >> "$HOME/beside"
    until grep -q IQM_SERVER_URL "$HOME/beside.log" || ! kill -0 $!; do sleep 0.2; done
}
trap 'for process in $(cat "$HOME/beside" 2> /dev/null); do kill $process; done' EXIT
exec 2>&1
"""


def script(page, machine):
    """Return the page as a script of the shell, and for each of its blocks of commands the lines that it shows."""
    lines, shown = [PRELUDE], []
    for needs, language, text in BLOCK.findall(page):
        name = re.match(r"# (\S+\.\w+)\n", text)
        if name and language in ("python", "ini"):
            lines.append(f"cat > {name[1]} <<'END OF FILE'\n{text}END OF FILE")
            continue
        if language == "python":
            language, text = "console", f"python <<'END OF FILE'\n{text}END OF FILE\n"
        if language == "text":
            shown[-1] += text.splitlines()
        elif language == "console":
            if needs:
                text = re.sub("^export .*", machine, text)
            text = SERVE.sub(r"beside env \1", text)
            lines += [f"echo '@@@ {len(shown)}'", text, 'echo "@@@ exit $?"']
            shown.append([])
    return "\n".join(lines), shown


def missing(shown, printed):
    """Return the lines that were to be printed, in this order, and were not."""
    rest = iter(" ".join(line.split()) for line in printed)
    return [line for line in shown if not any(fnmatchcase(found, f"*{' '.join(line.split())}") for found in rest)]


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are for a Unix shell")
@pytest.mark.parametrize(("name", "commands"), [("README.md", 6), ("docs/tutorial.md", 14)])
def test_every_block_runs_as_copied(tmp_path, name, commands):
    port = free_port()
    page = (ROOT / name).read_text().replace("8123", str(port))
    with ExitStack() as machine:
        export = ""
        if "<!-- needs a machine -->" in page:
            served = serving("--device", "garnet", "--seed", "1", "--require-token", IQM_TOKEN=TOKEN)
            url = machine.enter_context(served)[1]
            export = f"export IQM_SERVER_URL={url} IQM_QUANTUM_COMPUTER=garnet IQM_TOKEN={TOKEN}"
        text, shown = script(page, export)
        home, folder = tmp_path / "home", tmp_path / "project"
        home.mkdir()
        folder.mkdir()
        environment = {**CLEAN, "HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        environment["PYTEST_ADDOPTS"] = "-p no:randomly"
        done = subprocess.run(
            ["bash", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, timeout=900
        )
    assert len(shown) == commands
    parts = re.split(r"^@@@ \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    assert len(parts) == commands, done.stdout + done.stderr
    for expected, part in zip(shown, parts, strict=True):
        printed, _, status = part.rpartition("@@@ exit ")
        assert missing(expected, printed.splitlines()) == [], printed
        fails = any("failed" in line for line in expected)
        assert int(status) == fails, printed
        assert TOKEN not in printed
    assert (home / "called").read_text().splitlines() == ["pip install pytest-iqm"]


def test_links_of_the_readme_are_absolute():
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert len(links) > 20
    assert [link for link in links if not link.startswith("https://")] == []
