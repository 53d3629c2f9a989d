"""Sphinx: ``tox -e docs`` builds the site, and treats every warning as an error."""

from pytest_iqm._version import __version__

project = "pytest-iqm"
copyright = "the pytest-iqm developers"  # noqa: A001  # Sphinx' name
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinxcontrib.mermaid",
]
html_theme = "furo"
html_title = f"pytest-iqm {release}"
html_extra_path = ["reference/iqm-device-1.schema.json", "reference/iqm-job-1.schema.json"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
myst_fence_as_directive = ["mermaid"]

autodoc_typehints = "none"  # types of others would be links that lead nowhere
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# docstrings name rooms of the code, and classes of others, that have no page
nitpick_ignore_regex = [(r"py:.*", r".*")]
linkcheck_ignore = [r"https?://.*"]  # what is outside is looked at where there is a network
