"""What connecting by URL checks before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from wsframework.asyncio.websocket import WebSocketClientFactory
from wsframework.websocket.connecting import (
    Place,
    check_client_options,
    check_transport_config,
    place_of,
    split_client_options,
)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("ws://example.com/a?b", Place(False, "example.com", 80, None, "example.com")),
        ("wss://Example.com:8443", Place(True, "example.com", 8443, None, "example.com")),
        ("wss://example.com.", Place(True, "example.com.", 443, None, "example.com")),
        ("wss://[2001:db8::1]:9000", Place(True, "2001:db8::1", 9000, None, "2001:db8::1")),
        ("wss://127.0.0.1", Place(True, "127.0.0.1", 443, None, "127.0.0.1")),
        ("ws://unix:/tmp/socket", Place(False, "localhost", 0, "/tmp/socket", "localhost")),
        ("wss://unix:%2Ftmp%2Fsocket:/a", Place(True, "localhost", 0, "/tmp/socket", "localhost")),
    ],
)
def test_a_url_names_a_place(url: str, place: Place) -> None:
    """Host and port, or a socket's path, and the name that a certificate must have."""
    assert place_of(WebSocketClientFactory(url)) == place


def test_the_zone_of_an_address_is_in_no_certificate() -> None:
    """I connect to a link-local address through one of my interfaces."""
    place = place_of(WebSocketClientFactory("wss://[fe80::1%25eth0]"))
    assert place.host.startswith("fe80::1%")
    assert place.tls_name == "fe80::1"


def test_a_factory_without_a_url_has_no_place() -> None:
    """Connecting to localhost because I forgot the URL would hide the mistake."""
    with pytest.raises(ValueError, match="needs a url"):
        place_of(WebSocketClientFactory())


@pytest.mark.parametrize(
    ("config", "error"), [("http://x", ValueError), ("ws://", ValueError), ("", ValueError), ({}, TypeError)]
)
def test_a_transport_config_is_a_url(config: Any, error: type[Exception]) -> None:
    """A good one is fine, and everything else says what is wrong."""
    check_transport_config("wss://example.com/chat")
    with pytest.raises(error, match=r"invalid|must be a str"):
        check_transport_config(config)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"origins": "x"}, TypeError, "unknown option origins; did you mean origin?"),
        ({"autoPingIntervall": 1}, TypeError, "did you mean autoPingInterval?"),
        ({"webStatus": True}, TypeError, "unknown option webStatus; it is an option of servers$"),
        ({"xyzzy": 1}, TypeError, "unknown option xyzzy$"),
        ({1: 1}, TypeError, "unknown option 1$"),
        ({"proxi": "http://proxy"}, TypeError, "did you mean proxy?"),
        (["origin"], TypeError, "options must be a dict, not list"),
        (None, TypeError, "options must be a dict, not NoneType"),
    ],
)
def test_a_bad_option_is_named(options: Any, error: type[Exception], words: str) -> None:
    """With the closest one there is."""
    with pytest.raises(error, match=words):
        check_client_options(options)


def test_options_go_where_they_belong() -> None:
    """The factory's own and those of the protocol, in one dict."""
    options: Mapping[str, Any] = {
        "origin": "https://example.com",
        "protocols": ["chat"],
        "useragent": None,
        "headers": {"X": "1"},
        "proxy": "http://proxy:3128",
        "autoPingInterval": 5,
    }
    check_client_options(options)
    session, protocol = split_client_options(options)
    assert session == {name: options[name] for name in ("origin", "protocols", "useragent", "headers", "proxy")}
    assert protocol == {"autoPingInterval": 5}
    assert split_client_options(None) == ({}, {})
