"""What our two programs have in common: protocols that echo, the options they run with, and their command line.

For every package that has Autobahn's module names: only the import differs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tests.conformance.matrix import APIS, BACKENDS

if TYPE_CHECKING:
    from wsframework.websocket.protocol import WebSocketProtocol as _Protocol
else:
    _Protocol = object

__all__ = ["Program", "arguments"]


class _MessageEcho(_Protocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


class _StreamingEcho(_Protocol):
    """Echoes while the message comes, and keeps nothing of it.

    Binary frames go back with the lengths they came with. Text goes back in a frame for each piece: it may turn out to
    be no UTF-8 inside of a frame, and the Close that says so could not be sent from inside of ours. So does what is
    compressed: the length of a frame is no length of what is in it.
    """

    _by_frames = False

    def onMessageBegin(self, isBinary: bool) -> None:
        self._by_frames = isBinary and not self.websocket_extensions_in_use
        self.beginMessage(isBinary)

    def onMessageFrameBegin(self, length: int) -> None:
        if self._by_frames:
            self.beginMessageFrame(length)

    def onMessageFrameData(self, payload: bytes) -> None:
        if self._by_frames:
            self.sendMessageFrameData(payload)
        else:
            self.sendMessageFrame(payload)

    def onMessageFrameEnd(self) -> None:
        pass

    def onMessageEnd(self) -> None:
        self.endMessage()


_ECHOES: dict[str, type] = {"message": _MessageEcho, "streaming": _StreamingEcho}


@dataclass(frozen=True, slots=True)
class Program:
    """How one of our programs was asked to run."""

    package: str
    backend: str
    api: str

    def import_websocket(self) -> ModuleType:
        """The module with the protocols and factories of the backend."""
        backend = "twisted" if self.backend == "twisted" else "asyncio"
        return import_module(f"{self.package}.{backend}.websocket")

    def echo_on(self, base: type) -> type:
        """A protocol class on `base` that echoes."""
        return type("EchoProtocol", (_ECHOES[self.api], base), {})

    def set_options(self, factory: Any) -> None:
        """The suite wants closing handshakes with the right code, and messages of any size in any number of frames."""
        factory.setProtocolOptions(failByDrop=False, maxMessagePayloadSize=0)
        if self.package == "wsframework":
            factory.setProtocolOptions(maxMessageFragments=0)
        # Either way to ask for compression is used by some combination: ours, and with Autobahn's classes.
        if self.package == "wsframework" and self.api == "message":
            accept: Any = True
            offers: Any = True
        else:
            compress = import_module(f"{self.package}.websocket.compress")
            accept, offers = partial(_accept, compress), [compress.PerMessageDeflateOffer()]
        factory.setProtocolOptions(perMessageCompressionAccept=accept)
        if not factory.isServer:
            factory.setProtocolOptions(perMessageCompressionOffers=offers)

    def run(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """`main` on the asyncio loop that was asked for."""
        loop_factory: Any = None
        if self.backend == "uvloop":
            import uvloop

            loop_factory = uvloop.new_event_loop
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(main())


def _accept(compress: ModuleType, offers_or_response: Any) -> Any:
    """The first offer, or the response."""
    if isinstance(offers_or_response, compress.PerMessageDeflateResponse):
        return compress.PerMessageDeflateResponseAccept(offers_or_response)
    for offer in offers_or_response:
        if isinstance(offer, compress.PerMessageDeflateOffer):
            return compress.PerMessageDeflateOfferAccept(offer)
    return None


def arguments(description: str | None, *options: str) -> tuple[Program, argparse.Namespace]:
    """What the command line says; `options` are the program's own, all of them needed.

    From here on the program ends when its stdin does, so that it is not left behind by whoever started it.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", default="wsframework")
    parser.add_argument("--backend", choices=BACKENDS, required=True)
    parser.add_argument("--api", choices=APIS, default=APIS[0])
    for option in options:
        parser.add_argument(option, required=True)
    args = parser.parse_args()
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    return Program(args.package, args.backend, args.api), args


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(1)
