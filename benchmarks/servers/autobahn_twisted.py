"""Autobahn on Twisted."""

# It is not annotated.
# mypy: disable-error-code="import-untyped", allow-untyped-calls

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol

from benchmarks.servers.autobahn_options import autobahn_note, autobahn_options
from benchmarks.servers.callbacks import behaviour
from benchmarks.servers.common import Settings, run_twisted


def make_factory(settings: Settings) -> Any:
    factory = WebSocketServerFactory()
    factory.setProtocolOptions(**autobahn_options(settings))
    behaviour(factory, WebSocketServerProtocol, settings)
    return factory


if __name__ == "__main__":
    run_twisted(make_factory, autobahn_note)
