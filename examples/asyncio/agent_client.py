"""A client without a class of its own: an agent opens it, and handlers are added to it, on asyncio.

python agent_client.py [URL [TEXT ...]]
"""

from __future__ import annotations

import asyncio
import sys

from wsframework import WebSocketError
from wsframework.asyncio.websocket import create_client_agent
from wsframework.exceptions import HandshakeRejected


async def main(url: str = "ws://127.0.0.1:9000", *texts: str) -> None:
    # Options of a factory and of setProtocolOptions, in one dictionary.
    options = {"headers": {"X-Purpose": "example"}, "openHandshakeTimeout": 10}
    try:
        client = await create_client_agent().open(url, options)
    except HandshakeRejected as rejected:
        # The server's answer is in the error.
        sys.exit(f"{url} answered {rejected.status}: {rejected.body.decode(errors='replace').strip()}")
    except (OSError, WebSocketError) as error:
        sys.exit(f"cannot connect to {url}: {error}")
    # This is early enough for answers. What a server says before it is asked is better left to a class, given to `open`
    # as protocol_class.
    texts = texts or ("Hello, world!",)
    answers: list[bytes] = []

    def on_message(payload: bytes, is_binary: bool) -> None:
        answers.append(payload)
        print(f"{len(payload)} octets" if is_binary else payload.decode(), flush=True)
        if len(answers) == len(texts):
            client.sendClose(1000)

    def on_close(was_clean: bool, code: int | None, reason: str | None) -> None:
        print(f"closed: {code}", flush=True)

    client.on("message", on_message)
    client.on("close", on_close)
    for text in texts:
        client.sendMessage(text)
    await client.is_closed


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
