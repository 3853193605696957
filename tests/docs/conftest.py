"""The extensions in docs/_ext, which Sphinx finds by docs/conf.py."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "docs" / "_ext"))
