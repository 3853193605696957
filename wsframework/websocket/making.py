"""How a factory makes its protocols, and what its `protocol` may be: checked when it is set, where the caller is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from wsframework.websocket.protocol import WebSocketProtocol

__all__ = ["ProtocolMaking"]


class ProtocolMaking:
    """The part of a factory that makes protocols."""

    protocol: Callable[[], Any]
    _kind: ClassVar[type[WebSocketProtocol]]
    """What its protocols are: the class of the factory's backend and role."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        # Anything else in a class may be a method, a property, or a default to be replaced.
        protocol = vars(cls).get("protocol")
        if isinstance(protocol, type):
            _check_protocol(protocol, cls._kind)

    if not TYPE_CHECKING:
        # A property would not be asked where a subclass has a `protocol` of its own.
        def __setattr__(self, name: str, value: Any) -> None:
            if name == "protocol":
                _check_protocol(value, self._kind)
            super().__setattr__(name, value)

    def _make_protocol(self) -> Any:
        return self.protocol()

    def _new_protocol(self) -> Any:
        """A new protocol, checked; `TypeError` for what is none, and whatever `protocol` or its own options raise."""
        protocol = self._make_protocol()
        if not isinstance(protocol, self._kind):
            kind = self._kind
            raise TypeError(
                f"factory.protocol must make a new {kind.__name__} of {kind.__module__}, not {_described(protocol)}"
            )
        protocol.factory = self
        # When the transport is connected, which needs them, it is too late to end it in order.
        self._options_for(protocol)
        return protocol

    @abstractmethod
    def _options_for(self, protocol: Any) -> Any:
        """The options of a protocol; `TypeError` or `ValueError` for unfit ones."""


def _check_protocol(value: object, kind: type[WebSocketProtocol]) -> None:
    if issubclass(value, kind) if isinstance(value, type) else callable(value):
        return
    raise TypeError(
        f"factory.protocol must be a subclass of {kind.__name__} of {kind.__module__}, or a function that makes one, "
        f"not {_described(value)}"
    )


def _described(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}{_origin(value)}"
    if isinstance(value, WebSocketProtocol):
        return f"an instance of {type(value).__name__}{_origin(type(value))}"
    return "None" if value is None else type(value).__name__


def _origin(cls: type) -> str:
    """Which of our classes it comes from: they have the same names in all backends."""
    for base in cls.__mro__:
        if issubclass(base, WebSocketProtocol) and base.__module__.startswith("wsframework."):
            return f", a {base.__name__} of {base.__module__}"
    return ""
