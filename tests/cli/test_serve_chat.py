"""`wsframework serve chat`: from terminals, from pages, and in a browser."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection

from tests.cli.shells import BACKENDS, SECONDS, Command
from tests.cli.shells import client as terminal
from tests.examples.browser import Browser, Page, find_chromium, open_browser

pytestmark = pytest.mark.interop

Start = Callable[..., Command]
CHROMIUM = find_chromium()


@pytest.fixture(params=BACKENDS)
def chat(command: Start, request: pytest.FixtureRequest) -> str:
    """The URL of a room."""
    return command("serve", "chat", "--port", "0", "--backend", request.param).url()


def page(url: str) -> ClientConnection:
    return terminal(url, subprotocols=["chat.json"])


def line(connection: ClientConnection) -> str:
    message = connection.recv(timeout=SECONDS)
    assert isinstance(message, str)
    return message


def fields(connection: ClientConnection) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line(connection))
    return found


def test_terminals_and_pages_are_in_one_room(chat: str) -> None:
    """Who came with `wsframework connect` reads lines, a page gets JSON."""
    with terminal(chat) as ada:
        assert line(ada) == (
            "You are guest 1; here: guest 1.\n"
            "For another name: /name NAME; in wsframework connect //name NAME.\n"
            "All else is said."
        )
        with page(chat) as grace:
            assert fields(grace) == {"type": "welcome", "name": "guest 2", "people": ["guest 1", "guest 2"]}
            assert line(ada) == "* guest 2 joined"
            ada.send("/name Ada")
            assert line(ada) == "* guest 1 is Ada now"
            assert fields(grace) == {"type": "named", "old": "guest 1", "name": "Ada"}
            grace.send("<b>hello</b>\x1b[2J")
            assert line(ada) == r"guest 2: <b>hello</b>\x1b[2J"
            assert fields(grace) == {"type": "said", "name": "guest 2", "text": "<b>hello</b>\x1b[2J"}
        assert line(ada) == "* guest 2 left"


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("/name guest 1", "! Somebody is called guest 1 already."),
        ("/name GUEST  1", "! Somebody is called GUEST 1 already."),
        ("/name x\u200by", "! A name has 1 to 24 characters that can be seen."),
        ("/name " + "x" * 25, "! A name has 1 to 24 characters that can be seen."),
        ("  ", "! A message is text, of 1 to 2000 characters."),
        (b"octets", "! A message is text, of 1 to 2000 characters."),
        ("x" * 2001, "! A message is text, of 1 to 2000 characters."),
    ],
)
def test_what_will_not_do_is_said_to_the_sender_alone(chat: str, message: str | bytes, answer: str) -> None:
    """Names are taken once, whatever their case; messages have a length."""
    with terminal(chat) as first, terminal(chat) as second:
        assert line(second).startswith("You are guest 2;")
        second.send(message)
        assert line(second) == answer
        second.send("done")
        assert line(first).startswith("You are guest 1;")
        assert [line(first), line(first)] == ["* guest 2 joined", "guest 2: done"]


def test_pages_of_other_sites_are_refused(chat: str) -> None:
    """They could speak in the name of whoever visits them."""
    with pytest.raises(InvalidStatus) as caught:
        terminal(chat, origin="https://example.com")
    assert caught.value.response.status_code == 403
    with terminal(chat, origin=chat.replace("ws:", "http:")) as connection:
        assert line(connection).startswith("You are")


def test_the_page_is_served_with_a_policy(chat: str, certificate: tuple[str, str]) -> None:
    """A browser runs the page's own script and nothing else."""
    with urllib.request.urlopen(chat.replace("ws:", "http:") + "/", timeout=SECONDS) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert policy.count("'sha256-") == 2
        assert b"<title>Chat</title>" in answer.read()


def test_with_tls_the_page_is_https(command: Start, certificate: tuple[str, str]) -> None:
    """Both URLs say so."""
    server = command("serve", "chat", "--port", "0", "--tls", certificate[0])
    assert server.url().startswith("wss://")
    url = server.url()
    context = ssl.create_default_context(cafile=certificate[1])
    with urllib.request.urlopen(url, timeout=SECONDS, context=context) as answer:
        assert (url[:8], answer.status) == ("https://", 200)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests here."""
    assert CHROMIUM is not None, "the tests are skipped without it"
    with open_browser(CHROMIUM, Path(tmp_path_factory.mktemp("profile"))) as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """Each page of it is a person of its own."""
    yield chromium
    chromium.close_pages()


in_a_browser = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="chromium was not found")]


def with_marks(test: Any) -> Any:
    """In a browser, where there is one."""
    for mark in in_a_browser:
        test = mark(test)
    return test


def come_in(browser: Browser, chat: str, name: str) -> Page:
    """Somebody opens the page and says a name, with the keyboard alone."""
    opened = browser.open(chat.replace("ws:", "http:") + "/")
    opened.until_text("#log .news", "You are here as")
    opened.press("Tab", shift=False)
    opened.evaluate("document.getElementById('name').select()")
    opened.evaluate("document.getElementById('name').focus()")
    opened.type(name)
    opened.press("Enter")
    opened.until_text("#log .news", f"is {name} now")
    return opened


@with_marks
def test_people_talk_in_browsers_and_terminals(browser: Browser, chat: str) -> None:
    """She has the page open, he a shell; markup is shown as it was typed, and the console is empty."""
    with terminal(chat) as grace:
        ada = come_in(browser, chat, "Ada")
        assert line(grace).startswith("You are guest 1;")
        assert [line(grace), line(grace)] == ["* guest 2 joined", "* guest 2 is Ada now"]
        assert ada.evaluate("document.activeElement.id") == "text"
        ada.type("Good morning <img src=x onerror=hit=1>")
        ada.press("Enter")
        assert line(grace) == "Ada: Good morning <img src=x onerror=hit=1>"
        ada.until_text("#log .mine", "Good morning <img src=x onerror=hit=1>")
        grace.send("<script>window.hit = 1</script>")
        ada.until_text("#log .said:not(.mine)", "guest 1\n<script>window.hit = 1</script>")
        ada.until_text("#state", "2 people: guest 1, Ada")
        assert ada.evaluate("document.querySelectorAll('#log img, #log script').length") == 0
        assert ada.evaluate("'hit' in window") is False
    ada.until_text("#log .news", "guest 1 left")
    assert ada.problems() == []


def test_what_it_says_about_names_is_true_in_our_terminal(chat: str, command: Start) -> None:
    """I typed //name Ada in `wsframework connect`, as it says."""
    done = command("connect", chat)
    assert "in wsframework connect //name NAME" in done.line()
    done.write("//name Ada\n")
    assert done.line() == "* guest 1 is Ada now"
    done.end()
    assert done.status() == 0


@with_marks
def test_sending_is_louder_than_changing_the_name(browser: Browser, chat: str) -> None:
    """One button catches the eye; the other is text, which can be told from its ground in light and dark."""
    ada = come_in(browser, chat, "Ada")
    style = "getComputedStyle(document.querySelector('#{} button')).{}"
    for scheme in ("light", "dark"):
        ada.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        assert ada.evaluate(style.format("rename", "backgroundColor")) == "rgba(0, 0, 0, 0)"
        assert ada.evaluate(style.format("say", "backgroundColor")) != "rgba(0, 0, 0, 0)"
        text, ground = (
            ada.evaluate(name)
            for name in (style.format("rename", "color"), "getComputedStyle(document.body).backgroundColor")
        )
        assert contrast(text, ground) >= 4.5, scheme


def contrast(one: str, other: str) -> float:
    """Between two colors as browsers write them, from 1 to 21, as WCAG 2 has it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    parts = [int(part) / 255 for part in color.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@with_marks
def test_nothing_sticks_out_of_a_narrow_window(browser: Browser, chat: str) -> None:
    """On a telephone, in light and in dark."""
    ada = come_in(browser, chat, "W" * 24)
    ada.type("x" * 300)
    ada.press("Enter")
    ada.until_text("#log .mine", "x" * 300)
    for width, scheme in ((320, "light"), (320, "dark"), (1200, "dark")):
        ada.call("Emulation.setDeviceMetricsOverride", width=width, height=640, deviceScaleFactor=1, mobile=False)
        ada.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        assert ada.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        assert ada.evaluate("document.documentElement.scrollHeight <= innerHeight"), width
        assert ada.evaluate("document.getElementById('log').clientHeight > 200"), width


@with_marks
def test_the_page_comes_back_when_the_server_does(browser: Browser, command: Start) -> None:
    """The server was started anew on the same port: the page found it, and had its name again."""
    server = command("serve", "chat", "--port", "0")
    url = server.url()
    ada = come_in(browser, url, "Ada")
    server.signal(15)
    assert server.status() == 0
    ada.until_text("#state", "trying again")
    ada.evaluate("document.getElementById('text').focus()")
    ada.type("not lost")
    ada.press("Enter")
    ada.until_text("#log .error", "unsent")
    again = command("serve", "chat", "--port", url.rpartition(":")[2])
    assert again.url() == url
    ada.until("[...document.querySelectorAll('#log .news')].filter((p) => /is Ada now/.test(p.innerText)).length === 2")
    ada.press("Enter")
    ada.until_text("#log .mine", "not lost")
