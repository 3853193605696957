"""The pages of the chat and the relay, in a browser: people who type, and a server that comes and goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.examples.applications import program
from tests.examples.browser import Browser, Page, find_chromium, open_browser
from tests.examples.programs import BACKENDS, Program, Start

CHROMIUM = find_chromium()
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="chromium was not found")]

MARKUP = "<img src=x onerror='window.hit=1'><script>window.hit=1</script> &amp;"


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


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


class Served:
    """A program and the address of its page; after `stop`, `begin` takes the same one again."""

    def __init__(self, start: Start, path: Path) -> None:
        self._start = start
        self._path = path
        self._port = "0"
        self.begin()

    def begin(self) -> None:
        self._program: Program = self._start(self._path, self._port)
        self.url = self._program.url().replace("ws://", "http://")
        self._port = self.url.rpartition(":")[2]

    def stop(self) -> None:
        self._program.interrupt()
        assert self._program.exit_code() == 0


@pytest.fixture
def chat(start: Start, backend: str) -> Served:
    return Served(start, program("chat", backend))


@pytest.fixture
def relay(start: Start, backend: str) -> Served:
    return Served(start, program("relay", backend))


def enter(page: Page, text: str) -> None:
    """Type into what has the focus, and press Enter."""
    page.type(text)
    page.press("Enter")


def joined(browser: Browser, chat: Served, name: str) -> Page:
    """A person in the chat; the field for the name has the focus already, and then that for messages."""
    page = browser.open(chat.url)
    enter(page, name)
    page.until_text(".notice", f"Welcome {name}!")
    page.until("document.activeElement.id === 'text'")
    return page


def test_people_chat_with_the_keyboard_alone(browser: Browser, chat: Served) -> None:
    """I typed my name and a message, and heard the others come, speak and go."""
    ada = joined(browser, chat, "Ada")
    ada.until_text("#state", "Nobody else is here yet")
    grace = joined(browser, chat, "Grace")
    ada.until_text(".notice", "Grace joined the chat")
    ada.until_text("#state", "With Grace")
    grace.until_text("#state", "With Ada")
    enter(ada, "Good morning!")
    grace.until_text(".message:not(.mine) .name", "Ada")
    grace.until_text(".message:not(.mine) .text", "Good morning!")
    enter(grace, "Hello Ada")
    ada.until_text(".mine .text", "Good morning!")
    ada.until_text(".message:not(.mine) .text", "Hello Ada")
    alan = joined(browser, chat, "Alan")
    grace.evaluate("document.getElementById('leave').click()")
    ada.until_text(".notice", "Grace left the chat")
    grace.until("document.activeElement.id === 'name'")
    alan.call("Page.close")
    ada.until_text(".notice", "Alan left the chat")
    assert ada.problems() + grace.problems() == []


def test_a_name_is_needed_and_is_mine_alone(browser: Browser, chat: Served) -> None:
    """I was told to enter one; the other Ada was another."""
    page = browser.open(chat.url)
    page.press("Enter")
    page.until_text("#name-problem", "Please enter a name.")
    page.until("document.activeElement.id === 'name'")
    joined(browser, chat, "Ada")
    enter(page, "Ada")
    page.until_text(".notice", "Welcome Ada 2!")
    enter(page, "mine")
    page.until_text(".mine .text", "mine")


def test_markup_is_shown_as_it_was_typed(browser: Browser, chat: Served) -> None:
    """Nothing of it was run, neither in a name nor in a message."""
    grace = joined(browser, chat, "Grace")
    ada = joined(browser, chat, "<b>Ada</b>")
    enter(ada, MARKUP)
    grace.until_text(".notice", "<b>Ada</b> joined the chat")
    for page in (ada, grace):
        page.until_text(".text", MARKUP)
        assert page.evaluate("document.querySelectorAll('#log img, #log script, #log b').length") == 0
        assert page.evaluate("'hit' in window") is False
        assert page.problems() == []


def test_an_error_of_the_server_is_shown(browser: Browser, chat: Served) -> None:
    """Bad JSON from the page would be answered, and the answer read out."""
    page = joined(browser, chat, "Ada")
    page.evaluate("socket.send('not json')")
    page.until_text("#problem", "Invalid JSON message")
    assert page.evaluate("document.getElementById('problem').role") == "alert"


@pytest.mark.slow
def test_the_chat_comes_back_by_itself_when_the_server_does(browser: Browser, chat: Served) -> None:
    """It said that the connection was lost and when it would try again, and kept what I had typed."""
    ada, grace = joined(browser, chat, "Ada"), joined(browser, chat, "Grace")
    enter(ada, "before")
    grace.until_text(".text", "before")
    url = chat.url
    chat.stop()
    for page in (ada, grace):
        page.until_text("#state", "trying again")
        page.until_text("#wait", " s")
    enter(ada, "not lost")
    ada.until_text("#problem", "unsent")
    # The second attempt comes later than the first.
    ada.until("tries >= 2")
    chat.begin()
    assert chat.url == url
    for page, other in ((ada, "Grace"), (grace, "Ada")):
        page.until_text(".notice", "You are back")
        page.until_text("#state", f"With {other}")
    ada.press("Enter")
    grace.until_text(".text", "not lost")
    ada.until_text(".text", "before")


def test_everything_has_a_name_for_those_who_do_not_see_it(browser: Browser, chat: Served) -> None:
    """My screen reader says what each field is, and reads messages and states out as they come."""
    page = browser.open(chat.url)
    assert (names(page, "textbox"), names(page, "button")) == (["Your name"], ["Join"])
    enter(page, "Ada")
    page.until_text(".notice", "Welcome Ada!")
    assert (names(page, "textbox"), names(page, "button")) == (["Message"], ["Leave", "Send"])
    assert names(page, "log") == ["Messages"]
    assert page.evaluate("document.getElementById('state').role") == "status"
    focused = []
    for _ in range(3):
        focused.append(page.evaluate("document.activeElement.id"))
        page.press("Tab", shift=True)
    assert focused == ["text", "log", "leave"], "from the field for messages backwards"


def names(page: Page, role: str) -> list[str]:
    """The names of what has this role, as the accessibility tree has them."""
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    return [node["name"]["value"] for node in nodes if not node["ignored"] and node["role"]["value"] == role]


def assert_fits(page: Page) -> None:
    """Nothing sticks out of the window, in any width."""
    for width in (320, 380, 768, 1280):
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=640, deviceScaleFactor=1, mobile=False)
        for element in ("document.documentElement", "document.getElementById('log')"):
            assert page.evaluate(f"{element}.scrollWidth <= {element}.clientWidth"), f"{element} at {width}"
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), width


def test_nothing_sticks_out_of_the_window(browser: Browser, chat: Served) -> None:
    """On my telephone nothing was cut off, however long the names and words."""
    ada, other = joined(browser, chat, "Ada"), joined(browser, chat, "W" * 24)
    enter(other, "x" * 200)
    ada.until_text(".text", "x" * 200)
    for number in range(40):
        enter(other, f"and {number}")
    ada.until_text(".text", "and 39")
    assert_fits(ada)
    chat.stop()
    ada.until_text("#state", "trying again")
    assert_fits(ada)


def assert_reading_goes_on(page: Page, say: Callable[[str], None]) -> None:
    """Whoever has scrolled up stays there, is told of what is new, and gets there with the keyboard."""
    page.call("Emulation.setDeviceMetricsOverride", width=600, height=640, deviceScaleFactor=1, mobile=False)
    for number in range(40):
        say(f"message {number}")
    page.until_text(".text", "message 39")
    assert page.evaluate("atEnd()") is True
    page.evaluate("new Promise((done) => { addEventListener('scroll', done, true); byId('log').scrollTop = 100; })")
    say("the newest")
    page.until_text(".text", "the newest")
    assert page.evaluate("[byId('log').scrollTop, byId('newer').hidden]") == [100, False]
    page.call("Emulation.setDeviceMetricsOverride", width=600, height=400, deviceScaleFactor=1, mobile=False)
    page.until("innerHeight === 400")
    assert page.evaluate("byId('log').scrollTop") == 100
    page.evaluate("byId('newer').focus()")
    page.press("Enter")
    page.until("byId('newer').hidden")
    assert page.evaluate("[atEnd(), document.activeElement.id]") == [True, "text"]


def test_who_has_scrolled_up_in_the_chat_reads_on(browser: Browser, chat: Served) -> None:
    """What the others wrote meanwhile did not move what I was reading; a button brought me to it."""
    ada, other = joined(browser, chat, "Ada"), joined(browser, chat, "Grace")
    assert_reading_goes_on(ada, lambda text: enter(other, text))


def test_who_has_scrolled_up_in_the_relay_reads_on(browser: Browser, relay: Served) -> None:
    page, other = browser.open(relay.url), browser.open(relay.url)
    for each in (page, other):
        each.until_text("#state", "Connected")
    assert_reading_goes_on(page, lambda text: enter(other, text))


def test_what_anybody_says_is_listed_with_their_number(browser: Browser, relay: Served) -> None:
    """Two pages of the relay, and what markup looks like in it."""
    first = browser.open(relay.url)
    first.until_text("#state", "Connected")
    second = browser.open(relay.url)
    second.until_text("#state", "Connected")
    enter(first, "Is anybody there?")
    enter(second, MARKUP)
    for page in (first, second):
        page.until("document.querySelectorAll('#said li').length === 2")
        page.until_text("li", "Is anybody there?")
        page.until_text(".text", MARKUP)
        assert page.evaluate("[...document.querySelectorAll('.number')].map((node) => node.textContent)") == ["0", "1"]
        assert page.evaluate("document.querySelectorAll('#said img, #said script').length") == 0
        assert page.problems() == []
    assert names(first, "textbox") == ["Message to everybody"]
    assert names(first, "log") == ["Messages"]
    enter(first, "x" * 200)
    second.until_text(".text", "x" * 200)
    assert_fits(second)


@pytest.mark.slow
def test_the_relay_comes_back_by_itself_when_the_server_does(browser: Browser, relay: Served) -> None:
    """It kept what had been said, and what I had typed meanwhile."""
    page = browser.open(relay.url)
    page.until_text("#state", "Connected")
    enter(page, "before")
    page.until_text(".text", "before")
    relay.stop()
    page.until_text("#state", "trying again")
    page.until_text(".notice", "Connection lost")
    enter(page, "not lost")
    page.until_text("#state", "unsent")
    relay.begin()
    page.until_text(".notice", "Connected again")
    page.press("Enter")
    page.until_text(".text", "not lost")
    page.until_text(".text", "before")
