"""Options, session parameters and the end of all connections."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backends.programs import Backend, close, frames, note_taker, opened, request
from wsframework.websocket import ShutdownResult


def test_options_are_checked_and_nothing_else_changes(backend: Backend) -> None:
    """One bad name spoils the whole call, and the good ones in it."""
    factory = backend.make_server()
    factory.setProtocolOptions(autoPingInterval=10)
    with pytest.raises(TypeError, match="autoPingTimeout"):
        factory.setProtocolOptions(maxConnections=5, autoPingTimeot=3)
    with pytest.raises(ValueError, match="maxConnections"):
        factory.setProtocolOptions(autoPingSize=5, maxConnections=-1)
    with pytest.raises(ValueError, match=r"allowedOrigins|origin"):
        factory.setProtocolOptions(allowedOrigins=["nonsense"])
    factory.setProtocolOptions(openHandshakeTimeout=None)
    protocol = factory.protocol()
    protocol.factory = factory
    assert (protocol.autoPingInterval, protocol.maxConnections, protocol.autoPingSize) == (10, 0, 4)
    assert protocol.allowNullOrigin is None
    assert protocol.allowedOrigins == ("*",)
    factory.resetProtocolOptions()
    assert protocol.autoPingInterval == 0


def test_open_connections_keep_their_options(backend: Backend) -> None:
    """Changes are for the connections to come."""
    factory = backend.make_server()
    link = backend.connect(factory)
    factory.setProtocolOptions(maxMessagePayloadSize=5)
    assert link.protocol.maxMessagePayloadSize == 16 * 2**20
    assert backend.connect(factory).protocol.maxMessagePayloadSize == 5


def test_a_protocol_class_or_instance_overrides_options(backend: Backend) -> None:
    """As class attribute for all of its connections, as instance attribute for one."""

    class Small(backend.server_protocol):  # type: ignore[misc, name-defined]
        maxMessagePayloadSize = 10

        def __init__(self, ping: float = 0) -> None:
            super().__init__()
            if ping:
                self.autoPingInterval = ping

    factory = backend.make_server(Small)
    factory.setProtocolOptions(maxMessagePayloadSize=1000, failByDrop=False)
    link = backend.connect(factory)
    assert link.protocol._connection.options.maxMessagePayloadSize == 10
    assert link.protocol._connection.options.failByDrop is False
    factory.protocol = lambda: Small(7)
    link = backend.connect(factory)
    assert link.protocol._connection.options.autoPingInterval == 7
    assert link.protocol.autoPingInterval == 7


def test_options_that_a_class_overrides_are_checked_too(backend: Backend) -> None:
    """A typo in a class attribute's value shows up at the first connection."""

    class Wrong(backend.client_protocol):  # type: ignore[misc, name-defined]
        maxMessagePayloadSize = -1

    with pytest.raises(ValueError, match="maxMessagePayloadSize"):
        backend.connect(backend.make_client(Wrong, url="ws://localhost/"))


@pytest.mark.parametrize("name", ["logOctets", "logFrames", "trackTimings"])
def test_switches_may_be_set_as_attributes_of_the_factory(backend: Backend, name: str) -> None:
    """As Autobahn's programs do."""
    factory = backend.make_server()
    assert getattr(factory, name) is False
    setattr(factory, name, True)
    assert getattr(factory, name) is True
    assert getattr(backend.connect(factory).protocol, name) is True
    with pytest.raises(TypeError):
        setattr(factory, name, "yes")


def test_the_url_is_taken_apart(backend: Backend) -> None:
    """For whoever listens or connects by it."""
    server = backend.make_server(url="wss://example.com:9000/chat")
    assert (server.isSecure, server.host, server.port, server.path) == (True, "example.com", 9000, "/chat")
    client = backend.make_client(url="ws://[::1]/a%20b?x=1")
    assert (client.isSecure, client.host, client.port) == (False, "::1", 80)
    assert (client.path, client.resource, client.params) == ("/a b", "/a%20b?x=1", {"x": ["1"]})
    unix = backend.make_client(url="ws://unix:/tmp/socket")
    assert unix.port == "/tmp/socket"
    nothing = backend.make_server()
    assert (nothing.url, nothing.isSecure, nothing.host, nothing.port) == (None, False, None, None)
    assert (nothing.path, nothing.resource, nothing.params) == ("/", "/", {})


@pytest.mark.parametrize(
    ("role", "session", "error", "words"),
    [
        ("server", {"url": "http://x"}, ValueError, "scheme|ws"),
        ("server", {"url": "ws://x/?a=1"}, ValueError, "query"),
        ("server", {"protocols": "chat"}, TypeError, "protocols"),
        ("server", {"protocols": ["a b"]}, ValueError, "a b"),
        ("server", {"protocols": [7]}, TypeError, "protocols"),
        ("server", {"headers": {"X": "a\r\nb"}}, ValueError, "X"),
        ("server", {"server": "a\nb"}, ValueError, "Server"),
        ("server", {"externalPort": 70000}, ValueError, "externalPort"),
        ("server", {"externalPort": "80"}, TypeError, "externalPort"),
        ("client", {"origin": "a\nb"}, ValueError, "Origin"),
        ("client", {"useragent": "a\nb"}, ValueError, "User-Agent"),
        ("client", {"proxy": {"host": "x", "port": 1}}, ValueError, "proxy: a url must be there"),
        ("client", {"url": "ws://x", "proxy": {"host": "x", "port": 0}}, ValueError, "proxy: port"),
    ],
)
def test_session_parameters_are_checked_where_they_are_given(
    backend: Backend, role: str, session: dict[str, Any], error: type[Exception], words: str
) -> None:
    """Not when the first client connects."""
    make = backend.make_server if role == "server" else backend.make_client
    with pytest.raises(error, match=words):
        make(**session)


@pytest.mark.parametrize(("version", "sent"), [(18, b"13"), (13, b"13"), (10, b"8")])
def test_the_client_speaks_the_version_of_its_draft(backend: Backend, version: int, sent: bytes) -> None:
    """Autobahn counts in drafts."""
    factory = backend.make_client(url="ws://example.com/", protocols=["a", "b"], useragent=None)
    factory.setProtocolOptions(version=version)
    client = backend.connect(factory)
    backend.settle()
    octets = client.take()
    assert b"Sec-WebSocket-Version: " + sent + b"\r\n" in octets
    assert b"Host: example.com\r\n" in octets
    assert b"Sec-WebSocket-Protocol: a, b\r\n" in octets or octets.count(b"Sec-WebSocket-Protocol: ") == 2
    assert b"User-Agent" not in octets


def test_shutdown_says_goodbye_to_everybody(backend: Backend) -> None:
    """1001, then the result, and nobody new."""
    factory = backend.make_server(note_taker(backend))
    links = [backend.connect(factory) for _ in range(600)]
    for link in links[:-1]:
        link.receive(request())
        link.take()
    result = factory.shutdown(reason="maintenance")
    backend.advance(0)
    for link in links[:-1]:
        assert frames(link.take()) == [(8, b"\x03\xe9maintenance")]
    # The one that was still asking is let go.
    assert links[-1].finished or links[-1].aborted
    late = backend.connect(factory)
    late.receive(request())
    assert late.take().startswith(b"HTTP/1.1 503 ")
    late.end()
    for link in links[:-1]:
        link.receive(close(1001))
        link.end()
    links[-1].end()
    backend.settle()
    assert backend.outcome(result) == ("result", ShutdownResult(600, 0))
    assert factory.connections == []
    assert all(link.protocol.events[-1] == ("close", True, 1001) for link in links[:-1])
    assert backend.pending_timers() == 0


@pytest.mark.parametrize("answers", [True, False], ids=["the peers answer", "the deadline passes"])
def test_shutdown_is_over_when_the_last_onclose_was_called(backend: Backend, answers: bool) -> None:
    """Then I may close the database that onClose writes to."""
    order: list[str] = []

    class Server(backend.server_protocol):  # type: ignore[name-defined, misc]
        def onClose(self, *how: Any) -> None:
            order.append("onClose")

    factory = backend.make_server(Server)
    links = [backend.connect(factory) for _ in range(3)]
    for link in links:
        link.receive(request())
    factory._txaio.add_callbacks(factory.shutdown(deadline=5), lambda result: order.append("result"), None)
    backend.advance(0)
    if answers:
        for link in links:
            link.receive(close(1001))
            link.end()
    else:
        backend.advance(5)
    backend.settle()
    assert order == ["onClose"] * 3 + ["result"]


def test_shutdown_aborts_what_is_left_at_its_deadline(backend: Backend) -> None:
    """Peers that do not answer do not keep me from ending."""
    factory = backend.make_server(note_taker(backend))
    factory.setProtocolOptions(closeHandshakeTimeout=60)
    links = [backend.connect(factory) for _ in range(3)]
    for link in links:
        link.receive(request())
    result = factory.shutdown(deadline=2)
    backend.advance(1)
    links[0].receive(close(1001))
    links[0].end()
    backend.advance(0.9)
    assert not links[1].aborted
    backend.advance(0.2)
    assert links[1].aborted
    assert links[2].aborted
    assert backend.outcome(result) == ("result", ShutdownResult(1, 2))


def test_shutdown_spreads_the_goodbyes(backend: Backend) -> None:
    """So that the clients do not all come back at once."""
    factory = backend.make_server(note_taker(backend))
    links = [backend.connect(factory) for _ in range(10)]
    for link in links:
        link.receive(request())
        link.take()
    factory.shutdown(1012, deadline=60, spread=10)
    told = []
    for _ in range(10):
        backend.advance(1.0)
        told.append(sum(1 for link in links if link.protocol.localCloseCode == 1012))
    assert told[-1] == 10
    assert told[4] in (5, 6)


def test_shutdown_without_connections_is_over_at_once(backend: Backend) -> None:
    """And asking twice tells the same twice."""
    factory = backend.make_server()
    with pytest.raises(ValueError, match="close code"):
        factory.shutdown(code=1006)
    result = factory.shutdown()
    backend.settle()
    assert backend.outcome(result) == ("result", ShutdownResult(0, 0))
    assert backend.outcome(factory.shutdown()) == ("result", ShutdownResult(0, 0))


def test_broadcast_by_walking_over_the_connections(backend: Backend) -> None:
    """Closing some of them while I walk is fine."""
    factory = backend.make_server(note_taker(backend))
    links = [backend.connect(factory) for _ in range(5)]
    for link in links:
        link.receive(request())
        link.take()
    for protocol in factory.connections:
        if protocol.state == protocol.STATE_OPEN:
            protocol.sendMessage("to all")
        links[4].cut()
    assert [frames(link.take()) for link in links[:4]] == [[(1, b"to all")]] * 4
    assert factory.connections == [link.protocol for link in links[:4]]


def test_one_backend_does_not_choose_for_the_process(backend: Backend) -> None:
    """Both are imported here, and both work. Another package in this process may have chosen."""
    import txaio

    chosen = getattr(txaio, "_explicit_framework", None)
    assert opened(backend, None).protocol.state == backend.server_protocol.STATE_OPEN
    assert getattr(txaio, "_explicit_framework", None) == chosen


def test_options_are_attributes_of_the_factory_too(backend: Backend) -> None:
    """Setting one is as setProtocolOptions; nothing is ignored."""
    factory = backend.make_server()
    factory.autoPingInterval = 7
    assert factory.autoPingInterval == 7
    assert backend.connect(factory).protocol.autoPingInterval == 7
    with pytest.raises(ValueError, match="maxConnections"):
        factory.maxConnections = -1


def test_headers_of_a_factory_can_be_changed_later(backend: Backend) -> None:
    """A dict of mine."""
    factory = backend.make_server()
    factory.headers["X-Later"] = "1"
    link = backend.connect(factory)
    link.receive(request())
    assert b"\r\nX-Later: 1\r\n" in link.take()
    assert factory.countConnections == factory.getConnectionCount() == 1


def test_a_protocol_may_bring_its_own_results(backend: Backend) -> None:
    """As Autobahn's examples set is_closed in their constructor."""
    mine = [backend.later(), backend.later()]

    class Brings(backend.server_protocol):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.is_open, self.is_closed = mine

    link = opened(backend, Brings)
    backend.settle()
    assert backend.outcome(mine[0]) == ("result", link.protocol)
    link.cut()
    backend.settle()
    assert backend.outcome(mine[1]) == ("result", link.protocol)
    assert link.protocol.is_closed is mine[1]


def test_the_log_of_a_protocol_takes_fields(backend: Backend, debug_lines: list[str]) -> None:
    """The same line on both backends."""
    link = opened(backend, None)
    link.protocol.log.info("{who} said 100 %", who="Ada", text="Ada said 100 %")
    assert debug_lines == ["Ada said 100 %"]
