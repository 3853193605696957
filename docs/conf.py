"""Sphinx configuration; `make docs` builds."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

from wsframework import __version__  # noqa: E402  # the checkout's own, found by the line above

project = "wsframework"
author = "wsframework contributors"
copyright = "wsframework contributors"
version = release = __version__

extensions = ["myst_parser", "option_table", "lifecycle_table"]
exclude_patterns = ["_build"]
nitpicky = True

myst_heading_anchors = 3

html_theme = "furo"
html_title = f"wsframework {__version__}"
html_show_sourcelink = False
html_copy_source = False
