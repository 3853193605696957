"""What a factory's `protocol` may be, and what becomes of a connection whose protocol cannot be made."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import pytest

from tests.backends.programs import Backend, opened

ROLES = ["Server", "Client"]


def module_of(backend: Backend) -> Any:
    return import_module(f"wsframework.{backend.name}.websocket")


def factory_of(backend: Backend, role: str) -> Any:
    return backend.make_server() if role == "Server" else backend.make_client(url="ws://localhost/")


def wrong_protocols(backend: Backend, role: str) -> list[tuple[object, str]]:
    """What is not a protocol of this backend and role, and how it is called."""
    other = "twisted" if backend.name == "asyncio" else "asyncio"
    other_role = "Client" if role == "Server" else "Server"
    theirs = getattr(import_module(f"wsframework.{other}.websocket"), f"WebSocket{role}Protocol")
    own = getattr(module_of(backend), f"WebSocket{role}Protocol")
    wrong_role = getattr(module_of(backend), f"WebSocket{other_role}Protocol")

    class Chat(own):  # type: ignore[misc, valid-type]
        """Mine."""

    class Theirs(theirs):  # type: ignore[misc, valid-type]
        """Imported from the wrong module."""

    return [
        (None, "None"),
        ("Chat", "str"),
        (Chat(), f"an instance of Chat, a WebSocket{role}Protocol of wsframework.{backend.name}.websocket"),
        (theirs, f"the class WebSocket{role}Protocol, a WebSocket{role}Protocol of wsframework.{other}.websocket"),
        (Theirs, f"the class Theirs, a WebSocket{role}Protocol of wsframework.{other}.websocket"),
        (wrong_role, f"the class WebSocket{other_role}Protocol, a WebSocket{other_role}Protocol of "),
        (dict, "the class dict"),
    ]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("number", range(7))
def test_a_wrong_protocol_is_told_where_it_is_set(backend: Backend, role: str, number: int) -> None:
    """Not when the first client comes."""
    value, described = wrong_protocols(backend, role)[number]
    factory = factory_of(backend, role)
    before = factory.protocol
    with pytest.raises(TypeError) as caught:
        factory.protocol = value
    said = str(caught.value)
    assert said.startswith(
        f"factory.protocol must be a subclass of WebSocket{role}Protocol of wsframework.{backend.name}.websocket, "
        "or a function that makes one, not "
    )
    assert said.partition(" one, not ")[2].startswith(described)
    assert factory.protocol is before


@pytest.mark.parametrize("role", ROLES)
def test_a_wrong_class_is_told_where_a_factory_class_names_it(backend: Backend, role: str) -> None:
    """As an attribute of my factory class; what is not a class may be a method, or stand for what comes later."""
    base = type(factory_of(backend, role))
    for value, _ in wrong_protocols(backend, role):
        if isinstance(value, type):
            with pytest.raises(TypeError, match=r"factory\.protocol must be a subclass of"):
                type("Mine", (base,), {"protocol": value})
    type("Later", (base,), {"protocol": None})


def test_a_factory_class_may_make_protocols_in_a_method(backend: Backend) -> None:
    """`def protocol(self)`, and a property that is a class."""

    class Chat(backend.server_protocol):  # type: ignore[misc, name-defined]
        """Mine."""

    class ByMethod(backend.server_factory):  # type: ignore[misc, name-defined]
        def protocol(self) -> Chat:
            return Chat()

    class ByProperty(backend.server_factory):  # type: ignore[misc, name-defined]
        @property
        def protocol(self) -> type[Chat]:
            return Chat

    for kind in (ByMethod, ByProperty):
        name = "loop" if backend.name == "asyncio" else "reactor"
        factory = kind(**{name: getattr(backend.make_server(), name)})
        assert type(backend.connect(factory).protocol) is Chat


def test_a_protocol_can_be_given_what_it_needs(backend: Backend) -> None:
    """My protocols want the database."""

    class Chat(backend.server_protocol):  # type: ignore[misc, name-defined]
        def __init__(self, database: str) -> None:
            super().__init__()
            self.database = database

    assert opened(backend, lambda: Chat("the database")).protocol.database == "the database"


def failing(backend: Backend) -> dict[str, Any]:
    """What cannot make a protocol of a server, and the error."""

    class NeedsMore(backend.server_protocol):  # type: ignore[misc, name-defined]
        def __init__(self, database: str) -> None:
            """Nobody gives it one."""

    class Wrong(backend.server_protocol):  # type: ignore[misc, name-defined]
        maxMessagePayloadSize = -1

    return {
        "maxMessagePayloadSize must be 0 or more octets, not -1": Wrong,
        "missing 1 required positional argument: 'database'": NeedsMore,
        "division by zero": lambda: 1 / 0,
        "must make a new WebSocketServerProtocol of wsframework.*, not None": lambda: None,
        "not the class NeedsMore, a WebSocketServerProtocol": lambda: NeedsMore,
        "not an instance of WebSocketClientProtocol": backend.client_protocol,
    }


@pytest.mark.parametrize("number", range(6))
def test_a_connection_without_a_protocol_is_closed_at_once(
    backend: Backend, errors: list[BaseException], number: int
) -> None:
    """Or the client would wait until it is tired of it. The log says why, once."""
    words, protocol = list(failing(backend).items())[number]
    factory = backend.make_server()
    factory.protocol = protocol if number < 5 else lambda: protocol()
    if backend.name == "twisted":
        # This is how Twisted's ports are told to close it.
        assert factory.buildProtocol(None) is None
    else:
        link = backend.connect(factory)
        assert link.aborted
        link.end()
    (error,) = errors
    assert isinstance(error, (TypeError, ValueError, ZeroDivisionError))

    assert re.search(words, str(error))
    assert factory.getConnectionCount() == 0


def test_a_client_without_a_protocol_is_an_error_of_the_caller(backend: Backend, errors: list[BaseException]) -> None:
    """Who connects gets the exception, and nothing is logged twice."""
    factory = backend.make_client(url="ws://localhost/")
    factory.protocol = lambda: None
    with pytest.raises(TypeError, match=r"factory\.protocol must make a new WebSocketClientProtocol"):
        backend.connect(factory)
    assert errors == []


@pytest.mark.parametrize("role", ROLES)
def test_a_wrapped_protocol_that_cannot_be_made_is_told_as_well(
    backend: Backend, errors: list[BaseException], role: str
) -> None:
    """The wrapped factory raises."""

    class Broken:
        def buildProtocol(self, addr: object) -> Any:
            return 1 / 0

        __call__ = buildProtocol

    broken: Any = Broken() if backend.name == "twisted" else lambda: 1 / 0
    factory = getattr(module_of(backend), f"WrappingWebSocket{role}Factory")(broken, "ws://localhost")
    if role == "Client":
        with pytest.raises(ZeroDivisionError):
            backend.connect(factory)
        assert errors == []
        return
    if backend.name == "twisted":
        assert factory.buildProtocol(None) is None
    else:
        assert backend.connect(factory).aborted
    assert [type(error) for error in errors] == [ZeroDivisionError]
