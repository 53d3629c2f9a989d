"""Pages of the documentation whose examples are tests: they pass."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


PAGES = {"claims": 4, "devices": 1, "fixtures": 6, "live": 1, "own-clients": 6, "primitives": 1, "recipes": 7}
"""Pages, and how many examples each has at least."""


@pytest.mark.parametrize("page", PAGES)
def test_every_example_passes(tmp_path, page):
    texts = ["page", *re.split(r"^## (.+)$", (DOCS / f"{page}.md").read_text(), flags=re.MULTILINE)]
    files = 0
    for title, text in zip(texts[::2], texts[1::2], strict=True):
        name = re.sub(r"\W+", "_", title.lower())
        (tmp_path / name).mkdir()
        for source in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            conftest = source.startswith("# conftest.py")
            (tmp_path / name / ("conftest.py" if conftest else f"test_{name}.py")).write_text(source)
            files += not conftest
    assert files >= PAGES[page]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IQM_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "-v"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(set(re.findall(r"(\S+)::\S+ PASSED", done.stdout))) == files
