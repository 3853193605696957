"""`wsframework check` at servers that are all right, over real sockets: no false alarm, and the right figures."""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.cli.broken_servers import listening, only, page, talk, upgraded
from tests.cli.checking import bounded, check
from tests.interop.homes import AsyncioHome, Home, TwistedHome
from tests.interop.sides import Address, Certificates
from wsframework.cli.check import LARGEST, add_arguments, run
from wsframework.cli.diagnosis import diagnose
from wsframework.cli.explanations import Code
from wsframework.cli.facts import Facts, Reaction
from wsframework.cli.failures import UsageError

pytestmark = pytest.mark.interop

Serve = Callable[[ssl.SSLContext | None], AbstractAsyncContextManager[int]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path, Certificates]:
    """A server's TLS, the file with who vouches for it, and both for a home."""
    made = trustme.CA()
    folder = tmp_path_factory.mktemp("tls")
    key_file, chain_file, authority_file = (folder / name for name in ("key.pem", "chain.pem", "authority.pem"))
    certificate = made.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(str(key_file))
    chain_file.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    made.cert_pem.write_to_path(str(authority_file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    client = ssl.create_default_context(cafile=str(authority_file))
    return context, authority_file, Certificates(context, client, key_file, chain_file, authority_file)


@pytest.fixture(params=["asyncio", "twisted"])
def home(request: pytest.FixtureRequest) -> Any:
    """Where our own server runs."""
    made: Home = (
        TwistedHome("twisted") if request.param == "twisted" else AsyncioHome("asyncio", asyncio.new_event_loop)
    )
    yield made
    made.stop()


@asynccontextmanager
async def our_server(home: Home, tls: Certificates | None = None, **options: Any) -> AsyncIterator[int]:
    """An echo server of the framework; its port."""
    module = home.module

    class Echo(module.WebSocketServerProtocol):  # type: ignore[misc, name-defined]
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.sendMessage(payload, isBinary)

    factory = module.WebSocketServerFactory(protocols=["chat"], **home.factory_arguments())
    factory.protocol = Echo
    factory.setProtocolOptions(perMessageCompressionAccept=True, failByDrop=False, **options)
    port, stop = await home.run(home.listen(Address(tls=tls), factory))
    yield port

    async def end() -> None:
        stopped = stop()
        if stopped is not None:
            await stopped

    await home.run(end())


def assert_good(facts: Facts) -> None:
    assert [(found.code.name, found.seen) for found in diagnose(facts)] == []
    talk = facts.conversation
    assert talk is not None
    assert len(talk.round_trips) == 3
    assert (talk.close_code, talk.tcp_was_ended) == (1000, True)


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
@bounded
async def test_our_own_server(home: Home, secure: bool, authority: tuple[ssl.SSLContext, Path, Certificates]) -> None:
    """On both backends."""
    _, ca, certificates = authority
    async with our_server(home, certificates if secure else None) as port:
        url = f"{'wss' if secure else 'ws'}://127.0.0.1:{port}/"
        facts = await check(url, ca=str(ca), subprotocols=("soup", "chat"))
    assert_good(facts)
    assert facts.conversation is not None
    assert facts.conversation.subprotocol == "chat"
    assert "permessage-deflate" in (facts.conversation.compression or "")
    if secure:
        assert facts.tls is not None
        assert facts.tls.certificate is not None
        assert facts.tls.certificate.names == ("127.0.0.1", "localhost")


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
@bounded
async def test_the_server_of_websockets(secure: bool, authority: tuple[ssl.SSLContext, Path, Certificates]) -> None:
    """Another implementation, with a limit of 1 MiB."""
    from websockets.asyncio.server import ServerConnection, serve

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    context, ca, _ = authority
    async with serve(echo, "127.0.0.1", 0, ssl=context if secure else None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        facts = await check(f"{'wss' if secure else 'ws'}://127.0.0.1:{port}/", ca=str(ca), largest=4 << 20)
    assert_good(facts)
    limits = facts.limits
    assert limits is not None
    assert limits.echoes
    assert (limits.accepted, limits.refused) == (1 << 20, 2 << 20)
    assert limits.refusal is not None
    assert (limits.refusal.reaction, limits.refusal.code) == (Reaction.CLOSED, 1009)
    assert [(one.reaction, one.code) for one in limits.experiments] == [
        (Reaction.ACCEPTED, None),
        *[(Reaction.CLOSED, 1002)] * 4,
        (Reaction.CLOSED, 1007),
    ]


@bounded
async def test_the_limits_of_our_own_server(home: Home) -> None:
    """A frame may have 100,000 octets here, a message more."""
    async with our_server(home, maxFramePayloadSize=100_000) as port:
        facts = await check(f"ws://127.0.0.1:{port}/", largest=1 << 20)
    assert diagnose(facts) == ()
    limits = facts.limits
    assert limits is not None
    assert (limits.echoes, limits.accepted, limits.refused) == (True, 1 << 16, 1 << 17)
    assert limits.refusal is not None
    assert limits.refusal.code == 1009
    assert limits.in_fragments is not None
    assert limits.in_fragments.reaction is Reaction.ACCEPTED


@bounded
async def test_all_sizes_up_to_the_bound_are_taken(home: Home) -> None:
    """And none above it is sent, also where it is no power of two."""
    async with our_server(home) as port:
        facts = await check(f"ws://127.0.0.1:{port}/", largest=3000)
    assert facts.limits is not None
    assert (facts.limits.accepted, facts.limits.refused) == (3000, None)


@bounded
async def test_a_server_that_tolerates_everything() -> None:
    """It answers Pings and looks at nothing."""
    async with listening(tolerant) as port:
        facts = await check(f"ws://127.0.0.1:{port}/", largest=2048)
    assert [found.code for found in diagnose(facts)] == [Code.VIOLATION_TOLERATED] * 5
    assert facts.limits is not None
    assert not facts.limits.echoes


async def tolerant(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, second = await reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                size = int.from_bytes(await reader.readexactly(2), "big")
            key = await reader.readexactly(4) if second & 0x80 else bytes(4)
            payload = bytes(octet ^ key[n % 4] for n, octet in enumerate(await reader.readexactly(size)))
            if first & 0xF == 0x9 and size < 126:
                writer.write(bytes((0x8A, size)) + payload)
            elif first & 0xF == 0x8:
                writer.write(bytes((0x88, size)) + payload)
                return

    await upgraded(talk)(reader, writer)


@pytest.mark.parametrize(
    ("reaction", "codes"),
    [
        (Reaction.SILENT, [Code.MESSAGES_REFUSED, *[Code.NO_REACTION] * 5]),
        (Reaction.DROPPED, [Code.MESSAGES_REFUSED]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
@bounded
async def test_a_server_that_only_takes_pings(reaction: Reaction, codes: list[Code]) -> None:
    """At anything else it stops reading, or drops the connection."""

    async def speech(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, second = await reader.readexactly(2)
            size, key = second & 0x7F, await reader.readexactly(4)
            if first not in (0x88, 0x89) or size > 8:
                break
            payload = bytes(octet ^ key[n % 4] for n, octet in enumerate(await reader.readexactly(size)))
            writer.write(bytes((0x8A if first == 0x89 else 0x88, size)) + payload)
            if first == 0x88:
                return
        if reaction is Reaction.SILENT:
            await reader.read(-1)

    async with listening(upgraded(speech)) as port:
        facts = await check(f"ws://127.0.0.1:{port}/", largest=2048, timeout=0.4)
    assert [found.code for found in diagnose(facts)] == codes
    limits = facts.limits
    assert limits is not None
    assert (limits.echoes, limits.accepted, limits.refused) == (False, 0, 1024)
    assert {one.reaction for one in limits.experiments} == {reaction}


@pytest.mark.parametrize("connections", [2, 3, 5])
@bounded
async def test_a_server_that_limits_connections(connections: int) -> None:
    """What could not be tried is not taken for a fault."""
    async with listening(only(connections, tolerant)) as port:
        facts = await check(f"ws://127.0.0.1:{port}/", largest=1024)
    assert {found.code for found in diagnose(facts)} <= {Code.NOT_TRIED, Code.VIOLATION_TOLERATED}
    (found,) = [found for found in diagnose(facts) if found.code is Code.NOT_TRIED]
    assert "text that is not UTF-8" in found.seen
    assert ("large message" in found.seen) == (connections == 2)


@bounded
async def test_the_body_of_a_refusal_may_come_in_pieces() -> None:
    """And the server need not close behind it."""

    async def speech(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n")
        await writer.drain()
        writer.write(b"5\r\nsorry\r\n0\r\n\r\n")
        await reader.read(-1)

    async with listening(speech) as port:
        facts = await check(f"ws://127.0.0.1:{port}/")
    assert facts.answer is not None
    assert facts.answer.body == b"5\r\nsorry\r\n0\r\n\r\n"


@bounded
async def test_frames_right_behind_the_head_are_fine() -> None:
    """A server that speaks first."""
    hello = b"\x81\x05hello"
    async with listening(upgraded(talk(first=hello * 2))) as port:
        facts = await check(f"ws://127.0.0.1:{port}/")
    assert diagnose(facts) == ()
    assert facts.answer is not None
    assert facts.conversation is not None
    assert facts.conversation.greetings == 2


@bounded
async def test_pongs_that_nobody_asked_for_are_fine() -> None:
    """Some servers keep their connections alive with them."""
    async with listening(upgraded(talk(first=b"\x8a\x01x" * 9))) as port:
        assert_good(await check(f"ws://127.0.0.1:{port}/"))


@bounded
async def test_interim_responses_are_skipped() -> None:
    """103 Early Hints before 101."""
    async with listening(upgraded(line="HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 101 Go")) as port:
        facts = await check(f"ws://127.0.0.1:{port}/")
    assert diagnose(facts) == ()


@bounded
async def test_a_unix_socket(tmp_path: Path) -> None:
    """A server behind a proxy often listens on one."""
    from wsframework.asyncio.websocket import WebSocketServerFactory

    path = tmp_path / "s"
    server = await asyncio.get_running_loop().create_unix_server(WebSocketServerFactory(), str(path))
    async with server:
        assert_good(await check(f"ws://unix:{path}"))


# The command.


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


@bounded
async def test_the_command_prints_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    """Headers, origin and subprotocols are sent; the exit status tells."""
    async with listening(upgraded(Sec_WebSocket_Protocol="b")) as port:
        words = [
            f"ws://127.0.0.1:{port}/a?b=c", "--header", "X-Token: 1", "--header", "Cookie: a=b",
            "--origin", "https://page.example", "--subprotocol", "a", "--subprotocol", "b",
        ]  # fmt: skip
        status = await asyncio.to_thread(run, arguments(*words))
    printed = capsys.readouterr().out
    assert status == 0
    for line in (
        "> GET /a?b=c HTTP/1.1", "> Origin: https://page.example", "> Sec-WebSocket-Protocol: a, b",
        "> X-Token: 1", "> Cookie: ***", "Verdict: a usable WebSocket.",
    ):  # fmt: skip
        assert line in printed


@bounded
async def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    """For programs."""
    async with listening(page("404 Not Found")) as port:
        status = await asyncio.to_thread(run, arguments(f"ws://127.0.0.1:{port}/", "--json"))
    report = json.loads(capsys.readouterr().out)
    assert status == 1
    assert (report["usable"], report["findings"][0]["code"]) == (False, "NOT_FOUND")


@bounded
async def test_the_command_in_a_process() -> None:
    """`python -m wsframework check`."""
    async with listening(upgraded()) as port:
        command = [sys.executable, "-m", "wsframework", "check", f"ws://127.0.0.1:{port}/", "--timeout", "20"]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("Verdict: a usable WebSocket.\n")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["http://a.example/x"], "write ws://a.example/x"),
        (["https://a.example"], "write wss://a.example"),
        (["a.example"], "must start with ws://"),
        (["ws://a", "--header", "nothing"], "written 'Name: value'"),
        (["ws://a", "--header", "a b: c"], "header"),
        (["ws://a", "--header", "a: b\nc"], "control character"),
        (["ws://a", "--timeout", "0"], "seconds"),
        (["ws://a", "--timeout", "soon"], "no number"),
        (["ws://a", "--timeout", "nan"], "seconds"),
        (["ws://a", "--largest", "-1"], "octets"),
        (["ws://a", "--largest", "9" * 30], "octets"),
    ],
)
def test_wrong_usage_is_told_by_the_parser(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit status 2."""
    with pytest.raises(SystemExit) as exit_:
        arguments(*words)
    assert exit_.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--subprotocol", "a", "--subprotocol", "a"], "twice"),
        (["--subprotocol", "a b"], "token"),
        (["--header", "Host: b"], "'Host'"),
        (["--header", "Sec-WebSocket-Key: b"], "'Sec-WebSocket-Key'"),
        (["--origin", "a\nb"], "control character"),
        (["--ca", "/nowhere/ca.pem"], "--ca /nowhere/ca.pem: No such file"),
    ],
)
def test_what_cannot_be_asked_is_told_before_anything_is_opened(words: list[str], complaint: str) -> None:
    """192.0.2.1 is nobody's."""
    with pytest.raises(UsageError, match=complaint):
        run(arguments("wss://192.0.2.1/", *words))


def test_limits_are_only_looked_for_when_asked() -> None:
    """They send data, and 16 MiB at most."""
    assert arguments("ws://a").limits is False
    assert arguments("ws://a", "--limits").largest == LARGEST == 16 << 20
