"""Where a run took place: what a figure means nothing without."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.peers import NODE_MODULES, PEERS, ROOT, node_version
from benchmarks.processes import Cores

__all__ = ["codec_in_use", "describe"]


def describe(cores: Cores) -> dict[str, Any]:
    """The machine, the interpreter and the versions of all that takes part."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "pinning": str(cores),
        "load_average": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "codec": codec_in_use(),
        "codec_of_pure_peers": codec_in_use({"WSFRAMEWORK_PURE": "1"}),
        "versions": _versions(),
    }


def codec_in_use(environment: Mapping[str, str] | None = None) -> str:
    """Which frame codec this project runs with: "compiled" or "pure". In a process, because imports decide it once.

    Everything that is to know it asks here.
    """
    code = "from wsframework._core.codec import FrameReader; print(FrameReader.__module__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=True,
    )
    return "pure" if done.stdout.strip().endswith("_py") else "compiled"


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _versions() -> dict[str, str]:
    names = {name for peer in PEERS for name in peer.needs if "." not in name}
    found = {"node": node_version(), "ws (Node.js)": _ws_version()}
    for name in sorted({*names, "wsframework", "txaio"}):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    if not found["wsframework"]:
        # Run from a checkout that is not installed.
        from wsframework import __version__

        found["wsframework"] = __version__
    return {name: text for name, text in found.items() if text}


def _ws_version() -> str:
    package = NODE_MODULES / "ws" / "package.json"
    return str(json.loads(package.read_text())["version"]) if package.exists() else ""
