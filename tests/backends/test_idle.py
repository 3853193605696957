"""What an open connection keeps while nothing happens."""

from __future__ import annotations

import gc
import tracemalloc

from tests.backends.programs import Backend, opened, request

HEADERS = [f"X-Header-{number}: {'x' * 30}" for number in range(40)]


def test_idle_connections_keep_the_octets_of_their_request_and_little_else(backend: Backend) -> None:
    """I have a hundred thousand of them. Parsed, such a request takes 18 KiB more."""
    octets = request(*HEADERS)
    factory = backend.make_server()
    # What is made once for all of them is not theirs.
    links = [backend.connect(factory) for _ in range(60)]
    for link in links[:10]:
        link.receive(octets)
    gc.collect()
    tracemalloc.start()
    try:
        for link in links[10:]:
            link.receive(bytes(bytearray(octets)))
            link.sent = bytearray()
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert links[-1].protocol.http_headers["x-header-39"] == "x" * 30
    assert len(octets) < kept / 50 < len(octets) + 1024


def test_what_was_read_of_the_request_stays_the_same_object(backend: Backend) -> None:
    """I may look at it as often as I like."""
    protocol = opened(backend, None, *HEADERS).protocol
    assert protocol.http_headers is protocol.http_headers
    assert protocol.http_request_params is protocol.http_request_params
