"""Answers JSON messages of two types, "echo" and "broadcast", on Twisted.

python server_twisted.py [PORT]
"""

from __future__ import annotations

import sys

from server import converse

from wsframework.twisted import serve

port = int(sys.argv[1]) if len(sys.argv) > 1 else 8765
serve({"/ws": converse}, "127.0.0.1", port, origins="same").run(
    lambda server: print(f"serving on {server.url}", flush=True)
)
