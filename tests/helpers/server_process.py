"""``iqm-fake serve`` as a process of its own; how a machine is named by the environment."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager

TOKEN = "s3cret-of-the-test"

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("IQM_")}


def name_machine(monkeypatch, url, computer):
    """Let the environment name a machine, as users do."""
    monkeypatch.setenv("IQM_SERVER_URL", url)
    monkeypatch.setenv("IQM_QUANTUM_COMPUTER", computer)
    monkeypatch.setenv("IQM_TOKEN", TOKEN)


@contextmanager
def serving(*arguments, log=subprocess.PIPE, **environment):
    """Start a server; gives its process, URL and the lines that it printed."""
    command = [sys.executable, "-m", "iqm_fakes.cli", "serve", "--port", "0", *arguments]
    with subprocess.Popen(
        command, env={**CLEAN, **environment}, stdout=subprocess.PIPE, stderr=log, text=True
    ) as process:
        lines = [process.stdout.readline() for _ in range(4)]
        url = re.search(r"IQM_SERVER_URL=(http://\S+)", "".join(lines))
        try:
            yield process, url and url.group(1), "".join(lines)
        finally:
            process.kill()
