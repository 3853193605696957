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

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "docstrings",
    "option_table",
    "lifecycle_table",
    "error_index",
    "finding_table",
]
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [
    # What docstrings name in backticks is often code, an argument or a name of another project: then it is no link.
    ("py:obj", r"(?s:.*)"),
    # Building needs no network, so types of Python's own and of other projects are no links.
    ("py:.*", r"(?!wsframework\.).*"),
    # Types that signatures name and that are no part of the API.
    ("py:.*", r"wsframework\.(.*\.)?_.*|wsframework\.options\..*|wsframework\..*\.(T|\w+T|\w*Handler)"),
]
# Where a signature names a class that both backends have and the neutral module, too, the nearest is good enough.
suppress_warnings = ["ref.python"]

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_default_options = {"exclude-members": "__init__, __new__", "no-value": True}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 110
toc_object_entries_show_parents = "hide"

myst_heading_anchors = 3

html_theme = "furo"
html_title = f"wsframework {__version__}"
html_static_path = ["_static"]
html_css_files = ["reference.css"]
html_show_sourcelink = False
html_copy_source = False
