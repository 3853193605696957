"""This project on Twisted."""

from __future__ import annotations

from benchmarks.servers.callbacks import behaviour, our_options
from benchmarks.servers.common import Settings, run_twisted
from wsframework.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol


def make_factory(settings: Settings) -> WebSocketServerFactory:
    factory = WebSocketServerFactory()
    factory.setProtocolOptions(**our_options(settings))
    behaviour(factory, WebSocketServerProtocol, settings)
    return factory


if __name__ == "__main__":
    run_twisted(make_factory)
