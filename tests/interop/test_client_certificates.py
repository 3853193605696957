"""Clients that show a certificate: without one that the server trusts nobody gets in, and onConnect knows who came."""

from __future__ import annotations

import asyncio
import socket
import ssl
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.x509.oid import NameOID

from tests.backends.programs import REQUEST
from tests.interop.homes import AsyncioHome, Home, TwistedHome
from tests.interop.sides import bounded

pytestmark = pytest.mark.interop


def demanding_context(home: Home, authority: trustme.CA, folder: Path) -> Any:
    """As the documentation says to make one."""
    certificate = authority.issue_cert("127.0.0.1")
    (folder / "server.pem").write_bytes(certificate.private_key_and_cert_chain_pem.bytes())
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    if isinstance(home, AsyncioHome):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "authority.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(folder / "server.pem")
        return context
    from twisted.internet.ssl import Certificate, PrivateCertificate

    own = PrivateCertificate.loadPEM((folder / "server.pem").read_bytes())  # type: ignore[no-untyped-call]
    trusted = Certificate.loadPEM((folder / "authority.pem").read_bytes())
    options = own.options(trusted)
    # Twisted hands over what pyOpenSSL would rather have from elsewhere; made once, it stays.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        options.getContext()
    return options


async def listen(home: Home, context: Any, factory: Any) -> tuple[int, Callable[[], Any]]:
    """As the system's own calls for TLS do."""
    if isinstance(home, AsyncioHome):
        server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=context)
        return server.sockets[0].getsockname()[1], server.close
    from twisted.protocols.tls import TLSMemoryBIOFactory

    # `listenSSL` takes the clock of the process-wide reactor, which is another one.
    reactor = home.factory_arguments()["reactor"]
    port = reactor.listenTCP(0, TLSMemoryBIOFactory(context, False, factory, clock=reactor), interface="127.0.0.1")
    return port.getHost().port, port.stopListening


def common_name(home: Home, transport: Any) -> str:
    """As the documentation says to find it out."""
    if isinstance(home, TwistedHome):
        subject = transport.getPeerCertificate().to_cryptography().subject
        return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    names = dict(pair for (pair,) in transport.get_extra_info("peercert")["subject"])
    return str(names["commonName"])


async def knock(port: int, folder: Path, certificate: trustme.LeafCert | None) -> bytes:
    """The beginning of what a client with that certificate is answered; nothing if TLS does not get there."""
    context = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    if certificate is not None:
        certificate.configure_cert(context)

    def ask() -> bytes:
        # With TLS 1.3 a client learns only with the first octets whether it was trusted.
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=10) as below,
            context.wrap_socket(below, server_hostname="127.0.0.1") as client,
        ):
            client.sendall(REQUEST + b"\r\n")
            return client.recv(12)
        return b""

    return await asyncio.to_thread(ask)


@bounded
async def test_a_client_is_known_by_its_certificate(home: Home, tmp_path: Path) -> None:
    """Machines that talk to each other: no passwords, and nobody else reaches onConnect."""
    authority = trustme.CA()
    who: list[str] = []

    class Server(home.module.WebSocketServerProtocol):  # type: ignore[name-defined, misc]
        def onConnect(self, request: Any) -> None:
            who.append(common_name(home, self.transport))

    factory = home.module.WebSocketServerFactory(**home.factory_arguments())
    factory.protocol = Server
    port, stop = await home.run(listen(home, demanding_context(home, authority, tmp_path), factory))
    try:
        stranger = trustme.CA().issue_cert("somebody", common_name="somebody")
        assert await knock(port, tmp_path, None) == b""
        assert await knock(port, tmp_path, stranger) == b""
        assert who == []
        known = authority.issue_cert("meter-17", common_name="meter-17")
        assert await knock(port, tmp_path, known) == b"HTTP/1.1 101"
        assert who == ["meter-17"]
    finally:
        await home.call(stop)
