"""The chat's page in a browser: one person on the port of the Twisted backend, another on that of asyncio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.browser import Browser, Page, find_chromium, open_browser
from tests.examples.programs import EXAMPLES, Program, Start

CHROMIUM = find_chromium()
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="chromium was not found")]


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


class Demo:
    """The demo on two ports; after `stop`, `begin` takes the same ones again."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._ports = ["0", "0"]
        self.begin()

    def begin(self) -> None:
        twisted, asyncio = self._ports
        self._program: Program = self._start(
            EXAMPLES / "chat_demo.py", "--port-twisted", twisted, "--port-asyncio", asyncio
        )
        self.urls = [self._program.url("  Twisted  "), self._program.url("  asyncio  ")]
        self._ports = [url.rstrip("/").rpartition(":")[2] for url in self.urls]

    def stop(self) -> None:
        self._program.stop()


@pytest.fixture
def demo(start: Start) -> Iterator[Demo]:
    """The demo, which is stopped in order while the pages are still open."""
    demo = Demo(start)
    yield demo
    demo.stop()


def join(page: Page, name: str) -> None:
    """As a person does: the field has the focus already."""
    page.type(name)
    page.press("Enter")
    page.until_text("#people", name)
    page.until_text("#state", "Connected")


def say(page: Page, text: str) -> None:
    page.type(text)
    page.press("Enter")


def everybody(browser: Browser, demo: Demo) -> tuple[Page, Page]:
    """Ada on Twisted, Grace on asyncio."""
    ada, grace = (browser.open(url) for url in demo.urls)
    join(ada, "Ada")
    join(grace, "Grace")
    return ada, grace


def test_people_on_both_backends_chat_with_each_other(browser: Browser, demo: Demo) -> None:
    """I typed my name and a message, with the keyboard alone; she saw it, on the other port, and answered."""
    ada, grace = everybody(browser, demo)
    ada.until_text("#state", "Twisted")
    grace.until_text("#state", "asyncio")
    ada.until_text(".notice", "Grace joined")
    say(ada, "Good morning!")
    grace.until_text(".message:not(.mine) .by", "Ada")
    grace.until_text(".message:not(.mine) .text", "Good morning!")
    ada.until_text(".message.mine .text", "Good morning!")
    say(grace, "Hello Ada")
    ada.until_text(".message:not(.mine) .text", "Hello Ada")
    ada.until_text("#who-title", "2 people here")
    assert ada.problems() + grace.problems() == []


def test_markup_is_shown_as_it_was_typed(browser: Browser, demo: Demo) -> None:
    """I wrote about HTML, and the others saw what I wrote; nothing of it was run."""
    ada = browser.open(demo.urls[0])
    grace = browser.open(demo.urls[1])
    join(grace, "Grace")
    name, text = "<b>Ada</b>", "<img src=x onerror='window.hit=1'><script>window.hit=1</script> &amp;"
    join(ada, name)
    grace.until_text(".notice", f"{name} joined")
    grace.until_text("#people", name)
    say(ada, text)
    for page in (ada, grace):
        page.until_text(".text", text)
        assert page.evaluate("document.querySelectorAll('#chat img, #chat script, #chat b').length") == 0
        assert page.evaluate("'hit' in window") is False
        assert page.problems() == []


def test_shift_and_enter_begin_a_new_line(browser: Browser, demo: Demo) -> None:
    """A message may have more than one line."""
    ada, grace = everybody(browser, demo)
    ada.type("one")
    ada.press("Enter", shift=True)
    say(ada, "two")
    grace.until_text(".text", "one\ntwo")


def test_leaving_and_closing_the_page_are_seen_by_the_others(browser: Browser, demo: Demo) -> None:
    """She left, he closed the window; both were gone from the list."""
    ada, grace = everybody(browser, demo)
    alan = browser.open(demo.urls[0])
    join(alan, "Alan")
    grace.evaluate("document.getElementById('leave').click()")
    ada.until_text(".notice", "Grace left")
    grace.until("document.activeElement.id === 'name'")
    alan.call("Page.close")
    ada.until_text(".notice", "Alan left")
    ada.until_text("#who-title", "1 person here")


def test_a_name_that_is_taken_is_said_beside_the_field(browser: Browser, demo: Demo) -> None:
    """Somebody had my name; I was told so, changed it and was in."""
    ada, other = (browser.open(url) for url in demo.urls)
    join(ada, "Ada")
    other.press("Enter")
    other.until_text("#name-problem", "enter a name")
    other.type("ada")
    other.press("Enter")
    other.until_text("#name-problem", "here already")
    other.until("document.activeElement.id === 'name'")
    other.type(" 2")
    other.press("Enter")
    other.until_text("#people", "ada 2")


@pytest.mark.slow
def test_page_comes_back_by_itself_when_the_server_does(browser: Browser, demo: Demo) -> None:
    """The server was restarted: the page said that the connection was lost, came back, and kept what I had typed."""
    ada, grace = everybody(browser, demo)
    urls = demo.urls
    say(ada, "before")
    grace.until_text(".text", "before")
    demo.stop()
    for page in (ada, grace):
        page.until_text("#state", "trying again")
        page.until_text("#who-title", "Not connected")
        assert page.evaluate("document.getElementById('people').childElementCount") == 0
    say(ada, "not lost")
    ada.until_text("#problem", "unsent")
    demo.begin()
    assert demo.urls == urls
    for page in (ada, grace):
        page.until_text(".notice", "You are back")
        page.until_text("#who-title", "2 people here")
    ada.press("Enter")
    grace.until_text(".text", "not lost")
    ada.until_text(".text", "before")


def test_everything_has_a_name_for_those_who_do_not_see_it(browser: Browser, demo: Demo) -> None:
    """My screen reader says what each field is, and reads messages and states out as they come."""
    page = browser.open(demo.urls[0])
    assert names(page, "textbox") == ["Your name"]
    assert names(page, "button") == ["Join"]
    join(page, "Ada")
    assert names(page, "textbox") == ["Message"]
    assert names(page, "button") == ["Leave", "Send"]
    assert names(page, "log") == ["Messages"]
    assert names(page, "region") == ["1 person here", "Conversation"]
    assert page.evaluate("document.getElementById('state').role") == "status"
    focused = []
    for _ in range(4):
        focused.append(page.evaluate("document.activeElement.id"))
        page.press("Tab", shift=True)
    assert focused == ["text", "log", "who", "leave"], "from the field for messages backwards"


def names(page: Page, role: str) -> list[str]:
    """The names of what has this role, as the accessibility tree has them."""
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    return [node["name"]["value"] for node in nodes if not node["ignored"] and node["role"]["value"] == role]


def test_nothing_sticks_out_of_the_window(browser: Browser, demo: Demo) -> None:
    """On my telephone nothing was cut off, however long the names and words."""
    ada, grace = everybody(browser, demo)
    grace.evaluate("document.getElementById('leave').click()")
    grace.evaluate("document.getElementById('name').value = ''")
    join(grace, "W" * 24)
    say(grace, "x" * 300)
    ada.until_text(".text", "x" * 300)
    for number in range(40):
        say(grace, f"and {number}")
    ada.until_text(".text", "and 39")
    for width in (320, 380, 768, 1400):
        ada.call("Emulation.setDeviceMetricsOverride", width=width, height=700, deviceScaleFactor=1, mobile=False)
        for name in ("document.documentElement", "document.getElementById('log')", "document.getElementById('who')"):
            assert ada.evaluate(f"{name}.scrollWidth <= {name}.clientWidth"), f"{name} at {width}"
        assert ada.evaluate("document.documentElement.scrollHeight <= innerHeight"), width
