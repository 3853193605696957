"""What a connection costs beside its messages: the timers of its opening, and what it keeps when it is idle."""

from __future__ import annotations

import pytest

from tests.core import opening_client, opening_server
from tests.core.test_receive_head import HEAD
from wsframework._core.constants import State
from wsframework._core.handshake import ConnectionRequest
from wsframework.testing import RecordingClient, RecordingPort, RecordingServer


def timers(port: RecordingPort) -> list[object]:
    """What the timer was set to."""
    return [call[1] for call in port.calls if call[0] == "set_timer"]


def test_a_decision_at_once_needs_no_timer() -> None:
    """Setting timers is a good part of what a short connection costs, and `onConnect` mostly just returns."""
    server = opening_server.connected(openHandshakeTimeout=3, onConnectTimeout=7)
    server.receive(opening_server.REQUEST)
    assert timers(server) == [3, None]
    client = opening_client.connected(openHandshakeTimeout=3, onConnectTimeout=7)
    client.receive(opening_client.RESPONSE)
    assert timers(client) == [3, None]


def test_a_decision_that_is_left_open_has_its_own_time() -> None:
    """`onConnectTimeout` in place of what was left of `openHandshakeTimeout`."""
    server = opening_server.connected(immediate=False, openHandshakeTimeout=3, onConnectTimeout=7)
    server.receive(opening_server.REQUEST)
    assert timers(server) == [3, 7]
    client = opening_client.connected(immediate=False, openHandshakeTimeout=3, onConnectTimeout=7)
    client.decide()
    client.receive(opening_client.RESPONSE)
    assert timers(client) == [7, 3, 7]


def test_a_decision_without_a_limit_is_not_ended_by_the_time_before_it() -> None:
    """`onConnectTimeout` 0 is for ever, also where the client had little time to ask."""
    server = opening_server.connected(immediate=False, openHandshakeTimeout=3, onConnectTimeout=0)
    server.receive(opening_server.REQUEST)
    server.advance(1e6)
    server.decide()
    assert server.connection.state is State.OPEN


def test_a_refusal_at_once_has_the_timer_of_the_end_alone() -> None:
    """Who was refused is not waited for as if the application were still thinking."""
    server = opening_server.connected(openHandshakeTimeout=3, onConnectTimeout=7, closeHandshakeTimeout=2)
    server.hooks["handshake_received"] = lambda _: server.connection.refuse(403, "no")
    server.receive(opening_server.REQUEST)
    assert timers(server) == [3, 2]


def asked(port: RecordingServer) -> ConnectionRequest:
    """What the application was asked about."""
    (request,) = (call[1] for call in port.calls if call[0] == "handshake_received")
    assert isinstance(request, ConnectionRequest)
    return request


@pytest.mark.parametrize("size", [0, 1])
def test_the_request_can_be_had_again(size: int) -> None:
    """I look at a header hours later; until then nobody had to keep what it was parsed into."""
    server = opening_server.connected(immediate=False, trustXForwardedFor=1)
    octets = opening_server.REQUEST[:-2] + b"X-Forwarded-For: 198.51.100.7\r\n\r\n"
    server.receive(octets + opening_server.HELLO, size)
    head = server.connection.head
    assert head is not None
    assert not server.connection.keeps_request
    server.decide()
    assert server.connection.keeps_request
    assert server.connection.head == head
    assert server.connection.head is not head
    assert server.connection.request_again() == asked(server)
    assert server.connection.request_again().peer == "198.51.100.7"
    server.lose()
    assert server.connection.request_again() == asked(server)


def test_a_request_that_did_not_come_in_octets_is_kept_as_it_is() -> None:
    """There is nothing to make it anew from."""
    server = opening_server.connected()
    server.connection.receive_head(HEAD, b"")
    assert not server.connection.keeps_request
    assert server.connection.head is HEAD


def test_a_request_that_was_not_accepted_cannot_be_had_again() -> None:
    """It was no handshake, or a bad one."""
    for octets in (opening_server.PLAIN, opening_server.REQUEST.replace(b"13", b"12")):
        server = opening_server.connected()
        server.receive(octets)
        assert not server.connection.keeps_request
        assert server.connection.head is not None


def test_the_response_can_be_had_again() -> None:
    """A client's too."""
    client = RecordingClient(immediate=False)
    client.connection.connected()
    client.decide()
    client.receive(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + opening_client.RESPONSE)
    head = client.connection.head
    assert head is not None
    assert head.octets == opening_client.RESPONSE
    client.decide()
    assert client.connection.head == head
    assert client.connection.head is not head


def test_a_request_can_be_left_to_another_connection() -> None:
    """The path decides whose it is; the first has no say any more, and no timer."""
    first = opening_server.connected(immediate=False, openHandshakeTimeout=3, onConnectTimeout=7)
    second = opening_server.connected()

    def hand_over(_: object) -> None:
        first.set_timer(None)
        second.connection.receive_head(*first.connection.hand_over())

    first.hooks["handshake_received"] = hand_over
    first.receive(opening_server.REQUEST + opening_server.HELLO)
    first.advance(1e6)
    assert first.sent == b""
    assert second.sent == opening_server.ACCEPTED
    assert second.upcalls[-1] == ("message", b"hello", False)
    assert second.connection.keeps_request
