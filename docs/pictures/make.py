"""Make the picture of the README: what pytest prints of a claim that fails. Run it with ``tox -e docs-made``."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

ROOT = Path(__file__).parents[2]

WIDTH = 118


def failing_test() -> str:
    """Return what pytest prints of the first example, without its H gate."""
    with tempfile.TemporaryDirectory() as folder:
        source = (ROOT / "examples" / "test_bell.py").read_text().replace("    qc.h(0)\n", "")
        (Path(folder) / "test_bell.py").write_text(source)
        command = [sys.executable, "-m", "pytest", "--color=yes", "-p", "no:randomly", "test_bell.py"]
        environment = {**os.environ, "COLUMNS": str(WIDTH), "PYTEST_ADDOPTS": ""}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout


def picture(printed: str) -> str:
    """Return the middle of it, where the failure is, as SVG that asks no other host for a font."""
    lines = printed.splitlines()
    plain = [Text.from_ansi(line).plain for line in lines]
    first = next(number for number, line in enumerate(plain) if "def test_bell" in line)
    last = next(number for number, line in enumerate(plain) if "= iqm =" in line)
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    console.print(Text.from_ansi("\n".join(["$ pytest test_bell.py", "", *lines[first:last], ""])))
    svg = console.export_svg(title="pytest test_bell.py", theme=DIMMED_MONOKAI, unique_id="failing-claim")
    start = svg.index("@font-face")
    end = svg.index(".failing-claim-matrix")
    return svg[:start] + svg[end:]


if __name__ == "__main__":
    Path(__file__).with_name("failing-claim.svg").write_text(picture(failing_test()))
