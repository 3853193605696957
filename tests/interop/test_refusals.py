"""Connections that never open: refused handshakes, and certificates that nobody vouches for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.interop.homes import Home
from tests.interop.ours import OurSide
from tests.interop.sides import Address, Certificates, Refused, Setup, Side, bounded
from wsframework.exceptions import HandshakeRejected

pytestmark = pytest.mark.interop

REFUSAL = Refused(403, {"X-Reason": "not on the list"}, b"no entry")


@bounded
async def test_a_client_that_we_refuse_sees_status_headers_and_body(home: Home, peer: Callable[[], Side]) -> None:
    """onConnect raises ConnectionDeny with headers and a body; the client gets them, as far as its library tells."""
    async with peer() as client, OurSide(home) as server:
        listener = await server.listen(Address(), Setup(refusal=REFUSAL))
        with pytest.raises(Refused) as caught:
            await client.connect(listener.address, Setup())
    refused = caught.value
    assert refused.status == 403
    if refused.headers is not None:
        assert {name.lower(): value for name, value in refused.headers.items()}["x-reason"] == "not on the list"
    assert refused.body in (None, b"no entry")


@pytest.mark.parametrize("peer", ["websockets", "aiohttp", "node"], indirect=True)
@bounded
async def test_a_server_that_refuses_us_says_why(home: Home, peer: Callable[[], Side]) -> None:
    """Waiting for is_open gives HandshakeRejected with status, headers and body."""
    async with peer() as server, OurSide(home) as client:
        listener = await server.listen(Address(), Setup(refusal=REFUSAL))
        with pytest.raises(Refused) as caught:
            await client.connect(listener.address, Setup())
    assert isinstance(caught.value.__cause__, HandshakeRejected)
    assert caught.value.status == 403
    assert caught.value.headers is not None
    assert caught.value.headers["x-reason"] == "not on the list"
    assert caught.value.body == b"no entry"


@pytest.mark.parametrize("peer", ["autobahn"], indirect=True)
@bounded
async def test_a_server_that_only_knows_a_status_refuses_us_too(home: Home, peer: Callable[[], Side]) -> None:
    """Autobahn's servers cannot give headers and a body of their own."""
    async with peer() as server, OurSide(home) as client:
        listener = await server.listen(Address(), Setup(refusal=REFUSAL))
        with pytest.raises(Refused) as caught:
            await client.connect(listener.address, Setup())
    assert caught.value.status == 403


@pytest.mark.parametrize("peer", ["websockets"], indirect=True)
@bounded
async def test_our_client_refuses_a_certificate_of_an_unknown_authority(
    home: Home, peer: Callable[[], Side], certificates: Certificates, other_certificates: Certificates
) -> None:
    """Somebody in between shows a certificate that no authority of mine has signed: nothing opens."""
    async with peer() as server, OurSide(home) as client:
        listener = await server.listen(Address(tls=certificates), Setup())
        trusting_others = Address(port=listener.address.port, tls=other_certificates)
        with pytest.raises(Exception, match=r"(?i)certificate.?verify.?failed"):
            await client.connect(trusting_others, Setup())
