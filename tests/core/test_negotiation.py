"""`_core.negotiation`: offers, answers and what both ends make of them (RFC 7692 section 7.1)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsframework._core.deflate import Compression
from wsframework._core.headers import parse_extensions
from wsframework._core.negotiation import (
    DEFAULT_LEVEL,
    PerMessageDeflate,
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
    check_agreed,
    parse_offers,
)

NAME = "permessage-deflate"
SERVER_ALONE, CLIENT_ALONE = "server_no_context_takeover", "client_no_context_takeover"
SERVER_BITS, CLIENT_BITS = "server_max_window_bits", "client_max_window_bits"


def line(*params: str) -> str:
    """An extension as it stands in the header."""
    return "; ".join((NAME, *params))


# What a server accepts: the offers of the header that it can accept, as fields of the value.

PLAIN = (False, False, False, 0, 0)


def offered(header: str) -> list[tuple[bool, bool, bool, int, int]]:
    return [
        (
            offer.accept_no_context_takeover,
            offer.accept_max_window_bits,
            offer.request_no_context_takeover,
            offer.request_max_window_bits,
            offer.hint_max_window_bits,
        )
        for offer in parse_offers(parse_extensions(header))
    ]


GOOD_OFFERS = [
    (line(), PLAIN),
    (line(CLIENT_ALONE), (True, False, False, 0, 0)),
    (line(SERVER_ALONE), (False, False, True, 0, 0)),
    (line(CLIENT_BITS), (False, True, False, 0, 0)),
    *((line(f"{CLIENT_BITS}={bits}"), (False, True, False, 0, max(bits, 9))) for bits in range(8, 16)),
    *((line(f"{SERVER_BITS}={bits}"), (False, False, False, bits, 0)) for bits in range(9, 16)),
    (line(f'{SERVER_BITS}="10"'), (False, False, False, 10, 0)),
    (line(f'{SERVER_BITS}="1\\0"', f'{CLIENT_BITS}="9"'), (False, True, False, 10, 9)),
    (line(f"{SERVER_BITS}=12", CLIENT_BITS, SERVER_ALONE, CLIENT_ALONE), (True, True, True, 12, 0)),
    (f"{NAME} ;{CLIENT_ALONE} ; {SERVER_BITS} = 9", (True, False, False, 9, 0)),
]


@pytest.mark.parametrize(("header", "fields"), GOOD_OFFERS)
def test_offers_are_read(header: str, fields: tuple[bool, bool, bool, int, int]) -> None:
    """All four parameters, in any order and form that the grammar allows."""
    assert offered(header) == [fields]


# Also wrong in a response.
BAD_PARAMS = [
    *(f"{name}={value}" for name in (SERVER_ALONE, CLIENT_ALONE) for value in ("1", "true", '"true"', "15")),
    *(
        f"{name}={value}"
        for name in (SERVER_BITS, CLIENT_BITS)
        for value in ("7", "16", "0", "08", "015", "+9", "-9", "9.0", "1_0", "0x9", "9a", "100", "x", '"08"', '"16"')
    ),
    SERVER_BITS,
    "unknown",
    "unknown=10",
    "server_max_window_bit=10",
    "Server_Max_Window_Bits=10",
    f"{SERVER_ALONE}; {SERVER_ALONE}",
    f"{CLIENT_ALONE}; {CLIENT_ALONE}",
    f"{SERVER_BITS}=10; {SERVER_BITS}=10",
    f"{SERVER_BITS}=10; {SERVER_BITS}",
    f"{CLIENT_BITS}=10; {CLIENT_BITS}=11",
]


@pytest.mark.parametrize(
    "params", [*BAD_PARAMS, f"{CLIENT_BITS}; {CLIENT_BITS}", f"{CLIENT_BITS}; {CLIENT_BITS}=10", f"{SERVER_BITS}=8"]
)
def test_malformed_offers_are_declined(params: str) -> None:
    """As if they were not there, even if the rest of them is right; other offers are not hurt (section 5.1)."""
    header = f"{NAME}; {params}"
    assert offered(header) == []
    assert offered(f"{header}; {CLIENT_ALONE}") == []
    assert offered(f"{header}, {line(SERVER_ALONE)}") == [(False, False, True, 0, 0)]


@pytest.mark.parametrize(
    "header", [line(f'{SERVER_BITS}=""'), line(f"{SERVER_BITS}="), line(f"{SERVER_BITS}=٩"), f"{NAME};"]
)
def test_what_is_no_extension_list_is_an_error_before(header: str) -> None:
    """An empty value, and what else is not in the grammar of RFC 6455 section 9.1."""
    with pytest.raises(ValueError, match=r"token|follows"):
        parse_extensions(header)


@pytest.mark.parametrize("value", ["", " 9", "9 ", "\u0669", "\uff19", "1\u0660", "9\n"])
def test_values_that_no_header_can_bring_are_refused_too(value: str) -> None:
    """The values are not trusted to have come through our own parser."""
    for cls in (PerMessageDeflateOffer, PerMessageDeflateResponse):
        with pytest.raises(ValueError, match=f"{SERVER_BITS} must be 8 to 15"):
            cls.parse({SERVER_BITS: [value]})


def test_several_offers_come_in_order_without_what_is_something_else() -> None:
    """The client prefers the first; other extensions are not ours."""
    header = f"x-foo, {line(f'{SERVER_BITS}=10')}, {NAME}; x, x-{NAME}, permessage-bzip2, {NAME.upper()}, {line()}"
    assert offered(header) == [(False, False, False, 10, 0), PLAIN]
    assert offered("") == offered("x-foo; server_max_window_bits=10") == []


# What a server answers: offers x policies. A policy is what the acceptance is made with.

ANY: dict[str, Any] = {}
SMALL_CLIENT: dict[str, Any] = {"request_max_window_bits": 11}
SMALL_SERVER: dict[str, Any] = {"window_bits": 11}
NOTHING_TAKEN_OVER: dict[str, Any] = {"no_context_takeover": True, "request_no_context_takeover": True}

ANSWERS: list[tuple[list[str], dict[str, Any], str | None]] = [
    ([], ANY, line()),
    ([], SMALL_CLIENT, None),
    ([], SMALL_SERVER, line(f"{SERVER_BITS}=11")),
    ([], {"window_bits": 15}, line()),
    ([], {"no_context_takeover": False}, line()),
    ([], NOTHING_TAKEN_OVER, line(SERVER_ALONE, CLIENT_ALONE)),
    ([CLIENT_ALONE], ANY, line()),
    ([CLIENT_ALONE], NOTHING_TAKEN_OVER, line(SERVER_ALONE, CLIENT_ALONE)),
    ([SERVER_ALONE], ANY, line(SERVER_ALONE)),
    ([SERVER_ALONE], {"no_context_takeover": True}, line(SERVER_ALONE)),
    ([SERVER_ALONE], {"no_context_takeover": False}, None),
    ([SERVER_ALONE], SMALL_SERVER, line(SERVER_ALONE, f"{SERVER_BITS}=11")),
    ([CLIENT_BITS], ANY, line()),
    ([CLIENT_BITS], SMALL_CLIENT, line(f"{CLIENT_BITS}=11")),
    ([CLIENT_BITS], {"request_max_window_bits": 15}, line(f"{CLIENT_BITS}=15")),
    ([f"{SERVER_BITS}=9"], ANY, line(f"{SERVER_BITS}=9")),
    ([f"{SERVER_BITS}=15"], ANY, line(f"{SERVER_BITS}=15")),
    ([f"{SERVER_BITS}=12"], SMALL_SERVER, line(f"{SERVER_BITS}=11")),
    ([f"{SERVER_BITS}=11"], SMALL_SERVER, line(f"{SERVER_BITS}=11")),
    ([f"{SERVER_BITS}=10"], SMALL_SERVER, None),
    ([f"{SERVER_BITS}=10"], SMALL_CLIENT, None),
    # A hint is not exceeded, and what the client does anyway needs no asking: also if it is 8, which we cannot say.
    ([f"{CLIENT_BITS}=15"], SMALL_CLIENT, line(f"{CLIENT_BITS}=11")),
    ([f"{CLIENT_BITS}=12"], SMALL_CLIENT, line(f"{CLIENT_BITS}=11")),
    ([f"{CLIENT_BITS}=11"], SMALL_CLIENT, line()),
    ([f"{CLIENT_BITS}=10"], SMALL_CLIENT, line()),
    ([f"{CLIENT_BITS}=8"], SMALL_CLIENT, line()),
    ([f"{CLIENT_BITS}=8"], {"request_max_window_bits": 9}, line()),
    ([f"{CLIENT_BITS}=10"], ANY, line()),
    (
        [f"{SERVER_BITS}=12", CLIENT_BITS, SERVER_ALONE, CLIENT_ALONE],
        {**SMALL_CLIENT, **SMALL_SERVER, **NOTHING_TAKEN_OVER},
        line(SERVER_ALONE, f"{SERVER_BITS}=11", CLIENT_ALONE, f"{CLIENT_BITS}=11"),
    ),
]


@pytest.mark.parametrize(("offer", "policy", "answer"), ANSWERS)
def test_every_offer_has_its_answer(offer: list[str], policy: dict[str, Any], answer: str | None) -> None:
    """Octet for octet; None where the server must not do what its policy says."""
    (value,) = parse_offers(parse_extensions(line(*offer)))
    if answer is None:
        with pytest.raises(
            ValueError, match=r"cannot be asked of a client|cannot be False: the client|must be at most"
        ):
            PerMessageDeflateOfferAccept(value, **policy)
        return
    accepted = PerMessageDeflateOfferAccept(value, **policy)
    assert accepted.get_extension_string() == str(accepted.settle()) == answer
    # And the client that offered this takes it.
    assert check_agreed(parse_extensions(answer), [value]) is not None


# What a client takes: responses x offers.

TAKEN: list[tuple[str, list[str], tuple[int, bool, int, bool]]] = [
    (line(), [line()], (0, False, 0, False)),
    (line(), [line(CLIENT_BITS, CLIENT_ALONE)], (0, False, 0, False)),
    (line(SERVER_ALONE), [line()], (0, False, 0, True)),
    (line(SERVER_ALONE), [line(SERVER_ALONE)], (0, False, 0, True)),
    (line(CLIENT_ALONE), [line()], (0, True, 0, False)),
    (line(f"{SERVER_BITS}=8"), [line()], (0, False, 8, False)),
    (line(f"{SERVER_BITS}=15"), [line()], (0, False, 15, False)),
    (line(f"{SERVER_BITS}=12"), [line(f"{SERVER_BITS}=12")], (0, False, 12, False)),
    (line(f"{SERVER_BITS}=9"), [line(f"{SERVER_BITS}=12")], (0, False, 9, False)),
    (line(f'{SERVER_BITS}="9"'), [line(f"{SERVER_BITS}=12")], (0, False, 9, False)),
    (line(f"{CLIENT_BITS}=8"), [line(CLIENT_BITS)], (8, False, 0, False)),
    (line(f"{CLIENT_BITS}=15"), [line(CLIENT_BITS)], (15, False, 0, False)),
    # Our own hint binds us, asked for or not, and whichever offer was accepted.
    (line(), [line(f"{CLIENT_BITS}=10")], (10, False, 0, False)),
    (line(f"{CLIENT_BITS}=9"), [line(f"{CLIENT_BITS}=10")], (9, False, 0, False)),
    (line(f"{CLIENT_BITS}=10"), [line(f"{CLIENT_BITS}=10")], (10, False, 0, False)),
    (line(f"{CLIENT_BITS}=12"), [line(f"{CLIENT_BITS}=10")], (10, False, 0, False)),
    (line(), [line(), line(f"{CLIENT_BITS}=12"), line(f"{CLIENT_BITS}=10")], (10, False, 0, False)),
    (line(), [line(SERVER_ALONE, f"{CLIENT_BITS}=10"), line()], (0, False, 0, False)),
    # One of several offers.
    (line(), [line(SERVER_ALONE), line(f"{SERVER_BITS}=10"), line()], (0, False, 0, False)),
    (line(f"{SERVER_BITS}=10"), [line(SERVER_ALONE), line(f"{SERVER_BITS}=10")], (0, False, 10, False)),
    (f"x-foo; a=1, {line(SERVER_ALONE)}", [line()], (0, False, 0, True)),
    (
        line(CLIENT_ALONE, f"{CLIENT_BITS}=9", f"{SERVER_BITS}=10", SERVER_ALONE),
        [line(f"{SERVER_BITS}=12", CLIENT_BITS, SERVER_ALONE, CLIENT_ALONE)],
        (9, True, 10, True),
    ),
]


def agreed(response: str, offers: list[str]) -> PerMessageDeflateResponse | None:
    return check_agreed(parse_extensions(response), parse_offers(parse_extensions(", ".join(offers))))


@pytest.mark.parametrize(("response", "offers", "fields"), TAKEN)
def test_responses_that_answer_an_offer(response: str, offers: list[str], fields: tuple[int, bool, int, bool]) -> None:
    """What a server may answer to what I offered; more than I asked for it may do of itself (section 7.1)."""
    found = agreed(response, offers)
    assert found == PerMessageDeflateResponse(*fields)
    assert check_agreed(parse_extensions(found.get_extension_string()), [PerMessageDeflateOffer()]) == found


NO_FIT = "the parameters do not fit any offer"
REFUSED: list[tuple[str, list[str], str]] = [
    *(
        (f"{NAME}; {params}", [line(CLIENT_BITS, CLIENT_ALONE)], "must be|no value|twice|no parameter")
        for params in BAD_PARAMS
    ),
    (line(CLIENT_BITS), [line(CLIENT_BITS)], f"{CLIENT_BITS} must be 8 to 15"),
    (f"{line()}, {line()}", [line(), line()], "it is there twice"),
    (f"{line(SERVER_ALONE)}, x, {line(SERVER_ALONE)}", [line(SERVER_ALONE)], "it is there twice"),
    (line(), [line(SERVER_ALONE)], NO_FIT),
    (line(CLIENT_ALONE), [line(SERVER_ALONE)], NO_FIT),
    (line(), [line(f"{SERVER_BITS}=12")], NO_FIT),
    (line(f"{SERVER_BITS}=13"), [line(f"{SERVER_BITS}=12")], NO_FIT),
    (line(f"{CLIENT_BITS}=10"), [line()], NO_FIT),
    (line(f"{CLIENT_BITS}=15"), [line(CLIENT_ALONE)], NO_FIT),
    (line(), [line(SERVER_ALONE), line(f"{SERVER_BITS}=10")], NO_FIT),
    # Each fits a part of it, none the whole.
    (line(f"{CLIENT_BITS}=10"), [line(SERVER_ALONE, CLIENT_BITS), line(f"{SERVER_BITS}=10")], NO_FIT),
    (line(), [], NO_FIT),
]


@pytest.mark.parametrize(("response", "offers", "words"), REFUSED)
def test_responses_that_answer_no_offer_are_errors(response: str, offers: list[str], words: str) -> None:
    """The client must fail the connection (section 7.1)."""
    with pytest.raises(ValueError, match=words):
        agreed(response, offers)


def test_no_response_is_no_error() -> None:
    """The server did not want compression; another extension is not our business."""
    assert agreed("", [line()]) is None
    assert agreed("x-foo", [line()]) is None


# What both ends make of it.


def server(offer: str = line(), **policy: Any) -> PerMessageDeflate:
    (value,) = parse_offers(parse_extensions(offer))
    return PerMessageDeflateOfferAccept(value, **policy).settle()


def client(response: str = line(), offer: str = line(CLIENT_BITS), **policy: Any) -> PerMessageDeflate:
    value = agreed(response, [offer])
    assert value is not None
    return PerMessageDeflateResponseAccept(value, **policy).settle()


def test_settled_by_default() -> None:
    """Windows of 32 KiB both ways, taken over; no limit of its own, nothing in threads, nothing given back."""
    for settled, is_server in ((server(), True), (client(), False)):
        assert settled == PerMessageDeflate(
            is_server=is_server,
            server_no_context_takeover=False,
            client_no_context_takeover=False,
            server_max_window_bits=15,
            client_max_window_bits=15,
            compression=Compression(15, 8, DEFAULT_LEVEL, "zlib"),
            no_context_takeover=False,
            threshold=64,
            offload_above=0,
            release_after=0.0,
            max_message_size=0,
            peer_window_bits=15,
            text=NAME,
        )
        assert settled.can_compress
        assert settled.peer_takes_over


EVERYTHING = line(SERVER_ALONE, f"{SERVER_BITS}=11", CLIENT_ALONE, f"{CLIENT_BITS}=10")


def test_both_ends_settle_into_the_same() -> None:
    """Each compresses as it agreed to, and inflates what the other compresses."""
    ours = server(
        line(CLIENT_BITS, f"{SERVER_BITS}=11", SERVER_ALONE),
        request_max_window_bits=10,
        request_no_context_takeover=True,
    )
    theirs = client(EVERYTHING)
    for settled, own, other in ((ours, 11, 10), (theirs, 10, 11)):
        assert str(settled) == EVERYTHING
        assert settled.compression.window_bits == own
        assert settled.peer_window_bits == other
        assert settled.no_context_takeover
        assert not settled.peer_takes_over
        assert settled.threshold == 256
        assert (settled.server_max_window_bits, settled.client_max_window_bits) == (11, 10)
        assert settled.server_no_context_takeover
        assert settled.client_no_context_takeover


def test_takeover_is_agreed_on_for_each_direction() -> None:
    """Who gives it up when sending may still receive with it."""
    for settled, own, other in (
        (server(line(SERVER_ALONE)), True, False),
        (client(line(SERVER_ALONE)), False, True),
        (server(request_no_context_takeover=True), False, True),
        (client(line(CLIENT_ALONE)), True, False),
    ):
        assert settled.no_context_takeover == own
        assert settled.peer_takes_over != other


def test_a_client_overrides_what_it_sends_and_says_nothing_of_it() -> None:
    """Without takeover and with less memory than agreed: what was agreed stands."""
    settled = client(line(f"{CLIENT_BITS}=12"), no_context_takeover=True, window_bits=10, mem_level=3)
    assert settled.compression == Compression(10, 3, DEFAULT_LEVEL, "zlib")
    assert settled.no_context_takeover
    assert not settled.client_no_context_takeover
    assert settled.client_max_window_bits == 12
    assert str(settled) == line(f"{CLIENT_BITS}=12")


def test_a_window_of_8_is_read_but_not_used() -> None:
    """A server that asks it of us gets messages as they are; one that uses it itself is understood."""
    settled = client(line(f"{CLIENT_BITS}=8", f"{SERVER_BITS}=8"))
    assert not settled.can_compress
    assert settled.peer_window_bits == 8
    with pytest.raises(ValueError, match="window_bits must be at most 8, as the server asked, not 9"):
        client(line(f"{CLIENT_BITS}=8"), window_bits=9)


@pytest.mark.parametrize(("hint", "asked", "bits"), [(8, 0, 9), (10, 0, 10), (12, 11, 11), (10, 11, 10), (15, 0, 15)])
def test_a_hint_saves_memory(hint: int, asked: int, bits: int) -> None:
    """The client uses no larger window than it says, whether it is asked or not."""
    settled = server(line(f"{CLIENT_BITS}={hint}"), request_max_window_bits=asked)
    assert settled.peer_window_bits == bits
    theirs = client(str(settled), line(f"{CLIENT_BITS}={hint}"))
    assert theirs.compression.window_bits <= settled.peer_window_bits


def test_knobs_are_settled_as_given() -> None:
    """They are nobody else's business."""
    knobs: dict[str, Any] = {
        "compression_level": 9,
        "threshold": 0,
        "offload_above": 100_000,
        "release_after": 2.5,
        "max_message_size": 1000,
        "mem_level": 1,
    }
    for settled in (server(**knobs), client(**knobs)):
        assert settled.compression == Compression(15, 1, 9, "zlib")
        assert settled.mem_level == 1
        assert (settled.threshold, settled.offload_above) == (0, 100_000)
        assert (settled.release_after, settled.max_message_size) == (2.5, 1000)
        assert str(settled) == NAME


def test_the_threshold_depends_on_takeover() -> None:
    """Short messages gain by what came before; without that they hardly do."""
    assert server(no_context_takeover=True).threshold == 256
    assert server(no_context_takeover=False).threshold == 64
    assert server(no_context_takeover=True, threshold=10).threshold == 10


def test_libraries_are_looked_for_when_they_are_chosen() -> None:
    """Not when somebody connects."""
    with pytest.raises(ValueError, match="library must be one of"):
        server(library="brotli")


def test_the_agreement_as_json() -> None:
    """For a log or a status page."""
    settled = server(line(CLIENT_BITS, f"{SERVER_BITS}=11"), request_max_window_bits=10, mem_level=4)
    assert json.loads(json.dumps(settled.__json__())) == {
        "extension": NAME,
        "is_server": True,
        SERVER_ALONE: False,
        CLIENT_ALONE: False,
        SERVER_BITS: 11,
        CLIENT_BITS: 10,
        "mem_level": 4,
    }


def test_values_as_json() -> None:
    """One in the other."""
    accepted = PerMessageDeflateOfferAccept(PerMessageDeflateOffer(request_max_window_bits=10), mem_level=4)
    found = json.loads(json.dumps(accepted.__json__()))
    assert (found["extension"], found["mem_level"], found["window_bits"]) == (NAME, 4, None)
    assert (found["offer"]["extension"], found["offer"]["request_max_window_bits"]) == (NAME, 10)


# Values: what cannot be is found where it is written.

OFFER = PerMessageDeflateOffer()
RESPONSE = PerMessageDeflateResponse(0, False, 0, False)
MISUSE: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (PerMessageDeflateOffer, {"accept_no_context_takeover": 1}, TypeError, "must be a bool, not int"),
    (PerMessageDeflateOffer, {"request_max_window_bits": 8}, ValueError, "must be from 9 to 15, not 8"),
    (PerMessageDeflateOffer, {"request_max_window_bits": False}, TypeError, "must be an int, not bool"),
    (PerMessageDeflateOffer, {"hint_max_window_bits": 16}, ValueError, "must be from 9 to 15, not 16"),
    (
        PerMessageDeflateOffer,
        {"hint_max_window_bits": 9, "accept_max_window_bits": False},
        ValueError,
        "hint_max_window_bits needs accept_max_window_bits",
    ),
    (PerMessageDeflateOfferAccept, {"offer": RESPONSE}, TypeError, "offer must be a PerMessageDeflateOffer"),
    (PerMessageDeflateResponseAccept, {"response": OFFER}, TypeError, "response must be a PerMessageDeflateResponse"),
    (PerMessageDeflateOfferAccept, {"offer": OFFER, "window_bits": 8}, ValueError, "window_bits must be from 9 to 15"),
    (PerMessageDeflateOfferAccept, {"offer": OFFER, "mem_level": 10}, ValueError, "mem_level must be from 1 to 9"),
    (PerMessageDeflateOfferAccept, {"offer": OFFER, "max_message_size": -1}, ValueError, "must be 0 or more, not -1"),
    (PerMessageDeflateOfferAccept, {"offer": OFFER, "threshold": -1}, ValueError, "threshold must be 0 or more"),
    (PerMessageDeflateOfferAccept, {"offer": OFFER, "release_after": "1"}, TypeError, "must be a float, not str"),
    (PerMessageDeflateOfferAccept, {"offer": OFFER, "release_after": True}, TypeError, "must be a float, not bool"),
    (PerMessageDeflateOfferAccept, {"offer": OFFER, "release_after": -1}, ValueError, "must be 0 or more seconds"),
    (PerMessageDeflateResponseAccept, {"response": RESPONSE, "no_context_takeover": 0}, TypeError, "must be a bool"),
]


@pytest.mark.parametrize(("cls", "arguments", "error", "words"), MISUSE)
def test_misuse_is_found_at_once(cls: Any, arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    """And named."""
    with pytest.raises(error, match=words):
        cls(**arguments)


# Properties.

bits = st.integers(9, 15)
bits_or_none = st.just(0) | bits


@st.composite
def offers(draw: st.DrawFn) -> PerMessageDeflateOffer:
    accepts_bits = draw(st.booleans())
    return PerMessageDeflateOffer(
        draw(st.booleans()),
        accepts_bits,
        draw(st.booleans()),
        draw(bits_or_none),
        hint_max_window_bits=draw(bits_or_none) if accepts_bits else 0,
    )


@given(st.lists(offers(), min_size=1, max_size=4), st.data())
def test_whatever_a_server_may_accept_the_client_takes(
    offered: list[PerMessageDeflateOffer], data: st.DataObject
) -> None:
    """And neither end compresses in a way that the other does not expect."""
    header = ", ".join(offer.get_extension_string() for offer in offered)
    read = parse_offers(parse_extensions(header))
    assert read == offered
    offer = data.draw(st.sampled_from(read))
    policy: dict[str, Any] = {
        "request_no_context_takeover": data.draw(st.booleans()),
        "request_max_window_bits": data.draw(bits_or_none) if offer.accept_max_window_bits else 0,
        "no_context_takeover": data.draw(st.sampled_from([None, True])),
        "window_bits": data.draw(st.none() | st.integers(9, offer.request_max_window_bits or 15)),
    }
    ours = PerMessageDeflateOfferAccept(offer, **policy).settle()
    response = check_agreed(parse_extensions(str(ours)), offered)
    assert response is not None
    theirs = PerMessageDeflateResponseAccept(response).settle()
    for sender, receiver in ((ours, theirs), (theirs, ours)):
        assert sender.compression.window_bits <= receiver.peer_window_bits
        assert sender.no_context_takeover or receiver.peer_takes_over


TOKENS = st.sampled_from(
    [NAME, SERVER_BITS, CLIENT_BITS, SERVER_ALONE, CLIENT_ALONE, "8", "9", "08", '"10"', "16", "x"]
)
HEADERS = st.lists(TOKENS | st.sampled_from(["; ", "=", ", ", '"'])).map("".join) | st.text(max_size=30)


@given(HEADERS)
def test_nothing_but_value_error_comes_of_any_header(header: str) -> None:
    """As an offer it is declined, as a response it fails the handshake, whatever it is."""
    try:
        extensions = parse_extensions(header)
    except ValueError:
        return
    assert all(isinstance(offer, PerMessageDeflateOffer) for offer in parse_offers(extensions))
    with suppress(ValueError):
        check_agreed(extensions, [OFFER])
