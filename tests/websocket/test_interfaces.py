"""`websocket.interfaces`: the classes of both backends provide what the interfaces say, signatures included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from zope.interface import Interface
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyClass, verifyObject

from wsframework.asyncio.testing import AsyncioMemoryBackend
from wsframework.testing.memory import MemoryBackend
from wsframework.twisted.testing import TwistedMemoryBackend
from wsframework.websocket import interfaces
from wsframework.websocket.interfaces import (
    IWebSocketChannel,
    IWebSocketChannelFactory,
    IWebSocketClientChannelFactory,
    IWebSocketServerChannelFactory,
)


@pytest.fixture(params=[AsyncioMemoryBackend, TwistedMemoryBackend], ids=["asyncio", "twisted"])
def backend(request: pytest.FixtureRequest) -> Iterator[MemoryBackend]:
    """One backend in memory."""
    backend: MemoryBackend = request.param()
    yield backend
    backend.close()


def test_classes_have_the_methods_of_their_interfaces(backend: MemoryBackend) -> None:
    """Names, number and order of the arguments."""
    for cls, interface in (
        (backend.server_protocol, IWebSocketChannel),
        (backend.client_protocol, IWebSocketChannel),
        (backend.server_factory, IWebSocketServerChannelFactory),
        (backend.client_factory, IWebSocketClientChannelFactory),
    ):
        assert verifyClass(interface, cls)


@pytest.mark.parametrize("url", [None, "ws://localhost:9000/chat"])
def test_factories_have_the_attributes_too(backend: MemoryBackend, url: str | None) -> None:
    """With a URL and without one."""
    for factory, interface in (
        (backend.make_server(url=url), IWebSocketServerChannelFactory),
        (backend.make_client(url=url), IWebSocketClientChannelFactory),
    ):
        assert verifyObject(interface, factory)
        assert verifyObject(IWebSocketChannelFactory, factory)


def test_connected_protocols_have_the_attributes_too(backend: MemoryBackend) -> None:
    """From the moment the transport is there."""
    for factory in (backend.make_server(), backend.make_client()):
        link = backend.connect(factory)
        assert verifyObject(IWebSocketChannel, link.protocol)


def test_a_class_that_lacks_something_is_found() -> None:
    """The check does check."""

    class Nothing:
        pass

    with pytest.raises(Invalid):
        verifyClass(IWebSocketChannel, Nothing, tentative=True)


def test_every_exported_interface_is_documented() -> None:
    """Each of them, and each method and attribute, says what it is."""
    for name in interfaces.__all__:
        interface: Any = getattr(interfaces, name)
        assert issubclass(type(interface), type(Interface))
        assert interface.__doc__
        for member, description in interface.namesAndDescriptions(all=True):
            assert description.__doc__, f"{name}.{member}"
