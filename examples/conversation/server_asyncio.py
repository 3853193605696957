"""Answers JSON messages of two types, "echo" and "broadcast", on asyncio.

python server_asyncio.py [PORT]
"""

from __future__ import annotations

from on_asyncio import run_server
from server import converse

run_server({"/ws": converse})
