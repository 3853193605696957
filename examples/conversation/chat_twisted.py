"""A chat with a browser page, on Twisted. Open the address in a browser; Ctrl-C says goodbye to everybody and ends it.

python chat_twisted.py [PORT]
"""

from __future__ import annotations

from chat import SETTINGS, chat
from on_twisted import run_server
from page import page

run_server({"/ws": chat}, http={"/": page("chat.html")}, **SETTINGS)
