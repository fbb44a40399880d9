"""Sphinx builds the site of the whole repository's pages: ``make docs``.

The source folder is the repository's root, so that a link like ``../README.md`` leads to the same
page here as in the checkout.
"""

import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_VERSION = re.search(r'__version__ = "([^"]+)"', (_ROOT / "__init__.py").read_text("utf-8"))

project = "salesorder-m365"
project_copyright = "the salesorder-m365 maintainers"
version = release = _VERSION[1] if _VERSION else "unknown"

extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "docs/images/**"]
exclude_patterns = ["build", "docs/_*", "tests", ".*"]
templates_path = ["_templates"]

# Headings get the anchors that they have in the checkout's own view, so one link serves both.
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"salesorder-m365 {release}"
html_favicon = "../demo/pages/static/icon.svg"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
# The start page of the folder that `make docs` fills leads to the documentation's.
html_additional_pages = {"index": "start.html"}
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
