import os

from hypothesis import settings

# A busy machine is no defect, and what CI says of a commit has to be repeatable; at a desk new examples are tried.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")
