"""Who is measured: the table of peers."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from benchmarks.scenarios import Scenario

__all__ = ["NODE_MODULES", "PEERS", "RAW_OF", "ROOT", "Loop", "Peer", "node_version"]

ROOT = Path(__file__).parents[1]
NODE_MODULES = ROOT / "tests" / "interop" / "node" / "node_modules"

Loop = Literal["asyncio", "uvloop", "twisted", "node"]

RAW_OF: dict[Loop, str] = {"asyncio": "raw-asyncio", "uvloop": "raw-uvloop", "twisted": "raw-twisted"}
"""The peer that is the limit of a loop."""

PURE = MappingProxyType({"WSFRAMEWORK_PURE": "1"})


@dataclass(frozen=True, slots=True)
class Peer:
    """A server and a client of one package on one loop. `server` and `client` are modules here, if it has them.

    `features` are the scenarios' that it can do. `needs` are what has to be installed, by the names of the
    distributions; `arguments` are for both,
    `client_arguments` for the client; `environment` is for their processes. All but some are measured with --quick.
    """

    name: str
    loop: Loop
    server: str = ""
    client: str = ""
    arguments: tuple[str, ...] = ()
    features: frozenset[str] = frozenset({"echo", "tls"})
    needs: tuple[str, ...] = ()
    client_arguments: tuple[str, ...] = ()
    environment: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))
    is_raw: bool = False
    quick: bool = True

    def can(self, scenario: Scenario) -> bool:
        """Whether there is something to measure."""
        if scenario.measure == "client":
            return bool(self.client)
        return bool(self.server) and scenario.feature in self.features

    def missing(self) -> str:
        """What is not installed; empty when nothing is."""
        if self.loop == "node":
            if not node_version():
                return "node"
            return "" if (NODE_MODULES / "ws").exists() else "ws for Node.js (npm install in tests/interop/node)"
        return ", ".join(name for name in self.needs if not _is_installed(name))


@cache
def node_version() -> str:
    """Of Node.js, as it says; empty where there is none."""
    node = shutil.which("node")
    if node is None:
        return ""
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()


@cache
def _is_installed(name: str) -> bool:
    # A part of a distribution that is there by its version only.
    if name == "twisted.web.websocket":
        return find_spec(name) is not None
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _features(more: str = "") -> frozenset[str]:
    return frozenset({"echo", "tls", *more.split()})


def _ours(name: str, loop: Loop, *arguments: str, quick: bool = True) -> Peer:
    backend = "twisted" if loop == "twisted" else "asyncio"
    needs = {"asyncio": (), "uvloop": ("uvloop",), "twisted": ("Twisted",), "node": ()}[loop]
    return Peer(
        name,
        loop,
        f"ours_{backend}",
        f"callbacks_{backend}",
        arguments,
        _features("deflate broadcast"),
        needs,
        environment=PURE if "pure" in name else MappingProxyType({}),
        quick=quick,
    )


PEERS: tuple[Peer, ...] = (
    _ours("wsframework-asyncio", "asyncio"),
    _ours("wsframework-uvloop", "uvloop", "--loop=uvloop"),
    _ours("wsframework-twisted", "twisted"),
    _ours("wsframework-pure-asyncio", "asyncio", quick=False),
    _ours("wsframework-pure-twisted", "twisted", quick=False),
    Peer("wsframework-await-asyncio", "asyncio", "conversation_asyncio", "", (), _features("deflate"), quick=False),
    Peer(
        "wsframework-await-twisted",
        "twisted",
        "conversation_twisted",
        "",
        (),
        frozenset({"echo", "deflate"}),
        ("Twisted",),
        quick=False,
    ),
    Peer("raw-asyncio", "asyncio", "raw_asyncio", "raw_asyncio", (), _features("broadcast"), is_raw=True),
    Peer(
        "raw-uvloop",
        "uvloop",
        "raw_asyncio",
        "raw_asyncio",
        ("--loop=uvloop",),
        _features("broadcast"),
        ("uvloop",),
        is_raw=True,
    ),
    Peer("raw-twisted", "twisted", "raw_twisted", "raw_twisted", (), _features("broadcast"), ("Twisted",), is_raw=True),
    Peer("picows-asyncio", "asyncio", "picows_echo", "picows_client", (), needs=("picows",)),
    Peer("picows-uvloop", "uvloop", "picows_echo", "picows_client", ("--loop=uvloop",), needs=("picows", "uvloop")),
    Peer("aiohttp", "asyncio", "aiohttp_echo", "aiohttp_client", (), _features("deflate"), ("aiohttp",)),
    Peer("websockets", "asyncio", "websockets_echo", "websockets_client", (), _features("deflate"), ("websockets",)),
    Peer(
        "autobahn-asyncio",
        "asyncio",
        "autobahn_asyncio",
        "callbacks_asyncio",
        (),
        _features("deflate"),
        ("autobahn",),
        ("--package=autobahn",),
    ),
    Peer(
        "autobahn-twisted",
        "twisted",
        "autobahn_twisted",
        "callbacks_twisted",
        (),
        _features("deflate"),
        ("autobahn", "Twisted"),
        ("--package=autobahn",),
    ),
    Peer("tornado", "asyncio", "tornado_echo", "", (), _features("deflate"), ("tornado",), quick=False),
    Peer(
        "twisted-web",
        "twisted",
        "twisted_web",
        "",
        (),
        _features(),
        ("Twisted", "wsproto", "twisted.web.websocket"),
        quick=False,
    ),
    Peer("node-ws", "node", "node_ws.mjs", "", (), _features("deflate"), quick=False),
)
