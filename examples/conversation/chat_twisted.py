"""A chat with a browser page, on Twisted. Open the address in a browser; Ctrl-C says goodbye to everybody and ends it.

python chat_twisted.py [PORT]
"""

from __future__ import annotations

import sys

from chat import LARGEST_MESSAGE, chat
from page import page

from wsframework.twisted import serve

port = int(sys.argv[1]) if len(sys.argv) > 1 else 8765
serve(
    {"/ws": chat},
    "127.0.0.1",
    port,
    origins="same",
    http={"/": page("chat.html")},
    autoPingInterval=30,
    maxMessagePayloadSize=LARGEST_MESSAGE,
).run(lambda server: print(f"serving on {server.url}", flush=True))
