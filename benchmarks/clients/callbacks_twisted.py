"""This project or Autobahn on Twisted, as a client."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from benchmarks.clients.callbacks import make_client_factory
from benchmarks.clients.common import HOST, Settings, Tally, run_twisted


def connect(reactor: Any, settings: Settings, tally: Tally) -> object:
    module = import_module(f"{settings.package}.twisted.websocket")
    return reactor.connectTCP(HOST, settings.port, make_client_factory(module, settings, tally))


if __name__ == "__main__":
    run_twisted(connect)
