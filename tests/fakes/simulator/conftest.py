"""Makes the helpers of the folder above importable: test folders here are not packages."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
