"""What runs here, for reports of problems."""

from __future__ import annotations

import platform
import sys
import zlib
from importlib.metadata import PackageNotFoundError, version

import wsframework

__all__ = ["describe"]

_OTHERS = ("Twisted", "txaio", "zope.interface", "uvloop", "zlib-ng", "isal")


def describe() -> str:
    """Versions and the build in use, a line each."""
    build = "compiled" if wsframework.is_compiled else "pure Python"
    lines = [
        f"wsframework {wsframework.__version__} ({build})",
        f"{platform.python_implementation()} {platform.python_version()} on {sys.platform} {platform.machine()}",
        f"zlib {zlib.ZLIB_RUNTIME_VERSION}",
    ]
    for name in _OTHERS:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} is not installed")
    return "\n".join(lines)
