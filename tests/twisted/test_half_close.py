"""The end of our half of TCP, on real sockets."""

from __future__ import annotations

from tests.backends.programs import close, frames
from tests.twisted.sockets import Bench, server_frame


def test_the_end_comes_with_the_last_frame(bench: Bench, family: int) -> None:
    """Not a turn of the reactor later, for which the poller would have to be asked twice."""
    peer, protocol = bench.opened(bench.factory(), family)
    peer.sendall(close(1000))
    assert frames(bench.receive(peer)) == [(8, b"\x03\xe8")]
    assert peer.recv(1) == b""
    assert protocol.events == []
    peer.close()
    bench.until(lambda: protocol.events == [(True, 1000)])


def test_what_waits_comes_before_the_end(bench: Bench, family: int) -> None:
    """The peer says goodbye before it has read anything, and gets all of it."""
    peer, protocol = bench.opened(bench.factory(), family, 4096)
    payload = b"x" * 3000000
    protocol.sendMessage(payload, True)
    peer.sendall(close(1000))
    bench.until(lambda: protocol.remoteCloseCode == 1000)
    assert protocol.bufferedAmount > 0
    expected = server_frame(payload) + b"\x88\x02\x03\xe8"
    assert bench.receive_all(peer, len(expected)) == expected
    assert bench.receive(peer) == b""
    peer.close()
    bench.until(lambda: protocol.events[-1] == (True, 1000))


def test_a_peer_that_does_not_end_its_half_is_dropped(bench: Bench, family: int) -> None:
    """After closeHandshakeTimeout, and to me it is a closing handshake like any other."""
    peer, protocol = bench.opened(bench.factory(closeHandshakeTimeout=0.02), family)
    peer.sendall(close(1000))
    assert frames(bench.receive(peer)) == [(8, b"\x03\xe8")]
    bench.until(lambda: protocol.events == [(True, 1000)])
    assert protocol.wasServerConnectionDropTimeout


def test_a_peer_that_is_gone_by_then_does_no_harm(bench: Bench, family: int) -> None:
    """Its goodbye was the last it did."""
    peer, protocol = bench.opened(bench.factory(), family)
    peer.sendall(close(1000))
    peer.close()
    bench.until(lambda: protocol.events == [(True, 1000)])
