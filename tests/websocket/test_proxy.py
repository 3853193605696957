"""What a client is told about a proxy."""

from __future__ import annotations

from typing import Any

import pytest

from wsframework.asyncio.websocket import WebSocketClientFactory
from wsframework.websocket.proxy import Proxy, checked_proxy, parse_proxy

BASIC = (("Proxy-Authorization", "Basic dXNlcjpzZWNyZXQ="),)  # user:secret


@pytest.mark.parametrize(
    ("given", "proxy"),
    [
        ("http://proxy.example:3128", Proxy("proxy.example", 3128)),
        ("http://Proxy.Example", Proxy("proxy.example", 80)),
        ("HTTP://192.0.2.1:8080/", Proxy("192.0.2.1", 8080)),
        ("http://[2001:DB8::1]:3128", Proxy("2001:db8::1", 3128)),
        ("http://b\u00fccher.example:1", Proxy("xn--bcher-kva.example", 1)),
        ("https://proxy.example", Proxy("proxy.example", 443, True)),
        ("http://user:secret@proxy.example:3128", Proxy("proxy.example", 3128, False, BASIC)),
        ("http://us%65r:%73ecret@proxy.example:3128", Proxy("proxy.example", 3128, False, BASIC)),
        ({"host": "proxy.example", "port": 3128}, Proxy("proxy.example", 3128)),
        ({"host": "2001:db8::1", "port": 3128}, Proxy("2001:db8::1", 3128)),
        ({"host": "[2001:db8::1]", "port": 3128}, Proxy("2001:db8::1", 3128)),
        ({"host": "x", "port": 1, "username": "user", "password": "secret"}, Proxy("x", 1, False, BASIC)),
        (
            {"host": "x", "port": 1, "headers": {"X-Team": ["a", "b"]}},
            Proxy("x", 1, False, (("X-Team", "a"), ("X-Team", "b"))),
        ),
        ({"host": "x", "port": 1, "headers": BASIC}, Proxy("x", 1, False, BASIC)),
        ({"host": "x", "port": 1, "scheme": "https", "tls": "context"}, Proxy("x", 1, True, (), "context")),
        ({"host": "x", "port": 1, "scheme": "http", "headers": None, "username": None}, Proxy("x", 1)),
    ],
)
def test_a_proxy_is_a_url_or_a_mapping(given: Any, proxy: Proxy) -> None:
    """Autobahn's form is the second one."""
    assert parse_proxy(given) == proxy


@pytest.mark.parametrize(
    ("username", "password", "value"),
    [
        ("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("test", "123\u00a3", "Basic dGVzdDoxMjPCow=="),
        ("user", None, "Basic dXNlcjo="),
        ("", "a:b", "Basic OmE6Yg=="),
    ],
)
def test_credentials_are_basic(username: str, password: str | None, value: str) -> None:
    """The examples of RFC 7617, and odd ones."""
    proxy = parse_proxy({"host": "x", "port": 1, "username": username, "password": password})
    assert proxy.headers == (("Proxy-Authorization", value),)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (7, TypeError, "must be a URL or a mapping with host and port, not int"),
        (b"http://x", TypeError, "not bytes"),
        (("x", 1), TypeError, "not tuple"),
        ("", ValueError, "begins with http://"),
        ("proxy.example:3128", ValueError, "begins with http://"),
        ("socks5://proxy.example:1080", ValueError, "must be http or https"),
        ("ws://proxy.example", ValueError, "must be http or https"),
        ("http://", ValueError, "host name"),
        ("http://x:0", ValueError, "port"),
        ("http://x:70000", ValueError, "port"),
        ("http://2001:db8::1", ValueError, "brackets"),
        ("http://x/path", ValueError, "ends with its host and port"),
        ("http://x?query", ValueError, "ends with its host and port"),
        ("http://x#part", ValueError, "ends with its host and port"),
        ("http://user:se/cret@x", ValueError, "port|host"),
        ("http://x\r\nX-Evil:1", ValueError, "host"),
        ("http://us%3Aer:secret@x", ValueError, "no colon"),
        ("http://user:sec%0Dret@x", ValueError, "control character"),
        ("http://user:%FF@x", ValueError, "decode"),
        ({}, TypeError, "host must be a str, not NoneType"),
        ({"host": "x"}, TypeError, "port must be an int, not NoneType"),
        ({"host": "x", "port": "3128"}, TypeError, "port must be an int, not str"),
        ({"host": "x", "port": True}, TypeError, "port must be an int, not bool"),
        ({"host": "x", "port": 0}, ValueError, "port must be from 1"),
        ({"host": "x:3128", "port": 3128}, ValueError, "IPv6"),
        ({"host": "[::1]:3128", "port": 3128}, ValueError, "a key of its own"),
        ({"host": "x y", "port": 1}, ValueError, "host name"),
        ({"host": "x", "prt": 1}, TypeError, "unknown key prt; did you mean port"),
        ({"host": "x", "port": 1, "zzz": 1}, TypeError, "unknown key zzz$"),
        ({"host": "x", "port": 1, "scheme": "socks5"}, ValueError, "must be http or https"),
        ({"host": "x", "port": 1, "tls": object()}, ValueError, "tls is for the scheme https"),
        ({"host": "x", "port": 1, "password": "secret"}, TypeError, "username must be a str"),
        ({"host": "x", "port": 1, "username": 7}, TypeError, "username must be a str"),
        ({"host": "x", "port": 1, "username": "u", "password": b"secret"}, TypeError, "password must be a str"),
        ({"host": "x", "port": 1, "username": "u\n"}, ValueError, "control character"),
        ({"host": "x", "port": 1, "headers": {"X": "1\r\nX-Evil: 1"}}, ValueError, "'X'"),
        ({"host": "x", "port": 1, "headers": {"Host": "y"}}, ValueError, "'Host'"),
        ({"host": "x", "port": 1, "headers": {"Content-Length": "5"}}, ValueError, "'Content-Length'"),
        ({"host": "x", "port": 1, "headers": 7}, TypeError, "headers"),
        ({"host": "x", "port": 1, "headers": BASIC, "username": "u"}, ValueError, "both a username and a header"),
    ],
)
def test_what_is_no_proxy_is_refused(given: Any, error: type[Exception], words: str) -> None:
    """The error names the parameter, and shows no password."""
    with pytest.raises(error, match=words) as caught:
        parse_proxy(given)
    assert str(caught.value).startswith("proxy")
    assert "secret" not in str(caught.value)


def test_a_proxy_that_is_shown_keeps_its_secrets() -> None:
    """In a log or a traceback."""
    assert "Basic" not in repr(parse_proxy("http://user:secret@x"))
    assert parse_proxy({"host": "proxy.example.", "port": 1}).tls_name == "proxy.example"


@pytest.mark.parametrize(
    ("url", "words"), [(None, "a url must be there"), ("ws://unix:/tmp/socket", "names a unix socket")]
)
def test_a_proxy_is_for_a_server_with_a_host(url: str | None, words: str) -> None:
    """Going there without the proxy is not what I asked for."""
    assert checked_proxy(None, url) is None
    with pytest.raises(ValueError, match=words):
        WebSocketClientFactory(url, proxy="http://x")


def test_the_proxy_of_a_factory_can_be_changed() -> None:
    """For the connections to come, as everything else; and it is checked then."""
    given = {"host": "proxy.example", "port": 3128}
    factory = WebSocketClientFactory("ws://example.com", proxy=given)
    assert factory.proxy is given
    factory.proxy = "http://other.example"
    assert factory._proxy == Proxy("other.example", 80)
    with pytest.raises(ValueError, match="proxy"):
        factory.proxy = "socks5://other.example"
    with pytest.raises(ValueError, match="proxy"):
        factory.setSessionParameters("wss://example.org", proxy="ftp://x")
    assert (factory.url, factory.proxy) == ("ws://example.com", "http://other.example")
    factory.setSessionParameters("wss://example.org")
    assert factory.proxy is None
    assert factory._proxy is None
