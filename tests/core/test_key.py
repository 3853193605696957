"""`_core.key`: the challenge of the opening handshake."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsframework._core.key import accept_key, is_key, new_key


def test_the_answer_to_the_key_is_that_of_the_rfc() -> None:
    """The example of RFC 6455 section 1.3."""
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_keys_are_base64_of_16_octets() -> None:
    """The example of RFC 6455 section 1.3, from its octets."""
    assert new_key(b"the sample nonce") == "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.mark.parametrize("octets", [b"", b"x" * 15, b"x" * 17])
def test_keys_of_another_size_are_refused(octets: bytes) -> None:
    """A source of randomness that gives too little is noticed."""
    with pytest.raises(ValueError, match="16 octets"):
        new_key(octets)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "x",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZR==",  # the same octets with padding bits set
        "dGhlIHNhbXBsZSBub25jZQ==\n",
        " dGhlIHNhbXBsZSBub25jZQ==",
        "dGhlIHNhbXBs ZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub25j",  # 15 octets
        "dGhlIHNhbXBsZSBub25jZQAA",  # 18 octets
        "dGhl-HNhbXBs_SBub25jZQ==",  # the URL alphabet
        "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
        "\xe9GhlIHNhbXBsZSBub25jZQ==",
        "=" * 24,
        "A" * 100_000,
    ],
)
def test_what_no_encoder_writes_is_no_key(key: str) -> None:
    """Strict on what decides about the connection."""
    assert not is_key(key)


@given(st.binary(min_size=16, max_size=16))
def test_every_key_we_make_is_a_key(octets: bytes) -> None:
    """Client and server agree."""
    assert is_key(new_key(octets))


@given(st.text(max_size=30))
def test_any_text_is_a_key_or_not(text: str) -> None:
    """No exception leaves the check."""
    assert is_key(text) in (True, False)
