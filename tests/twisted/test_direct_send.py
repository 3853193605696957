"""Sending on the socket below Twisted's transports."""

from __future__ import annotations

import os
import random
import socket
import struct
from contextlib import suppress
from typing import Any

import pytest
import trustme
from OpenSSL import SSL
from twisted.internet.error import ConnectionLost
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.backends.programs import KEY, close, request
from tests.twisted.sockets import Bench, Echo, exchange, server_frame
from wsframework._core.codec import encode_frame


def test_a_message_is_with_the_peer_when_sendMessage_returns(bench: Bench, family: int) -> None:
    """The reactor need not turn for it."""
    peer, protocol = bench.opened(bench.factory(), family)
    protocol.sendMessage(b"now", True)
    assert peer.recv(100) == server_frame(b"now")
    assert protocol.bufferedAmount == 0


@pytest.mark.parametrize("seed", range(2))
def test_order_is_kept_however_slowly_the_peer_reads(bench: Bench, family: int, seed: int) -> None:
    """Random sizes, sent at random moments, to a socket that hardly takes anything at once."""
    chance = random.Random(seed)
    peer, protocol = bench.opened(bench.factory(), family, 4096)
    payloads = [chance.randbytes(chance.choice([0, 1, 100, 5000, 70000, 300000])) for _ in range(20)]
    expected = b"".join(map(server_frame, payloads))
    got = bytearray()
    while payloads or len(got) < len(expected):
        for _ in range(min(len(payloads), chance.randrange(4))):
            protocol.sendMessage(payloads.pop(0), True)
        for _ in range(chance.randrange(4) if payloads else 1):
            try:
                got += peer.recv(chance.choice([1, 1000, 100000]))
            except BlockingIOError:
                bench.reactor.iterate(0)
    assert got == expected


def test_what_the_socket_does_not_take_counts_as_buffered(one: Bench, family: int) -> None:
    """And pauses sending above sendHighWaterMark; it goes on when the peer has read."""
    peer, protocol = one.opened(one.factory(sendHighWaterMark=500000), family, 4096)
    payloads = [b"a" * 400000, b"b" * 400000]
    protocol.sendMessage(payloads[0], True)
    first = protocol.bufferedAmount
    assert 0 < first < 400010
    assert protocol.events == []
    protocol.sendMessage(payloads[1], True)
    assert protocol.bufferedAmount == first + 400010
    assert protocol.events == ["paused"]
    assert one.receive_all(peer, 800020) == b"".join(map(server_frame, payloads))
    one.until(lambda: protocol.events == ["paused", "resumed"])
    assert protocol.bufferedAmount == 0


@pytest.mark.parametrize("mark", [0, 1, 100])
def test_a_low_high_water_mark_does_not_hinder_receiving(one: Bench, mark: int) -> None:
    """Twisted's transports have one number for both."""
    peer, protocol = one.opened(one.factory(Echo, sendHighWaterMark=mark), send_buffer=4096)
    protocol.sendMessage(b"y" * 300000, True)
    assert protocol.events[0] == "paused"
    assert one.receive_all(peer, 300010) == server_frame(b"y" * 300000)
    one.until(lambda: protocol.events[-1] == "resumed")
    peer.sendall(encode_frame(2, b"x" * 3000, KEY))
    assert one.receive_all(peer, 3004) == server_frame(b"x" * 3000)
    assert not [event for event in protocol.events if isinstance(event, tuple)]


def test_closing_comes_after_all_that_was_sent(bench: Bench, family: int) -> None:
    """However much that is."""
    peer, protocol = bench.opened(bench.factory(), family, 4096)
    payloads = [b"a" * 3000000, b"b", b"c" * 100000]
    for payload in payloads:
        protocol.sendMessage(payload, True)
    protocol.sendClose(1000)
    expected = b"".join(map(server_frame, payloads)) + encode_frame(8, b"\x03\xe8", None)
    assert bench.receive_all(peer, len(expected)) == expected
    peer.sendall(close(1000))
    assert bench.receive(peer) == b""
    peer.close()
    bench.until(lambda: (True, 1000) in protocol.events)


def test_dropping_throws_away_what_waits(one: Bench, family: int) -> None:
    """That is what it is for."""
    peer, protocol = one.opened(one.factory(), family, 4096)
    protocol.sendMessage(b"a" * 3000000, True)
    protocol.dropConnection(abort=True)
    one.until(lambda: (False, 1006) in protocol.events)
    got = 0
    while True:
        try:
            piece = peer.recv(65536)
        except ConnectionError:
            break
        if not piece:
            break
        got += len(piece)
    assert got < 3000000


def test_dropping_does_not_take_back_what_was_sent(bench: Bench, family: int) -> None:
    """It is with the operating system."""
    peer, protocol = bench.opened(bench.factory(), family)
    protocol.sendMessage(b"now", True)
    protocol.dropConnection(abort=True)
    assert bench.receive(peer) == server_frame(b"now")
    assert bench.receive(peer) == b""


def test_a_reset_that_is_found_while_sending_is_a_loss(bench: Bench) -> None:
    """Sending does not raise; onClose comes from the reactor, and says what it always said."""
    peer, protocol = bench.opened(bench.factory())
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    for _ in range(3):
        protocol.sendMessage(b"x" * 100, True)
    assert protocol.events == []
    bench.until(lambda: protocol.events)
    assert protocol.events == [(False, 1006)]
    assert protocol.reason == f"the transport was lost: {ConnectionLost()}"


def test_after_the_end_nothing_is_sent(one: Bench, family: int) -> None:
    """A socket whose number may belong to somebody else by now is not written to."""
    peer, protocol = one.opened(one.factory(), family)
    port = protocol._port
    peer.close()
    one.until(lambda: protocol.events)
    port.write(b"too late")
    assert port.buffered_amount() == 0


def test_what_waits_in_a_transport_goes_first(one: Bench, family: int) -> None:
    """Also what others have written to it."""
    peer, protocol = one.opened(one.factory(), family)
    protocol.transport.write(b"first")
    protocol.sendMessage(b"second", True)
    assert one.receive_all(peer, 13) == b"first" + server_frame(b"second")


def test_a_file_descriptor_goes_with_the_octets_after_it(one: Bench) -> None:
    """Twisted sends them together, or not at all."""
    peer, protocol = one.opened(one.factory(), socket.AF_UNIX)
    protocol.transport.sendFileDescriptor(peer.fileno())
    protocol.sendMessage(b"with it", True)
    found: list[int] = []
    got = b""

    def came() -> bool:
        nonlocal got
        try:
            octets, descriptors, _, _ = socket.recv_fds(peer, 100, 1)
        except BlockingIOError:
            return False
        got += octets
        found.extend(descriptors)
        return len(got) == 9

    one.until(came)
    assert got == server_frame(b"with it")
    assert len(found) == 1
    os.close(found[0])


# What must not be gone around.


class Counting(ProtocolWrapper):
    """Sees what goes through."""

    def makeConnection(self, transport: Any) -> None:
        self.written = b""
        self.read = b""
        super().makeConnection(transport)  # type: ignore[no-untyped-call]

    def write(self, data: bytes) -> None:
        self.written += data
        super().write(data)  # type: ignore[no-untyped-call]

    def dataReceived(self, data: bytes) -> None:
        self.read += data
        super().dataReceived(data)  # type: ignore[no-untyped-call]


def test_wrappers_see_everything(one: Bench, family: int) -> None:
    """Twisted's policies: throttling, logging, limits."""
    wrapping: Any = WrappingFactory(one.factory(Echo))  # type: ignore[no-untyped-call]
    wrapping.protocol = Counting
    peer, wrapper = one.opened(wrapping, family)
    payload = b"x" * 1000000
    received = exchange(one, peer, encode_frame(2, payload, KEY), 1000010)
    assert received == server_frame(payload)
    assert wrapper.written.endswith(server_frame(payload))
    assert wrapper.read == request() + encode_frame(2, payload, KEY)


def test_who_puts_a_method_in_place_of_write_sees_everything(one: Bench) -> None:
    """A transport that is watched."""
    _, protocol = one.pair(one.factory())
    written: list[bytes] = []
    protocol.transport.write = written.append
    protocol.connectionMade()
    protocol._port.write(b"seen")
    assert written == [b"seen"]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server's side of TLS."""
    path = str(tmp_path_factory.mktemp("tls") / "server.pem")
    issued = trustme.CA().issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(path)
    return DefaultOpenSSLContextFactory(path, path)  # type: ignore[no-untyped-call]


def test_on_TLS_nothing_goes_around_it(one: Bench, tls: Any) -> None:
    """Large messages to and fro, and not an octet of them on the wire as it is."""
    factory: Any = TLSMemoryBIOFactory(tls, False, one.factory(Echo, sendHighWaterMark=0), clock=one.reactor)
    peer, _ = one.pair(factory)
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    client = SSL.Connection(context, None)
    client.set_connect_state()
    outgoing = bytearray()
    wire = bytearray()
    plain = bytearray()

    def carry() -> bool:
        for step in (client.do_handshake, lambda: plain.extend(client.recv(1 << 20))):
            with suppress(SSL.WantReadError):
                step()
        with suppress(SSL.WantReadError):
            outgoing.extend(client.bio_read(1 << 24))
        with suppress(BlockingIOError):
            del outgoing[: peer.send(outgoing)]
        with suppress(BlockingIOError):
            octets = peer.recv(1 << 20)
            wire.extend(octets)
            client.bio_write(octets)
        return False

    payload = b"secret" * 20000
    expected = server_frame(payload)
    one.until(lambda: carry() or client.get_state_string() == b"SSL negotiation finished successfully")
    client.sendall(request() + encode_frame(2, payload, KEY))
    one.until(lambda: carry() or plain.endswith(expected))
    assert b"secret" not in wire


def test_a_transport_that_turns_to_TLS_is_not_written_around(one: Bench, tls: Any) -> None:
    """Whatever the application means by it."""
    peer, protocol = one.opened(one.factory())
    protocol.transport.startTLS(tls)
    protocol.sendMessage(b"secret", True)
    for _ in range(3):
        one.reactor.iterate(0)
    with pytest.raises(BlockingIOError):
        peer.recv(100)
