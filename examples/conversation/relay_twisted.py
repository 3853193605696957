"""Relays what anybody says to all, with a browser page, on Twisted. Ctrl-C says goodbye to everybody and ends it.

python relay_twisted.py [PORT]
"""

from __future__ import annotations

from on_twisted import run_server
from page import page
from relay import relay

run_server({"/ws": relay}, http={"/": page("relay.html")})
