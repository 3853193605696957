"""Everything that two ends say to each other, between our backends and other implementations, in both roles.

Real sockets on the loopback device. Our end runs in a thread of its own, the other end in the test's loop or in Node.
"""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.interop.meetings import Meeting, exchange
from tests.interop.sides import Address, Certificates, Ended, Message, Setup, bounded

pytestmark = pytest.mark.interop

# The lengths around which the header's form changes (RFC 6455 section 5.2), and more than a socket takes at once.
SIZES = (0, 1, 125, 126, 127, 4096, 65535, 65536, 200_000)
TEXTS = ("", "hello", "grüße, 世界", "\N{GRINNING FACE}" * 40_000)
FRAGMENTING = ["websockets", "node", "autobahn"]


@bounded
async def test_text_arrives_as_it_was_sent(meeting: Meeting) -> None:
    """Umlauts, Chinese and smileys come through, also a lot of them, also none at all."""
    async with meeting.open() as pair:
        await exchange(pair, list(TEXTS))


@bounded
async def test_binary_arrives_as_it_was_sent(meeting: Meeting) -> None:
    """Files of any size come through."""
    async with meeting.open() as pair:
        await exchange(pair, [bytes(index * 7 % 256 for index in range(size)) for size in SIZES])


@bounded
async def test_a_message_that_we_fragment_arrives_whole(meeting: Meeting) -> None:
    """I send with fragmentSize; the other end need not care. The text is cut in the middle of its characters."""
    async with meeting.open() as pair:
        for message in ("grüße, 世界" * 50, bytes(range(256)) * 4):
            await pair.ours.send_fragmented(message, 7)
            assert await pair.theirs.receive() == message


@pytest.mark.parametrize("peer", FRAGMENTING, indirect=True)
@bounded
async def test_a_message_that_the_peer_fragments_arrives_whole(meeting: Meeting) -> None:
    """The other end sends in pieces; my onMessage sees one message."""
    async with meeting.open() as pair:
        for message in ("grüße, 世界" * 50, bytes(range(256)) * 4):
            await pair.theirs.send_fragmented(message, 7)
            assert await pair.ours.receive() == message


@bounded
async def test_each_end_answers_the_pings_of_the_other(meeting: Meeting) -> None:
    """A ping comes back with its payload, whoever asks."""
    async with meeting.open() as pair:
        for end in (pair.ours, pair.theirs):
            for payload in (b"are you there?", b"\x00" * 125):
                await end.send_ping(payload)
                assert await end.pong() == payload


@bounded
async def test_the_peer_closes_with_code_and_reason(meeting: Meeting) -> None:
    """My onClose gets the peer's code and reason; the peer gets our answer."""
    async with meeting.open() as pair:
        await pair.theirs.close(4001, "tschüß")
        assert await pair.ours.ended() == Ended(4001, "tschüß", was_clean=True)
        ended = await pair.theirs.ended()
        assert (ended.code, ended.was_clean) == (1000, True)


@bounded
async def test_we_close_with_code_and_reason(meeting: Meeting) -> None:
    """The peer gets my code and reason; onClose says it was clean, with the code that the peer answered."""
    async with meeting.open() as pair:
        await pair.ours.close(4002, "tschüß")
        assert await pair.theirs.ended() == Ended(4002, "tschüß", was_clean=True)
        ended = await pair.ours.ended()
        assert (ended.code, ended.was_clean) == (4002 if pair.peer.echoes_close else 1000, True)


@bounded
async def test_both_ends_know_the_subprotocol(meeting: Meeting) -> None:
    """The one that is both offered and known. (Where there are several, not every server heeds the client's order.)"""
    offered, known = Setup(("soap", "chat.v2")), Setup(("chat.v1", "chat.v2"))
    ours, theirs = (known, offered) if meeting.we_listen else (offered, known)
    async with meeting.open(ours=ours, theirs=theirs) as pair:
        assert pair.ours.subprotocol == pair.theirs.subprotocol == "chat.v2"


@bounded
async def test_headers_of_the_application_reach_the_other_end(meeting: Meeting) -> None:
    """My token is in the request, my cookie in the response."""
    ours, theirs = Setup(headers={"X-Ours": "from us"}), Setup(headers={"X-Theirs": "from them"})
    async with meeting.open(ours=ours, theirs=theirs) as pair:
        assert pair.theirs.headers["x-ours"] == "from us"
        assert pair.ours.headers["x-theirs"] == "from them"


@bounded
async def test_a_message_too_big_for_us_ends_with_1009(meeting: Meeting) -> None:
    """The peer sends more than maxMessagePayloadSize: it is told why the connection ends, and so is my onClose."""
    async with meeting.open(ours=Setup(max_size=1000)) as pair:
        await pair.theirs.send(b"x" * 1000)
        assert await pair.ours.receive() == b"x" * 1000
        await pair.theirs.send(b"x" * 1001)
        ended = await pair.ours.ended()
        assert (ended.code, ended.was_clean) == (1009, False)
        assert (await pair.theirs.ended()).code == 1009


@bounded
async def test_a_message_too_big_for_the_peer_ends_with_1009(meeting: Meeting) -> None:
    """I send more than the peer takes: my onClose says so."""
    async with meeting.open(theirs=Setup(max_size=1000)) as pair:
        await pair.ours.send(b"x" * 2000)
        ended = await pair.ours.ended()
        assert (ended.code, ended.was_clean) == (1009, True)


@bounded
async def test_many_messages_at_once_keep_their_order(meeting: Meeting) -> None:
    """Neither end waits for the other, nothing is lost or overtaken."""
    messages: list[Message] = [f"{number} {'x' * (number % 300)}" for number in range(2000)]
    async with meeting.open() as pair:
        for sender, receiver in ((pair.ours, pair.theirs), (pair.theirs, pair.ours)):
            sending = asyncio.create_task(sender.send_all(messages))
            received = [await receiver.receive() for _ in messages]
            await sending
            in_order = received == messages
            assert in_order


@bounded
async def test_it_works_over_tls(meeting: Meeting, certificates: Certificates) -> None:
    """wss, with a certificate that the client checks; big messages and the closing handshake too."""
    async with meeting.open(Address(tls=certificates)) as pair:
        await exchange(pair, ["grüße", b"x" * 200_000])
        await pair.ours.close(4003, "done")
        assert await pair.theirs.ended() == Ended(4003, "done", was_clean=True)
        assert (await pair.ours.ended()).was_clean


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no unix sockets")
@bounded
async def test_it_works_over_a_unix_socket(meeting: Meeting, socket_path: str) -> None:
    """A server that listens on a path."""
    async with meeting.open(Address(unix_path=socket_path)) as pair:
        await exchange(pair, ["grüße", b"x" * 200_000])
        await pair.theirs.close(4004, "done")
        assert await pair.ours.ended() == Ended(4004, "done", was_clean=True)


def has_ipv6() -> bool:
    """True if ::1 can be listened on."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@bounded
async def test_it_works_over_ipv6(meeting: Meeting) -> None:
    """ws://[::1]:port/, with the brackets in the Host header."""
    if meeting.we_listen and not meeting.peer_writes_ipv6_hosts:
        pytest.skip("Autobahn's client leaves out the brackets in the Host header, which a server must refuse")
    async with meeting.open(Address(host="::1")) as pair:
        await exchange(pair, ["grüße"])
        listening, connecting = (pair.ours, pair.theirs) if meeting.we_listen else (pair.theirs, pair.ours)
        assert listening.headers["host"].startswith("[::1]:")
        assert "host" not in connecting.headers
