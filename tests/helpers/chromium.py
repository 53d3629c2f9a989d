"""What a browser makes of an address: its document, after the scripts have run."""

import shutil
import subprocess

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def document(address, folder, *, seconds=0):
    """Return the document behind an address, after so many seconds of the browser's own time."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-quic"]
    command += [f"--user-data-dir={folder / 'browser'}", "--window-size=1200,900"]
    command += [f"--virtual-time-budget={1000 * seconds}"] if seconds else []
    done = subprocess.run([*command, "--dump-dom", address], capture_output=True, text=True, timeout=240, check=True)
    return done.stdout
