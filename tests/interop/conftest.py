"""Our backends, the other implementations, certificates; and nothing may be logged as an error."""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import trustme
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import implementer

from tests.interop.homes import AsyncioHome, Home, TwistedHome
from tests.interop.meetings import Meeting
from tests.interop.sides import Certificates, Side


@pytest.fixture(scope="session", params=["twisted", "asyncio", "uvloop"])
def home(request: pytest.FixtureRequest) -> Iterator[Home]:
    """Where our side runs."""
    made = _new_home(request.param)
    yield made
    made.stop()


def _new_home(name: str) -> Home:
    if name == "twisted":
        return TwistedHome(name)
    if name == "uvloop":
        return AsyncioHome(name, pytest.importorskip("uvloop").new_event_loop)
    return AsyncioHome(name, asyncio.new_event_loop)


@pytest.fixture(params=["websockets", "aiohttp", "node", "autobahn"])
def peer(request: pytest.FixtureRequest) -> Callable[[], Side]:
    """What makes the other side, in the test's loop."""
    return _peer_class(request.param)


def _peer_class(name: str) -> type[Side]:
    if name == "websockets":
        from tests.interop.peer_websockets import WebsocketsSide

        return WebsocketsSide
    if name == "aiohttp":
        from tests.interop.peer_aiohttp import AiohttpSide

        return AiohttpSide
    if name == "node":
        from tests.interop.peer_node import NodeSide, missing

        reason = missing()
        if reason is not None:
            pytest.skip(reason)
        return NodeSide
    if find_spec("autobahn") is None:
        pytest.skip("autobahn is not installed")
    from tests.interop.peer_autobahn import AutobahnSide

    return AutobahnSide


@pytest.fixture(params=["server", "client"])
def meeting(request: pytest.FixtureRequest, home: Home, peer: Callable[[], Side]) -> Meeting:
    """Our side in one of the two roles."""
    return Meeting(home, peer, request.param == "server")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority of our own, and a server's certificate from it."""
    return _certificates(trustme.CA(), tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def other_certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The same from an authority that nobody else trusts."""
    return _certificates(trustme.CA(), tmp_path_factory.mktemp("other-tls"))


def _certificates(authority: trustme.CA, folder: Path) -> Certificates:
    certificate = authority.issue_cert("localhost", "127.0.0.1", "::1")
    key_file, chain_file, authority_file = (folder / name for name in ("key.pem", "chain.pem", "authority.pem"))
    certificate.private_key_pem.write_to_path(str(key_file))
    chain_file.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    authority.cert_pem.write_to_path(str(authority_file))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(server)
    client = ssl.create_default_context(cafile=str(authority_file))
    return Certificates(server, client, key_file, chain_file, authority_file)


@pytest.fixture
def socket_path() -> Iterator[str]:
    """A path for a unix socket; pytest's own temporary folders have names too long for that."""
    folder = tempfile.mkdtemp(prefix="ws-")
    yield f"{folder}/socket"
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def _no_errors_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    failures: list[LogEvent] = []

    @implementer(ILogObserver)
    def watch(event: LogEvent) -> None:
        if event.get("log_level") in (LogLevel.error, LogLevel.critical):
            failures.append(event)

    globalLogPublisher.addObserver(watch)
    yield
    globalLogPublisher.removeObserver(watch)
    records = [record for when in ("setup", "call") for record in caplog.get_records(when)]
    errors = [record.getMessage() for record in records if record.levelno >= logging.ERROR]
    assert not errors
    assert not failures
