"""A chat with a browser page, on asyncio. Open the address in a browser; Ctrl-C says goodbye to everybody and ends it.

python chat_asyncio.py [PORT]
"""

from __future__ import annotations

from chat import SETTINGS, chat
from on_asyncio import run_server
from page import page

run_server({"/ws": chat}, http={"/": page("chat.html")}, **SETTINGS)
