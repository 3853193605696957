"""Node's `ws`: a program (node/peer.mjs) that is told what to do, and tells what happens, in lines of JSON."""

from __future__ import annotations

import asyncio
import json
import shutil
from asyncio.subprocess import PIPE, Process
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from tests.interop.sides import Address, Deflate, End, Ended, Listener, Message, Refused, Setup, Side, fragments

__all__ = ["NodeSide", "missing"]

FOLDER = Path(__file__).parent / "node"


def missing() -> str | None:
    """Why it cannot be used, if so."""
    if shutil.which("node") is None:
        return "there is no node"
    if not (FOLDER / "node_modules" / "ws").is_dir():
        return "ws is not installed: npm install in tests/interop/node"
    return None


class NodeEnd(End):
    """The connection of the program."""

    def __init__(self, side: NodeSide, subprotocol: str | None, headers: dict[str, str]) -> None:
        super().__init__(subprotocol, headers)
        self._side = side

    async def send(self, message: Message) -> None:
        await self._side.tell(op="send", parts=[_packed(message)], binary=isinstance(message, bytes))

    async def send_fragmented(self, message: Message, size: int, pings: bool = False) -> None:
        parts = [_packed(part) for part in fragments(message, size)]
        await self._side.tell(op="send", parts=parts, binary=isinstance(message, bytes), pings=pings)

    async def send_ping(self, payload: bytes) -> None:
        await self._side.tell(op="ping", payload=_packed(payload))

    async def close(self, code: int, reason: str) -> None:
        await self._side.tell(op="close", code=code, reason=reason)

    def _happened(self, event: dict[str, Any]) -> None:
        """An event of the open connection."""
        match event["event"]:
            case "message":
                payload = b64decode(event["payload"])
                self._received.put_nowait(payload if event["binary"] else payload.decode())
            case "pong":
                self._pongs.put_nowait(b64decode(event["payload"]))
            case "closed":
                # 1006: there was no Close frame (RFC 6455 section 7.1.5).
                self._end(Ended(event["code"], event["reason"], event["code"] != 1006))


class NodeSide(Side):
    """Both roles of `ws`, one connection for each object of this class."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._opened: asyncio.Queue[End | Refused] = asyncio.Queue()
        self._end: NodeEnd | None = None

    async def tell(self, **command: Any) -> None:
        """Give the program a command."""
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                "node",
                "peer.mjs",
                cwd=FOLDER,
                stdin=PIPE,
                stdout=PIPE,
                limit=1 << 24,  # a line holds a whole message
            )
            self._reader = asyncio.create_task(self._read(self._process))
        assert self._process.stdin is not None, "it has a pipe"
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None, "it has a pipe"
        async for line in process.stdout:
            event = json.loads(line)
            match event["event"]:
                case "listening":
                    self._listening.set_result(event["port"])
                case "open":
                    self._end = NodeEnd(self, event["subprotocol"] or None, event["headers"])
                    self._opened.put_nowait(self._end)
                case "refused":
                    self._opened.put_nowait(Refused(event["status"], event["headers"], b64decode(event["body"])))
                case _:
                    assert self._end is not None, "it is open"
                    self._end._happened(event)

    async def listen(self, address: Address, setup: Setup) -> Listener:
        refusal = setup.refusal and {
            "status": setup.refusal.status,
            "headers": setup.refusal.headers,
            "body": (setup.refusal.body or b"").decode(),
        }
        await self.tell(op="listen", refusal=refusal, **_common(address, setup))
        accepted: asyncio.Queue[Any] = self._opened
        return Listener(address.at(await self._listening), accepted)

    async def connect(self, address: Address, setup: Setup) -> End:
        url = address.url
        if address.unix_path is not None:
            url = f"ws+unix:{address.unix_path}:{address.resource}"
        await self.tell(op="connect", url=url, **_common(address, setup))
        opened = await self._opened.get()
        if isinstance(opened, Refused):
            raise opened
        return opened

    async def aclose(self) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None, "it has a pipe"
        assert self._reader is not None, "made with the process"
        # The program ends with its input.
        self._process.stdin.close()
        await self._reader
        await self._process.wait()


def _common(address: Address, setup: Setup) -> dict[str, Any]:
    tls = address.tls
    return {
        "host": address.host,
        "port": address.port,
        "path": address.unix_path,
        "tls": tls and {"key": str(tls.key_file), "cert": str(tls.chain_file), "ca": str(tls.authority_file)},
        "subprotocols": setup.subprotocols,
        "headers": setup.headers,
        "maxPayload": setup.max_size,
        "perMessageDeflate": _compression(setup.deflate),
    }


def _compression(deflate: Deflate | bool) -> dict[str, Any] | bool:
    """The option perMessageDeflate: null is as good as nothing, and unlike false forbids nothing."""
    if isinstance(deflate, bool):
        return deflate
    return {
        "serverNoContextTakeover": None if deflate.server_takeover else True,
        "clientNoContextTakeover": None if deflate.client_takeover else True,
        "serverMaxWindowBits": None if deflate.server_bits == 15 else deflate.server_bits,
        "clientMaxWindowBits": None if deflate.client_bits == 15 else deflate.client_bits,
        "threshold": 0,
    }


def _packed(message: Message) -> str:
    return b64encode(message if isinstance(message, bytes) else message.encode()).decode()
