"""The testing kit's agent, on asyncio."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsframework.asyncio.testing import create_memory_agent, create_pumper
from wsframework.asyncio.websocket import WebSocketServerProtocol
from wsframework.exceptions import HandshakeRejected
from wsframework.websocket.types import ConnectionDeny


class EchoServer(WebSocketServerProtocol):
    def onConnect(self, request: Any) -> None:
        if request.path == "/private":
            raise ConnectionDeny(403, "no")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


def test_an_echo_by_an_agent_in_memory() -> None:
    """Client and server in one loop, without a socket."""

    async def main() -> None:
        pumper = create_pumper()
        await pumper.start()
        await pumper.start()
        agent = create_memory_agent(None, pumper, EchoServer)
        protocol = await agent.open("ws://localhost:1234/ws")
        came = asyncio.get_running_loop().create_future()
        protocol.on("message", lambda payload, is_binary: came.set_result((payload, is_binary)))
        protocol.sendMessage(b"hello", isBinary=True)
        assert await came == (b"hello", True)
        protocol.sendClose()
        assert await protocol.is_closed is protocol
        assert protocol.wasClean
        with pytest.raises(HandshakeRejected, match="403"):
            await agent.open("ws://localhost/private")
        await pumper.stop()
        await pumper.stop()

    asyncio.run(main())


def test_the_agent_checks_its_arguments() -> None:
    """As the real one."""
    agent = create_memory_agent(None, create_pumper(), EchoServer)
    with pytest.raises(ValueError, match="ws:"):
        agent.open("http://x")
