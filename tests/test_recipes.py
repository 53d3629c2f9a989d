"""The recipes of the documentation are tests that pass."""

import os
import re
import subprocess
import sys
from pathlib import Path

RECIPES = Path(__file__).parents[1] / "docs" / "recipes.md"


def test_every_recipe_passes(tmp_path):
    sources = re.findall(r"^## (.+?)$.*?^```python\n(.*?)^```", RECIPES.read_text(), re.DOTALL | re.MULTILINE)
    assert len(sources) >= 8
    for title, source in sources:
        name = re.sub(r"\W+", "_", title.lower())
        (tmp_path / f"test_{name}.py").write_text(source)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IQM_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "-q"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(sources)} passed" in done.stdout
