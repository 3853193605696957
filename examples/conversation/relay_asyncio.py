"""Relays what anybody says to all, with a browser page, on asyncio. Ctrl-C says goodbye to everybody and ends it.

python relay_asyncio.py [PORT]
"""

from __future__ import annotations

from on_asyncio import run_server
from page import page
from relay import relay

run_server({"/ws": relay}, http={"/": page("relay.html")})
