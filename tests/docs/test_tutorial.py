"""The tutorial: every step of it is done, in the order in which a reader does them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.docs.test_code_blocks import ROOT, first_line, free_port, wait_until_listening
from tests.examples.browser import Page, find_chromium, open_browser

PAGE = ROOT / "docs" / "tutorial.md"
TEXT = PAGE.read_text(encoding="utf-8")
CLIENT = """
import asyncio
import json
import sys

from wsframework.asyncio import connect


async def main(url):
    async with connect(url, origin=url.replace("ws", "http", 1), headers={"X-Forwarded-For": "192.0.2.1"}) as ws:
        for message in sys.argv[2:]:
            await ws.send(message)
            print(await ws.recv(), flush=True)


asyncio.run(main(sys.argv[1]))
"""


def block(language: str, beginning: str) -> str:
    """The block of the page that begins so."""
    (found,) = [
        text
        for text in re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
        if text.startswith(beginning)
    ]
    return str(found)


def with_last_lines(program: str, lines: str) -> str:
    """The program with others for the lines that run it."""
    body, _, _ = program.partition("def say_where")
    return f"{body}\n{lines}"


STEP_3 = block("python", "# chat.py, step 3")
STEP_4 = with_last_lines(STEP_3, block("python", "# chat.py, step 4"))
STEP_6 = block("python", "# chat.py, step 6")


class Chat:
    """The tutorial's folder, with a server that runs in it."""

    def __init__(self, folder: Path, program: str, port: int | None = None) -> None:
        self.port = port or free_port()
        (folder / "chat.py").write_text(program.replace("9000", str(self.port)), encoding="utf-8")
        (folder / "chat.html").write_text(block("html", "<!doctype"), encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-W", "error", "chat.py"],
            cwd=folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until_listening(self._process, self.port)
        self.greeting = first_line(self._process)

    @staticmethod
    def environment() -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT)}

    def answers(self, *messages: str) -> list[str]:
        """What a client is told after each of its messages."""
        command = [sys.executable, "-W", "error", "-c", CLIENT, f"ws://127.0.0.1:{self.port}", *messages]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def end(self, number: int) -> tuple[int, str, str]:
        """Send it a signal; its exit status, and what it said."""
        self._process.send_signal(number)
        out, err = self._process.communicate(timeout=30)
        return self._process.returncode, out, err

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def chats(tmp_path: Path) -> Iterator[list[Chat]]:
    """The servers of a test, which end with it."""
    started: list[Chat] = []
    yield started
    for chat in started:
        chat.kill()


@pytest.mark.interop
def test_step_1_answers(tmp_path: Path, chats: list[Chat]) -> None:
    """I typed hello."""
    chat = Chat(tmp_path, block("python", "# chat.py, step 1"))
    chats.append(chat)
    assert chat.greeting == f"listening on ws://127.0.0.1:{chat.port}\n"
    assert chat.answers("hello") == ["You said: hello"]
    assert chat.end(signal.SIGINT) == (0, "", "")


@pytest.mark.interop
def test_step_2_relays(tmp_path: Path, chats: list[Chat]) -> None:
    """Everybody includes me."""
    chat = Chat(tmp_path, block("python", "# chat.py, step 2"))
    chats.append(chat)
    assert chat.answers("one", "two") == ["one", "two"]
    assert chat.end(signal.SIGINT) == (0, "", "")


@pytest.mark.interop
@pytest.mark.parametrize("program", [STEP_3, STEP_4], ids=["step 3", "step 4"])
def test_step_3_says_what_was_wrong(program: str, tmp_path: Path, chats: list[Chat]) -> None:
    """I sent what is no JSON, then a name, then a message."""
    chat = Chat(tmp_path, program)
    chats.append(chat)
    answers = chat.answers("oops", "[]", '{"name": "Ann"}', '{"text": ""}', '{"text": "hello"}')
    assert answers == [
        '{"type":"error","text":"this is no JSON"}',
        '{"type":"error","text":"this needs a \\"name\\""}',
        '{"type": "joined", "name": "Ann", "people": ["Ann"]}',
        '{"type":"error","text":"this needs a \\"text\\""}',
        '{"type": "said", "name": "Ann", "text": "hello"}',
    ]
    assert chat.end(signal.SIGINT) == (0, "", "")


@pytest.mark.interop
@pytest.mark.parametrize("program", [STEP_4, STEP_6], ids=["step 4", "step 6"])
def test_step_5_passes(program: str, tmp_path: Path) -> None:
    """I wrote the test down and ran it, and again at the end."""
    (tmp_path / "chat.py").write_text(program, encoding="utf-8")
    (tmp_path / "test_chat.py").write_text(block("python", "# test_chat.py"), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_chat.py"]
    environment = {**Chat.environment(), "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.interop
def test_it_is_one_word_on_twisted(tmp_path: Path, chats: list[Chat]) -> None:
    """I changed the import."""
    chat = Chat(tmp_path, STEP_6.replace("wsframework.asyncio", "wsframework.twisted"))
    chats.append(chat)
    assert chat.answers('{"name": "Ann"}') == ['{"type": "joined", "name": "Ann", "people": ["Ann"]}']
    code, out, err = chat.end(signal.SIGTERM)
    assert (code, out, [line for line in err.splitlines() if "/dev/null" not in line]) == (0, "", [])


@pytest.mark.interop
def test_step_6_ends_in_order_when_it_is_told_to(tmp_path: Path, chats: list[Chat]) -> None:
    """The service manager sends SIGTERM."""
    chat = Chat(tmp_path, STEP_6)
    chats.append(chat)
    assert chat.answers('{"name": "Ann"}') == ['{"type": "joined", "name": "Ann", "people": ["Ann"]}']
    assert chat.end(signal.SIGTERM) == (0, "", "")


@pytest.mark.interop
def test_step_6_keeps_other_sites_out_and_says_so_in_the_log(tmp_path: Path, chats: list[Chat]) -> None:
    """A page of another site tried to connect, and journalctl shows it."""
    chat = Chat(tmp_path, STEP_6)
    chats.append(chat)
    url, origin = f"ws://127.0.0.1:{chat.port}/", Origin("https://example.net")
    with pytest.raises(InvalidStatus) as refused, connect(url, origin=origin):
        pass
    assert refused.value.response.status_code == 403
    code, out, err = chat.end(signal.SIGTERM)
    assert (code, out) == (0, "")
    assert err.startswith("INFO:wsframework.asyncio:")
    assert "for / was refused: answered with HTTP 403" in err


CHROMIUM = find_chromium()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="chromium was not found")
def test_step_4_has_a_page(tmp_path: Path, chats: list[Chat]) -> None:
    """Two windows; then I started the server again, and they came back by themselves, with their names."""
    assert CHROMIUM is not None, "the test is skipped without it"
    chat = Chat(tmp_path, STEP_4)
    chats.append(chat)
    url = f"http://127.0.0.1:{chat.port}/"
    assert chat.greeting == f"open {url} in a browser\n"
    with open_browser(CHROMIUM, tmp_path / "profile") as browser:
        ann, bob = browser.open(url), browser.open(url)
        for page, name in ((ann, "Ann"), (bob, "<b>Bob</b>")):
            page.until_text("#state", "Who are you?")
            page.type(name)
            page.press("Enter")
            page.until_text("#state", f"Here as {name}")
        bob.type("<script>window.hit = 1</script>")
        bob.press("Enter")
        ann.until_text(".said", "<b>Bob</b>: <script>window.hit = 1</script>")
        assert ann.evaluate("'hit' in window || document.querySelector('#log b') !== null") is False
        assert chat.end(signal.SIGINT)[0] == 0
        ann.until_text("#state", "Not connected")
        again = Chat(tmp_path, STEP_4, chat.port)
        chats.append(again)
        for page, name in ((ann, "Ann"), (bob, "<b>Bob</b>")):
            page.until_text("#state", f"Here as {name}")


def enter(page: Page, text: str) -> None:
    page.type(text)
    page.press("Enter")


@contextlib.contextmanager
def joined(chat: Chat, name: str) -> Iterator[None]:
    """A client that is no page has the name."""
    with connect(f"ws://127.0.0.1:{chat.port}/", ping_interval=None) as client:
        client.send(json.dumps({"type": "join", "name": name}))
        assert json.loads(client.recv(30))["type"] == "joined"
        yield


TAKEN = "somebody is called Ann already, perhaps your earlier connection; trying again"


@pytest.fixture
def visit(tmp_path: Path, chats: list[Chat]) -> Iterator[tuple[Chat, Page]]:
    """The finished chat, and its page in a browser; at the end the page has nothing to complain about."""
    if CHROMIUM is None:
        pytest.skip("chromium was not found")
    chat = Chat(tmp_path, STEP_6)
    chats.append(chat)
    with open_browser(CHROMIUM, tmp_path / "profile") as browser:
        page = browser.open(f"http://127.0.0.1:{chat.port}/")
        page.until_text("#state", "Who are you?")
        yield chat, page
        assert page.problems() == []


@pytest.mark.browser
def test_the_page_waits_for_a_name_that_is_taken(visit: tuple[Chat, Page]) -> None:
    """My line was lost, and the server still believed that I was there. It says who is here only when that is so."""
    chat, page = visit
    with joined(chat, "Ann"):
        enter(page, "Ann")
        page.until_text("#state", TAKEN)
    page.until_text("#state", "Here as Ann")
    page.until_text("#people", "In the room: Ann")

    # Lost, and not back before another connection has the name.
    page.evaluate("pause = 600000; socket.close()")
    page.until_text("#state", "Not connected")
    with joined(chat, "Ann"):
        page.evaluate("connect()")
        page.until_text("#state", TAKEN)
        enter(page, "Anna")
        page.until_text("#state", "Here as Anna")
        page.until_text("#people", "In the room: Ann, Anna")
    page.until_text("#people", "In the room: Anna")
    enter(page, "hello")
    page.until_text(".said", "Anna: hello")


@pytest.mark.browser
def test_the_page_shows_what_the_server_finds_wrong_with_a_name(visit: tuple[Chat, Page]) -> None:
    """My name was too long, and nobody told me that it was taken."""
    _, page = visit
    page.evaluate("input.removeAttribute('maxlength')")
    enter(page, "A" * 25)
    page.until_text("#state", '"name" has at most 24 characters')
    assert "trying again" not in str(page.evaluate("state.textContent"))
    enter(page, "Ann")
    page.until_text("#state", "Here as Ann")
