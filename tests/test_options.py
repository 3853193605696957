"""`options`: the table, its checks and how changes are made."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from wsframework.options import ClientOptions, CommonOptions, OptionRow, ServerOptions, describe, option_names

COMMON_DEFAULTS: dict[str, object] = {
    "logOctets": False,
    "logFrames": False,
    "trackTimings": False,
    "utf8validateIncoming": True,
    "applyMask": True,
    "maxFramePayloadSize": 0,
    "maxMessagePayloadSize": 16777216,
    "maxHandshakeSize": 32768,
    "maxHandshakeHeaders": 128,
    "maxMessageFragments": 4096,
    "sendHighWaterMark": 65536,
    "maxSendBuffer": 67108864,
    "maxConcurrentMessages": 1,
    "autoFragmentSize": 0,
    "failByDrop": True,
    "echoCloseCodeReason": False,
    "openHandshakeTimeout": 5,
    "onConnectTimeout": 30,
    "closeHandshakeTimeout": 1,
    "tcpNoDelay": True,
    "autoPingInterval": 0,
    "autoPingTimeout": 0,
    "autoPingSize": 4,
    "autoPingRestartOnAnyTraffic": True,
    "perMessageCompressionAccept": False,
}

SERVER_DEFAULTS: dict[str, object] = {
    "versions": (8, 13),
    "webStatus": True,
    "requireMaskedClientFrames": True,
    "maskServerFrames": False,
    "allowedOrigins": ("*",),
    "allowNullOrigin": None,
    "maxConnections": 0,
    "trustXForwardedFor": 0,
    "serveFlashSocketPolicy": False,
    "flashSocketPolicy": ('<cross-domain-policy><allow-access-from domain="*" to-ports="*"/></cross-domain-policy>'),
}

CLIENT_DEFAULTS: dict[str, object] = {
    "version": 18,
    "acceptMaskedServerFrames": False,
    "maskClientFrames": True,
    "serverConnectionDropTimeout": 1,
    "perMessageCompressionOffers": (),
}


def accept_nothing(offers: Sequence[object]) -> None:
    """A function as users write one for `perMessageCompressionAccept`."""


@pytest.mark.parametrize(
    ("cls", "defaults"),
    [
        (CommonOptions, COMMON_DEFAULTS),
        (ServerOptions, COMMON_DEFAULTS | SERVER_DEFAULTS),
        (ClientOptions, COMMON_DEFAULTS | CLIENT_DEFAULTS),
    ],
)
def test_defaults_are_those_of_the_documentation(cls: type[CommonOptions], defaults: dict[str, object]) -> None:
    """I set nothing and get what the documentation promises."""
    options = cls()
    assert {name: getattr(options, name) for name in option_names(cls)} == defaults
    assert option_names(cls) == tuple(defaults)


FLAGS: list[tuple[type[CommonOptions], str]] = [
    (cls, name)
    for cls, defaults in ((ServerOptions, COMMON_DEFAULTS | SERVER_DEFAULTS), (ClientOptions, CLIENT_DEFAULTS))
    for name, value in defaults.items()
    if isinstance(value, bool) and name != "perMessageCompressionAccept"
]
SIZES = [
    "maxFramePayloadSize",
    "maxMessagePayloadSize",
    "maxHandshakeSize",
    "sendHighWaterMark",
    "maxSendBuffer",
    "autoFragmentSize",
]
COUNTS = ["maxHandshakeHeaders", "maxMessageFragments", "maxConcurrentMessages", "maxConnections", "trustXForwardedFor"]
TIMES = [
    "openHandshakeTimeout",
    "onConnectTimeout",
    "closeHandshakeTimeout",
    "autoPingInterval",
    "autoPingTimeout",
]


@pytest.mark.parametrize(("cls", "name"), FLAGS)
def test_flag_takes_true_and_false_only(cls: type[CommonOptions], name: str) -> None:
    """A flag that I set to 1 or "no" by mistake is refused instead of guessed at."""
    for value in (True, False):
        assert getattr(cls().changed(**{name: value}), name) is value
    for wrong in (1, 0, "no"):
        with pytest.raises(TypeError, match=f"^{name} must be bool, not {type(wrong).__name__}$"):
            cls().changed(**{name: wrong})


def test_a_flag_that_follows_other_options_is_a_flag_when_it_is_given() -> None:
    """allowNullOrigin says nothing by itself, and takes no guesses either."""
    assert ServerOptions().allowNullOrigin is None
    options = ServerOptions().changed(allowNullOrigin=False)
    assert options.allowNullOrigin is False
    assert options.changed(allowNullOrigin=None).allowNullOrigin is False
    with pytest.raises(TypeError, match=r"^allowNullOrigin must be bool, not str$"):
        ServerOptions().changed(allowNullOrigin="no")


@pytest.mark.parametrize(("name", "unit"), [*((n, " octets") for n in SIZES), *((n, "") for n in COUNTS)])
def test_size_or_count_is_an_int_of_zero_or_more(name: str, unit: str) -> None:
    """A size in quotes, a negative one or True is refused by name."""
    for value in (0, 1, 2**40):
        assert getattr(ServerOptions().changed(**{name: value}), name) == value
    for wrong in ("1", 1.0, True, [1]):
        with pytest.raises(TypeError, match=f"^{name} must be int, not {type(wrong).__name__}$"):
            ServerOptions().changed(**{name: wrong})
    with pytest.raises(ValueError, match=f"^{name} must be 0 or more{unit}, not -1$"):
        ServerOptions().changed(**{name: -1})


@pytest.mark.parametrize("name", [*TIMES, "serverConnectionDropTimeout"])
def test_time_is_a_finite_number_of_seconds(name: str) -> None:
    """Half a second is a timeout, and so is an int; a time in quotes, a negative one, inf or NaN is none."""
    for value in (0, 1, 0.5, 86400.0):
        assert getattr(ClientOptions().changed(**{name: value}), name) == value
    for wrong in ("5", True, [1]):
        with pytest.raises(TypeError, match=f"^{name} must be a number of seconds, not {type(wrong).__name__}$"):
            ClientOptions().changed(**{name: wrong})
    for out_of_range in (-1, -0.1, float("inf"), float("-inf"), float("nan"), 10**400):
        with pytest.raises(ValueError, match=f"^{name} must be 0 or more seconds, not "):
            ClientOptions().changed(**{name: out_of_range})


@pytest.mark.parametrize(
    ("name", "good", "bad", "said"),
    [
        ("autoPingSize", (4, 125), (3, 126, 0), "4 to 125 octets"),
        ("version", (10, 12, 13, 18), (9, 19, 8), "10 to 18"),
    ],
)
def test_number_between_two_ends(name: str, good: tuple[int, ...], bad: tuple[int, ...], said: str) -> None:
    """The error tells me which numbers are allowed."""
    for value in good:
        assert getattr(ClientOptions().changed(**{name: value}), name) == value
    for value in bad:
        with pytest.raises(ValueError, match=f"^{name} must be {said}.*, not {value}$"):
            ClientOptions().changed(**{name: value})


@pytest.mark.parametrize(
    ("value", "stored"), [([13], (13,)), ((8,), (8,)), ([13, 8], (13, 8)), ([13, 13], (13,)), ([8, 13], (8, 13))]
)
def test_versions_are_a_choice_of_8_and_13(value: list[int], stored: tuple[int, ...]) -> None:
    """I can switch off the old protocol version."""
    assert ServerOptions().changed(versions=value).versions == stored


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        ([], ValueError, "one or both of 8 and 13"),
        ([7], ValueError, "one or both of 8 and 13"),
        ([13, 0], ValueError, "one or both of 8 and 13"),
        (13, TypeError, "list of int, not int"),
        (["13"], TypeError, "list of int; one of its items is str"),
        ([True], TypeError, "list of int; one of its items is bool"),
    ],
)
def test_other_versions_are_refused(value: object, error: type[Exception], said: str) -> None:
    """A version that nobody speaks is my mistake and not the client's."""
    with pytest.raises(error, match=f"^versions must be {said}"):
        ServerOptions().changed(versions=value)


def test_allowed_origins_are_copied() -> None:
    """I go on using my list and the running server does not change."""
    mine = ["https://example.com"]
    options = ServerOptions().changed(allowedOrigins=mine)
    mine.append("*")
    assert options.allowedOrigins == ("https://example.com",)
    assert ServerOptions().changed(allowedOrigins=()).allowedOrigins == ()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("https://a.example", r"must be list of str, not str; write \['https://a\.example'\]"),
        ([b"*"], "must be list of str; one of its items is bytes"),
        ("same", r'has no "same": serve\(\.\.\., origins="same"\) is for pages of the server\'s own address'),
        (["same"], 'has no "same": .*'),
    ],
)
def test_allowed_origins_are_a_list_of_texts(value: object, said: str) -> None:
    """A single pattern without the list around it is refused, not taken letter by letter."""
    with pytest.raises(TypeError, match=f"^allowedOrigins {said}$"):
        ServerOptions().changed(allowedOrigins=value)


@pytest.mark.parametrize("value", ["<x/>", "<x/>\x00"])
def test_flash_policy_is_a_text_with_or_without_its_nul(value: str) -> None:
    """A policy that I wrote for Autobahn, with the NUL at its end, still works."""
    assert ServerOptions().changed(flashSocketPolicy=value).flashSocketPolicy == "<x/>"
    with pytest.raises(TypeError, match=r"^flashSocketPolicy must be str, not bytes$"):
        ServerOptions().changed(flashSocketPolicy=value.encode())


@pytest.mark.parametrize("value", [accept_nothing, True, False])
def test_compression_is_accepted_by_a_function_or_all_or_nothing(value: object) -> None:
    """My program that negotiates compression starts."""
    assert ServerOptions().changed(perMessageCompressionAccept=value).perMessageCompressionAccept is value


def test_compression_is_not_accepted_by_anything_else() -> None:
    """I passed the offers where the function belongs."""
    with pytest.raises(TypeError, match=r"^perMessageCompressionAccept must be callable or bool, not list$"):
        ServerOptions().changed(perMessageCompressionAccept=[])


@pytest.mark.parametrize(("value", "stored"), [(True, True), ([], ()), (["offer", 1, True], ("offer", 1, True))])
def test_compression_offers_are_a_list_or_true(value: object, stored: object) -> None:
    """I offer what I want or leave the choice to the framework."""
    assert ClientOptions().changed(perMessageCompressionOffers=value).perMessageCompressionOffers == stored


@pytest.mark.parametrize("value", [False, "permessage-deflate", 1])
def test_other_compression_offers_are_refused(value: object) -> None:
    """A name is no offer."""
    with pytest.raises(TypeError, match=r"^perMessageCompressionOffers must be list or True, not "):
        ClientOptions().changed(perMessageCompressionOffers=value)


@pytest.mark.parametrize("cls", [ServerOptions, ClientOptions])
def test_none_leaves_every_option_as_it_is(cls: type[CommonOptions]) -> None:
    """I pass on arguments that may be None, as Autobahn allows, and nothing else changes."""
    options = cls().changed(autoPingSize=20, perMessageCompressionAccept=True)
    assert options.changed(**dict.fromkeys(option_names(cls))) == options


def test_only_the_options_given_change() -> None:
    """Setting one option does not flip another one."""
    before = ServerOptions().changed(failByDrop=False, allowedOrigins=["https://a"])
    after = before.changed(maxConnections=5)
    assert after == dataclasses.replace(before, maxConnections=5)
    assert isinstance(after, ServerOptions)
    assert before.maxConnections == 0


def test_one_bad_value_changes_nothing() -> None:
    """A call with one good and one bad value has no half effect."""
    options = ServerOptions()
    with pytest.raises(ValueError, match="maxConnections"):
        options.changed(failByDrop=False, maxConnections=-1)
    assert options == ServerOptions()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("maxMessageSize", "unknown option maxMessageSize; did you mean maxMessagePayloadSize?"),
        ("autopinginterval", "unknown option autopinginterval; did you mean autoPingInterval?"),
        ("fail_by_drop", "unknown option fail_by_drop; did you mean failByDrop?"),
        ("xyz", "unknown option xyz"),
        ("serverConnectionDropTimeout", "unknown option serverConnectionDropTimeout; it is an option of clients"),
    ],
)
@pytest.mark.parametrize("value", [1, None])
def test_unknown_option_is_refused_with_the_closest_one(name: str, said: str, value: object) -> None:
    """I mistype an option and the error tells me the name that I meant."""
    with pytest.raises(TypeError) as caught:
        ServerOptions().changed(**{name: value})
    assert str(caught.value) == said


def test_option_of_the_other_role_is_unknown() -> None:
    """A client has no `webStatus`, a server no `maskClientFrames`."""
    with pytest.raises(TypeError, match=r"^unknown option webStatus; it is an option of servers$"):
        ClientOptions().changed(webStatus=False)
    with pytest.raises(TypeError, match=r"^unknown option maskClientFrames; it is an option of clients$"):
        ServerOptions().changed(maskClientFrames=False)


def test_options_made_directly_are_checked_too() -> None:
    """There is no options object that holds a bad value."""
    with pytest.raises(ValueError, match=r"^maxFramePayloadSize must be 0 or more octets, not -1$"):
        ServerOptions(maxFramePayloadSize=-1)


def test_options_cannot_be_changed_in_place() -> None:
    """Open connections keep the options they were opened with."""
    options = ServerOptions()
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.failByDrop = False  # type: ignore[misc]


def test_equal_options_are_equal_and_hashable() -> None:
    """Options can be a key, for what is worked out once for all connections that share them."""
    assert len({ServerOptions(), ServerOptions().changed(failByDrop=True), ServerOptions(maxConnections=1)}) == 2


@pytest.mark.parametrize("cls", [CommonOptions, ServerOptions, ClientOptions])
def test_every_row_can_be_printed(cls: type[CommonOptions]) -> None:
    """The documentation has a type, a range and a sentence for every option."""
    rows = describe(cls)
    assert tuple(row.name for row in rows) == option_names(cls)
    for row in rows:
        assert row.type
        assert row.allowed
        assert row.sentence.endswith(".")


@pytest.mark.parametrize(
    "row",
    [
        OptionRow("maxConnections", "int", 0, "0 or more", "Most connections at once, 503 above; 0 means no limit."),
        OptionRow("autoPingSize", "int", 4, "4 to 125 octets", "Random octets in an automatic ping."),
        OptionRow("versions", "list of int", (8, 13), "one or both of 8 and 13", "Protocol versions spoken."),
    ],
)
def test_row_of_the_table(row: OptionRow) -> None:
    """A row says what is in the code."""
    assert row in describe(ServerOptions)
