"""The page of messages: all texts of the source are on it, each explained, and no others."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("sphinx")

from error_index import EXPLANATIONS, Entry, entries, explained  # found by conftest.py
from source_messages import Message, collect, messages_in

from tests.cli.certificates import self_signed

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    """All that the source says."""
    return collect()


@pytest.fixture(scope="module")
def index(messages: list[Message]) -> tuple[list[Entry], list[Message]]:
    """The entries with their messages, and the messages that have none."""
    found = entries(tomllib.loads(EXPLANATIONS.read_text("utf-8")))
    return found, explained(messages, found)


def texts_of(source: str) -> list[str]:
    return [message.text for message in messages_in({"module.py": source})]


def test_every_message_is_explained(index: tuple[list[Entry], list[Message]]) -> None:
    """I met a message and it is not on the page. (New ones: say in docs/reference/errors.toml what they mean.)"""
    assert [f"{message.module}: {message.text}" for message in index[1]] == []


def test_no_explanation_is_stale(index: tuple[list[Entry], list[Message]]) -> None:
    """The page explains a text that nothing says any more."""
    assert [pattern for entry in index[0] for pattern in entry.stale] == []


def test_every_topic_is_on_the_page(index: tuple[list[Entry], list[Message]]) -> None:
    """Once, and no topic is asked for that there is not."""
    page = (DOCS / "reference" / "errors.md").read_text("utf-8")
    topics = re.findall(r"^```\{error-index\} (\w+)$", page, re.MULTILINE)
    assert sorted(topics) == sorted({entry.topic for entry in index[0]})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("message of <size> octets is over maxMessagePayloadSize (<limit>)", "PayloadExceededError"),
        ("text message is not valid UTF-8", "close code 1007"),
        ("reserved bits are set and no extension was negotiated", "close code 1002"),
        ("the peer closed the transport without a Close frame", "close code 1006"),
        ("this origin is not allowed", "HTTP 403"),
        ("the server has as many connections as it takes", "HTTP 503"),
        ("the server chose a subprotocol that was not offered", "HandshakeFailed"),
        ("unknown option <name>; did you mean <match>?", "TypeError"),
        ("<name> raised on the connection with <peer>; closing it with 1011", "log, error"),
        ("the connection was closed: <code> <reason>", "ConnectionClosed"),
        ("serve(...) was not awaited, so nothing is served", "RuntimeWarning"),
        ("cannot send a message: the connection is <state>", "Disconnected"),
    ],
)
def test_what_people_meet_is_found_where_it_is_said(messages: list[Message], text: str, kind: str) -> None:
    """In every of the places where the source says something, in all the ways to write it."""
    assert kind in [message.kind for message in messages if message.text == text]


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('raise ValueError("it is wrong")', ["it is wrong"]),
        ('raise ValueError(f"{name!r} is {type(x).__name__}, {len(y)} times")', ["<name> is <type>, <number> times"]),
        ('WHY = "it is wrong"\nraise ValueError(WHY)', ["it is wrong"]),
        ('raise ValueError("it is " + ("wrong" if x else "old"))', ["it is old", "it is wrong"]),
        ('def why():\n    return "it is wrong"\n\nraise ValueError(why())', ["it is wrong"]),
        (
            'def check(name):\n    raise TypeError(f"{name} is wrong")\n\ncheck("this")\ncheck("that")',
            ["that is wrong", "this is wrong"],
        ),
        ('class A:\n    kind = "an int"\n    def f(self): raise TypeError(f"no, {self.kind}")', ["no, an int"]),
        ('WHY = ("it is wrong", "it is old")\nraise ValueError(WHY[n])', ["it is old", "it is wrong"]),
        ('self.drop(Cause.LOST, "it is gone")', ["it is gone"]),
        ('log.info("{who} is gone", who=who)', ["<who> is gone"]),
        ('warn("it is wrong", RuntimeWarning)', ["it is wrong"]),
        ("raise ValueError(f\"it is {'wrong' if x else self.age}\")", ["it is <age>", "it is wrong"]),
        ('raise ValueError(f"it is wrong: {reason or str()}")', ["it is wrong: <reason>"]),
        (
            'class Lost(Exception):\n    def __init__(self, why): super().__init__(f"it is {why or str()}")',
            ["it is <why>"],
        ),
        ('class Page:\n    def __init__(self): super().__init__("it is a page")', []),
        ('raise AssertionError("it is impossible")', []),
        ('raise ValueError(str(error))\nself.drop(Cause.LOST, reason)\nlog.info("%s", text)', []),
    ],
)
def test_texts_are_read_as_they_will_be_said(source: str, texts: list[str]) -> None:
    """With placeholders for what is only known when it happens."""
    assert texts_of(source) == texts


def test_a_function_of_another_module_says_its_texts() -> None:
    """If it says that it returns a str."""
    sources = {"a.py": "raise ValueError(why(n))", "b.py": 'def why(n) -> str | None:\n    return "it is wrong"'}
    assert [message.text for message in messages_in(sources)] == ["it is wrong"]


def test_a_constant_of_another_module_is_a_text() -> None:
    """Where the name is not one of the module's own."""
    sources = {"a.py": "from b import WHY\nraise ValueError(WHY)", "b.py": 'WHY = "it is wrong"'}
    assert [message.text for message in messages_in(sources)] == ["it is wrong"]


def test_the_most_exact_text_explains() -> None:
    """A rule for many messages does not take those that have an explanation of their own."""
    rule, own = Entry("a", ["* must be *"], "", ""), Entry("b", ["size must be *", "never said"], "", "")
    messages = [Message(text, "TypeError", "") for text in ("size must be int", "name must be str", "wrong")]
    assert explained(messages, [rule, own]) == [messages[2]]
    assert (rule.messages, own.messages) == ([messages[1]], [messages[0]])
    assert (rule.stale, own.stale) == ([], ["never said"])


MEETINGS = """
import sys


async def handler(ws):
    await ws.wait_closed()


async def told(attempt):
    try:
        await attempt
    except Exception as error:
        print(error)


async def meet(connect, serve, context):
    async with serve(handler, "127.0.0.1", 0) as server:
        port = server.port
        await told(connect(f"wss://127.0.0.1:{port}/"))
        await told(serve(handler, "127.0.0.1", port))
    await told(connect(f"ws://127.0.0.1:{port}/"))
    async with serve(handler, "127.0.0.1", 0, ssl=context) as server:
        await told(connect(server.url))


"""
ON_ASYNCIO = """
import asyncio
import ssl
from wsframework.asyncio import connect, serve

context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1])
asyncio.run(meet(connect, serve, context))
"""
ON_TWISTED = """
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.internet.task import react
from wsframework.twisted import connect, serve

context = DefaultOpenSSLContextFactory(sys.argv[1], sys.argv[1])
react(lambda reactor: meet(connect, serve, context))
"""


@pytest.mark.interop
@pytest.mark.parametrize("ending", [ON_ASYNCIO, ON_TWISTED], ids=["asyncio", "twisted"])
def test_texts_of_the_system_are_those_that_one_meets(
    ending: str, tmp_path: Path, index: tuple[list[Entry], list[Message]]
) -> None:
    """TLS to a port without, a port that is taken, a port where nothing listens, a certificate that nobody knows."""
    self_signed(tmp_path / "own.pem")
    command = [sys.executable, "-c", MEETINGS + ending, str(tmp_path / "own.pem")]
    done = subprocess.run(command, cwd=DOCS.parent, capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout.splitlines()
    assert len(said) == 4, done.stderr
    texts = {text: entry.means for entry in index[0] for text in entry.others}
    met = [[means for text, means in texts.items() if is_part(text, line)] for line in said]
    assert all(met), said
    assert len({means for (means,) in met}) == 4


def is_part(text: str, line: str) -> bool:
    """Whether the line has the text in it; in place of `<name>` stands anything."""
    pattern = ".*".join(map(re.escape, re.split("<[^>]*>", text)))
    return re.search(pattern, line, re.IGNORECASE) is not None
