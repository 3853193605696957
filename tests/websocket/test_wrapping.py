"""Octets of a stream as messages, and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsframework.websocket.wrapping import StreamCodec, StreamProtocol, UnfitMessage, subprotocols


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (None, ["binary", "base64"]),
        ("mqtt", ["mqtt", "binary", "base64"]),
        ("base64", ["base64", "binary"]),
        ("binary", ["binary", "base64"]),
    ],
)
def test_the_extra_subprotocol_is_wanted_most(extra: str | None, expected: list[str]) -> None:
    """I would not have named it otherwise."""
    assert subprotocols(extra) == expected


@pytest.mark.parametrize(("extra", "error"), [("a b", ValueError), ("", ValueError), (7, TypeError)])
def test_the_extra_subprotocol_is_a_token(extra: Any, error: type[Exception]) -> None:
    """As RFC 6455 demands."""
    with pytest.raises(error, match="subprotocol"):
        subprotocols(extra)


@pytest.mark.parametrize(
    ("subprotocol", "limit", "data", "payloads"),
    [
        (None, 0, b"\0abc", [b"\0abc"]),
        ("binary", 0, b"abc", [b"abc"]),
        ("mqtt", 0, b"abc", [b"abc"]),
        ("base64", 0, b"\0\xff", [b"AP8="]),
        ("binary", 0, b"", []),
        ("base64", 0, b"", []),
        ("binary", 2, b"abcde", [b"ab", b"cd", b"e"]),
        ("base64", 9, b"abcdefg", [b"YWJjZGVm", b"Zw=="]),
        ("base64", 1, b"ab", [b"YQ==", b"Yg=="]),
    ],
)
def test_octets_become_messages(subprotocol: str | None, limit: int, data: bytes, payloads: list[bytes]) -> None:
    """Cut where the longest message ends."""
    codec = StreamCodec(subprotocol, limit)
    assert list(codec.encode(data)) == payloads
    assert codec.is_binary is (subprotocol != "base64")


@pytest.mark.parametrize("subprotocol", ["binary", "base64"])
def test_long_writes_become_several_messages(subprotocol: str) -> None:
    """A receiver with small limits can take part."""
    payloads = list(StreamCodec(subprotocol).encode(b"x" * 1_000_000))
    assert len(payloads) == 6
    assert all(len(payload) <= 2**18 for payload in payloads)


@pytest.mark.parametrize(
    ("subprotocol", "payload", "is_binary", "code"),
    [
        ("binary", b"abc", False, 1003),
        (None, b"abc", False, 1003),
        ("base64", b"abc", True, 1003),
        ("base64", b"YQ", False, 1007),
        ("base64", b"YQ==YQ==", False, 1007),
        ("base64", b"Y\nQ==", False, 1007),
        ("base64", b"-_==", False, 1007),
        ("base64", b"=", False, 1007),
        ("base64", "ä".encode(), False, 1007),
    ],
)
def test_what_carries_no_octets_is_refused(subprotocol: str | None, payload: bytes, is_binary: bool, code: int) -> None:
    """With the code to close with."""
    with pytest.raises(UnfitMessage) as caught:
        StreamCodec(subprotocol).decode(payload, is_binary)
    assert caught.value.code == code


@given(data=st.binary(max_size=500), limit=st.integers(0, 50), subprotocol=st.sampled_from([None, "x", "base64"]))
def test_what_goes_in_comes_out(data: bytes, limit: int, subprotocol: str | None) -> None:
    """Whatever the limit is."""
    codec = StreamCodec(subprotocol, limit)
    assert b"".join(codec.decode(payload, codec.is_binary) for payload in codec.encode(data)) == data


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("_stream_made", ()),
        ("_stream_data", (b"",)),
        ("_stream_lost", (None,)),
        ("_stream_paused", ()),
        ("_stream_resumed", ()),
    ],
)
def test_a_backend_has_to_do_the_rest(method: str, arguments: tuple[object, ...]) -> None:
    """Forgetting one of these fails loudly."""

    class Incomplete(StreamProtocol):
        def _new_future(self) -> Any: ...
        def _resolve(self, future: Any, result: object) -> None: ...
        def _is_done(self, future: Any) -> bool: ...  # type: ignore[empty-body]
        def _reject(self, future: Any, error: Exception) -> None: ...

    assert Incomplete()._has_more_to_send() is False
    with pytest.raises(AssertionError, match="backend"):
        getattr(Incomplete(), method)(*arguments)
