"""The examples of docs/frameworks.md, where their frameworks are installed (``tox -e frameworks``).

With other seeds they would fail less than once in a million times: what they assert is eight standard deviations away.
"""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs/frameworks.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)$(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("name", SECTIONS)
def test_the_example_passes(tmp_path, name):
    if not find_spec(name.lower().replace("-", "_")):
        pytest.skip(f"needs {name} (tox -e frameworks)")
    (source,) = re.findall(r"^```python\n(.*?)^```", SECTIONS[name], re.DOTALL | re.MULTILINE)
    (tmp_path / "test_page.py").write_text(source)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IQM_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "-s"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
