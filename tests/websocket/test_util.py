"""`websocket.util`: making and reading URLs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsframework.websocket.util import create_url, parse_url


@pytest.mark.parametrize(
    ("hostname", "port", "is_secure", "url"),
    [
        ("localhost", None, False, "ws://localhost:80/"),
        ("localhost", None, True, "wss://localhost:443/"),
        ("localhost", 9000, False, "ws://localhost:9000/"),
        ("localhost", 65535, False, "ws://localhost:65535/"),
        ("::1", 9000, False, "ws://[::1]:9000/"),
        ("[::1]", 9000, False, "ws://[::1]:9000/"),
        ("fe80::1%eth0", 9000, False, "ws://[fe80::1%25eth0]:9000/"),
        ("unix", "/tmp/socket", False, "ws://unix:/tmp/socket"),
        ("UNIX", "/tmp/socket", True, "wss://unix:/tmp/socket"),
        ("unix", "/tmp/a:b/c?d#e f", False, "ws://unix:/tmp/a%3Ab/c%3Fd%23e%20f"),
        ("unix", "socket", False, "ws://unix:socket:/"),
        ("unix", "./socket", False, "ws://unix:.%2Fsocket:/"),
        ("unix", "\x00name", False, "ws://unix:%00name:/"),
    ],
)
def test_url_is_made_of_host_and_port(hostname: str, port: int | str | None, is_secure: bool, url: str) -> None:
    """I have an address and want the URL that I can print."""
    assert create_url(hostname, port, is_secure) == url


@pytest.mark.parametrize(
    ("path", "params", "resource"),
    [
        (None, None, "/"),
        ("", {}, "/"),
        ("chat", None, "/chat"),
        ("/chat/room 1?", None, "/chat/room%201%3F"),
        ("/grüße", None, "/gr%C3%BC%C3%9Fe"),
        (None, {"a": "1", "b": "x&y"}, "/?a=1&b=x%26y"),
        ("/chat", {"a": ["1", "2"]}, "/chat?a=1&a=2"),
    ],
)
def test_path_and_params_are_encoded(
    path: str | None, params: Mapping[str, str | list[str]] | None, resource: str
) -> None:
    """I name the resource as I call it, not as it is escaped."""
    assert create_url("localhost", path=path, params=params) == f"ws://localhost:80{resource}"


def test_unix_url_with_a_resource_encodes_the_slashes_of_the_socket() -> None:
    """I ask for a resource behind a unix socket."""
    assert create_url("unix", "/tmp/socket", path="/chat", params={"a": "1"}) == "ws://unix:%2Ftmp%2Fsocket:/chat?a=1"


@pytest.mark.parametrize(
    ("hostname", "port", "said"),
    [
        (b"localhost", 80, "hostname"),
        (None, 80, "hostname"),
        ("localhost", "80", "port must be int, not str"),
        ("localhost", True, "port must be int, not bool"),
        ("unix", None, "port must be str"),
        ("unix", 80, "port must be str"),
    ],
)
def test_argument_of_another_type_is_a_type_error(hostname: str, port: int | str | None, said: str) -> None:
    """I mixed up the arguments."""
    with pytest.raises(TypeError, match=said):
        create_url(hostname, port)


def test_is_secure_is_a_bool() -> None:
    """I passed a path in third place."""
    with pytest.raises(TypeError, match="isSecure must be bool, not str"):
        create_url("localhost", 80, "/path")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hostname", "port"),
    [
        ("", 80),
        ("a b", 80),
        ("a/b", 80),
        ("a?b", 80),
        ("a#b", 80),
        ("user@a", 80),
        ("a:80", 80),
        ("[::1", 80),
        ("a\r\n", 80),
        ("localhost", 0),
        ("localhost", 65536),
        ("localhost", -1),
        ("unix", ""),
        ("unix", "/tmp/\x00"),
    ],
)
def test_arguments_that_make_no_url_are_a_value_error(hostname: str, port: int | str) -> None:
    """No part that I pass can turn into another part of the URL."""
    with pytest.raises(ValueError, match="invalid"):
        create_url(hostname, port)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("ws://localhost", (False, "localhost", 80, "/", "/", {})),
        ("wss://[::1]:9000/a%20b?c=1&c=2", (True, "::1", 9000, "/a%20b?c=1&c=2", "/a b", {"c": ["1", "2"]})),
        ("ws://unix:/tmp/socket", (False, "unix", "/tmp/socket", "/", "/", {})),
        ("wss://unix:%2Ftmp%2Fsocket:/a?b=1", (True, "unix", "/tmp/socket", "/a?b=1", "/a", {"b": ["1"]})),
    ],
)
def test_url_is_taken_apart(url: str, parts: tuple[object, ...]) -> None:
    """I get the six parts that I know from Autobahn."""
    assert parse_url(url) == parts


def test_bad_url_is_a_value_error() -> None:
    """I passed the URL of a web page."""
    with pytest.raises(ValueError, match="ws://"):
        parse_url("http://localhost")


# Without lone surrogates, which no URL can hold.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
HOSTS = st.sampled_from(["localhost", "a.example", "127.0.0.1", "::1", "2001:db8::1", "fe80::1%eth0"])
PARAMS = st.dictionaries(TEXT, st.lists(TEXT, min_size=1, max_size=3), max_size=3)


@given(HOSTS, st.integers(1, 65535), st.booleans(), TEXT, PARAMS)
def test_tcp_url_makes_the_round_trip(
    host: str, port: int, is_secure: bool, path: str, params: dict[str, list[str]]
) -> None:
    """What I put into a URL, whatever characters it has, comes out of it."""
    url = create_url(host, port, is_secure, "/" + path, params)
    parsed_secure, parsed_host, parsed_port, resource, parsed_path, parsed_params = parse_url(url)
    assert (parsed_secure, parsed_host, parsed_port) == (is_secure, host, port)
    assert (parsed_path, parsed_params) == ("/" + path, params)
    assert url.endswith(resource)


@given(TEXT.filter(lambda socket: socket.strip("\x00") != "" and "\x00" not in socket[1:]), TEXT, PARAMS)
def test_unix_url_makes_the_round_trip(socket: str, path: str, params: dict[str, list[str]]) -> None:
    """Colons, slashes and question marks in the path of my socket stay where they are."""
    for name in (socket, "/" + socket.lstrip("\x00")):
        _, host, parsed_socket, _, parsed_path, parsed_params = parse_url(create_url("unix", name, False, path, params))
        assert (host, parsed_socket) == ("unix", name)
        assert parsed_path == (path if path.startswith("/") else "/" + path)
        assert parsed_params == params


def test_socket_path_that_is_not_utf8_makes_the_round_trip() -> None:
    """`os.fsdecode` gave me the path."""
    assert parse_url(create_url("unix", "/tmp/\udcff"))[2] == "/tmp/\udcff"
    assert parse_url(create_url("unix", "tmp\udcff", path="/a"))[2] == "tmp\udcff"
