"""Answers JSON messages of two types, "echo" and "broadcast", on Twisted.

python server_twisted.py [PORT]
"""

from __future__ import annotations

from on_twisted import run_server
from server import converse

run_server({"/ws": converse})
