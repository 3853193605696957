"""`DeflatePolicy`: what it offers and accepts, its libraries; and the errors of all classes for permessage-deflate."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import pytest

from wsframework._core.headers import parse_extensions
from wsframework._core.negotiation import check_agreed, parse_offers
from wsframework.websocket.compress import (
    DeflatePolicy,
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)

NAME = "permessage-deflate"


# Policies.

PRESETS = [DeflatePolicy.small(), DeflatePolicy.medium(), DeflatePolicy.large()]
POLICIES = [
    *PRESETS,
    DeflatePolicy(window_bits=9, mem_level=1, request_max_window_bits=9),
    DeflatePolicy(window_bits=15, request_max_window_bits=0),
    DeflatePolicy(no_context_takeover=True, request_max_window_bits=15),
    DeflatePolicy(request_no_context_takeover=True, window_bits=10),
]


def test_presets() -> None:
    """What the guide says about them."""
    _, medium, large = PRESETS
    assert medium == DeflatePolicy()
    assert (medium.window_bits, medium.mem_level, medium.request_max_window_bits) == (12, 5, 12)
    for preset, is_alone in zip(PRESETS, (True, False, False), strict=True):
        assert preset.no_context_takeover is preset.request_no_context_takeover is is_alone
    assert (large.window_bits, large.mem_level, large.request_max_window_bits) == (15, 8, 15)


@pytest.mark.parametrize("preset", [DeflatePolicy.small, DeflatePolicy.medium, DeflatePolicy.large])
def test_presets_can_be_changed(preset: Any) -> None:
    """Small memory, but faster."""
    changed = preset(compression_level=1, threshold=0, window_bits=10, request_no_context_takeover=False)
    assert (changed.compression_level, changed.threshold, changed.window_bits) == (1, 0, 10)
    assert changed.request_no_context_takeover is False
    assert changed.no_context_takeover is preset().no_context_takeover
    with pytest.raises(TypeError, match="bits"):
        preset(bits=1)


@pytest.mark.parametrize(
    ("policy", "offers"),
    [
        (
            DeflatePolicy.small(),
            [
                "client_no_context_takeover; client_max_window_bits; server_no_context_takeover; "
                "server_max_window_bits=12",
                "client_no_context_takeover; client_max_window_bits",
            ],
        ),
        (DeflatePolicy.medium(), ["client_max_window_bits; server_max_window_bits=12", "client_max_window_bits"]),
        (DeflatePolicy.large(), ["client_max_window_bits"]),
        (DeflatePolicy(request_max_window_bits=0), ["client_max_window_bits"]),
        (
            DeflatePolicy(request_max_window_bits=0, request_no_context_takeover=True),
            ["client_max_window_bits; server_no_context_takeover", "client_max_window_bits"],
        ),
    ],
)
def test_what_a_client_offers(policy: DeflatePolicy, offers: list[str]) -> None:
    """The best first; the last is one that asks nothing of the server."""
    assert [offer.get_extension_string() for offer in policy.offers()] == [f"{NAME}; {offer}" for offer in offers]


@pytest.mark.parametrize(
    ("offer", "policy", "answer"),
    [
        ("", DeflatePolicy.medium(), "; server_max_window_bits=12"),
        ("", DeflatePolicy.large(), ""),
        (
            "",
            DeflatePolicy.small(),
            "; server_no_context_takeover; server_max_window_bits=12; client_no_context_takeover",
        ),
        (
            "; client_max_window_bits",
            DeflatePolicy.medium(),
            "; server_max_window_bits=12; client_max_window_bits=12",
        ),
        ("; client_max_window_bits", DeflatePolicy.large(), "; client_max_window_bits=15"),
        (
            "; server_max_window_bits=10; server_no_context_takeover",
            DeflatePolicy.large(),
            "; server_no_context_takeover; server_max_window_bits=10",
        ),
        ("; server_max_window_bits=15", DeflatePolicy.large(), "; server_max_window_bits=15"),
    ],
)
def test_what_a_server_answers(offer: str, policy: DeflatePolicy, answer: str) -> None:
    """To one offer."""
    accepted = policy(parse_offers(parse_extensions(NAME + offer)))
    assert accepted is not None
    assert accepted.get_extension_string() == NAME + answer


def test_the_first_offer_is_taken() -> None:
    """The client says what it likes best."""
    offers = [PerMessageDeflateOffer(request_max_window_bits=bits) for bits in (11, 9)]
    accepted = DeflatePolicy()(offers)
    assert accepted is not None
    assert accepted.offer is offers[0]
    assert DeflatePolicy()([]) is None


def settled(server: DeflatePolicy, client: DeflatePolicy, offers: list[PerMessageDeflateOffer]) -> Any:
    """What a server and a client make of offers, through the headers."""
    header = ", ".join(offer.get_extension_string() for offer in offers)
    accepted = server(parse_offers(parse_extensions(header)))
    assert accepted is not None
    response = check_agreed(parse_extensions(accepted.get_extension_string()), offers)
    assert response is not None
    return accepted.settle(), client(response).settle()


def test_any_two_policies_agree() -> None:
    """Each end inflates with at least the window that the other compresses with, and takes over when the other does."""
    for server, client in itertools.product(POLICIES, POLICIES):
        for one, other in itertools.permutations(settled(server, client, client.offers())):
            assert one.compression.window_bits <= other.peer_window_bits
            assert one.no_context_takeover or other.peer_takes_over
        mine, theirs = settled(server, client, client.offers())
        assert {**mine.__json__(), "is_server": False, "mem_level": 0} == {**theirs.__json__(), "mem_level": 0}


def test_this_end_does_as_its_policy_says() -> None:
    """Where the other end allows it: with less memory in any case."""
    for server, client in itertools.product(POLICIES, POLICIES):
        for policy, agreed in zip((server, client), settled(server, client, client.offers()), strict=True):
            assert agreed.compression.window_bits <= policy.window_bits
            assert agreed.compression.mem_level == policy.mem_level
            assert agreed.no_context_takeover or not policy.no_context_takeover
            assert agreed.compression.level == 3


@pytest.mark.parametrize(("no_takeover", "threshold"), [(False, 64), (True, 256)])
def test_knobs_reach_the_connection(no_takeover: bool, threshold: int) -> None:
    """The threshold's default depends on what short messages gain."""
    policy = DeflatePolicy(
        no_context_takeover=no_takeover, compression_level=7, offload_above=1000, release_after=2, mem_level=9
    )
    for agreed in settled(policy, policy, [PerMessageDeflateOffer()]):
        assert agreed.threshold == threshold
        assert (agreed.compression.level, agreed.compression.mem_level) == (7, 9)
        assert (agreed.offload_above, agreed.release_after, agreed.compression.library) == (1000, 2, "zlib")
    policy = DeflatePolicy(no_context_takeover=no_takeover, threshold=0)
    assert [agreed.threshold for agreed in settled(policy, policy, policy.offers())] == [0, 0]


def test_a_client_that_may_only_use_what_zlib_cannot_do_sends_messages_as_they_are() -> None:
    """A window of 8 bits; what the server sends is inflated all the same."""
    response = PerMessageDeflateResponse.parse({"client_max_window_bits": ["8"]})
    agreed = DeflatePolicy()(response).settle()
    assert not agreed.can_compress
    assert agreed.peer_window_bits == 15
    assert all(policy(PerMessageDeflateResponse(9, False, 0, False)).settle().can_compress for policy in POLICIES)


# Libraries.


@pytest.mark.parametrize(("library", "module", "levels"), [("zlib-ng", "zlib_ng", 10), ("isal", "isal", 4)])
def test_libraries_have_levels_of_their_own(library: str, module: str, levels: int) -> None:
    """All of them can be chosen, and no other."""
    pytest.importorskip(module)
    for level in range(levels):
        assert DeflatePolicy(library=library, compression_level=level).compression_level == level
    with pytest.raises(ValueError, match=f"compression_level must be from 0 to {levels - 1}, not {levels}"):
        DeflatePolicy(library=library, compression_level=levels)


@pytest.mark.parametrize(("library", "module"), [("zlib-ng", "zlib_ng.zlib_ng"), ("isal", "isal.isal_zlib")])
def test_a_library_that_is_not_installed(library: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says how to get it, when I set it up and not when somebody connects."""
    monkeypatch.setitem(sys.modules, module, None)
    words = rf"the library {library} is not installed: pip install wsframework\[{library}\]"
    makers: list[Any] = [
        DeflatePolicy,
        DeflatePolicy.small,
        lambda **knobs: PerMessageDeflateOfferAccept(PLAIN, **knobs),
        lambda **knobs: PerMessageDeflateResponseAccept(SILENT, **knobs),
    ]
    for make in makers:
        with pytest.raises(ImportError, match=words):
            make(library=library)


# Errors.

PLAIN = PerMessageDeflateOffer()
STRICT = PerMessageDeflateOffer(False, False, True, 10)
SILENT = PerMessageDeflateResponse(0, False, 0, False)
ASKING = PerMessageDeflateResponse(10, True, 0, False)
Row = tuple[dict[str, Any], type[Exception], str]
KNOB_ERRORS: list[Row] = [
    ({"compression_level": -1}, ValueError, "compression_level must be from 0 to 9, not -1"),
    ({"compression_level": 10}, ValueError, "compression_level must be from 0 to 9, not 10"),
    ({"compression_level": "best"}, TypeError, "compression_level must be an int, not str"),
    ({"compression_level": 4, "library": "isal"}, ValueError, "compression_level must be from 0 to 3, not 4"),
    ({"threshold": -1}, ValueError, "threshold must be 0 or more, not -1"),
    ({"threshold": 1.5}, TypeError, "threshold must be an int, not float"),
    ({"library": "brotli"}, ValueError, "library must be one of zlib, zlib-ng, isal, not 'brotli'"),
    ({"offload_above": -1}, ValueError, "offload_above must be 0 or more, not -1"),
    ({"offload_above": True}, TypeError, "offload_above must be an int, not bool"),
    ({"release_after": -0.5}, ValueError, "release_after must be 0 or more seconds, not -0.5"),
    ({"release_after": float("nan")}, ValueError, "release_after must be 0 or more seconds, not nan"),
    ({"release_after": float("inf")}, ValueError, "release_after must be 0 or more seconds, not inf"),
    ({"release_after": "10"}, TypeError, "release_after must be a float, not str"),
]
OVERRIDE_ERRORS: list[Row] = [
    ({"window_bits": 8}, ValueError, "window_bits must be from 9 to 15, not 8"),
    ({"window_bits": 16}, ValueError, "window_bits must be from 9 to 15, not 16"),
    ({"window_bits": "12"}, TypeError, "window_bits must be an int, not str"),
    ({"mem_level": 0}, ValueError, "mem_level must be from 1 to 9, not 0"),
    ({"mem_level": 10}, ValueError, "mem_level must be from 1 to 9, not 10"),
    ({"mem_level": True}, TypeError, "mem_level must be an int, not bool"),
    ({"no_context_takeover": 1}, TypeError, "no_context_takeover must be a bool, not int"),
]
REQUEST_ERRORS: list[Row] = [
    ({"request_no_context_takeover": None}, TypeError, "request_no_context_takeover must be a bool, not NoneType"),
    ({"request_max_window_bits": 8}, ValueError, "request_max_window_bits must be from 9 to 15, not 8"),
    ({"request_max_window_bits": 16}, ValueError, "request_max_window_bits must be from 9 to 15, not 16"),
    ({"request_max_window_bits": "9"}, TypeError, "request_max_window_bits must be an int, not str"),
    ({"request_max_window_bits": False}, TypeError, "request_max_window_bits must be an int, not bool"),
]
SIZE_ERRORS: list[Row] = [
    ({"max_message_size": -1}, ValueError, "max_message_size must be 0 or more, not -1"),
    ({"max_message_size": "1"}, TypeError, "max_message_size must be an int, not str"),
]
OFFER_ERRORS: list[Row] = [
    ({"accept_no_context_takeover": 1}, TypeError, "accept_no_context_takeover must be a bool, not int"),
    ({"accept_max_window_bits": 10}, TypeError, "accept_max_window_bits must be a bool, not int"),
    ({"hint_max_window_bits": 8}, ValueError, "hint_max_window_bits must be from 9 to 15, not 8"),
    (
        {"hint_max_window_bits": 9, "accept_max_window_bits": False},
        ValueError,
        "hint_max_window_bits needs accept_max_window_bits",
    ),
]
OFFER_ACCEPT_ERRORS: list[Row] = [
    ({"offer": None}, TypeError, "offer must be a PerMessageDeflateOffer, not NoneType"),
    ({"offer": STRICT, "request_max_window_bits": 9}, ValueError, "request_max_window_bits cannot be asked"),
    ({"offer": STRICT, "no_context_takeover": False}, ValueError, "no_context_takeover cannot be False"),
    ({"offer": STRICT, "window_bits": 11}, ValueError, "window_bits must be at most 10, as the client asked"),
]
RESPONSE_ACCEPT_ERRORS: list[Row] = [
    ({"response": PLAIN}, TypeError, "response must be a PerMessageDeflateResponse, not PerMessageDeflateOffer"),
    ({"response": ASKING, "no_context_takeover": False}, ValueError, "no_context_takeover cannot be False"),
    ({"response": ASKING, "window_bits": 11}, ValueError, "window_bits must be at most 10, as the server asked"),
]
# An acceptance takes None for what was agreed.
NONE_ERRORS: list[Row] = [
    ({"window_bits": None}, TypeError, "window_bits must be an int, not NoneType"),
    ({"mem_level": None}, TypeError, "mem_level must be an int, not NoneType"),
    ({"no_context_takeover": None}, TypeError, "no_context_takeover must be a bool, not NoneType"),
]
ERRORS: list[tuple[type[Any], dict[str, Any], list[Row]]] = [
    (PerMessageDeflateOffer, {}, REQUEST_ERRORS + OFFER_ERRORS),
    (
        PerMessageDeflateOfferAccept,
        {"offer": PLAIN},
        REQUEST_ERRORS + OVERRIDE_ERRORS + SIZE_ERRORS + KNOB_ERRORS + OFFER_ACCEPT_ERRORS,
    ),
    (
        PerMessageDeflateResponseAccept,
        {"response": SILENT},
        OVERRIDE_ERRORS + SIZE_ERRORS + KNOB_ERRORS + RESPONSE_ACCEPT_ERRORS,
    ),
    (DeflatePolicy, {}, REQUEST_ERRORS + OVERRIDE_ERRORS + KNOB_ERRORS + NONE_ERRORS),
]


@pytest.mark.parametrize(
    ("cls", "arguments", "error", "words"),
    [
        pytest.param(cls, {**base, **arguments}, error, words, id=f"{cls.__name__}-{words}")
        for cls, base, rows in ERRORS
        for arguments, error, words in rows
    ],
)
def test_errors_name_the_argument_and_what_it_may_be(
    cls: type[Any], arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    """Where I wrote the wrong value, not when somebody connects."""
    if arguments.get("library") == "isal":
        pytest.importorskip("isal")
    with pytest.raises(error) as raised:
        cls(**arguments)
    assert str(raised.value).startswith(words)
