"""Receiving on the socket below Twisted's transports."""

from __future__ import annotations

import random
import socket
from functools import partial
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost

from tests.backends.programs import KEY, request
from tests.twisted.sockets import Bench, Echo, exchange, server_frame
from wsframework._core.codec import encode_frame
from wsframework.build import COMPILED
from wsframework.websocket.placing import READ_SIZE
from wsframework.websocket.routing import Router

SIZES = [0, 1, 125, 126, 65535, 65536, READ_SIZE - 14, READ_SIZE, READ_SIZE + 1, 262144, 1048576, 3000017]


@pytest.mark.parametrize("seed", range(2))
def test_connections_that_receive_at_the_same_time_do_not_mix(bench: Bench, family: int, seed: int) -> None:
    """Messages of all sizes, in random pieces, to several connections in turn."""
    chance = random.Random(seed)
    made = [bench.opened(bench.factory(), family) for _ in range(3)]
    sent = [[chance.randbytes(size) for size in chance.sample(SIZES, len(SIZES))] for _ in made]
    rest = [b"".join(encode_frame(2, payload, KEY) for payload in payloads) for payloads in sent]
    while any(rest):
        number = chance.choice([number for number, octets in enumerate(rest) if octets])
        size = chance.choice([1, 1400, 100000, 1000000])
        try:
            rest[number] = rest[number][made[number][0].send(rest[number][:size]) :]
        except BlockingIOError:
            bench.reactor.iterate(0)
    for (_, protocol), payloads in zip(made, sent, strict=True):
        bench.until(partial(_has_all, protocol))
        assert protocol.received == payloads


def _has_all(protocol: Any) -> bool:
    return len(protocol.received) == len(SIZES)


def test_who_overrides_dataReceived_sees_every_octet(one: Bench, family: int) -> None:
    """Also those of large messages."""
    seen = bytearray()

    class Watching(Echo):
        def dataReceived(self, data: bytes) -> None:
            seen.extend(data)
            super().dataReceived(data)

    peer, _ = one.opened(one.factory(Watching), family)
    octets = encode_frame(2, b"x" * 3000000, KEY)
    exchange(one, peer, octets, 3000010)
    assert seen == request() + octets


def test_a_router_hands_over_in_the_middle_of_a_large_chunk(bench: Bench) -> None:
    """The client did not wait for the answer before it sent its first message."""
    router = Router()
    router.add("/chat", Echo)
    factory = bench.factory()
    factory.setRouter(router)
    peer, _ = bench.pair(factory)
    payload = random.Random(1).randbytes(1000000)
    expected = server_frame(payload)
    received = b""
    octets = request() + encode_frame(2, payload, KEY)
    while not received.endswith(expected):
        received += exchange(bench, peer, octets, 1)
        octets = b""
    assert received.startswith(b"HTTP/1.1 101 ")


def test_a_reset_in_the_middle_of_a_large_message_is_a_loss(bench: Bench) -> None:
    """Whoever heard of it first. Here it comes after octets that are as many as are received at once."""
    peer, protocol = bench.opened(bench.factory(), socket.AF_UNIX)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    # A socket that is closed with something unread in it resets the other one.
    protocol.sendMessage(b"unread", True)
    assert peer.send(encode_frame(2, b"x" * 1000000, KEY)[:READ_SIZE]) == READ_SIZE
    peer.close()
    bench.until(lambda: protocol.events)
    assert protocol.events == [(False, 1006)]
    assert protocol.reason == f"the transport was lost: {ConnectionLost()}"


@pytest.mark.skipif(not COMPILED, reason="only the compiled build receives into the message")
def test_the_rest_of_a_large_message_is_received_in_one_turn(one: Bench) -> None:
    """All that is there, and into the message itself."""
    peer, protocol = one.opened(one.factory(), socket.AF_UNIX)
    connection = protocol._port.connection
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    sent = peer.send(encode_frame(2, b"x" * 1000000, KEY))
    assert sent > READ_SIZE
    before = connection.octets_received
    one.reactor.iterate(1)
    assert connection.octets_received - before == sent
